"""Quality of service of the outputs.

RELIABLE, so that best-effort and reliable subscribers both get them; VOLATILE; the last few kept, since a newer frame
is always worth more than an older one. The cloud for costmaps is best effort, as sensors are. Latched topics are
TRANSIENT_LOCAL. All can be overridden by qos_overrides.
"""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

VOLATILE = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=4,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
SENSOR = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=4,
    reliability=ReliabilityPolicy.BEST_EFFORT,
    durability=DurabilityPolicy.VOLATILE,
)
LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


def copy_of(qos: QoSProfile) -> QoSProfile:
    """A profile of its own: qos_overrides are written into it."""
    return QoSProfile(history=qos.history, depth=qos.depth, reliability=qos.reliability, durability=qos.durability)
