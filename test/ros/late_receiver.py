"""A process that takes large messages best effort, until it is asked to stop; then it says what came.

    python late_receiver.py REPORT

One line when it listens; REPORT gets JSON of topic to stamps. The test makes it late by SIGSTOP.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, PointCloud2


def main(report: Path) -> None:
    stopping: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: stopping.append(number))
    rclpy.init(signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
    node = rclpy.create_node("late")
    came: dict[str, list[tuple[int, int]]] = defaultdict(list)

    def take(topic: str, message: Any) -> None:
        came[topic].append((message.header.stamp.sec, message.header.stamp.nanosec))
        if not message.data:
            print(f"{message.header.stamp.sec} came", flush=True)

    qos = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
    for topic, kind in {"depth/image": Image, "normals/image": Image, "points": PointCloud2}.items():
        node.create_subscription(kind, topic, partial(take, topic), qos)
    print("listens", flush=True)
    while not stopping:
        rclpy.spin_once(node, timeout_sec=0.05)
    report.write_text(json.dumps(came), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
