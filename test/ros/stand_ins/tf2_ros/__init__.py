"""What the node uses of tf2_ros, for machines without: no wheel of it exists. One transform a message, from parent to
child, on /tf_static; no chains, no interpolation.
"""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.qos import DurabilityPolicy, QoSProfile


class LookupException(Exception):  # noqa: N818 -- tf2's name
    pass


class Buffer:
    def __init__(self) -> None:
        self.known: dict[tuple[str, str], TransformStamped] = {}

    def lookup_transform(self, target: str, source: str, time: Any) -> TransformStamped:
        found = self.known.get((target, source))
        if found is None:
            raise LookupException(f'"{source}" passed to lookupTransform argument source_frame does not exist')
        if time.nanoseconds:
            raise LookupException("extrapolation into the future")  # as a transform that is a moment older
        return found


class TransformListener:
    def __init__(self, buffer: Buffer, node: Any) -> None:
        def take(message: TransformStamped) -> None:
            buffer.known[message.header.frame_id, message.child_frame_id] = message

        qos = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._node = node
        self._subscription = node.create_subscription(TransformStamped, "/tf_static", take, qos)

    def unregister(self) -> None:
        self._node.destroy_subscription(self._subscription)
