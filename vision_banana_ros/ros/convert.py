"""ROS messages to and from frames and arrays: the one place that knows how messages are filled and read (cameras:
calibration.py).

cv_bridge is used where it is the better way: for encodings that data/pixels.py does not know, when it can be imported.
For those that we know it would copy once more and, built against NumPy 1, crash beside NumPy 2. sensor_msgs_py is
never the better way here: its create_cloud() swaps height and width of organised clouds and packs point by point.

Convention
    Every output of a frame has the header of its image: the stamp, and the optical frame id.
    Depth 32FC1 (REP 118, REP 117): NaN invalid, +inf beyond range. Depth 16UC1: millimetres, 0 for both.
    Bytes are little-endian (`is_bigendian` false), rows without padding: step = width * bytes of a pixel.
"""

from __future__ import annotations

import array
import sys
from typing import Any

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image, PointCloud2, PointField
from std_msgs.msg import Header

from vision_banana_ros.core import AnyArray, FloatArray, Frame, FrameError, UInt8Array
from vision_banana_ros.data.pixels import PIXEL_FORMATS, rgb_from_bytes
from vision_banana_ros.geometry.cloud import CLOUD_FIELDS, POINT_STEP
from vision_banana_ros.ros.calibration import info_message as info_message

_FLOAT_FORMATS = {"32FC1": (np.dtype("f4"), 1), "32FC3": (np.dtype("f4"), 3)}
_MILLIMETRES_MAX = 65535


def header(stamp_ns: int, frame_id: str) -> Header:
    return Header(stamp=Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9), frame_id=frame_id)


def stamp_ns(message_header: Header) -> int:
    return message_header.stamp.sec * 10**9 + message_header.stamp.nanosec


def frame_from_image(message: Image) -> Frame:
    """The frame, without camera; raises FrameError for what no image can be made of."""
    if message.encoding in PIXEL_FORMATS:
        rgb = rgb_from_bytes(
            message.data,
            encoding=message.encoding,
            height=message.height,
            width=message.width,
            step=message.step,
            is_bigendian=bool(message.is_bigendian),
        )
    else:
        rgb = _rgb_by_cv_bridge(message)
    return Frame(rgb, stamp_ns(message.header), message.header.frame_id)


def frame_from_compressed(message: CompressedImage) -> Frame:
    data = np.frombuffer(message.data, np.uint8)
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if bgr is None:
        raise FrameError(f"{data.size} bytes of {message.format!r} are no image that can be decoded: send JPEG or PNG")
    rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    return Frame(rgb, stamp_ns(message.header), message.header.frame_id)


def _rgb_by_cv_bridge(message: Image) -> UInt8Array:
    try:
        from cv_bridge import CvBridge, CvBridgeError
    except ImportError as error:
        raise FrameError(
            f"image encoding {message.encoding!r} is not known here and cv_bridge is not installed: "
            f"publish one of {', '.join(PIXEL_FORMATS)}"
        ) from error
    try:
        rgb: UInt8Array = CvBridge().imgmsg_to_cv2(message, desired_encoding="rgb8")
    except CvBridgeError as error:
        raise FrameError(f"cv_bridge cannot read encoding {message.encoding!r}: {error}") from error
    return rgb


def image_message(values: AnyArray, encoding: str, head: Header) -> Image:
    """`values` (H, W) or (H, W, C), whose dtype must be the encoding's."""
    dtype, channels = _FLOAT_FORMATS.get(encoding) or _integer_format(encoding)
    if values.dtype != dtype or values.ndim != (2 if channels == 1 else 3) or values.size == 0:
        raise FrameError(f"{encoding} needs {dtype} with {channels} channel(s), got {values.dtype} {values.shape}")
    height, width = values.shape[:2]
    message = Image(header=head, height=height, width=width, encoding=encoding, is_bigendian=_BIG_ENDIAN)
    message.step = width * channels * dtype.itemsize
    # Appended to the empty field: assigning to it copies once more, and looks at every element of what is no array.
    message.data.frombytes(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
    return message


def _integer_format(encoding: str) -> tuple[np.dtype[Any], int]:
    pixel_format = PIXEL_FORMATS[encoding]
    return np.dtype(pixel_format.dtype), pixel_format.channels


_BIG_ENDIAN = int(sys.byteorder == "big")


def depth_as_millimetres(depth_m: FloatArray) -> AnyArray:
    """16UC1: 0 where invalid, beyond range, or too far for 16 bits."""
    millimetres = np.rint(np.nan_to_num(depth_m * 1000.0, nan=0.0, posinf=0.0))
    millimetres[millimetres > _MILLIMETRES_MAX] = 0.0
    return millimetres.astype(np.uint16)


def empty_cloud(hw: tuple[int, int]) -> PointCloud2:
    """An organised cloud message in the layout of geometry/cloud.py; pack_cloud() writes its points in place."""
    height, width = hw
    message = PointCloud2(height=height, width=width, is_bigendian=False, is_dense=False)
    message.fields = [
        PointField(name=f.name, offset=f.offset, datatype=getattr(PointField, f.datatype.upper()), count=f.count)
        for f in CLOUD_FIELDS
    ]
    message.point_step = POINT_STEP
    message.row_step = POINT_STEP * width
    message.data = array.array("B", bytes(message.row_step * height))
    return message


def sparse_cloud_message(points: FloatArray, label: UInt8Array, head: Header) -> PointCloud2:
    """One row of points without gaps: x y z label in 16 bytes, three of them unused."""
    count = len(points)
    message = PointCloud2(header=head, height=1, width=count, is_bigendian=False, is_dense=True)
    fields = [("x", 0, PointField.FLOAT32), ("y", 4, PointField.FLOAT32), ("z", 8, PointField.FLOAT32)]
    fields.append(("label", 12, PointField.UINT8))
    message.fields = [PointField(name=name, offset=offset, datatype=kind, count=1) for name, offset, kind in fields]
    message.point_step = 16
    message.row_step = 16 * count
    packed = np.zeros((count, 4), "<f4")
    packed[:, :3] = points
    packed.view(np.uint8)[:, 12] = label
    message.data.frombytes(packed.view(np.uint8).reshape(-1).data)
    return message
