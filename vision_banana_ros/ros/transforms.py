"""Poses from /tf and /tf_static, by tf2_ros, which every ROS distribution has and PyPI has not. Only where a parameter
asks for it: a listener to all transforms of a robot costs something.
"""

from __future__ import annotations

from importlib import import_module, util
from typing import Any

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import FrameError
from vision_banana_ros.ros.pose import Pose


class Transforms:
    """Of one node, once it listens."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._buffer: Any = None
        self._listener: Any = None

    def listen(self) -> None:
        """From now on; on the executor's thread. FrameError where tf2_ros is missing."""
        if self._buffer is not None:
            return
        if util.find_spec("tf2_ros") is None:
            raise FrameError(
                "tf2_ros is not installed, so no transform can be looked up: install ros-$ROS_DISTRO-tf2-ros-py, or "
                "give the pose in numbers"
            )
        tf2_ros: Any = import_module("tf2_ros")
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer, self._node)

    def close(self) -> None:
        if self._listener is not None:
            self._listener.unregister()
        self._buffer = self._listener = None

    def pose(self, of: str, in_frame: str, at_ns: int) -> Pose:
        """Where `of` is in `in_frame`: then, else as of late; FrameError where that is not known."""
        if of == in_frame:
            return np.eye(3), np.zeros(3)
        _, found = self._found(of, in_frame, at_ns)
        turn, shift = found.rotation, found.translation
        return rotation(turn.x, turn.y, turn.z, turn.w), np.array([shift.x, shift.y, shift.z])

    def position(self, of: str, in_frame: str, at_ns: int) -> tuple[int, npt.NDArray[np.float64]]:
        """The place of `of` in `in_frame` and when it was there: then, else as of late; FrameError as pose()."""
        stamp_ns, found = self._found(of, in_frame, at_ns)
        shift = found.translation
        return stamp_ns, np.array([shift.x, shift.y, shift.z])

    def _found(self, of: str, in_frame: str, at_ns: int) -> tuple[int, Any]:
        """When it was so, and the transform."""
        if self._buffer is None:
            raise FrameError("transforms are not listened to yet")
        time: Any = import_module("rclpy.time").Time
        try:
            try:
                return at_ns, self._buffer.lookup_transform(in_frame, of, time(nanoseconds=at_ns)).transform
            except Exception:  # the newest transform may be a moment older than the image
                found = self._buffer.lookup_transform(in_frame, of, time())
        except Exception as error:  # TransformException, of a package that need not be here
            raise FrameError(f"no transform from {of!r} to {in_frame!r}: {error}") from error
        stamp = found.header.stamp
        return stamp.sec * 10**9 + stamp.nanosec, found.transform


def rotation(x: float, y: float, z: float, w: float) -> Any:
    """Of a quaternion, of whatever length but zero."""
    length = x * x + y * y + z * z + w * w
    if not length > 0:
        raise FrameError("a transform's rotation is no quaternion: all its parts are 0")
    s = 2.0 / length
    return np.array(
        [
            [1 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)],
            [s * (x * y + z * w), 1 - s * (x * x + z * z), s * (y * z - x * w)],
            [s * (x * z - y * w), s * (y * z + x * w), 1 - s * (x * x + y * y)],
        ]
    )
