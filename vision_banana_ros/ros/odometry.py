"""How far the camera went between two images, by the robot's own odometry: a topic of nav_msgs/Odometry, or transforms.

The topic tells where the robot's base is. While it turns, a camera ahead of its middle moves otherwise, so steps that
turn much say nothing. Transforms tell where the camera itself is.

Convention
    Positions in a frame that stands still, metres. Between two of them the way is straight.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module, util
from typing import Any

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import FrameError
from vision_banana_ros.ros.convert import stamp_ns
from vision_banana_ros.ros.pose import OdometrySource
from vision_banana_ros.ros.transforms import Transforms

_KEPT = 500
#: The newest position is a moment older than the image.
_MOST_BEYOND_NS = 100_000_000
_LEVER_M = 0.3  # a camera is about so far from the middle of what it is on
_MOST_OF_THE_WAY = 0.1  # that turning may make


@dataclass(frozen=True, slots=True, eq=False)
class _Position:
    stamp_ns: int
    place: npt.NDArray[np.float64]
    turn: Sequence[float] | None = None  # a quaternion, of the base


class Odometry:
    """Of one camera. Positions come in on one thread and are read on another; a deque needs no lock for that."""

    def __init__(self, source: OdometrySource | None = None, transforms: Transforms | None = None) -> None:
        self.source = source or OdometrySource()
        self._transforms = transforms
        self._known: deque[_Position] = deque(maxlen=_KEPT)

    def message(self) -> Any:
        """The type of the topic's messages; FrameError where it is not installed."""
        if util.find_spec("nav_msgs") is None:
            raise FrameError(
                "nav_msgs is not installed, so odometry cannot be read from a topic: install ros-$ROS_DISTRO-nav-msgs, "
                "or look it up with odometry: tf:odom"
            )
        return import_module("nav_msgs.msg").Odometry

    def take(self, message: Any) -> None:
        """A message of the topic; what is no number is no position."""
        pose = message.pose.pose
        place = np.array([pose.position.x, pose.position.y, pose.position.z], np.float64)
        turn = (pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w)
        if np.isfinite(place).all() and all(map(math.isfinite, turn)):
            self._add(_Position(stamp_ns(message.header), place, turn))

    def moved_m(self, frame_id: str, since_ns: int, at_ns: int) -> float | None:
        """Between two moments; None where that is not known, FrameError where transforms do not know the camera."""
        if self.source.frame and self._transforms is not None:
            at, place = self._transforms.position(frame_id, self.source.frame, at_ns)
            self._add(_Position(at, place))
        before, now = self._at(since_ns), self._at(at_ns)
        if before is None or now is None:
            return None
        moved_m = float(np.linalg.norm(now.place - before.place))
        if _turned(before, now) * _LEVER_M > _MOST_OF_THE_WAY * moved_m:
            return None
        return moved_m

    def forget(self) -> None:
        self._known.clear()

    def _add(self, position: _Position) -> None:
        if self._known and position.stamp_ns < self._known[-1].stamp_ns:  # time went back: another recording
            self._known.clear()
        if not self._known or position.stamp_ns > self._known[-1].stamp_ns:
            self._known.append(position)

    def _at(self, at_ns: int) -> _Position | None:
        known = list(self._known)
        if len(known) < 2 or at_ns < known[0].stamp_ns or at_ns > known[-1].stamp_ns + _MOST_BEYOND_NS:
            return None
        after = min(len(known) - 1, max(1, bisect_left(known, at_ns, key=lambda position: position.stamp_ns)))
        a, b = known[after - 1], known[after]
        share = (at_ns - a.stamp_ns) / (b.stamp_ns - a.stamp_ns)
        return _Position(at_ns, a.place + share * (b.place - a.place), a.turn if share < 0.5 else b.turn)


def _turned(before: _Position, now: _Position) -> float:
    """Radians; 0 where nothing is said of turning."""
    if before.turn is None or now.turn is None:
        return 0.0
    a, b = np.asarray(before.turn), np.asarray(now.turn)
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return 0.0 if lengths == 0 else 2 * math.acos(min(1.0, abs(float(a @ b)) / lengths))
