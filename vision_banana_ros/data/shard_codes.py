"""How pictures, depth and normals lie in shards: JPEG, 16-bit logarithmic depth, 8-bit normals.

Formula
    depth_m = NEAR_M * (FAR_M / NEAR_M) ** ((code - 1) / 65533); code 0 is unknown (NaN), 65535 sky (+inf).
    Neighbouring codes are 1.55e-4 apart, so a decoded depth is at most 8e-5 relative from the encoded one.
    normal = code / |code| for int8 codes of normal * 127; (0, 0, 0) is unknown. At most 0.4 degrees off.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import DataError, FloatArray, UInt8Array, UInt16Array

JPEG_QUALITY = 95
NEAR_M = 0.02
FAR_M = 500.0
_STEPS = 65533
_SKY = 65535


def encode_depth(depth_m: FloatArray) -> UInt16Array:
    """Metres to the 16-bit logarithmic code; nearer than NEAR_M or farther than FAR_M is clamped."""
    with np.errstate(invalid="ignore", divide="ignore"):
        fraction = np.log(np.clip(depth_m, NEAR_M, FAR_M) / NEAR_M) / np.log(FAR_M / NEAR_M)
        code = np.where(np.isfinite(depth_m), np.rint(fraction * _STEPS) + 1, 0)
    code[np.isposinf(depth_m)] = _SKY
    return code.astype(np.uint16)


def _depth_table() -> FloatArray:
    steps = np.arange(-1, _STEPS + 2, dtype=np.float64) / _STEPS
    table = (NEAR_M * (FAR_M / NEAR_M) ** steps).astype(np.float32)
    table[0], table[_SKY] = np.nan, np.inf
    return table


_DEPTH_TABLE = _depth_table()


def decode_depth(code: UInt16Array) -> FloatArray:
    """Float32 metres, NaN unknown, +inf sky."""
    depth_m: FloatArray = _DEPTH_TABLE[code]
    return depth_m


def encode_normals(normals: FloatArray) -> npt.NDArray[np.int8]:
    return np.rint(np.nan_to_num(normals) * 127).astype(np.int8)


def decode_normals(code: npt.NDArray[np.int8]) -> FloatArray:
    """Unit vectors; NaN where the code is (0, 0, 0)."""
    vectors = code.astype(np.float32)
    length = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))[..., None]  # sums over an inner axis are slow
    length[length == 0] = np.nan
    unit: FloatArray = (vectors / length).astype(np.float32, copy=False)
    return unit


def to_jpeg(rgb: UInt8Array) -> UInt8Array:
    """The bytes of the picture."""
    _, jpeg = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return np.asarray(jpeg, dtype=np.uint8).reshape(-1)


def from_jpeg(jpeg: UInt8Array) -> UInt8Array:
    bgr = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    if bgr is None:
        raise DataError("a picture in it is no JPEG")
    return np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8)
