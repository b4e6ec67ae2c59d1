"""Images as image_transport's `compressed` and `compressedDepth` send them, so that its subscribers read them.

compressed        format "rgb8; png compressed bgr8": a PNG. Canvases and masks are codes, and JPEG would change them.
compressedDepth   format "32FC1; compressedDepth png": 12 bytes (int32 0, float32 A, float32 B), then a 16-bit PNG of
                  A / depth + B, where A = 100 * 101 and B = 1 - A / max; 0 is unknown or farther than max.
                  The steps are depth^2 / A: 0.1 mm at 1 m, 1 cm at 10 m. 16UC1 goes as it is, after 12 bytes.
"""

from __future__ import annotations

import struct

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from vision_banana_ros.core import AnyArray, FloatArray, FrameError

#: image_transport's own default, and the fastest PNG: on Wi-Fi the time counts.
_Z0 = 100.0
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1)
_INV_DEPTH = 0
_CHANNELS = {"mono8": ("u1", 1), "mono16": ("<u2", 1), "rgb8": ("u1", 3)}


def compressed_message(image: Image) -> CompressedImage:
    """mono8, mono16 or rgb8 as a PNG."""
    dtype, channels = _CHANNELS[image.encoding]
    shape = (image.height, image.width) if channels == 1 else (image.height, image.width, channels)
    values = np.frombuffer(image.data, dtype).reshape(shape)
    if channels == 3:
        values = cv2.cvtColor(values, cv2.COLOR_RGB2BGR)
    stored = "bgr8" if channels == 3 else ""  # the plugin names only what it converts
    return _message(image, f"{image.encoding}; png compressed {stored}", _png(values))


def compressed_depth_message(image: Image, *, max_range_m: float) -> CompressedImage:
    """32FC1 in metres or 16UC1 in millimetres."""
    shape = (image.height, image.width)
    if image.encoding == "16UC1":
        data = struct.pack("<iff", _INV_DEPTH, 0.0, 0.0) + _png(np.frombuffer(image.data, "<u2").reshape(shape))
        return _message(image, "16UC1; compressedDepth png", data)
    a, b = depth_quantisation(max_range_m)
    inverse = inverse_depth(np.frombuffer(image.data, "<f4").reshape(shape), a, b)
    return _message(image, "32FC1; compressedDepth png", struct.pack("<iff", _INV_DEPTH, a, b) + _png(inverse))


def depth_quantisation(max_range_m: float) -> tuple[float, float]:
    a = _Z0 * (_Z0 + 1)
    return a, 1 - a / max_range_m


def inverse_depth(depth_m: FloatArray, a: float, b: float) -> AnyArray:
    """16 bits; 0 where unknown, beyond the range, or so near that it does not fit."""
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.float32(a) / depth_m + np.float32(b)
        fits = (inverse >= 1) & (inverse < 65536) & (depth_m > 0)
    return np.where(fits, inverse, np.float32(0)).astype(np.uint16)


def _png(values: AnyArray) -> bytes:
    ok, data = cv2.imencode(".png", values, _PNG)
    if not ok:
        raise FrameError(f"an image of {values.dtype} {values.shape} cannot be written as PNG")
    return data.tobytes()


def _message(image: Image, form: str, data: bytes) -> CompressedImage:
    message = CompressedImage(header=image.header, format=form)
    message.data.frombytes(data)
    return message
