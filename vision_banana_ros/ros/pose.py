"""Where something is, in words: "x y z roll pitch yaw", metres and radians, R = Rz(yaw) Ry(pitch) Rx(roll), as URDF has
it; or "tf", to be looked up among the transforms, "tf:FRAME" in that frame.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import FrameError

#: A rotation and a shift: p -> turn @ p + shift.
Pose = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
#: From a body frame (REP 103: x ahead, y left, z up) to an optical one (x right, y down, z ahead).
TO_OPTICAL = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]], np.float64)

_TOPIC = re.compile(r"[~/]?[A-Za-z_]\w*(/\w+)*")


@lru_cache(maxsize=16)
def read_pose(text: str) -> Pose:
    """ "x y z roll pitch yaw" as a rotation and a shift."""
    try:
        x, y, z, roll, pitch, yaw = (float(word) for word in text.replace(",", " ").split())
    except ValueError:
        x = math.nan
    if not math.isfinite(x) or not all(map(math.isfinite, (y, z, roll, pitch, yaw))):
        raise FrameError(f"a pose is six numbers, x y z roll pitch yaw, got {text!r}")
    cr, sr, cp, sp = math.cos(roll), math.sin(roll), math.cos(pitch), math.sin(pitch)
    cy, sy = math.cos(yaw), math.sin(yaw)
    turn = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]]) @ np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    return turn @ np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]]), np.array([x, y, z])


@dataclass(frozen=True, slots=True)
class Place:
    """What a parameter says: nothing, a pose in numbers, or that transforms tell it."""

    numbers: str = ""
    by_transforms: bool = False
    frame: str = ""

    @classmethod
    def of(cls, text: str, *, needs_frame: bool = False) -> Place:
        word, colon, frame = (part.strip() for part in text.partition(":"))
        if word == "tf":
            if bool(frame) != needs_frame or (colon and not frame):
                raise FrameError(
                    f"{'tf:FRAME, such as tf:base_footprint' if needs_frame else 'tf'} expected, got {text!r}"
                )
            return cls(by_transforms=True, frame=frame)
        if text:
            read_pose(text)
        return cls(numbers=text)

    @property
    def is_known(self) -> bool:
        return bool(self.numbers) or self.by_transforms

    @property
    def pose(self) -> Pose:
        return read_pose(self.numbers)


@dataclass(frozen=True, slots=True)
class OdometrySource:
    """What the parameter `odometry` says: nothing, `tf:FRAME`, or a topic."""

    topic: str = ""
    frame: str = ""

    @classmethod
    def of(cls, text: str) -> OdometrySource:
        if text.partition(":")[0].strip() == "tf":
            return cls(frame=Place.of(text, needs_frame=True).frame)
        if text and _TOPIC.fullmatch(text) is None:
            raise FrameError(f"a topic such as /odom or tf:FRAME, such as tf:odom, expected, got {text!r}")
        return cls(topic=text)

    @property
    def is_known(self) -> bool:
        return bool(self.topic or self.frame)
