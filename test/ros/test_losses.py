"""Large images: what of a frame's messages arrives in another process, and that losses are never silent."""

from __future__ import annotations

import json
import os
import signal
import time
from array import array
from pathlib import Path
from typing import Any

import cv2
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from vision_banana_ros.ros.receivers import small_queues
from vision_banana_ros.world.moving import MovingScene

from conftest import stamp, wait_for  # isort: skip

pytestmark = pytest.mark.ros
PROFILE = Path(__file__).parents[2] / "config" / "fastdds_large_messages.xml"
LATE_RECEIVER = str(Path(__file__).with_name("late_receiver.py"))

LARGE = {"depth/image": Image, "normals/image": Image, "segmentation/mask": Image, "points": PointCloud2}
FRAMES = 9


def _frames(told: DiagnosticArray) -> str:
    return str(next(status.message for status in told.status if status.name.endswith(": frames")))


def _value(told: DiagnosticArray, key: str) -> str:
    frames = next(status for status in told.status if status.name.endswith(": frames"))
    return str(next(value.value for value in frames.values if value.key == key))


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


@pytest.mark.parametrize(("profile", "arrives"), [(None, False), (str(PROFILE), True)], ids=["its own", "our profile"])
def test_a_receiver_that_stands_still_loses_nothing_with_our_queue(
    ros: Any, tmp_path: Path, profile: str | None, arrives: bool
) -> None:
    """Best effort, a cloud of 17 MB: as much as a frame of everything at 640x480."""
    _clean(ros.domain)
    report = tmp_path / "came.json"
    late = ros.run([LATE_RECEIVER, str(report)], environment={"FASTDDS_DEFAULT_PROFILES_FILE": profile})
    clouds = ros.listener.node.create_publisher(PointCloud2, "points", 4)
    wait_for(lambda: clouds.get_subscription_count() == 1, "the receiver")
    time.sleep(1.0)  # it knows of the publisher too
    cloud = PointCloud2(data=array("B", bytes(17_000_000)))
    cloud.header.stamp.sec = 1
    os.kill(late.pid, signal.SIGSTOP)
    clouds.publish(cloud)
    os.kill(late.pid, signal.SIGCONT)  # soon: Fast DDS gives a receiver up that stands still for a second
    small = PointCloud2()
    small.header.stamp.sec = 99
    wait_for(lambda: clouds.publish(small) or "99 came" in late.output, "the receiver to come to the end")
    assert late.signal(signal.SIGINT) == 0, late.output
    came = {moment[0] for moment in json.loads(report.read_text())["points"]} - {99}
    ros.listener.destroy(clouds)
    assert came == ({1} if arrives else set())


def test_the_node_names_receivers_that_may_lose_some_of_a_frame(ros: Any, tmp_path: Path) -> None:
    _clean(ros.domain)
    ros.camera()
    perception = ros.perception(environment={"FASTDDS_DEFAULT_PROFILES_FILE": None})  # so it takes its own
    listener = ros.listener
    listener.subscribe(DiagnosticArray, "/diagnostics")
    late = ros.run([LATE_RECEIVER, str(tmp_path / "came.json")], environment={"FASTDDS_DEFAULT_PROFILES_FILE": None})
    told = listener.newest("/diagnostics", lambda a: f"({late.pid}) holds" in _frames(a))
    assert "/late takes 15 MB of a frame" in _frames(told)
    assert "FASTDDS_DEFAULT_PROFILES_FILE" in _frames(told)
    assert f"({late.pid}) holds" in perception.output
    assert late.signal(signal.SIGINT) == 0, late.output
    _clean(ros.domain)  # else the next one may take over the small port that this one left
    ros.run([LATE_RECEIVER, str(tmp_path / "came.json")], environment={"FASTDDS_DEFAULT_PROFILES_FILE": str(PROFILE)})
    listener.newest("/diagnostics", lambda a: _value(a, "transport") == "" and float(_value(a, "rate_hz")) > 0)


def test_processes_whose_queue_is_small_are_known_by_name(ros: Any, tmp_path: Path) -> None:
    _clean(ros.domain)
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


def test_queues_are_told_by_ports_of_this_domain_that_somebody_holds(tmp_path: Path) -> None:
    """Ports of domain 2: 7911, 7913, ...; 7910 is for finding each other, 8161 another domain's first."""
    held = {
        7911: (71, 52_400),
        7913: (72, 206_000),
        7910: (73, 52_400),
        8161: (74, 52_400),
        7915: (os.getpid(), 52_400),
    }
    lines = ["1: POSIX  ADVISORY  READ 75 fe:00:5890975 128 128"]
    for port, (pid, size) in {**held, 7917: (76, 52_400)}.items():
        (tmp_path / f"fastdds_port{port}").write_bytes(bytes(size))
        lock = tmp_path / f"fastdds_port{port}_el"
        lock.touch()
        if port in held:
            lines.append(f"{len(lines) + 1}: FLOCK  ADVISORY  WRITE {pid} 00:1b:{lock.stat().st_ino} 0 EOF")
    lines.append(f"3: -> FLOCK  ADVISORY  WRITE 77 00:1b:{(tmp_path / 'fastdds_port7917_el').stat().st_ino} 0 EOF")
    (tmp_path / "locks").write_text("\n".join(lines))
    assert small_queues(2, shm=tmp_path, locks=tmp_path / "locks").endswith("(71)")
    assert small_queues(3, shm=tmp_path, locks=tmp_path / "locks").endswith("(74)")
    assert small_queues(4, shm=tmp_path, locks=tmp_path / "locks") == ""


def _clean(domain: int) -> None:
    """Ports that killed processes left would be taken over with the queue that they have."""
    shm = Path("/dev/shm")
    locks = Path("/proc/locks").read_text()
    for port in range(7400 + 250 * domain, 7650 + 250 * domain):
        lock = shm / f"fastdds_port{port}_el"
        if not lock.exists() or f":{lock.stat().st_ino} " not in locks:
            for file in (shm / f"fastdds_port{port}", lock, shm / f"sem.fastdds_port{port}_mutex"):
                file.unlink(missing_ok=True)
