"""How a frame is put into a network's picture, and how its answers come back: stretched, padded or cropped.

The camera goes the same way, since what a network says of depth may depend on the focal length of what it saw.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, BoolArray, Camera, FloatArray, UInt8Array

_INTERPOLATIONS = {"area": cv2.INTER_AREA, "linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}


@dataclass(frozen=True, slots=True)
class Placing:
    """The whole frame at `inner_wh`, its corner at `left`, `top` of a picture of `net_wh`; negative where cropped."""

    net_wh: tuple[int, int]
    inner_wh: tuple[int, int]
    left: int
    top: int

    @classmethod
    def of(cls, frame_hw: tuple[int, int], net_hw: tuple[int, int], fit: str) -> Placing:
        (height, width), (h, w) = frame_hw, net_hw
        if fit == "stretch":
            return cls((w, h), (w, h), 0, 0)
        scale = (min if fit == "pad" else max)(h / height, w / width)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        inner = (min(inner[0], w), min(inner[1], h)) if fit == "pad" else (max(inner[0], w), max(inner[1], h))
        return cls((w, h), inner, (w - inner[0]) // 2, (h - inner[1]) // 2)

    def picture(self, rgb: UInt8Array, interpolation: str, pad_colour: tuple[float, ...]) -> FloatArray:
        """Float32 (h, w, 3) in the range of the frame."""
        inner = cv2.resize(rgb, self.inner_wh, interpolation=_INTERPOLATIONS[interpolation])
        w, h = self.net_wh
        if self.inner_wh == self.net_wh:
            return np.asarray(inner, np.float32)
        whole = np.empty((h, w, 3), np.float32)
        whole[...] = np.asarray(pad_colour, np.float32)
        rows, columns, top, left = self._overlap()
        whole[rows, columns] = inner[top, left]
        return whole

    def back(self, answer: AnyArray, fill: float) -> AnyArray:
        """The part of a network's answer that is the frame, as an array over the whole frame at `inner_wh`."""
        if self.inner_wh == self.net_wh:
            return answer
        width, height = self.inner_wh
        whole = np.full((height, width, *answer.shape[2:]), fill, answer.dtype)
        rows, columns, top, left = self._overlap()
        whole[top, left] = answer[rows, columns]
        return whole

    def camera(self, frame: Camera | None) -> Camera | None:
        """The camera of the network's picture."""
        if frame is None:
            return None
        inner = frame.scaled_to(*self.inner_wh)
        return Camera(inner.fx, inner.fy, inner.cx + self.left, inner.cy + self.top, *self.net_wh)

    def _overlap(self) -> tuple[slice, slice, slice, slice]:
        """Rows and columns in the network's picture, then in the frame."""
        (w, h), (width, height) = self.net_wh, self.inner_wh
        top, left = max(0, self.top), max(0, self.left)
        bottom, right = min(h, self.top + height), min(w, self.left + width)
        return (
            slice(top, bottom),
            slice(left, right),
            slice(top - self.top, bottom - self.top),
            slice(left - self.left, right - self.left),
        )


def rays(camera: Camera) -> tuple[FloatArray, FloatArray]:
    """x / z (1, w) and y / z (h, 1) of every pixel."""
    x = (np.arange(camera.width, dtype=np.float32) - camera.cx) / camera.fx
    y = (np.arange(camera.height, dtype=np.float32) - camera.cy) / camera.fy
    return x[None].astype(np.float32), y[:, None].astype(np.float32)


def solve_shift(points: FloatArray, valid: BoolArray, camera: Camera) -> tuple[float, float] | None:
    """The t that makes points (x, y, z + t) lie on the camera's rays, and how well (relative); None with too few.

    x = a (z + t), y = b (z + t) for the ray (a, b, 1): each pixel says t, its weight is the ray's length off the
    axis, and the weighted median takes no notice of what half of them get wrong.
    """
    step = max(1, round((points.shape[0] * points.shape[1] / 6400) ** 0.5))
    some = np.s_[step // 2 :: step, step // 2 :: step]
    a, b = (np.broadcast_to(ray, valid.shape)[some][valid[some]] for ray in rays(camera))
    x, y, z = (points[..., i][some][valid[some]].astype(np.float64) for i in range(3))
    weight = a * a + b * b
    usable = (weight > 1e-6) & np.isfinite(x) & np.isfinite(y) & np.isfinite(z)
    if np.count_nonzero(usable) < 8:
        return None
    x, y, z, a, b, weight = x[usable], y[usable], z[usable], a[usable], b[usable], weight[usable]
    says = (a * x + b * y) / weight - z
    root = np.sqrt(weight)
    order = np.argsort(says)
    heap = np.cumsum(root[order])
    shift = float(says[order][np.searchsorted(heap, heap[-1] / 2)])
    depth = z + shift
    off = np.hypot(x - a * depth, y - b * depth) / np.maximum(np.abs(depth), 1e-6)
    return shift, float(np.median(off))


def solve_camera(points: FloatArray, valid: BoolArray) -> Camera | None:
    """The centred camera with square pixels whose rays fit the points best, by its field of view, 20 to 130 degrees."""
    height, width = valid.shape
    best: tuple[float, Camera] | None = None
    centre, reach = 75.0, 55.0
    for _ in range(4):
        for hfov in np.linspace(max(10.0, centre - reach), min(150.0, centre + reach), 12):
            camera = Camera.from_hfov(float(hfov), width, height)
            solved = solve_shift(points, valid, camera)
            if solved is not None and (best is None or solved[1] < best[0]):
                best = solved[1], camera
        if best is None:
            return None
        centre, reach = best[1].hfov_deg, reach / 5
    return best[1] if best else None
