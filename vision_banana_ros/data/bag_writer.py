"""Writes ROS 2 bags without ROS: what a camera driver, a depth camera and a LiDAR would have published.

    with BagWriter(Path("drive"), storage="mcap") as bag:
        bag.image("/camera/image_raw", rgb, stamp_ns=0, frame_id="camera_optical_frame")
        bag.info("/camera/camera_info", camera, stamp_ns=0, frame_id="camera_optical_frame")

`log_ns` is when the recorder got a message; the stamp where it is not given.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import AnyArray, Camera, DataError, FloatArray, UInt8Array, require_package

_FLOAT32 = 7


class BagWriter:
    """A context; the bag is whole when it is left."""

    def __init__(self, path: Path, *, storage: str = "mcap") -> None:
        require_package("rosbags", extra="bags", purpose="Writing ROS 2 bags")
        from rosbags.rosbag2 import StoragePlugin, Writer
        from rosbags.typesys import Stores, get_typestore

        if path.exists():
            raise DataError(f"{path} is there already: name a bag that is not")
        self._store: Any = get_typestore(Stores.ROS2_JAZZY)
        self._writer: Any = Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()])
        self._topics: dict[str, Any] = {}

    def __enter__(self) -> BagWriter:
        self._writer.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def image(
        self,
        topic: str,
        pixels: AnyArray,
        *,
        stamp_ns: int,
        frame_id: str,
        encoding: str = "rgb8",
        log_ns: int | None = None,
    ) -> None:
        """`pixels` (H, W) or (H, W, C) as `encoding` has them, little-endian."""
        image = np.ascontiguousarray(pixels)
        height, width = image.shape[:2]
        data = image.reshape(-1).view(np.uint8)
        message = self._type("sensor_msgs/msg/Image")(
            header=self._header(stamp_ns, frame_id),
            height=height,
            width=width,
            encoding=encoding,
            is_bigendian=0,
            step=data.size // height,
            data=data,
        )
        self._write(topic, "sensor_msgs/msg/Image", message, stamp_ns if log_ns is None else log_ns)

    def compressed(
        self,
        topic: str,
        rgb: UInt8Array,
        *,
        stamp_ns: int,
        frame_id: str,
        suffix: str = ".jpg",
        log_ns: int | None = None,
    ) -> None:
        ok, data = cv2.imencode(suffix, rgb[..., ::-1])
        if not ok:
            raise DataError(f"an image of {rgb.shape} cannot be written as {suffix}")
        self.compressed_bytes(
            topic, data.reshape(-1), stamp_ns=stamp_ns, frame_id=frame_id, form=suffix[1:], log_ns=log_ns
        )

    def compressed_bytes(
        self, topic: str, data: UInt8Array, *, stamp_ns: int, frame_id: str, form: str, log_ns: int | None = None
    ) -> None:
        name = "sensor_msgs/msg/CompressedImage"
        message = self._type(name)(header=self._header(stamp_ns, frame_id), format=form, data=data)
        self._write(topic, name, message, stamp_ns if log_ns is None else log_ns)

    def depth(
        self, topic: str, depth_m: FloatArray, *, stamp_ns: int, frame_id: str, log_ns: int | None = None
    ) -> None:
        """16UC1, millimetres; 0 where it is not finite or beyond 65 m."""
        millimetres = np.nan_to_num(depth_m * 1000, nan=0, posinf=0, neginf=0)
        millimetres[millimetres > 65535] = 0
        self.image(
            topic,
            np.rint(millimetres).astype("<u2"),
            stamp_ns=stamp_ns,
            frame_id=frame_id,
            encoding="16UC1",
            log_ns=log_ns,
        )

    def info(
        self,
        topic: str,
        camera: Camera,
        *,
        stamp_ns: int,
        frame_id: str,
        distortion: Sequence[float] = (0.0,) * 5,
        model: str = "plumb_bob",
        log_ns: int | None = None,
    ) -> None:
        matrix = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
        name = "sensor_msgs/msg/CameraInfo"
        roi = self._type("sensor_msgs/msg/RegionOfInterest")(0, 0, 0, 0, False)
        message = self._type(name)(
            header=self._header(stamp_ns, frame_id),
            height=camera.height,
            width=camera.width,
            distortion_model=model,
            d=np.array(distortion, np.float64),
            k=np.array(matrix),
            r=np.eye(3).reshape(-1),
            p=np.array([*matrix[0:3], 0.0, *matrix[3:6], 0.0, *matrix[6:9], 0.0]),
            binning_x=0,
            binning_y=0,
            roi=roi,
        )
        self._write(topic, name, message, stamp_ns if log_ns is None else log_ns)

    def cloud(
        self, topic: str, points: npt.NDArray[np.float32], *, stamp_ns: int, frame_id: str, log_ns: int | None = None
    ) -> None:
        """`points` (N, 3), unorganised, as a LiDAR's driver sends them."""
        field, name = self._type("sensor_msgs/msg/PointField"), "sensor_msgs/msg/PointCloud2"
        message = self._type(name)(
            header=self._header(stamp_ns, frame_id),
            height=1,
            width=len(points),
            fields=[field(name=axis, offset=4 * i, datatype=_FLOAT32, count=1) for i, axis in enumerate("xyz")],
            is_bigendian=False,
            point_step=12,
            row_step=12 * len(points),
            data=np.ascontiguousarray(points, "<f4").reshape(-1).view(np.uint8),
            is_dense=True,
        )
        self._write(topic, name, message, stamp_ns if log_ns is None else log_ns)

    def static_transform(
        self,
        parent: str,
        child: str,
        translation: Sequence[float],
        rotation: Sequence[float] = (0.0, 0.0, 0.0, 1.0),
        *,
        log_ns: int = 0,
    ) -> None:
        """The pose of `child` in `parent`; quaternion x, y, z, w."""
        transform = self._type("geometry_msgs/msg/Transform")(
            translation=self._type("geometry_msgs/msg/Vector3")(*map(float, translation)),
            rotation=self._type("geometry_msgs/msg/Quaternion")(*map(float, rotation)),
        )
        link = self._type("geometry_msgs/msg/TransformStamped")(
            header=self._header(log_ns, parent), child_frame_id=child, transform=transform
        )
        self._write("/tf_static", "tf2_msgs/msg/TFMessage", self._type("tf2_msgs/msg/TFMessage")([link]), log_ns)

    def _type(self, name: str) -> Any:
        return self._store.types[name]

    def _header(self, stamp_ns: int, frame_id: str) -> Any:
        time = self._type("builtin_interfaces/msg/Time")(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        return self._type("std_msgs/msg/Header")(stamp=time, frame_id=frame_id)

    def _write(self, topic: str, name: str, message: Any, log_ns: int) -> None:
        if topic not in self._topics:
            self._topics[topic] = self._writer.add_connection(topic, name, typestore=self._store)
        self._writer.write(self._topics[topic], log_ns, self._store.serialize_cdr(message, name))
