"""What the node listens to: images only while somebody wants what is made of them, camera_info and prompts always;
measured depth and scans where they are of use.

Receiving 30 images of 640x480 a second costs a quarter of a core, and nobody needs them while nobody listens. The rest
is small. All callbacks are on the executor's thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, LaserScan, PointCloud2
from std_msgs.msg import String

from vision_banana_ros.ros.measured import Measured
from vision_banana_ros.ros.names import beside

#: Nobody must listen for so long until images are left alone.
_ALONE_S = 2.0


class RateLimit:
    """Lets through what comes at most so often; a late one does not put off the next."""

    def __init__(self) -> None:
        self._next_due_s = 0.0

    def passes(self, rate_hz: float) -> bool:
        """0: everything passes."""
        now = time.monotonic()
        if rate_hz <= 0:
            return True
        if now < self._next_due_s:
            return False
        self._next_due_s = max(self._next_due_s, now - 1 / rate_hz) + 1 / rate_hz
        return True


class Inputs:
    """The subscriptions of a camera of an active node; its topics have `prefix` before their names."""

    def __init__(
        self,
        node: Any,
        prefix: str = "",
        *,
        compressed: bool,
        on_image: Callable[[Any], None],
        on_info: Callable[[CameraInfo], None],
        on_prompt: Callable[[String], None],
        measured: Measured,
        takes_depth: bool,
    ) -> None:
        self._node = node
        self._on_image = on_image
        self._kind, self._topic = (
            (CompressedImage, beside(node, f"{prefix}image", "compressed")) if compressed else (Image, f"{prefix}image")
        )
        self._others = [
            self._newest(CameraInfo, f"{prefix}camera_info", on_info),
            node.create_subscription(String, f"{prefix}prompt", on_prompt, 10),
        ]
        if takes_depth:
            self._others.append(self._newest(Image, f"{prefix}depth_prompt", partial(setattr, measured, "depth")))
        if measured.place.is_known:
            for kind, topic in ((LaserScan, "scan"), (PointCloud2, "scan/points")):
                self._others.append(self._newest(kind, f"{prefix}{topic}", partial(setattr, measured, "scan")))
        odometry = measured.odometry
        if odometry.source.topic:  # the robot's, so no camera's name before it
            self._others.append(self._newest(odometry.message(), odometry.source.topic, odometry.take))
        self._images: Any = None
        self._wanted_at_s = 0.0
        self.look(True)  # once at least: QoS that makes no profile is refused now, not when somebody listens
        self.image_topic: str = node.resolve_topic_name(self._topic)

    def _newest(self, kind: Any, topic: str, callback: Callable[[Any], None]) -> Any:
        """With a profile of its own: qos_overrides are written into it."""
        qos = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        overridable = QoSOverridingOptions.with_default_policies()
        return self._node.create_subscription(kind, topic, callback, qos, qos_overriding_options=overridable)

    @property
    def takes_images(self) -> bool:
        return self._images is not None

    def look(self, wanted: bool) -> bool:
        """Subscribe to the images or leave them, as they are wanted now; True when they are taken anew."""
        now = time.monotonic()
        if wanted:
            self._wanted_at_s = now
            if self._images is None:
                self._images = self._newest(self._kind, self._topic, self._on_image)
                return True
        elif self._images is not None and now - self._wanted_at_s > _ALONE_S:
            self._leave()
        return False

    def _leave(self) -> None:
        if self._images is not None:
            self._node.destroy_subscription(self._images)
        self._images = None

    def destroy(self) -> None:
        self._leave()
        for subscription in self._others:
            self._node.destroy_subscription(subscription)
