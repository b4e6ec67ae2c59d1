"""Large images: what of a frame's messages arrives in another process, and that losses are never silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from vision_banana_ros.world.moving import MovingScene

from conftest import stamp  # isort: skip

pytestmark = [pytest.mark.ros, pytest.mark.slow]

LARGE = {"depth/image": Image, "normals/image": Image, "segmentation/mask": Image, "points": PointCloud2}
FRAMES = 9


def _frames(array: DiagnosticArray) -> str:
    return str(next(status.message for status in array.status if status.name.endswith(": frames")))


def _lost(ros: Any, folder: Path, wh: tuple[int, int], *, reliable: bool, **environment: str) -> tuple[int, int, bool]:
    """Frames that the node published, how many of them did not arrive whole, and whether it said that they may not."""
    scene = MovingScene(150)
    for index in range(3):
        bgr = cv2.resize(cv2.cvtColor(scene.frame(index).rgb, cv2.COLOR_RGB2BGR), wh, interpolation=cv2.INTER_LINEAR)
        cv2.imwrite(str(folder / f"{index}.png"), bgr)
    ros.camera(source=str(folder), rate_hz=1.5, hfov_deg=70.0, environment=None)
    ros.perception(environment={"FASTDDS_DEFAULT_PROFILES_FILE": None, **environment})  # not this process's own
    listener = ros.listener
    listener.subscribe(DiagnosticArray, "/diagnostics")
    listener.subscribe(CameraInfo, "depth/camera_info", reliable=True, depth=100)  # small: of each frame that goes out
    for topic, kind in LARGE.items():
        listener.subscribe(kind, topic, reliable=reliable, depth=5)
    listener.same_stamp(["depth/image", "depth/camera_info"])
    listener.messages("points")
    for topic in ("/diagnostics", "depth/camera_info"):
        listener.forget(topic)
    for count in range(1, FRAMES):  # each has its time: what is large takes it, on a busy machine
        listener.messages("depth/camera_info", count)
    published = [stamp(info) for info in listener.messages("depth/camera_info", FRAMES)][: FRAMES - 2]
    listener.newest("depth/camera_info")  # what was on its way has come
    arrived = {topic: {stamp(message) for message in listener.received[topic]} for topic in LARGE}
    lost = sum(any(moment not in arrived[topic] for topic in LARGE) for moment in published)
    told = any("shared memory holds" in _frames(array) for array in listener.received["/diagnostics"])
    print(f"{wh[0]}x{wh[1]}: {lost} of {len(published)} not whole; by topic", end=" ")
    print({topic: sum(moment not in arrived[topic] for moment in published) for topic in LARGE}, "told:", told)
    return len(published), lost, told


@pytest.mark.parametrize("reliable", [True, False], ids=["reliable", "best effort"])
@pytest.mark.parametrize("wh", [(1280, 720), (1920, 1080)], ids=["720p", "1080p"])
def test_what_is_lost_is_told(ros: Any, tmp_path: Path, wh: tuple[int, int], reliable: bool) -> None:
    published, lost, told = _lost(ros, tmp_path, wh, reliable=reliable)
    assert published == FRAMES - 2
    assert lost == 0 or told


def test_with_the_segment_that_the_words_ask_for_nothing_is_lost(ros: Any, tmp_path: Path) -> None:
    _, lost, told = _lost(ros, tmp_path, (1920, 1080), reliable=True, VISION_BANANA_SEGMENT_MB="512")
    assert (lost, told) == (0, False)
