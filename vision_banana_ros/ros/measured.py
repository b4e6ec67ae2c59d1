"""Depth that sensors measured: a depth image beside the camera's, or a laser's points; the newest of each.

`depth_prompt` is an image of what the camera's image shows, in its own size: 16UC1 millimetres or 32FC1 metres.
`scan` and `scan/points` come from where `scan_pose` says: the scanner in the camera's body frame, or the frame of its
messages looked up among the transforms.

Convention
    Body frame (REP 103): x forward, y left, z up; pose x y z roll pitch yaw, metres and radians, R = Rz Ry Rx.
    Optical frame: x right = -y of the body, y down = -z, z forward = x.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import Image, LaserScan, PointCloud2, PointField

from vision_banana_ros.core import FloatArray, FrameError
from vision_banana_ros.ros.convert import stamp_ns
from vision_banana_ros.ros.odometry import Odometry
from vision_banana_ros.ros.pose import TO_OPTICAL, Place
from vision_banana_ros.ros.transforms import Transforms

#: What was measured longer before or after an image is not of it.
_MOST_APART_NS = 500_000_000
_KINDS = {PointField.FLOAT32: "f4", PointField.FLOAT64: "f8"}


@dataclass(slots=True)
class Measured:
    """The newest messages, as they came: put on one thread, read on another, each replaced whole."""

    depth: Image | None = None
    scan: Any = None  # LaserScan or PointCloud2
    place: Place = field(default_factory=Place)  # of the scanner
    transforms: Transforms | None = None
    odometry: Odometry = field(default_factory=Odometry)

    def depth_m(self, at_ns: int) -> FloatArray | None:
        """The depth image of that moment; FrameError where it cannot be read."""
        message = self.depth
        if message is None or abs(stamp_ns(message.header) - at_ns) > _MOST_APART_NS:
            return None
        return depth_from_image(message)

    def points(self, at_ns: int, frame_id: str) -> FloatArray | None:
        """(N, 3) in the optical frame `frame_id`, of that moment; FrameError where they cannot be brought there."""
        message = self.scan
        if message is None or abs(stamp_ns(message.header) - at_ns) > _MOST_APART_NS:
            return None
        points = points_of_scan(message) if isinstance(message, LaserScan) else points_of_cloud(message)
        if self.place.by_transforms and self.transforms is not None:
            turn, shift = self.transforms.pose(message.header.frame_id, frame_id, stamp_ns(message.header))
            return np.asarray(points @ turn.T + shift, np.float32)
        turn, shift = self.place.pose
        return np.asarray((points @ turn.T + shift) @ TO_OPTICAL.T, np.float32)

    def forget(self) -> None:
        self.depth = self.scan = None
        self.odometry.forget()


def depth_from_image(message: Image) -> FloatArray:
    """Metres, NaN where nothing is known."""
    kind = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}.get(message.encoding)
    if kind is None:
        raise FrameError(f"depth_prompt must be 16UC1 or 32FC1, got {message.encoding!r}")
    dtype = np.dtype(kind).newbyteorder(">" if message.is_bigendian else "<")
    data, row = np.frombuffer(message.data, np.uint8), message.width * dtype.itemsize
    if message.step < row or data.size < message.step * message.height or row == 0:
        raise FrameError(
            f"depth_prompt of {message.width}x{message.height} {message.encoding} needs {row} bytes a row, "
            f"its step is {message.step} and its size {data.size}"
        )
    rows = data[: message.step * message.height].reshape(message.height, message.step)[:, :row]
    values = np.ascontiguousarray(rows).view(dtype).astype(np.float32)
    if kind == "u2":
        values *= np.float32(1e-3)
    with np.errstate(invalid="ignore"):
        values[~((values > 0) & np.isfinite(values))] = np.nan
    return values


def points_of_scan(scan: LaserScan) -> npt.NDArray[np.float64]:
    """In the scanner's frame, its plane z = 0; ranges outside of the scan's own limits are no measurements."""
    ranges = np.asarray(scan.ranges, np.float64)
    angles = scan.angle_min + scan.angle_increment * np.arange(ranges.size)
    with np.errstate(invalid="ignore"):
        good = np.isfinite(ranges) & (ranges >= scan.range_min) & (ranges <= (scan.range_max or np.inf))
    r, a = ranges[good], angles[good]
    return np.stack([r * np.cos(a), r * np.sin(a), np.zeros_like(r)], axis=1)


def points_of_cloud(cloud: PointCloud2) -> npt.NDArray[np.float64]:
    """x, y and z of a cloud, in its frame."""
    fields = {field.name: field for field in cloud.fields}
    if not {"x", "y", "z"} <= set(fields) or any(fields[n].datatype not in _KINDS for n in "xyz"):
        raise FrameError("scan/points needs the fields x, y and z as floats")
    order = ">" if cloud.is_bigendian else "<"
    layout = np.dtype(
        {
            "names": list("xyz"),
            "formats": [order + _KINDS[fields[n].datatype] for n in "xyz"],
            "offsets": [fields[n].offset for n in "xyz"],
            "itemsize": cloud.point_step,
        }
    )
    if cloud.row_step < cloud.width * cloud.point_step or len(cloud.data) < cloud.row_step * cloud.height:
        raise FrameError(f"scan/points has {len(cloud.data)} bytes, its rows need {cloud.row_step * cloud.height}")
    data = np.frombuffer(cloud.data, np.uint8)[: cloud.row_step * cloud.height]
    rows = data.reshape(cloud.height, cloud.row_step)[:, : cloud.width * cloud.point_step]
    points = np.ascontiguousarray(rows).reshape(-1).view(layout)
    return np.stack([points[n].astype(np.float64) for n in "xyz"], axis=1)
