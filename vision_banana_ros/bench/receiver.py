"""A subscriber to everything, in a process of its own: what of each frame arrives, and when. Writes one JSON report.

    python -m vision_banana_ros.bench.receiver --seconds 60 [--mode count|first|churn|large] [--best-effort]

A frame is complete when all its outputs arrived; its latency runs from the image's stamp to the last receipt. Frames
are known from `camera_info`, which is small and comes from the camera itself. Counting starts when a whole second
passed without a loss (the oracle paints each frame of its footage once, which takes its time), or after a minute.
Mode first waits for the first output, at most that long. Mode churn subscribes to everything and says so; then it
subscribes and unsubscribes at random, to images, clouds, words and compressed images, and changes the prompt. Mode
large counts what arrives of the frames that the node publishes, told by `depth/camera_info`, and what it says of them.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from vision_banana_ros.ros.process import import_rclpy
from vision_banana_ros.ros.transport import prepare_process

IMAGES = ("depth/image", "depth/confidence", "normals/image", "segmentation/mask", "segmentation/confidence")
_OUTPUTS = (*IMAGES, "points")
_CHURNED = (
    *_OUTPUTS, "points/nav2", "referring/mask", "objects", "instances/mask", "canvas/depth",
    "depth/image/compressedDepth", "segmentation/mask/compressed",
)  # fmt: skip
_PROMPTS = ("the lamp", "box", "the sofa", "", "floor", "a word that is #nothing=")
_PROMPTS_SHARE = 0.2
_WARM_UP_LIMIT_S = 60.0
_QUIET_FRAMES = 160  # more than one loop of the moving scene
_SETTLING_LARGE_S = 20.0
_SETTLING_S = 1.0  # frames younger than this may still be on their way


@dataclass
class Tally:
    """Receipts by stamp."""

    sent: list[int] = field(default_factory=list)
    received: dict[int, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    own_ms: list[float] = field(default_factory=list)
    generate_ms: list[float] = field(default_factory=list)

    def is_complete(self, stamp: int) -> bool:
        return len(self.received[stamp]) == len(_OUTPUTS)


def main() -> int:
    parser = argparse.ArgumentParser(description="Count and time what the perception node publishes.")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--mode", choices=tuple(_MODES), default="count")
    parser.add_argument("--best-effort", action="store_true", help="take what mode large counts best effort")
    args = parser.parse_args()
    prepare_process()
    rclpy = import_rclpy()
    rclpy.init()
    node = rclpy.create_node("receiver")
    try:
        report = _MODES[args.mode](rclpy, node, args.seconds, **({"best_effort": True} if args.best_effort else {}))
    except KeyboardInterrupt:
        return 130
    print(json.dumps(report), flush=True)
    return 0


def _subscribe(node: Any, topic: str, callback: Any, *, best_effort: bool = False) -> Any:
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import CompressedImage, Image, PointCloud2
    from std_msgs.msg import String

    kinds = {"points": PointCloud2, "points/nav2": PointCloud2, "objects": String, "tracks": String}
    kind = CompressedImage if "ompressed" in topic else kinds.get(topic, Image)
    best_effort = best_effort or topic == "points/nav2"
    reliability = ReliabilityPolicy.BEST_EFFORT if best_effort else ReliabilityPolicy.RELIABLE
    return node.create_subscription(kind, topic, callback, QoSProfile(depth=5, reliability=reliability))


def _count(rclpy: Any, node: Any, seconds: float) -> dict[str, Any]:
    from diagnostic_msgs.msg import DiagnosticArray
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import CameraInfo

    tally = Tally()

    def on_output(topic: str) -> Any:
        def callback(message: Any) -> None:
            tally.received[_stamp(message)][topic] = time.time()

        return callback

    for topic in _OUTPUTS:
        _subscribe(node, topic, on_output(topic))
    best_effort = QoSProfile(depth=20, reliability=ReliabilityPolicy.BEST_EFFORT)
    node.create_subscription(CameraInfo, "camera_info", lambda m: tally.sent.append(_stamp(m)), best_effort)
    node.create_subscription(DiagnosticArray, "/diagnostics", lambda m: _note_shares(tally, m), 10)

    end = time.time() + _WARM_UP_LIMIT_S
    while time.time() < end and not _is_quiet(tally):
        rclpy.spin_once(node, timeout_sec=0.2)
    begin_ns = time.time_ns()
    tally.own_ms.clear()
    tally.generate_ms.clear()
    end = time.time() + seconds
    while time.time() < end + _SETTLING_S:
        rclpy.spin_once(node, timeout_sec=0.2)
    counted = [stamp for stamp in tally.sent if begin_ns <= stamp <= end * 1e9]
    return _report(tally, counted, seconds)


def _report(tally: Tally, counted: list[int], seconds: float) -> dict[str, Any]:
    complete = [stamp for stamp in counted if tally.is_complete(stamp)]
    latencies = {topic: [tally.received[s][topic] - s * 1e-9 for s in complete] for topic in _OUTPUTS}
    whole = [max(tally.received[stamp].values()) - stamp * 1e-9 for stamp in complete]
    return {
        "sent": len(counted),
        "lost": len(counted) - len(complete),
        "rate_hz": len(complete) / seconds,
        "p50_ms": _percentile(whole, 0.50) * 1e3,
        "p95_ms": _percentile(whole, 0.95) * 1e3,
        "p95_ms_of": {topic: _percentile(values, 0.95) * 1e3 for topic, values in latencies.items()},
        "own_p50_ms": _percentile(tally.own_ms, 0.5),
        "generate_p50_ms": _percentile(tally.generate_ms, 0.5),
    }


def _is_quiet(tally: Tally) -> bool:
    """The last frames all arrived, except for the very newest."""
    recent = [stamp for stamp in tally.sent[-_QUIET_FRAMES:] if stamp < time.time_ns() - 0.3e9]
    return len(recent) > _QUIET_FRAMES - 20 and all(tally.is_complete(stamp) for stamp in recent)


def _note_shares(tally: Tally, message: Any) -> None:
    for status in message.status:
        if status.name.endswith(": frames"):
            values = {value.key: value.value for value in status.values}
            for key, series in (("own_p50_ms", tally.own_ms), ("generate_p50_ms", tally.generate_ms)):
                if values.get(key, "unknown") != "unknown":
                    series.append(float(values[key]))


def _churn(rclpy: Any, node: Any, seconds: float) -> dict[str, Any]:
    from std_msgs.msg import String

    chance = random.Random(1)
    subscriptions: dict[str, Any] = {}
    received: dict[str, int] = defaultdict(int)
    answers: list[Any] = []
    prompts = node.create_publisher(String, "prompt", 10)
    node.create_subscription(String, "prompt/answer", answers.append, 10)

    def take(topic: str) -> None:
        subscriptions[topic] = _subscribe(node, topic, lambda _: received.update({topic: received[topic] + 1}))

    for topic in _CHURNED:
        take(topic)
    for words in _PROMPTS:  # the most that a frame can need, each way
        before = dict(received)
        prompts.publish(String(data=words))
        end = time.time() + _WARM_UP_LIMIT_S / 2
        while time.time() < end and not all(received[t] > before.get(t, 0) + 1 for t in _OUTPUTS):
            rclpy.spin_once(node, timeout_sec=0.1)
    print("takes everything", flush=True)
    end = time.time() + seconds
    changes = asked = 0
    while time.time() < end:
        if chance.random() < _PROMPTS_SHARE:
            prompts.publish(String(data=chance.choice(_PROMPTS)))
            asked += 1
        topic = chance.choice(_CHURNED)
        if topic in subscriptions:
            node.destroy_subscription(subscriptions.pop(topic))
        else:
            take(topic)
        changes += 1
        until = time.time() + chance.uniform(0.1, 1.0)
        while time.time() < until:
            rclpy.spin_once(node, timeout_sec=0.1)
    answered = sum('"stamp"' in answer.data for answer in answers)
    return {
        "changes": changes,
        "received": sum(received.values()),
        "topics": len(received),
        "prompts": asked,
        "answers": answered,
    }


def _large(rclpy: Any, node: Any, seconds: float, *, best_effort: bool = False) -> dict[str, Any]:
    from diagnostic_msgs.msg import DiagnosticArray
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import CameraInfo

    came: dict[str, dict[int, float]] = defaultdict(dict)
    told: list[str] = []
    for topic in _OUTPUTS:
        _subscribe(node, topic, lambda m, t=topic: came[t].update({_stamp(m): time.time()}), best_effort=best_effort)
    for topic, reliability in (
        ("depth/camera_info", ReliabilityPolicy.RELIABLE),
        ("camera_info", ReliabilityPolicy.BEST_EFFORT),
    ):
        qos = QoSProfile(depth=100, reliability=reliability)
        node.create_subscription(CameraInfo, topic, lambda m, t=topic: came[t].update({_stamp(m): time.time()}), qos)

    def hear(message: Any) -> None:
        told.extend(value.value for status in message.status for value in status.values if value.key == "transport")

    node.create_subscription(DiagnosticArray, "/diagnostics", hear, 10)
    end = time.time() + _WARM_UP_LIMIT_S
    while time.time() < end and not all(came[topic] for topic in _OUTPUTS):
        rclpy.spin_once(node, timeout_sec=0.2)
    begin = time.time()
    # Until five frames came, for nothing can be told of less.
    while time.time() < begin + seconds or (len(came["depth/camera_info"]) < 7 and time.time() < begin + 6 * seconds):
        rclpy.spin_once(node, timeout_sec=0.2)
    end = time.time()
    # Without the last, of which the large messages may not even be published.
    published = sorted(stamp for stamp, moment in came["depth/camera_info"].items() if begin <= moment <= end)[:-1]
    # On a busy machine the last are long on their way: until nothing of these frames has come for a while.
    newest = end
    while time.time() < newest + _SETTLING_LARGE_S:
        rclpy.spin_once(node, timeout_sec=0.2)
        newest = max([end, *(came[topic].get(stamp, end) for topic in _OUTPUTS for stamp in published)])
    return {
        "sent": sum(begin <= moment <= end for moment in came["camera_info"].values()),
        "published": len(published),
        "lost": {topic: sum(stamp not in came[topic] for stamp in published) for topic in _OUTPUTS},
        "told": next((words for words in reversed(told) if words), ""),
    }


def _first(rclpy: Any, node: Any, seconds: float) -> dict[str, Any]:
    """When the first depth image came, by the wall clock."""
    receipts: list[float] = []
    _subscribe(node, "depth/image", lambda _: receipts.append(time.time()))
    print("ready", flush=True)
    end = time.time() + seconds
    while not receipts and time.time() < end:
        rclpy.spin_once(node, timeout_sec=0.1)
    return {"first_receipt": receipts[0] if receipts else None}


_MODES = {"count": _count, "first": _first, "churn": _churn, "large": _large}


def _stamp(message: Any) -> int:
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)


def _percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
