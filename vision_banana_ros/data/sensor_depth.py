"""Depth that a sensor measured, brought to the camera's pixels: depth images, registered or not, and LiDAR clouds.

    p_camera = T p_sensor;  u = fx x / z + cx,  v = fy y / z + cy;  each pixel keeps the nearest point that falls on it

A point that shows through a gap between nearer points belongs to what the camera does not see. Sparse clouds have such
points beside the edges of near things: a point is dropped when a much nearer one lies within a few pixels of it.

Convention
    Results are float32 metres along the camera's z, NaN where nothing was measured.
"""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import AnyArray, BoolArray, Camera, DataError, FloatArray
from vision_banana_ros.geometry import unproject

_FIELD_DTYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}
#: A point this much farther than one in its neighbourhood is taken to be hidden behind it.
_HIDDEN_RATIO = 1.15
#: Neighbourhood, as a share of the image's width.
_HIDDEN_REACH = 0.012


def depth_of_image(message: Any) -> FloatArray:
    """A sensor_msgs/Image of 16UC1 (millimetres) or 32FC1 (metres)."""
    big = ">" if message.is_bigendian else "<"
    sample = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}.get(message.encoding)
    if sample is None:
        raise DataError(f"depth images are 16UC1 or 32FC1, got {message.encoding!r}")
    flat = np.frombuffer(message.data, np.uint8)
    row = message.width * int(sample[1])
    if flat.size < message.height * message.step or message.step < row or not message.height:
        raise DataError(f"a depth image of {message.width}x{message.height} with step {message.step} is cut off")
    rows = np.ascontiguousarray(flat[: message.height * message.step].reshape(message.height, message.step)[:, :row])
    return _metres(rows.view(big + sample))


def depth_of_compressed(message: Any) -> FloatArray:
    """A sensor_msgs/CompressedImage of the compressedDepth transport, or a plain 16-bit PNG of millimetres."""
    data = np.frombuffer(message.data, np.uint8)
    head = b""
    if "compressedDepth" in message.format:
        head, data = data[:12].tobytes(), data[12:]
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if image is None or image.ndim != 2:
        raise DataError(f"{data.size} bytes of {message.format!r} are no depth image")
    if head and message.format.startswith("32FC1"):
        _, a, b = struct.unpack("<iff", head)
        with np.errstate(divide="ignore"):
            return _metres(np.where(image > 0, a / (image.astype(np.float32) - b), 0).astype(np.float32))
    return _metres(image)


def _metres(values: AnyArray) -> FloatArray:
    depth = values.astype(np.float32)
    if values.dtype.kind != "f":
        depth /= np.float32(1000)
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(np.nan))


def points_of_cloud(message: Any) -> npt.NDArray[np.float32]:
    """(N, 3) of a sensor_msgs/PointCloud2, in its own frame; points that are not finite are left out."""
    fields = {f.name: f for f in message.fields}
    if not {"x", "y", "z"} <= set(fields):
        raise DataError(f"a cloud needs x, y and z, this one has {', '.join(fields) or 'no fields'}")
    big = ">" if message.is_bigendian else "<"
    dtype = np.dtype(
        {
            "names": ["x", "y", "z"],
            "formats": [big + _FIELD_DTYPES[fields[axis].datatype] for axis in "xyz"],
            "offsets": [fields[axis].offset for axis in "xyz"],
            "itemsize": message.point_step,
        }
    )
    flat = np.frombuffer(message.data, np.uint8)
    needed = message.height * message.row_step
    if flat.size < needed:
        raise DataError(f"a cloud of {needed} bytes is cut off after {flat.size}")
    rows = flat[:needed].reshape(message.height, message.row_step)[:, : message.width * message.point_step]
    raw = np.ascontiguousarray(rows).reshape(-1).view(dtype)
    points = np.stack([raw[axis].astype(np.float32) for axis in "xyz"], axis=-1)
    return points[np.isfinite(points).all(axis=1)]


def projected(points: npt.NDArray[np.float32], to_camera: npt.NDArray[np.float64] | None, camera: Camera) -> FloatArray:
    """The depth image of `points` (N, 3) that `camera` would measure."""
    if to_camera is not None:
        points = (points @ to_camera[:3, :3].T + to_camera[:3, 3]).astype(np.float32)
    points = points[points[:, 2] > 0.05]
    depth = np.full((camera.height, camera.width), np.inf, np.float32)
    u = np.rint(camera.fx * points[:, 0] / points[:, 2] + camera.cx)
    v = np.rint(camera.fy * points[:, 1] / points[:, 2] + camera.cy)
    inside = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    np.minimum.at(depth, (v[inside].astype(np.intp), u[inside].astype(np.intp)), points[inside, 2])
    depth[_hidden(depth)] = np.inf
    depth[np.isinf(depth)] = np.nan
    return depth


def reprojected(
    depth_m: FloatArray, own: Camera, to_camera: npt.NDArray[np.float64] | None, camera: Camera
) -> FloatArray:
    """A depth image of another camera, as `camera` would see it."""
    points = unproject(depth_m, own).reshape(-1, 3)
    return projected(points[np.isfinite(points).all(axis=1)], to_camera, camera)


def _hidden(depth: FloatArray) -> BoolArray:
    """Where a much nearer point lies close by; at true edges of dense depth too, and losing those is safe."""
    reach = 2 * max(1, round(_HIDDEN_REACH * depth.shape[1])) + 1
    finite = np.where(np.isinf(depth), np.float32(1e9), depth)
    nearest = cv2.erode(finite, np.ones((reach, reach), np.uint8))
    return np.asarray(finite > _HIDDEN_RATIO * nearest)
