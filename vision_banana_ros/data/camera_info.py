"""What a sensor_msgs/CameraInfo says, as numbers: of a live message or of a recorded one, which have the same fields.

Convention
    K belongs to the image as the sensor gives it, with its distortion D; P to the rectified one, which is a pinhole's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, Camera, FrameError

#: Models of OpenCV's own module, and of its fisheye module.
_BROWN = ("plumb_bob", "rational_polynomial", "")
_FISHEYE = ("equidistant", "fisheye")


def camera_from_info(info: Any, *, width: int, height: int) -> Camera:
    """The pinhole camera of an image of that size. Raises FrameError when the info cannot be meant for it.

    P is taken where it is set, as image_geometry does, else K. Binning, or a region of interest, is applied when the
    image has the size that they lead to; else an image of the same shape is taken for a resized one.
    """
    if info.width <= 0 or info.height <= 0:
        raise FrameError(f"camera_info has no image size ({info.width}x{info.height})")
    p, k = info.p, info.k
    fx, cx, fy, cy = (p[0], p[2], p[5], p[6]) if p[0] else (k[0], k[2], k[4], k[5])
    if not (fx > 0 and fy > 0):
        raise FrameError(f"camera_info is not calibrated (fx={fx}, fy={fy})")
    camera = Camera(float(fx), float(fy), float(cx), float(cy), int(info.width), int(info.height))
    roi = info.roi
    if roi.width and roi.height and (roi.width, roi.height) != (info.width, info.height):
        size = int(roi.width), int(roi.height)
        camera = Camera(camera.fx, camera.fy, camera.cx - roi.x_offset, camera.cy - roi.y_offset, *size)
    same_shape = abs(camera.width * height - camera.height * width) <= 0.01 * camera.width * height
    if not same_shape:
        raise FrameError(f"camera_info is for {camera.width}x{camera.height} but the image is {width}x{height}")
    return camera.scaled_to(width, height)


def has_distortion(info: Any) -> bool:
    return any(abs(value) > 1e-9 for value in info.d)


def rectifier(info: Any, camera: Camera) -> Callable[[AnyArray, int], AnyArray] | None:
    """A function of (image, interpolation) that makes a distorted image the pinhole `camera`'s; None: model unknown.

    Outside of what the lens saw the image becomes 0.
    """
    model = str(info.distortion_model)
    size = (camera.width, camera.height)
    sx, sy = camera.width / info.width, camera.height / info.height
    middle = np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])  # pixel centres are integers, corners are not
    k = np.array([[sx], [sy], [1]]) * (np.array(info.k, np.float64).reshape(3, 3) + middle) - middle
    r = np.array(info.r, np.float64).reshape(3, 3)
    r = r if abs(np.linalg.det(r)) > 0.5 else np.eye(3)
    wanted = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    d = np.array(info.d, np.float64)
    if model in _BROWN:
        maps = cv2.initUndistortRectifyMap(k, d, r, wanted, size, cv2.CV_16SC2)
    elif model in _FISHEYE:
        maps = cv2.fisheye.initUndistortRectifyMap(k, d[:4], r, wanted, size, cv2.CV_16SC2)
    else:
        return None
    return lambda image, how: np.asarray(cv2.remap(image, maps[0], maps[1], how))
