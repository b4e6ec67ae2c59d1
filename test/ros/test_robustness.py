"""Cameras that are lost, subscribers that come and go, processes that are killed, shared memory that is full."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import Image, PointCloud2

from vision_banana_ros.bench.soak import held_by

pytestmark = pytest.mark.ros


#: Not the profile that this process has for its own sake.
OWN_SEGMENT = {"FASTDDS_DEFAULT_PROFILES_FILE": None}


def _segments() -> set[Path]:
    return {file for file in Path("/dev/shm").glob("fast*") if file.stat().st_size > 2**24}


def _segments_of(process: Any) -> set[Path]:
    """Its own, whose locks it holds open: its peers, and other tests beside this one, have theirs."""
    held = {os.readlink(link) for link in Path(f"/proc/{process.pid}/fd").iterdir() if link.is_symlink()}
    return {segment for segment in _segments() if f"{segment}_el" in held}


def _camera_level(array: DiagnosticArray) -> bytes:
    return bytes(next(status.level for status in array.status if status.name.endswith(": camera")))


def test_a_lost_camera_makes_diagnostics_stale_until_it_returns(ros: Any) -> None:
    ros.perception(stale_after_s=0.5)
    listener = ros.listener
    listener.subscribe(DiagnosticArray, "/diagnostics")
    listener.subscribe(Image, "depth/confidence")
    listener.newest("/diagnostics", lambda array: _camera_level(array) == DiagnosticStatus.STALE)
    for _ in range(2):
        camera = ros.camera()
        listener.newest("/diagnostics", lambda array: _camera_level(array) == DiagnosticStatus.OK)
        assert camera.signal(signal.SIGTERM) == 0
        lost = listener.newest("/diagnostics", lambda array: _camera_level(array) == DiagnosticStatus.STALE)
        assert "camera lost: no image for" in lost.status[0].message


def test_subscribers_that_come_and_go_always_get_whole_frames(ros: Any) -> None:
    ros.camera()
    process = ros.perception()
    listener = ros.listener
    chance = np.random.default_rng(0)
    topics = {"depth/image": Image, "normals/image": Image, "segmentation/mask": Image, "points": PointCloud2}
    for _ in range(12):
        chosen = [topic for topic in topics if chance.random() < 0.6] or ["points"]
        for topic in chosen:
            listener.subscribe(topics[topic], topic, reliable=bool(chance.random() < 0.5))
            listener.forget(topic)
        frame = listener.same_stamp(chosen)
        assert {(m.width, m.height) for m in frame.values()} == {(640, 480)}
        for topic in chosen:
            listener.unsubscribe(topic)
    assert process.running


def test_killed_and_started_again_beside_leftover_segments(ros: Any) -> None:
    ros.camera()
    listener = ros.listener
    listener.subscribe(Image, "depth/image")
    for _ in range(2):
        process = ros.perception(environment=OWN_SEGMENT)
        listener.newest("depth/image")
        left = _segments_of(process)
        assert process.signal(signal.SIGKILL) == -signal.SIGKILL
    assert left, "a killed process leaves its segment"
    listener.wait_for(lambda: all(time.time() - segment.stat().st_ctime > 2.5 for segment in left), "their age")
    ros.perception(environment=OWN_SEGMENT)
    listener.newest("depth/image")
    assert not left & _segments(), "128 MB each"


def test_without_room_in_shared_memory_the_node_warns_and_works(ros: Any, tmp_path: Path) -> None:
    """/dev/shm cannot be filled for a test; a stand-in for the look at it says that it is full."""
    (tmp_path / "sitecustomize.py").write_text(
        "import collections, shutil\n"
        "real, Usage = shutil.disk_usage, collections.namedtuple('Usage', 'total used free')\n"
        "shutil.disk_usage = lambda p: Usage(1 << 26, 1 << 26, 0) if str(p) == '/dev/shm' else real(p)\n",
        encoding="utf-8",
    )
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = {"PYTHONPATH": paths, "FASTDDS_DEFAULT_PROFILES_FILE": None}
    ros.camera()
    process = ros.start("node", environment=environment, model="oracle:moving@160x120", diagnostics_period_s=0.2)
    listener = ros.listener
    listener.subscribe(Image, "segmentation/mask")  # small enough for what is left
    listener.newest("segmentation/mask")
    assert "only 0 MB free in /dev/shm" in process.output
    assert process.signal(signal.SIGINT) == 0


def test_two_cameras_in_two_namespaces_do_not_mix(ros: Any) -> None:
    for name in ("front", "rear"):
        namespace = {"__ns": f"/{name}"}
        ros.camera(remaps=namespace, frame_id=f"{name}_optical_frame")
        ros.perception(remaps=namespace)
    listener = ros.listener
    for name in ("front", "rear"):
        listener.subscribe(Image, f"/{name}/depth/image")
    for name in ("front", "rear"):
        assert {m.header.frame_id for m in listener.messages(f"/{name}/depth/image", 3)} == {f"{name}_optical_frame"}


def test_qos_can_be_overridden(ros: Any) -> None:
    """A reliable input and a best-effort output, as parameters of the node say."""
    ros.camera()
    ros.start(
        "node",
        model="oracle:moving@160x120",
        **{
            "qos_overrides./image.subscription.depth": 3,
            "qos_overrides./depth/image.publisher.reliability": "best_effort",
        },
    )
    listener = ros.listener
    listener.subscribe(Image, "depth/image")
    listener.newest("depth/image")
    infos = listener.node.get_publishers_info_by_topic("/depth/image")
    assert [info.qos_profile.reliability.name for info in infos] == ["BEST_EFFORT"]
    others = listener.node.get_publishers_info_by_topic("/normals/image")
    assert [info.qos_profile.reliability.name for info in others] == ["RELIABLE"]


def test_memory_is_given_back_while_nobody_listens(ros: Any) -> None:
    """Of the frames that were worked on; what the middleware keeps of its last messages stays."""
    ros.camera()
    node, listener = ros.perception(), ros.listener
    topics = {"depth/image": Image, "normals/image": Image, "segmentation/mask": Image, "points": PointCloud2}
    for topic, kind in topics.items():
        listener.subscribe(kind, topic)
    listener.messages("points", 5)
    held_mb = held_by(node.pid).resident_mb
    for topic in topics:
        listener.unsubscribe(topic)
    listener.wait_for(lambda: held_by(node.pid).resident_mb < held_mb - 10, "10 MB at least to be given back")
