"""Videos and folders of images as recordings."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision_banana_ros.core import Camera, DataError
from vision_banana_ros.data.readers.recordings import open_recording
from vision_banana_ros.data.recording import RecordingOptions

Painter = Callable[[int], np.ndarray]


def film(path: Path, count: int) -> None:
    """Wider than high, red on its left."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 20.0, (96, 64))
    for i in range(count):
        bgr = np.full((64, 96, 3), 10 * i, np.uint8)
        bgr[:, :32] = (0, 0, 255)
        writer.write(bgr)
    writer.release()


def turned(path: Path) -> None:
    """The rotation matrix in the track's header as a phone that is held upright writes it: 90 degrees."""
    data = bytearray(path.read_bytes())
    unity = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    at = data.index(unity, data.index(b"tkhd"))
    data[at : at + 36] = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    path.write_bytes(data)


def test_a_video_is_read_in_small_and_its_places_in_full(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", 12)
    recording = open_recording(tmp_path / "a.mp4", RecordingOptions(hfov_deg=70.0), lambda _text: None)
    glances = list(recording.glances())
    assert [g.at for g in glances] == list(range(12))
    assert [g.stamp_ns for g in glances][:3] == [0, 50_000_000, 100_000_000]
    shots = list(recording.shots([3, 7], recording.facts()))
    assert [shot.at for shot in shots] == [3, 7]
    assert shots[1].frame is not None
    assert abs(int(shots[1].frame.rgb[32, 80, 1]) - 70) < 6
    assert shots[1].frame.rgb[32, 8, 0] > 200  # red
    assert shots[1].frame.camera == Camera.from_hfov(70.0, 96, 64)


def test_a_video_that_was_held_upright_stands_upright(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", 3)
    turned(tmp_path / "a.mp4")
    recording = open_recording(tmp_path / "a.mp4", say=lambda _text: None)
    (shot,) = recording.shots([1], recording.facts())
    assert shot.frame is not None
    assert shot.frame.hw == (96, 64)
    assert shot.frame.rgb[4, 32, 0] > 200  # what was left is above now
    assert shot.frame.rgb[90, 32, 0] < 60


def test_a_video_that_was_cut_off_is_used_and_said(tmp_path: Path) -> None:
    noise = np.random.default_rng(1)
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (96, 64))
    for _ in range(20):
        writer.write(noise.integers(0, 256, (64, 96, 3), dtype=np.uint8))
    writer.release()
    whole = (tmp_path / "a.avi").read_bytes()
    (tmp_path / "a.avi").write_bytes(whole[: len(whole) // 2])
    said: list[str] = []
    count = len(list(open_recording(tmp_path / "a.avi", say=said.append).glances()))
    assert 5 <= count <= 12
    assert len([line for line in said if "cut off or damaged" in line]) == 1


def test_a_folder_is_read_in_the_order_of_its_numbers_and_a_damaged_image_is_left_out(
    tmp_path: Path, picture: Painter
) -> None:
    for i in (10, 9, 100):
        cv2.imwrite(str(tmp_path / f"view_{i}.png"), picture(i)[..., ::-1])
    (tmp_path / "view_50.jpg").write_bytes(b"\xff\xd8 no image")
    said: list[str] = []
    recording = open_recording(tmp_path, say=said.append)
    glances = list(recording.glances())
    assert [g.at for g in glances if g.problem] == [2]
    shots = list(recording.shots([g.at for g in glances if not g.problem], recording.facts()))
    for shot, number in zip(shots, (9, 10, 100), strict=True):
        np.testing.assert_array_equal(shot.frame.rgb, picture(number))  # type: ignore[union-attr]
    assert sum("view_50.jpg" in line for line in said) == 1
    assert sum("no intrinsics.json" in line for line in said) == 1


def test_the_frames_layout_brings_intrinsics_and_measured_depth(tmp_path: Path, picture: Painter) -> None:
    (tmp_path / "rgb").mkdir()
    (tmp_path / "depth").mkdir()
    stamp = "1700000000000000123"
    cv2.imwrite(str(tmp_path / "rgb" / f"{stamp}.png"), picture(1)[..., ::-1])
    depth = np.full((24, 32), 1500, np.uint16)
    depth[0, 0] = 0
    cv2.imwrite(str(tmp_path / "depth" / f"{stamp}.png"), depth)
    camera = {"fx": 30.0, "fy": 31.0, "cx": 15.0, "cy": 11.0, "width": 32, "height": 24}
    (tmp_path / "intrinsics.json").write_text(json.dumps({stamp: camera}))
    recording = open_recording(tmp_path, say=lambda _text: None)
    (shot,) = recording.shots([0], recording.facts())
    assert shot.frame is not None
    assert shot.frame.camera == Camera(30.0, 31.0, 15.0, 11.0, 32, 24).scaled_to(64, 48)
    assert shot.frame.stamp_ns == int(stamp)
    assert shot.sensor_depth_m is not None
    assert np.isnan(shot.sensor_depth_m[:2, :2]).all()
    assert shot.sensor_depth_m[10, 10] == np.float32(1.5)


def test_measured_depth_of_another_size_is_picked_and_never_blended(tmp_path: Path, picture: Painter) -> None:
    (tmp_path / "rgb").mkdir()
    (tmp_path / "depth").mkdir()
    cv2.imwrite(str(tmp_path / "rgb" / "1.png"), picture(1)[..., ::-1])
    depth = np.full((60, 80), 1500, np.uint16)
    depth[:, 33:] = 4000
    cv2.imwrite(str(tmp_path / "depth" / "1.png"), depth)
    (tmp_path / "intrinsics.json").write_text("{}")
    recording = open_recording(tmp_path, say=lambda _text: None)
    (shot,) = recording.shots([0], recording.facts())
    assert shot.sensor_depth_m is not None
    assert shot.sensor_depth_m.shape == (48, 64)
    assert np.unique(shot.sensor_depth_m).tolist() == [1.5, 4.0]


def test_what_is_no_recording_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    (tmp_path / "a.txt").write_text("no recording")
    (tmp_path / "empty").mkdir()
    for name, words in (("a.mp4", "cannot be read as a video"), ("a.txt", "no recording"), ("empty", "no images")):
        with pytest.raises(DataError, match=words):
            open_recording(tmp_path / name)
