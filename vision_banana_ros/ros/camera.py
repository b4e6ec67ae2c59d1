"""The node `camera`: plays a source (ros/sources.py) as a camera driver would, with sensor QoS.

Topics: `image`, `image/compressed` (JPEG), `camera_info`, and with `publish_truth` where it is known `truth/depth`
(32FC1), `truth/normals` (32FC3), `truth/mask` (mono8), `truth/labels` (latched JSON list). Images carry the time of
their sending.
"""

from __future__ import annotations

import array
import json
import threading
import time
from typing import Any

import cv2
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header, String

from vision_banana_ros.core import DataError, FrameError, Truth
from vision_banana_ros.ros import convert
from vision_banana_ros.ros.mosaic import FROM_RGB
from vision_banana_ros.ros.names import beside
from vision_banana_ros.ros.sources import Source, View, open_source

_DEPTH = 4
_LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class CameraNode(Node):
    """Plays on a thread of its own, so that a slow source never keeps the executor from answering."""

    def __init__(self) -> None:
        super().__init__("camera")
        source = self._declare("source", "clip", "clip, moving, live, a webcam (/dev/video0), a folder or a video file")
        self._rate_hz = float(self._declare("rate_hz", 0.0, "images a second; 0: the source's own rate", dynamic=True))
        self._encoding = str(self._declare("encoding", "rgb8", f"one of {', '.join(FROM_RGB)}"))
        self._frame_id = str(self._declare("frame_id", "camera_optical_frame", "the optical frame of the camera"))
        self._loops = bool(self._declare("loop", True, "start again at the end, if the source can"))
        self._sends_info = bool(self._declare("publish_camera_info", True, "where the intrinsics are known"))
        self._sends_truth = bool(self._declare("publish_truth", False, "where the truth is known"))
        hfov_deg = float(
            self._declare("hfov_deg", 0.0, "field of view of folders, videos and webcams; 0: unknown", dynamic=True)
        )
        if self._encoding not in FROM_RGB:
            raise FrameError(f"encoding must be one of {', '.join(FROM_RGB)}, got {self._encoding!r}")
        if not 0 <= self._rate_hz <= 1000:
            raise FrameError(f"rate_hz must lie between 0 and 1000, got {self._rate_hz}")
        self._source: Source = open_source(str(source), hfov_deg=hfov_deg, say=self.get_logger().warning)
        self._images = self._sensor(Image, "image")
        self._compressed = self._sensor(CompressedImage, beside(self, "image", "compressed"))
        self._infos = self._sensor(CameraInfo, "camera_info")
        if self._sends_truth:
            self._truths = {name: self._sensor(Image, f"truth/{name}") for name in ("depth", "normals", "mask")}
            self._labels = self.create_publisher(String, "truth/labels", _LATCHED)
        self._stopping = threading.Event()
        self._error: Exception | None = None
        self._broken = self.create_guard_condition(self._end)
        self._player = threading.Thread(target=self._play, name="player", daemon=True)

    def started(self) -> None:
        self._player.start()

    def close(self, patience_s: float) -> bool:
        self._stopping.set()
        if self._player.is_alive():
            self._player.join(patience_s)
        if self._player.is_alive():
            return False  # its source is in use
        self._source.close()
        return True

    def _declare(self, name: str, default: Any, about: str, *, dynamic: bool = False) -> Any:
        descriptor = ParameterDescriptor(description=about, read_only=True, dynamic_typing=dynamic)
        return self.declare_parameter(name, default, descriptor).value

    def _sensor(self, kind: Any, topic: str) -> Any:
        qos = QoSProfile(depth=_DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT)
        return self.create_publisher(
            kind, topic, qos, qos_overriding_options=QoSOverridingOptions.with_default_policies()
        )

    def _play(self) -> None:
        rate_hz = self._rate_hz or self._source.rate_hz
        due = time.monotonic()
        try:
            while not self._stopping.is_set():
                view = self._source.next()
                if view is None and self._loops and self._source.rewind():
                    view = self._source.next()
                if view is None:
                    self.get_logger().info("the source has ended")
                    return
                if rate_hz > 0:
                    due = max(due + 1 / rate_hz, time.monotonic() - 1 / rate_hz)  # never hurries to catch up
                    self._stopping.wait(max(0.0, due - time.monotonic()))
                self._publish(view)
        except Exception as error:
            self._error = error
            self._broken.trigger()

    def _end(self) -> None:
        """On the executor's thread, where an error ends the process: a camera without images must not look alive."""
        if self._error is not None:
            raise self._error

    def _publish(self, view: View) -> None:
        head = convert.header(self.get_clock().now().nanoseconds, self._frame_id)
        if self._sends_info and view.camera is not None:
            self._infos.publish(convert.info_message(view.camera, head))
        if self._images.get_subscription_count():
            self._images.publish(convert.image_message(FROM_RGB[self._encoding](view.rgb), self._encoding, head))
        if self._compressed.get_subscription_count():
            self._compressed.publish(_jpeg(view, head))
        if self._sends_truth and view.truth is not None:
            self._publish_truth(view.truth, head)

    def _publish_truth(self, truth_of: Any, head: Header) -> None:
        wanted = [name for name, publisher in self._truths.items() if publisher.get_subscription_count()]
        if not wanted:
            return
        truth: Truth = truth_of()
        layers = {
            "depth": (truth.depth_m, "32FC1"),
            "normals": (truth.normals, "32FC3"),
            "mask": (truth.mask, "mono8"),
        }
        for name in wanted:
            values, encoding = layers[name]
            if values is not None:
                self._truths[name].publish(convert.image_message(values, encoding, head))
        self._labels.publish(String(data=json.dumps(truth.labels)))


def _jpeg(view: View, head: Header) -> CompressedImage:
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(view.rgb, cv2.COLOR_RGB2BGR))
    if not ok:
        raise DataError(f"an image of {view.rgb.shape} cannot be written as JPEG: send it raw")
    return CompressedImage(header=head, format="jpeg", data=array.array("B", data.tobytes()))
