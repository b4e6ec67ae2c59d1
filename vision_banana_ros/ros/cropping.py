"""A part of the image in place of the whole: what is seen there, by the camera that sees it.

Convention
    Pixel centres are whole numbers, so a cut moves the principal point by whole pixels and changes nothing else:
    cx' = cx - x, cy' = cy - y. A measured depth image shows the same part, in its own pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vision_banana_ros.core import Camera, FloatArray, Frame, FrameError


@dataclass(frozen=True, slots=True)
class Crop:
    """In pixels of the image as it comes; width or height 0: to the right, the lower edge."""

    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0

    @property
    def is_all(self) -> bool:
        return self == Crop()

    def frame(self, frame: Frame, *, hfov_deg: float = 0.0) -> Frame:
        """The part of the frame. `hfov_deg` is the whole image's, of a camera that tells nothing of itself."""
        if self.is_all:
            return frame
        height, width = frame.hw
        x1, y1 = self._end(width, height)
        camera = frame.camera
        if camera is None and hfov_deg > 0:
            camera = Camera.from_hfov(hfov_deg, width, height)
        if camera is not None:
            camera = replace(
                camera, cx=camera.cx - self.x, cy=camera.cy - self.y, width=x1 - self.x, height=y1 - self.y
            )
        rgb = np.ascontiguousarray(frame.rgb[self.y : y1, self.x : x1])
        return Frame(rgb, frame.stamp_ns, frame.frame_id, camera)

    def depth(self, depth_m: FloatArray, image_hw: tuple[int, int]) -> FloatArray:
        """The same part of a depth image that shows what the whole image shows, in whatever size."""
        if self.is_all:
            return depth_m
        x1, y1 = self._end(image_hw[1], image_hw[0])
        sx, sy = depth_m.shape[1] / image_hw[1], depth_m.shape[0] / image_hw[0]
        return depth_m[round(self.y * sy) : round(y1 * sy), round(self.x * sx) : round(x1 * sx)]

    def _end(self, width: int, height: int) -> tuple[int, int]:
        x1 = self.x + self.width if self.width else width
        y1 = self.y + self.height if self.height else height
        if not (self.x < x1 <= width and self.y < y1 <= height):
            raise FrameError(
                f"crop {self.width or 'all'}x{self.height or 'all'} at {self.x}, {self.y} is not within the image of "
                f"{width}x{height}: change crop_x, crop_y, crop_width, crop_height"
            )
        return x1, y1
