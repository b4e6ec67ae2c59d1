"""Raw image bytes, as sensor_msgs/Image carries them, to RGB. NumPy and OpenCV only.

Convention
    Rows are `step` bytes apart; what lies beyond the row's own pixels is padding and ignored. 16-bit samples are big-
    or little-endian by `is_bigendian`, and scaled by 1/257 to 8 bits: 65535 is white. `bayer_XXXX8` names the first
    two rows of the pattern, left to right: rggb is  R G / G B. YUV 4:2:2 is BT.601 of limited range: `yuv422` is U Y
    V Y (as `uyvy`), `yuv422_yuy2` is Y U Y V (as `yuyv`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, FrameError, UInt8Array


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """`channels` samples of `dtype` a pixel, and how an (H, W, channels) array of them becomes RGB."""

    dtype: str
    channels: int
    to_rgb: Callable[[AnyArray], AnyArray]
    even_width: bool = False


def _by_cv2(code: int) -> Callable[[AnyArray], AnyArray]:
    return lambda image: cv2.cvtColor(image, code)


def _unchanged(image: AnyArray) -> AnyArray:
    return image


def _from_16_bits(then: Callable[[AnyArray], AnyArray]) -> Callable[[AnyArray], AnyArray]:
    return lambda image: then(cv2.convertScaleAbs(image, alpha=1 / 257))


_GREY = _by_cv2(cv2.COLOR_GRAY2RGB)
_BGR = _by_cv2(cv2.COLOR_BGR2RGB)
# OpenCV names a Bayer pattern by its second row, second and third column: its BG is everybody else's rggb.
_BAYER = {
    "rggb": _by_cv2(cv2.COLOR_BayerBG2RGB),
    "bggr": _by_cv2(cv2.COLOR_BayerRG2RGB),
    "gbrg": _by_cv2(cv2.COLOR_BayerGR2RGB),
    "grbg": _by_cv2(cv2.COLOR_BayerGB2RGB),
}
_UYVY = PixelFormat("u1", 2, _by_cv2(cv2.COLOR_YUV2RGB_UYVY), even_width=True)
_YUYV = PixelFormat("u1", 2, _by_cv2(cv2.COLOR_YUV2RGB_YUYV), even_width=True)

PIXEL_FORMATS: dict[str, PixelFormat] = {
    "rgb8": PixelFormat("u1", 3, _unchanged),
    "bgr8": PixelFormat("u1", 3, _BGR),
    "8UC3": PixelFormat("u1", 3, _BGR),  # nameless channels are OpenCV's, and those are BGR
    "rgba8": PixelFormat("u1", 4, _by_cv2(cv2.COLOR_RGBA2RGB)),
    "bgra8": PixelFormat("u1", 4, _by_cv2(cv2.COLOR_BGRA2RGB)),
    "mono8": PixelFormat("u1", 1, _GREY),
    "8UC1": PixelFormat("u1", 1, _GREY),
    "mono16": PixelFormat("u2", 1, _from_16_bits(_GREY)),
    "16UC1": PixelFormat("u2", 1, _from_16_bits(_GREY)),
    "rgb16": PixelFormat("u2", 3, _from_16_bits(_unchanged)),
    "bgr16": PixelFormat("u2", 3, _from_16_bits(_BGR)),
    "uyvy": _UYVY,
    "yuv422": _UYVY,
    "yuyv": _YUYV,
    "yuv422_yuy2": _YUYV,
    **{f"bayer_{name}8": PixelFormat("u1", 1, convert) for name, convert in _BAYER.items()},
    **{f"bayer_{name}16": PixelFormat("u2", 1, _from_16_bits(convert)) for name, convert in _BAYER.items()},
}


def rgb_from_bytes(
    data: AnyArray | bytes | bytearray | memoryview,
    *,
    encoding: str,
    height: int,
    width: int,
    step: int,
    is_bigendian: bool,
) -> UInt8Array:
    """The RGB image; rgb8 without padding is returned as a view of `data`. FrameError says what is wrong."""
    pixel_format = PIXEL_FORMATS.get(encoding)
    if pixel_format is None:
        raise FrameError(f"image encoding {encoding!r} is not known: publish one of {', '.join(PIXEL_FORMATS)}")
    rows = _rows(np.frombuffer(data, np.uint8), pixel_format, encoding, height, width, step)
    dtype = np.dtype(pixel_format.dtype)
    if dtype.itemsize == 1:
        samples = rows
    else:
        stored = dtype.newbyteorder(">" if is_bigendian else "<")
        samples = np.ascontiguousarray(rows).view(stored).astype(dtype, copy=False)
    shape = (height, width) if pixel_format.channels == 1 else (height, width, pixel_format.channels)
    return np.ascontiguousarray(pixel_format.to_rgb(samples.reshape(shape)))


def _rows(flat: UInt8Array, pixel_format: PixelFormat, encoding: str, height: int, width: int, step: int) -> UInt8Array:
    """The (H, row bytes) image without its padding."""
    if height <= 0 or width <= 0:
        raise FrameError(f"image must have pixels, got {width}x{height}")
    if pixel_format.even_width and width % 2:
        raise FrameError(f"{encoding} shares colours between two pixels and needs an even width, got {width}")
    row_bytes = width * pixel_format.channels * np.dtype(pixel_format.dtype).itemsize
    if step < row_bytes:
        raise FrameError(f"{width} pixels of {encoding} take {row_bytes} bytes a row, but step is {step}")
    # Some drivers leave the padding off the last row.
    needed = (height - 1) * step + row_bytes
    if flat.size < needed:
        raise FrameError(f"{width}x{height} {encoding} with step {step} takes {needed} bytes, got {flat.size}")
    return np.lib.stride_tricks.as_strided(flat, (height, row_bytes), (step, 1), writeable=False)
