"""What camera_node plays, without ROS; and the node's own topics, with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String

from vision_banana_ros.core import Camera, DataError
from vision_banana_ros.data.pixels import rgb_from_bytes
from vision_banana_ros.ros.sources import default_model, open_source
from vision_banana_ros.world.moving import MovingScene


def _write_images(folder: Path, count: int = 3) -> None:
    for index in range(count):
        picture = np.full((30, 50, 3), (0, 0, 80 * index), np.uint8)  # BGR: ever redder
        cv2.imwrite(str(folder / f"{index:02d}.png"), picture)
    (folder / "notes.txt").write_text("no image", encoding="utf-8")


def test_footage_plays_its_frames_with_their_truth_and_again() -> None:
    source = open_source("moving")
    assert source.rate_hz == 30.0
    first = source.next()
    assert first is not None
    assert first.truth is not None
    assert first.camera == first.truth().camera
    source.next()
    assert source.rewind()
    again = source.next()
    assert again is not None
    assert np.array_equal(again.rgb, first.rgb)


def test_a_folder_plays_in_the_order_of_names_and_ends(tmp_path: Path) -> None:
    _write_images(tmp_path)
    source = open_source(str(tmp_path), hfov_deg=90.0)
    reds = []
    while (view := source.next()) is not None:
        reds.append(int(view.rgb[0, 0, 0]))
        assert view.camera == Camera.from_hfov(90.0, 50, 30)
    assert reds == [0, 80, 160]
    assert source.rewind()


def test_without_a_field_of_view_a_folder_has_no_camera(tmp_path: Path) -> None:
    _write_images(tmp_path)
    view = open_source(str(tmp_path)).next()
    assert view is not None
    assert view.camera is None


def test_a_video_plays_at_its_own_rate(tmp_path: Path) -> None:
    file = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 12.0, (64, 48))
    for index in range(5):
        writer.write(np.full((48, 64, 3), 40 * index, np.uint8))
    writer.release()
    source = open_source(str(file))
    assert source.rate_hz == pytest.approx(12.0)
    count = 0
    while source.next() is not None:
        count += 1
    assert count == 5
    assert source.rewind()
    assert source.next() is not None
    source.close()


@pytest.mark.parametrize(("name", "said"), [("/no/such/thing", "no source"), ("/dev/video97", "cannot be opened")])
def test_what_cannot_be_played_is_told(name: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        open_source(name)


def test_an_empty_folder_and_a_file_that_is_no_video_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no images in"):
        open_source(str(tmp_path))
    file = tmp_path / "film.mp4"
    file.write_bytes(b"no film")
    with pytest.raises(DataError, match="cannot be opened"):
        open_source(str(file))


def test_only_footage_has_an_oracle() -> None:
    assert default_model("moving") in ("oracle:moving", "student")
    assert default_model("/data/images") in ("", "student")


@pytest.mark.ros
@pytest.mark.parametrize("encoding", ["rgb8", "bgra8", "mono16", "yuv422", "bayer_grbg8"])
def test_images_and_info_come_with_one_stamp_at_the_set_rate(ros: Any, encoding: str, tmp_path: Path) -> None:
    _write_images(tmp_path, 1)
    ros.camera(source=str(tmp_path), hfov_deg=90.0, encoding=encoding, rate_hz=20, frame_id="eye")
    listener = ros.listener
    listener.subscribe(Image, "image")
    listener.subscribe(CameraInfo, "camera_info")
    frame = listener.same_stamp(["image", "camera_info"])
    image, info = frame["image"], frame["camera_info"]
    assert (image.width, image.height, image.encoding, image.header.frame_id) == (50, 30, encoding, "eye")
    assert info.k[0] == pytest.approx(25.0)
    rgb = rgb_from_bytes(
        image.data, encoding=encoding, height=30, width=50, step=image.step, is_bigendian=bool(image.is_bigendian)
    )
    assert rgb.shape == (30, 50, 3)


@pytest.mark.ros
def test_the_end_is_the_end_without_looping(ros: Any, tmp_path: Path) -> None:
    _write_images(tmp_path, 3)
    process = ros.camera(source=str(tmp_path), loop=False, rate_hz=50.0, hfov_deg=90.0)
    listener = ros.listener
    listener.subscribe(Image, "image")
    listener.wait_for(lambda: "the source has ended" in process.output, "the end")
    assert len(listener.received["image"]) <= 3
    assert process.running


@pytest.mark.ros
def test_a_source_that_breaks_ends_the_process(ros: Any, tmp_path: Path) -> None:
    """An odd width has no YUV 4:2:2; the node lived on without a word and without images."""
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((30, 51, 3), np.uint8))
    process = ros.camera(source=str(tmp_path), encoding="yuv422", rate_hz=20)
    ros.listener.subscribe(Image, "image")
    assert process.wait() == 1
    assert process.output.splitlines()[-1].endswith("needs an even width, got 51")
    assert "Traceback" not in process.output


@pytest.mark.ros
def test_jpegs_and_the_truth(ros: Any) -> None:
    ros.camera(source="moving", publish_truth=True)
    listener = ros.listener
    listener.subscribe(CompressedImage, "image/compressed")
    for topic in ("truth/depth", "truth/normals", "truth/mask"):
        listener.subscribe(Image, topic)
    listener.subscribe(String, "truth/labels", latched=True)
    frame = listener.same_stamp(["image/compressed", "truth/depth", "truth/normals", "truth/mask"])
    decoded = cv2.imdecode(np.frombuffer(frame["image/compressed"].data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (480, 640, 3)
    assert [frame[f"truth/{name}"].encoding for name in ("depth", "normals", "mask")] == ["32FC1", "32FC3", "mono8"]
    labels = json.loads(listener.messages("truth/labels")[-1].data)
    assert tuple(labels) == MovingScene(1).truth(0).labels
