"""Depth to points, and points to the bytes of a sensor_msgs/PointCloud2.

    X = (u - cx) / fx * Z,   Y = (v - cy) / fy * Z          u = fx * X / Z + cx,   v = fy * Y / Z + cy

The rays of a pinhole are a row of x slopes times a column of y slopes: a few kilobytes that take microseconds to build,
so there is no per-camera table to cache and none to go stale when the intrinsics change.

Convention
    Pixels and optical frame as in core/camera.py; metres; depth along z.
    Clouds stay organised (one point per pixel, row-major). A pixel without a positive, finite depth is (NaN, NaN, NaN):
    missing points are marked, never dropped. +inf (beyond range, sky) is such a pixel too, unless `far_point_m` gives
    it an end on its ray: costmaps clear free space along rays and cannot follow a ray that ends nowhere.

Point layout (little endian, 32 bytes: two 16-byte lanes, one cache line holds two points)
    x y z rgb | normal_x normal_y normal_z label confidence (two bytes unused)
    rgb         0x00RRGGBB in the bits of a float32, the form that rviz and PCL expect; the top byte stays 0 because
                0xFF there would turn half of all colours into NaN for whoever reads the field as the float it claims
                to be.
    label       uint8 and confidence uint8, the values of `segmentation/mask` and the confidence images, so that a label
                in the cloud, in the mask and in LabelInfo is one number. rviz colours by either (Channel Name); Nav2's
                layers read x, y, z and take no notice. As uint32 and float32 they would cost 16 bytes more a point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from vision_banana_ros.core import (
    UNLABELLED,
    AnyArray,
    Camera,
    FloatArray,
    FrameError,
    UInt8Array,
    describe,
    require_array,
)

_LARGEST_FLOAT = float(np.finfo(np.float32).max)
_SMALLEST_FLOAT = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a point, in the words of sensor_msgs/PointField."""

    name: str
    offset: int
    datatype: str
    count: int = 1


CLOUD_FIELDS: tuple[Field, ...] = (
    Field("x", 0, "float32"),
    Field("y", 4, "float32"),
    Field("z", 8, "float32"),
    Field("rgb", 12, "float32"),
    Field("normal_x", 16, "float32"),
    Field("normal_y", 20, "float32"),
    Field("normal_z", 24, "float32"),
    Field("label", 28, "uint8"),
    Field("confidence", 29, "uint8"),
)
POINT_STEP = 32
_WORDS = POINT_STEP // 4

#: The same layout for NumPy: `buffer.view(CLOUD_DTYPE).reshape(h, w)["normal_x"]`.
CLOUD_DTYPE = np.dtype(
    {
        "names": [field.name for field in CLOUD_FIELDS],
        "formats": [np.dtype(field.datatype).newbyteorder("<") for field in CLOUD_FIELDS],
        "offsets": [field.offset for field in CLOUD_FIELDS],
        "itemsize": POINT_STEP,
    }
)


def unproject(depth_m: FloatArray, camera: Camera, *, far_point_m: float | None = None) -> FloatArray:
    """The organised cloud (H, W, 3) of a depth image, optical frame."""
    return np.asarray(cv2.merge(_planes(depth_m, camera, far_point_m)))


def project(points: FloatArray, camera: Camera) -> FloatArray:
    """Where points (..., 3) are seen: (..., 2) float32 of (u, v), inside the image or not; NaN unless z > 0."""
    if not isinstance(points, np.ndarray) or points.dtype.kind != "f" or points.ndim < 1 or points.shape[-1] != 3:
        raise FrameError(f"points must be a float array of shape (..., 3), got {describe(points)}")
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(z > 0, 1.0 / z, np.nan)
        pixels = np.stack([camera.fx * x * inverse + camera.cx, camera.fy * y * inverse + camera.cy], axis=-1)
    return pixels.astype(np.float32)


def pack_cloud(
    depth_m: FloatArray,
    camera: Camera,
    *,
    rgb: UInt8Array | None = None,
    normals: FloatArray | None = None,
    mask: UInt8Array | None = None,
    confidence: UInt8Array | None = None,
    far_point_m: float | None = None,
    out: UInt8Array | None = None,
) -> UInt8Array:
    """The data of a PointCloud2 in the layout above: H * W * POINT_STEP bytes, row-major, without padding.

    What is not given is black, NaN, 255 (unlabelled) and 255 (nothing speaks against it). `out` is written and returned
    when given, for instance `np.frombuffer(message.data, np.uint8)`; otherwise a new buffer is.
    """
    x, y, z = _planes(depth_m, camera, far_point_m)
    hw = z.shape[0], z.shape[1]
    buffer = _require_buffer(out, hw) if out is not None else np.empty(hw[0] * hw[1] * POINT_STEP, np.uint8)
    # The eight words of a point in one pass over the memory; OpenCV moves 32-bit lanes without looking at them, so
    # integers may travel as floats.
    cv2.mixChannels(
        [x, y, z, _color_words(rgb, hw), *_normal_channels(normals, hw), _label_words(mask, confidence, hw)],
        [buffer.view("<f4").reshape(*hw, _WORDS)],
        [channel for word in range(_WORDS) for channel in (word, word)],
    )
    return buffer


def _planes(depth_m: FloatArray, camera: Camera, far_point_m: float | None) -> list[AnyArray]:
    """x, y and z as (H, W) planes, NaN where there is no point."""
    require_array(depth_m, name="depth_m", dtype="float32", hw=(camera.height, camera.width), error=FrameError)
    z: AnyArray = np.full(depth_m.shape, np.nan, np.float32)
    cv2.copyTo(depth_m, cv2.inRange(depth_m, _SMALLEST_FLOAT, _LARGEST_FLOAT), z)
    if far_point_m is not None:
        if not (math.isfinite(far_point_m) and far_point_m > 0):
            raise FrameError(f"far_point_m must be a positive number of metres or None, got {far_point_m!r}")
        np.copyto(z, np.float32(far_point_m), where=depth_m == np.inf)
    slope_x = ((np.arange(camera.width) - camera.cx) / camera.fx).astype(np.float32)
    slope_y = ((np.arange(camera.height) - camera.cy) / camera.fy).astype(np.float32)
    return [z * slope_x, z * slope_y[:, None], z]


def _color_words(rgb: UInt8Array | None, hw: tuple[int, int]) -> AnyArray:
    if rgb is None:
        return np.zeros(hw, np.float32)
    require_array(rgb, name="rgb", dtype="uint8", channels=3, hw=hw, error=FrameError)
    words = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA).view("<u4")[..., 0]
    words &= np.uint32(0x00FFFFFF)
    return words.view("<f4")


def _normal_channels(normals: FloatArray | None, hw: tuple[int, int]) -> list[AnyArray]:
    """Three channels, be it of one image or of three."""
    if normals is None:
        return [np.full(hw, np.nan, np.float32)] * 3
    require_array(normals, name="normals", dtype="float32", channels=3, hw=hw, error=FrameError)
    return [normals]


def _label_words(mask: UInt8Array | None, confidence: UInt8Array | None, hw: tuple[int, int]) -> AnyArray:
    for name, value in (("mask", mask), ("confidence", confidence)):
        if value is not None:
            require_array(value, name=name, dtype="uint8", hw=hw, error=FrameError)
    low = np.full(hw, UNLABELLED, np.uint8) if mask is None else mask
    high = np.full(hw, 255, np.uint8) if confidence is None else confidence
    unused = np.zeros(hw, np.uint8)
    return np.asarray(cv2.merge([low, high, unused, unused])).view("<f4")[..., 0]


def _require_buffer(out: UInt8Array, hw: tuple[int, int]) -> UInt8Array:
    size = hw[0] * hw[1] * POINT_STEP
    fits = isinstance(out, np.ndarray) and out.dtype == np.uint8 and out.size == size
    if not (fits and out.flags.c_contiguous and out.flags.writeable):
        raise FrameError(
            f"out must be a writeable, contiguous uint8 array of {size} bytes "
            f"({hw[1]}x{hw[0]} points of {POINT_STEP}), got {describe(out)}"
        )
    return out.reshape(-1)
