"""CameraInfo to the pinhole camera of an image, and back: the one place that knows what its fields mean.

Convention
    `width`, `height`, K, P, D and `roi` are of the sensor's full resolution. An image shows the region of interest
    (the whole where that is 0x0), each pixel of it the mean of `binning_x` x `binning_y` of the sensor's (0 means 1):

        cx' = (cx - x_offset + 0.5) / binning_x - 0.5        fx' = fx / binning_x

    for K and P alike; pixel centres are whole numbers. An image of the full size is taken for the whole sensor,
    whatever `roi` and `binning` say, and one of the same shape for a resized one.
    P is taken where it is set, as image_geometry does, else K. P[3], P[7] (Tx, Ty: of the second camera of a stereo
    pair, -fx times the baseline) do not move our points, which are in the camera's own frame; they are passed on.
    D, R and the model's name are passed on; nothing is undistorted here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from vision_banana_ros.core import Camera, FrameError

#: Wider or narrower lenses than these are calibrations gone wrong, as are pixels this far from square.
_LEAST_HFOV_DEG, _MOST_HFOV_DEG = 1.0, 175.0
_MOST_ASPECT = 4.0
#: How far outside of the sensor the principal point may lie, as a share of the sensor's size.
_MOST_OFF_CENTRE = 0.5
_FISHEYE = frozenset({"equidistant", "fisheye"})


def camera_from_info(info: CameraInfo, *, width: int, height: int) -> Camera:
    """The pinhole camera of an image of that size. Raises FrameError when the info cannot be meant for it."""
    if info.width <= 0 or info.height <= 0:
        raise FrameError(f"camera_info has no image size ({info.width}x{info.height})")
    p, k = info.p, info.k
    fx, cx, fy, cy = (p[0], p[2], p[5], p[6]) if p[0] else (k[0], k[2], k[4], k[5])
    return _seen_by(_plausible(info, fx, cx, fy, cy), info, width=width, height=height)


def has_distortion(info: CameraInfo) -> bool:
    return any(abs(value) > 1e-9 for value in info.d)


def is_fisheye(info: CameraInfo) -> bool:
    """Its raw image is no pinhole image, not even roughly."""
    return info.distortion_model in _FISHEYE and has_distortion(info)


def info_message(camera: Camera, head: Header, *, like: CameraInfo | None = None) -> CameraInfo:
    """K and P of `camera`, for an image of its size without binning and region; P is never zero.

    Distortion, rectification and baseline are of `like`, the info that the camera was read from, if any.
    """
    info = CameraInfo(header=head, width=camera.width, height=camera.height, distortion_model="plumb_bob", d=[0.0] * 5)
    info.k = _matrix(camera)
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    tx = ty = 0.0
    if like is not None:
        if like.p[0]:
            tx, ty = like.p[3] * camera.fx / like.p[0], like.p[7] * camera.fy / like.p[5]
        if any(like.r):
            info.r = list(like.r)
        if has_distortion(like):
            info.distortion_model, info.d = like.distortion_model, list(like.d)
            info.k = _matrix(_raw_camera(like, camera))
    info.p = [*_matrix(camera)[0:3], tx, *_matrix(camera)[3:6], ty, *_matrix(camera)[6:9], 0.0]
    return info


def _raw_camera(like: CameraInfo, rectified: Camera) -> Camera:
    """K of the distorted image, at the size of the outputs; K and P differ once there is distortion."""
    k = like.k
    if not (k[0] > 0 and k[4] > 0):
        return rectified
    full = Camera(k[0], k[4], k[2], k[5], int(like.width), int(like.height))
    return _seen_by(full, like, width=rectified.width, height=rectified.height)


def _plausible(info: CameraInfo, fx: float, cx: float, fy: float, cy: float) -> Camera:
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


def _seen_by(full: Camera, info: CameraInfo, *, width: int, height: int) -> Camera:
    """The full sensor's camera, for an image of that size: all of it, its region, binned, or resized after that."""
    if (width, height) == (full.width, full.height):
        return full
    camera = _binned(_within_region(full, info), max(1, info.binning_x), max(1, info.binning_y))
    for candidate in (camera, full):
        if abs(candidate.width * height - candidate.height * width) <= 0.01 * candidate.width * height:
            return candidate.scaled_to(width, height)
    raise FrameError(f"camera_info is for {camera.width}x{camera.height} but the image is {width}x{height}")


def _within_region(full: Camera, info: CameraInfo) -> Camera:
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


def _matrix(camera: Camera) -> list[float]:
    return [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]


def _finite(values: Sequence[float]) -> bool:
    return all(math.isfinite(value) for value in values)
