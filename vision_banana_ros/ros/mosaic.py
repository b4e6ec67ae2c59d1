"""RGB to the bytes of any encoding that cameras send; the way back is data/pixels.py, whose conventions hold here."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, FrameError, UInt8Array

_CHANNEL = {"r": 0, "g": 1, "b": 2}


def _bayer(pattern: str) -> Callable[[UInt8Array], AnyArray]:
    def mosaic(rgb: UInt8Array) -> AnyArray:
        """Every pixel keeps the one colour that its filter lets through."""
        samples = np.empty(rgb.shape[:2], np.uint8)
        for place, letter in enumerate(pattern):
            row, column = divmod(place, 2)
            samples[row::2, column::2] = rgb[row::2, column::2, _CHANNEL[letter]]
        return samples

    return mosaic


def _yuv422(order: str) -> Callable[[UInt8Array], AnyArray]:
    """BT.601 of limited range; a pair of pixels shares the mean of its colours."""

    def pack(rgb: UInt8Array) -> AnyArray:
        if rgb.shape[1] % 2:
            raise FrameError(f"YUV 4:2:2 shares colours between two pixels and needs an even width, got {rgb.shape[1]}")
        r, g, b = (rgb[..., channel].astype(np.float32) for channel in range(3))
        y = 16 + 0.257 * r + 0.504 * g + 0.098 * b
        u = 128 - 0.148 * r - 0.291 * g + 0.439 * b
        v = 128 + 0.439 * r - 0.368 * g - 0.071 * b
        packed = np.empty((*rgb.shape[:2], 2), np.uint8)
        luma, chroma = (1, 0) if order == "uyvy" else (0, 1)
        packed[..., luma] = np.rint(y)
        packed[:, 0::2, chroma] = np.rint((u[:, 0::2] + u[:, 1::2]) / 2)
        packed[:, 1::2, chroma] = np.rint((v[:, 0::2] + v[:, 1::2]) / 2)
        return packed

    return pack


def _grey16(rgb: UInt8Array) -> AnyArray:
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.uint16) * 257


FROM_RGB: dict[str, Callable[[UInt8Array], AnyArray]] = {
    "rgb8": lambda rgb: rgb,
    "bgr8": lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
    "rgba8": lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA),
    "bgra8": lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA),
    "mono8": lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY),
    "mono16": _grey16,
    "yuv422": _yuv422("uyvy"),
    "yuv422_yuy2": _yuv422("yuyv"),
    **{f"bayer_{pattern}8": _bayer(pattern) for pattern in ("rggb", "bggr", "gbrg", "grbg")},
}
