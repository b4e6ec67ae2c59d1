"""A pose in words: "x y z roll pitch yaw", metres and radians, R = Rz(yaw) Ry(pitch) Rx(roll), as URDF has it."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import FrameError


@lru_cache(maxsize=4)
def read_pose(text: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
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
