"""`plane:HEIGHT`: the depth of a flat floor, seen by a level camera HEIGHT metres above it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import vision_banana_ros as vb
from vision_banana_ros.tasks import encode

#: Where nobody knows the camera, the usual one.
USUAL_HFOV_DEG = 60.0


class PlaneGenerator:
    tasks = frozenset({vb.Task.DEPTH})
    about = vb.About(name="plane", licence="Apache-2.0", metric=True, deterministic=True, cost="light")

    def __init__(self, height_m: float, size: tuple[int, int] | None = None) -> None:
        self.height_m = height_m
        self.size = size

    def generate(self, frame: vb.Frame, instructions: Sequence[vb.Instruction]) -> list[vb.Canvas]:
        """All in one call, in the order of the instructions, all of one size."""
        height, width = frame.hw
        camera = frame.camera or vb.Camera.from_hfov(USUAL_HFOV_DEG, width, height)
        below = (np.arange(height, dtype=np.float32) + 0.5 - camera.cy) / camera.fy
        with np.errstate(divide="ignore"):
            rows = np.where(below > 0, self.height_m / below, np.inf)
        depth_m = np.repeat(rows[:, None], width, axis=1).astype(np.float32)
        truth = vb.Truth(camera=camera, depth_m=depth_m)
        wh = self.size or (width, height)
        return [vb.Canvas(encode(asked, truth, wh=wh, image=frame.rgb), asked) for asked in instructions]


def load(rest: str, options: Any) -> PlaneGenerator:
    """What the entry point names: `rest` is what follows the colon, `options` how it shall be loaded."""
    try:
        height_m = float(rest or "1.0")
    except ValueError:
        raise vb.VisionBananaError(f"plane:HEIGHT wants metres, got {rest!r}: write plane:0.4") from None
    return PlaneGenerator(height_m, options.size)
