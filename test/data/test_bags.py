"""Bags written by rosbags and read back as recordings: whole, odd and damaged ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision_banana_ros.core import Camera, DataError
from vision_banana_ros.data.bag_writer import BagWriter
from vision_banana_ros.data.pixels import PIXEL_FORMATS
from vision_banana_ros.data.readers.recordings import open_recording
from vision_banana_ros.data.recording import RecordingOptions, Shot

CAMERA = Camera(60.0, 58.0, 31.0, 24.5, 64, 48)
IMAGE, INFO, DEPTH = "/camera/image_raw", "/camera/camera_info", "/camera/aligned_depth/image_raw"
FRAME = "camera_optical"
Painter = Callable[[int], np.ndarray]


def read(path: Path, said: list[str] | None = None, **options: object) -> list[Shot]:
    say = (lambda _text: None) if said is None else said.append
    recording = open_recording(path, RecordingOptions(**options), say)  # type: ignore[arg-type]
    places = [glance.at for glance in recording.glances() if not glance.problem]
    return list(recording.shots(places, recording.facts()))


def stamp(number: int) -> int:
    return 1_700_000_000_000_000_000 + number * 33_000_000


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_bag_is_read_with_intrinsics_that_come_late_and_depth_of_the_same_moment(
    tmp_path: Path, picture: Painter, storage: str
) -> None:
    depth = np.full((48, 64), 2.0, np.float32)
    depth[:, :20], depth[5, 5] = 1.25, np.nan
    with BagWriter(tmp_path / "bag", storage=storage) as bag:
        for i in range(5):
            bag.image(IMAGE, picture(i), stamp_ns=stamp(i), frame_id=FRAME)
            bag.depth(DEPTH, depth + i, stamp_ns=stamp(i) + 4_000_000, frame_id=FRAME, log_ns=stamp(i) + 9_000_000)
            if i == 2:
                bag.info(INFO, CAMERA, stamp_ns=stamp(i), frame_id=FRAME)
    said: list[str] = []
    shots = read(tmp_path / "bag", said)
    assert said == []
    assert [shot.at for shot in shots] == [0, 1, 2, 3, 4]
    for i, shot in enumerate(shots):
        assert shot.frame is not None
        assert shot.frame.camera == CAMERA
        assert (shot.frame.stamp_ns, shot.frame.frame_id) == (stamp(i), FRAME)
        np.testing.assert_array_equal(shot.frame.rgb, picture(i))
        np.testing.assert_allclose(shot.sensor_depth_m, depth + i, atol=6e-4)


def test_depth_of_another_size_is_picked_and_never_blended(tmp_path: Path, picture: Painter) -> None:
    depth = np.full((60, 80), 1.25, np.float32)
    depth[:, 33:], depth[15:19] = 4.0, np.nan
    with BagWriter(tmp_path / "bag") as bag:
        bag.image(IMAGE, picture(0), stamp_ns=stamp(0), frame_id=FRAME)
        bag.info(INFO, CAMERA, stamp_ns=stamp(0), frame_id=FRAME)
        bag.depth(DEPTH, depth, stamp_ns=stamp(0), frame_id=FRAME)
    (shot,) = read(tmp_path / "bag")
    found = shot.sensor_depth_m
    assert found is not None
    assert found.shape == (48, 64)
    assert np.unique(found[np.isfinite(found)]).tolist() == pytest.approx([1.25, 4.0], abs=1e-3)
    assert np.isnan(found).all(axis=1).sum() == np.isnan(found).any(axis=1).sum() == 3


def test_only_the_places_asked_for_are_read(tmp_path: Path, picture: Painter) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.info(INFO, CAMERA, stamp_ns=0, frame_id=FRAME)
        for i in range(9):
            bag.image(IMAGE, picture(i), stamp_ns=stamp(i), frame_id=FRAME)
    recording = open_recording(tmp_path / "bag", say=lambda _text: None)
    facts = recording.facts()
    again = open_recording(tmp_path / "bag", say=lambda _text: None)  # another process, by the facts alone
    shots = list(again.shots([2, 7], facts))
    assert [shot.at for shot in shots] == [2, 7]
    np.testing.assert_array_equal(shots[1].frame.rgb, picture(7))  # type: ignore[union-attr]


@pytest.mark.parametrize("encoding", sorted(PIXEL_FORMATS))
def test_every_encoding_of_the_node_is_read(tmp_path: Path, encoding: str) -> None:
    form = PIXEL_FORMATS[encoding]
    shape = (48, 64) if form.channels == 1 else (48, 64, form.channels)
    white = np.full(shape, np.iinfo(form.dtype).max, form.dtype)
    with BagWriter(tmp_path / "bag") as bag:
        bag.image(IMAGE, white, stamp_ns=0, frame_id=FRAME, encoding=encoding)
    (shot,) = read(tmp_path / "bag")
    assert shot.frame is not None
    assert shot.frame.rgb.shape == (48, 64, 3)
    if not form.even_width:  # white of these is another triple
        assert shot.frame.rgb.min() == 255


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_compressed_images_are_read(tmp_path: Path, picture: Painter, suffix: str) -> None:
    large = cv2.resize(picture(3), (1280, 960))
    with BagWriter(tmp_path / "bag") as bag:
        bag.compressed(IMAGE + "/compressed", large, stamp_ns=5, frame_id=FRAME, suffix=suffix)
    recording = open_recording(tmp_path / "bag", say=lambda _text: None)
    (glance,) = recording.glances()
    assert glance.hw == (960, 1280)
    width = glance.small.shape[1]
    assert 256 <= width < 512
    small = cv2.resize(large, (width, width * 3 // 4), interpolation=cv2.INTER_AREA)
    assert np.abs(glance.small.astype(int) - small).mean() < 2
    (shot,) = recording.shots([0], recording.facts())
    assert np.abs(shot.frame.rgb.astype(int) - large).mean() < 2  # type: ignore[union-attr]


def test_a_lidar_is_projected_by_the_static_transforms(tmp_path: Path, picture: Painter) -> None:
    """Two points in the LiDAR's frame (x ahead, y left, z up), 0.2 m above the camera."""
    points = np.array([[3.0, 0.0, -0.2], [6.0, -1.0, -0.2], [-4.0, 0.0, 0.0]], np.float32)
    with BagWriter(tmp_path / "bag") as bag:
        bag.image(IMAGE, picture(0), stamp_ns=stamp(0), frame_id=FRAME)
        bag.info(INFO, CAMERA, stamp_ns=stamp(0), frame_id=FRAME)
        bag.cloud("/lidar/points", points, stamp_ns=stamp(0), frame_id="lidar")
        bag.static_transform("base", "lidar", (0.0, 0.0, 1.2))
        # the optical frame looks along x of the base: x right, y down, z ahead
        bag.static_transform("base", FRAME, (0.0, 0.0, 1.0), (-0.5, 0.5, -0.5, 0.5))
    (shot,) = read(tmp_path / "bag")
    depth = shot.sensor_depth_m
    assert depth is not None
    seen = np.argwhere(np.isfinite(depth))
    # straight ahead at the principal point (row 24.5 rounds to 24), and 1 m to the right at 6 m
    assert seen.tolist() == [[24, 31], [24, 41]]
    np.testing.assert_allclose(depth[24, [31, 41]], [3.0, 6.0], atol=1e-5)


def test_depth_of_another_camera_is_seen_through_this_one(tmp_path: Path, picture: Painter) -> None:
    depth = np.full((48, 64), 2.0, np.float32)
    with BagWriter(tmp_path / "bag") as bag:
        bag.image(IMAGE, picture(0), stamp_ns=stamp(0), frame_id=FRAME)
        bag.info(INFO, CAMERA, stamp_ns=stamp(0), frame_id=FRAME)
        bag.depth("/depth/image_rect_raw", depth, stamp_ns=stamp(0), frame_id="depth_optical")
        bag.info("/depth/camera_info", CAMERA, stamp_ns=stamp(0), frame_id="depth_optical")
        bag.static_transform(FRAME, "depth_optical", (0.2, 0.0, 0.5))
    (shot,) = read(tmp_path / "bag")
    known = np.isfinite(shot.sensor_depth_m)
    np.testing.assert_allclose(shot.sensor_depth_m[known], 2.5, atol=1e-3)  # type: ignore[index]
    assert known[:, 20:45].mean() > 0.5


def test_a_distorted_image_is_rectified(tmp_path: Path) -> None:
    camera = Camera(200.0, 200.0, 127.5, 95.5, 256, 192)
    bent = (-0.3, 0.1, 0.0, 0.0, 0.0)
    straight = np.zeros((192, 256, 3), np.uint8)
    straight[:, 40:44] = 255  # a vertical line far from the middle
    k, d = np.array([[200.0, 0, 127.5], [0, 200.0, 95.5], [0, 0, 1]]), np.array(bent)
    grid = np.stack(np.meshgrid(np.arange(256.0), np.arange(192.0)), -1).reshape(-1, 1, 2)
    source = cv2.undistortPoints(grid, k, d, P=k).reshape(192, 256, 2).astype(np.float32)
    distorted = cv2.remap(straight, source, None, cv2.INTER_LINEAR)
    with BagWriter(tmp_path / "bag") as bag:
        bag.image(IMAGE, distorted, stamp_ns=0, frame_id=FRAME)
        bag.info(INFO, camera, stamp_ns=0, frame_id=FRAME, distortion=bent)
    said: list[str] = []
    (shot,) = read(tmp_path / "bag", said)
    assert any("rectified" in line for line in said)
    rgb = shot.frame.rgb[..., 0].astype(float)  # type: ignore[union-attr]
    columns = np.array([np.average(np.arange(256), weights=row + 1e-9) for row in rgb[10:-10]])
    assert np.ptp(columns) < 0.5
    assert np.ptp([np.average(np.arange(256), weights=row + 1e-9) for row in distorted[10:-10, :, 0].astype(float)]) > 3


def test_what_is_odd_is_said_once_and_the_rest_is_used(tmp_path: Path, picture: Painter) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        for i in range(4):
            bag.image(IMAGE, picture(i), stamp_ns=stamp(i), frame_id=FRAME)
        for i in range(4, 6):  # the clock was set, and the resolution changed
            rgb = cv2.resize(picture(i), (32, 24))
            bag.image(IMAGE, rgb, stamp_ns=stamp(i) - 10**14, frame_id=FRAME, log_ns=stamp(i))
        bag.image(IMAGE, picture(6)[..., 0], stamp_ns=stamp(6), frame_id=FRAME, encoding="jpeg2000")
        bag.image(IMAGE, picture(7), stamp_ns=stamp(7), frame_id=FRAME)
        bag.image("/rear/image_raw", picture(8), stamp_ns=stamp(7), frame_id="rear")
    said: list[str] = []
    shots = read(tmp_path / "bag", said)
    assert [shot.at for shot in shots] == [0, 1, 2, 3, 4, 5, 7]
    for words in ("jump", "64x48 becomes 32x24", "image 6 is left out", "no camera_info", "/rear/image_raw"):
        assert sum(words in line for line in said) == 1, words
    assert all("\n" not in line for line in said)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_of_a_truncated_bag_what_is_whole_is_used(tmp_path: Path, storage: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    with BagWriter(tmp_path / "bag", storage=storage) as bag:
        for i in range(20):
            bag.image(IMAGE, np.roll(noise, i, axis=1), stamp_ns=stamp(i), frame_id=FRAME)
    (file,) = (f for f in (tmp_path / "bag").iterdir() if f.suffix in (".mcap", ".db3"))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 6 // 10])
    (tmp_path / "bag" / "metadata.yaml").unlink()  # a killed recorder writes none
    said: list[str] = []
    shots = read(tmp_path / "bag", said)
    assert 8 <= len(shots) < 20
    np.testing.assert_array_equal(shots[3].frame.rgb, np.roll(noise, 3, axis=1))  # type: ignore[union-attr]
    assert sum("what can be read is used" in line for line in said) == 1


def test_what_is_no_bag_or_no_image_is_an_error_of_one_line(tmp_path: Path, picture: Painter) -> None:
    (tmp_path / "not.mcap").write_bytes(b"no bag at all")
    with BagWriter(tmp_path / "bag") as bag:
        bag.image(IMAGE, picture(0), stamp_ns=0, frame_id=FRAME)
        bag.info(INFO, CAMERA, stamp_ns=0, frame_id=FRAME)
    for path, options, words in (
        (tmp_path / "not.mcap", {}, "no ROS 2 bag"),
        (tmp_path / "bag", {"topic": "/nowhere"}, "has no topic /nowhere"),
        (tmp_path / "bag", {"topic": INFO}, "is a sensor_msgs/msg/CameraInfo, no image"),
        (tmp_path / "missing", {}, "no recording"),
    ):
        with pytest.raises(DataError, match=words) as error:
            read(path, **options)
        assert "\n" not in str(error.value)
