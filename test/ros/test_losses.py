"""Large images: what of a frame's messages arrives in another process, and that losses are never silent."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import cv2
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from vision_banana_ros.ros.receivers import small_queues
from vision_banana_ros.world.moving import MovingScene

from conftest import PATIENCE_S, stamp, wait_for  # isort: skip

pytestmark = pytest.mark.ros
PROFILE = Path(__file__).parents[2] / "config" / "fastdds_large_messages.xml"
LATE_RECEIVER = str(Path(__file__).with_name("late_receiver.py"))

LARGE = {"depth/image": Image, "normals/image": Image, "segmentation/mask": Image, "points": PointCloud2}
FRAMES = 9
LATE_FRAMES = 4


def _frames(array: DiagnosticArray) -> str:
    return str(next(status.message for status in array.status if status.name.endswith(": frames")))


def _camera(ros: Any, folder: Path, wh: tuple[int, int]) -> None:
    scene = MovingScene(150)
    for index in range(3):
        bgr = cv2.resize(cv2.cvtColor(scene.frame(index).rgb, cv2.COLOR_RGB2BGR), wh, interpolation=cv2.INTER_LINEAR)
        cv2.imwrite(str(folder / f"{index}.png"), bgr)
    ros.camera(source=str(folder), rate_hz=1.5, hfov_deg=70.0, environment=None)


def _lost(ros: Any, folder: Path, wh: tuple[int, int], *, reliable: bool, **environment: str) -> tuple[int, int, bool]:
    """Frames that the node published, how many of them did not arrive whole, and whether it said that they may not."""
    _camera(ros, folder, wh)
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


@pytest.mark.slow
@pytest.mark.parametrize("reliable", [True, False], ids=["reliable", "best effort"])
@pytest.mark.parametrize("wh", [(1280, 720), (1920, 1080)], ids=["720p", "1080p"])
def test_what_is_lost_is_told(ros: Any, tmp_path: Path, wh: tuple[int, int], reliable: bool) -> None:
    published, lost, told = _lost(ros, tmp_path, wh, reliable=reliable)
    assert published == FRAMES - 2
    assert lost == 0 or told


@pytest.mark.slow
def test_with_the_segment_that_the_words_ask_for_nothing_is_lost(ros: Any, tmp_path: Path) -> None:
    _, lost, told = _lost(ros, tmp_path, (1920, 1080), reliable=True, VISION_BANANA_SEGMENT_MB="512")
    assert (lost, told) == (0, False)


@pytest.mark.slow
@pytest.mark.parametrize("profile", [None, str(PROFILE)], ids=["its own queue", "our profile"])
def test_a_receiver_that_is_late_loses_nothing_with_the_profile_and_is_told_without(
    ros: Any, tmp_path: Path, profile: str | None
) -> None:
    """Best effort, 720p: each frame is 44 MB at once. It stands still for a moment again and again."""
    report = tmp_path / "came.json"
    _camera(ros, tmp_path, (1280, 720))
    perception = ros.perception(environment={"FASTDDS_DEFAULT_PROFILES_FILE": None})
    listener = ros.listener
    listener.subscribe(DiagnosticArray, "/diagnostics")
    listener.subscribe(CameraInfo, "depth/camera_info", reliable=True, depth=100)
    listener.messages("depth/camera_info")
    late = ros.run([LATE_RECEIVER, str(report)], environment={"FASTDDS_DEFAULT_PROFILES_FILE": profile})
    wait_for(lambda: listener.node.count_subscribers("/points") == 1 or not late.running, "the late receiver")
    listener.forget("depth/camera_info")
    until = time.monotonic() + 8 * PATIENCE_S  # a busy machine takes seconds for a frame
    while len(listener.received["depth/camera_info"]) < LATE_FRAMES + 3:
        assert time.monotonic() < until, perception.output
        os.kill(late.pid, signal.SIGSTOP)
        time.sleep(0.5)
        os.kill(late.pid, signal.SIGCONT)
        time.sleep(1.0)
    # Without the first, which was perhaps not made for it, and the last, which may still be on its way.
    published = [stamp(info) for info in listener.received["depth/camera_info"]][1:][:LATE_FRAMES]
    assert late.signal(signal.SIGINT) == 0, late.output
    came = {topic: {tuple(moment) for moment in moments} for topic, moments in json.loads(report.read_text()).items()}
    lost = {topic: sum(moment not in moments for moment in published) for topic, moments in came.items()}
    told = f"({late.pid}) holds"
    statuses = [_frames(array) for array in listener.received["/diagnostics"]]
    print(f"with {profile}: lost of {len(published)} by topic: {lost}")
    if profile is None:
        assert any(told in words for words in statuses)
        assert told in perception.output
    else:
        assert lost == dict.fromkeys(("depth/image", "normals/image", "points"), 0)
        assert not any("shared memory holds" in words or "queue" in words for words in statuses)


def test_processes_whose_queue_is_small_are_known_by_name(ros: Any, tmp_path: Path) -> None:
    ros.listener.subscribe(CameraInfo, "camera_info")  # this process has the profile
    small, large = (
        ros.run([LATE_RECEIVER, str(tmp_path / name)], environment={"FASTDDS_DEFAULT_PROFILES_FILE": profile})
        for name, profile in (("small", None), ("large", str(PROFILE)))
    )
    wait_for(lambda: ros.listener.node.count_subscribers("/points") == 2, "both receivers")
    known = small_queues(ros.domain)
    assert f"({small.pid})" in known
    assert str(large.pid) not in known
    assert str(os.getpid()) not in known
    assert small_queues(ros.domain, locks=tmp_path / "absent") == "", "another system: nothing is said"
    small.signal(signal.SIGINT)
    wait_for(lambda: small_queues(ros.domain) == "", "its port to be gone")
