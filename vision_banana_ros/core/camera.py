"""The pinhole camera.

Convention
    Pixel (u, v) = (column, row); integer coordinates are pixel CENTRES (as in OpenCV, image_geometry and others),
    so the image spans -0.5 .. width - 0.5 and the middle of an image is ((width - 1) / 2, (height - 1) / 2).
    Optical frame (REP 103): x right, y down, z forward. A point at depth Z (along z, REP 118) seen at (u, v) is
    X = (u - cx) / fx * Z,  Y = (v - cy) / fy * Z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from vision_banana_ros.core.arrays import describe
from vision_banana_ros.core.errors import FrameError


@dataclass(frozen=True, slots=True)
class Camera:
    """Intrinsics in pixels, without distortion, for an image of `width` x `height`."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        for name in ("fx", "fy", "cx", "cy"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise FrameError(f"Camera.{name} must be a finite number, got {describe(value)}")
        if self.fx <= 0 or self.fy <= 0:
            raise FrameError(f"Camera focal lengths must be positive pixels, got fx={self.fx}, fy={self.fy}")
        for name in ("width", "height"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
                raise FrameError(f"Camera.{name} must be a positive int, got {describe(value)}")

    @classmethod
    def from_hfov(cls, hfov_deg: float, width: int, height: int) -> Camera:
        """A camera with square pixels and a centred principal point that sees `hfov_deg` from edge to edge."""
        if not 0 < hfov_deg < 180:
            raise FrameError(f"hfov_deg must lie between 0 and 180, got {hfov_deg}")
        focal = width / 2 / math.tan(math.radians(hfov_deg) / 2)
        return cls(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)

    @property
    def hfov_deg(self) -> float:
        """Angle between the left and the right edge of the image, at the principal row."""
        left = math.atan((self.cx + 0.5) / self.fx)
        right = math.atan((self.width - 0.5 - self.cx) / self.fx)
        return math.degrees(left + right)

    def scaled_to(self, width: int, height: int) -> Camera:
        """The same camera after its image was resized; pixel centres move by half a pixel, not the corners."""
        sx, sy = width / self.width, height / self.height
        return Camera(self.fx * sx, self.fy * sy, (self.cx + 0.5) * sx - 0.5, (self.cy + 0.5) * sy - 0.5, width, height)
