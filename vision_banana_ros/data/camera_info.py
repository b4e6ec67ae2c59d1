"""CameraInfo to the pinhole camera of an image: of a live message or of a recorded one, which have the same fields.

Convention
    `width`, `height`, K, P, D and `roi` are of the sensor's full resolution. An image shows the region of interest
    (the whole where that is 0x0), each pixel of it the mean of `binning_x` x `binning_y` of the sensor's (0 means 1):

        cx' = (cx - x_offset + 0.5) / binning_x - 0.5        fx' = fx / binning_x

    for K and P alike; pixel centres are whole numbers. An image of the full size is taken for the whole sensor,
    whatever `roi` and `binning` say, and one of the same shape for a resized one.
    P is taken where it is set, as image_geometry does, else K. P[3], P[7] (Tx, Ty: of the second camera of a stereo
    pair, -fx times the baseline) do not move our points, which are in the camera's own frame; they are passed on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, Camera, FrameError

#: Wider or narrower lenses than these are calibrations gone wrong, as are pixels this far from square.
_LEAST_HFOV_DEG, _MOST_HFOV_DEG = 1.0, 175.0
_MOST_ASPECT = 4.0
#: How far outside of the sensor the principal point may lie, as a share of the sensor's size.
_MOST_OFF_CENTRE = 0.5
#: Models of OpenCV's own module, and of its fisheye module.
_BROWN = frozenset({"plumb_bob", "rational_polynomial", ""})
_FISHEYE = frozenset({"equidistant", "fisheye"})


def camera_from_info(info: Any, *, width: int, height: int) -> Camera:
    """The pinhole camera of an image of that size. Raises FrameError when the info cannot be meant for it."""
    if info.width <= 0 or info.height <= 0:
        raise FrameError(f"camera_info has no image size ({info.width}x{info.height})")
    p, k = info.p, info.k
    fx, cx, fy, cy = (p[0], p[2], p[5], p[6]) if p[0] else (k[0], k[2], k[4], k[5])
    return seen_by(_plausible(info, fx, cx, fy, cy), info, width=width, height=height)


def has_distortion(info: Any) -> bool:
    return any(abs(value) > 1e-9 for value in info.d)


def is_fisheye(info: Any) -> bool:
    """Its raw image is no pinhole image, not even roughly."""
    return info.distortion_model in _FISHEYE and has_distortion(info)


def info_fields(camera: Camera, like: Any = None) -> dict[str, Any]:
    """distortion_model, d, k, r and p of an image that shows what `camera` sees; P is never zero.

    Distortion, rectification and baseline are passed on from `like`, the info that the camera was read from.
    """
    model, d, r, k = "plumb_bob", [0.0] * 5, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], _matrix(camera)
    tx = ty = 0.0
    if like is not None:
        if like.p[0]:
            tx, ty = float(like.p[3] * camera.fx / like.p[0]), float(like.p[7] * camera.fy / like.p[5])
        if any(like.r):
            r = [float(value) for value in like.r]
        if has_distortion(like):
            model, d = str(like.distortion_model), [float(value) for value in like.d]
            k = _matrix(_raw_camera(like, camera))
    at = _matrix(camera)
    return {"distortion_model": model, "d": d, "k": k, "r": r, "p": [*at[0:3], tx, *at[3:6], ty, *at[6:9], 0.0]}


def _raw_camera(like: Any, rectified: Camera) -> Camera:
    """K of the distorted image, at the size of the outputs; K and P differ once there is distortion."""
    k = like.k
    if not (k[0] > 0 and k[4] > 0):
        return rectified
    full = Camera(float(k[0]), float(k[4]), float(k[2]), float(k[5]), int(like.width), int(like.height))
    return seen_by(full, like, width=rectified.width, height=rectified.height)


def _matrix(camera: Camera) -> list[float]:
    return [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]


def _plausible(info: Any, fx: float, cx: float, fy: float, cy: float) -> Camera:
    """The camera of the full sensor; FrameError for figures that no lens has."""
    if not (fx > 0 and fy > 0):
        raise FrameError(f"camera_info is not calibrated (fx={fx}, fy={fy})")
    for name, values in (("K", info.k), ("P", info.p), ("D", info.d), ("R", info.r)):
        if not _finite(values):
            raise FrameError(f"camera_info is no calibration: {name} has values that are no numbers")
    width, height = int(info.width), int(info.height)
    hfov_deg = 2 * math.degrees(math.atan(width / 2 / fx))
    if not _LEAST_HFOV_DEG <= hfov_deg <= _MOST_HFOV_DEG:
        raise FrameError(f"camera_info is no calibration: fx={fx:g} sees {hfov_deg:.3g} degrees of {width} pixels")
    if not 1 / _MOST_ASPECT <= fx / fy <= _MOST_ASPECT:
        raise FrameError(f"camera_info is no calibration: fx={fx:g} and fy={fy:g} are of different lenses")
    for name, centre, size in (("cx", cx, width), ("cy", cy, height)):
        if not -_MOST_OFF_CENTRE * size <= centre <= (1 + _MOST_OFF_CENTRE) * size:
            raise FrameError(f"camera_info is no calibration: {name}={centre:g} is far outside of {size} pixels")
    return Camera(float(fx), float(fy), float(cx), float(cy), width, height)


def seen_by(full: Camera, info: Any, *, width: int, height: int) -> Camera:
    """The full sensor's camera, for an image of that size: all of it, its region, binned, or resized after that."""
    if (width, height) == (full.width, full.height):
        return full
    camera = _binned(_within_region(full, info), max(1, info.binning_x), max(1, info.binning_y))
    for candidate in (camera, full):
        if abs(candidate.width * height - candidate.height * width) <= 0.01 * candidate.width * height:
            return candidate.scaled_to(width, height)
    raise FrameError(f"camera_info is for {camera.width}x{camera.height} but the image is {width}x{height}")


def _within_region(full: Camera, info: Any) -> Camera:
    roi = info.roi
    if not (roi.width and roi.height):
        return full
    if roi.x_offset + roi.width > full.width or roi.y_offset + roi.height > full.height:
        raise FrameError(
            f"camera_info's region {roi.width}x{roi.height} at {roi.x_offset}, {roi.y_offset} "
            f"is not within {full.width}x{full.height}"
        )
    return Camera(full.fx, full.fy, full.cx - roi.x_offset, full.cy - roi.y_offset, int(roi.width), int(roi.height))


def _binned(camera: Camera, x: int, y: int) -> Camera:
    """Each pixel the mean of x by y. What is left over at the right and below is not seen, so nothing is stretched."""
    if x == y == 1:
        return camera
    cx, cy = (camera.cx + 0.5) / x - 0.5, (camera.cy + 0.5) / y - 0.5
    return Camera(camera.fx / x, camera.fy / y, cx, cy, max(1, camera.width // x), max(1, camera.height // y))


def _finite(values: Sequence[float]) -> bool:
    return all(math.isfinite(value) for value in values)


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
