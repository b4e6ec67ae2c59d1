"""Where the floor is below a camera, as the parameters or the transforms say: for the heights that a costmap wants."""

from __future__ import annotations

from vision_banana_ros.core import Frame
from vision_banana_ros.geometry.sparse import Heights
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.pose import TO_OPTICAL, Place
from vision_banana_ros.ros.transforms import Transforms


def heights_kept(settings: Settings, frame: Frame, transforms: Transforms) -> Heights | None:
    """The band of points/nav2; None where all heights stay. FrameError where the camera's place cannot be looked up."""
    if settings.nav2_max_height_m <= 0:
        return None
    place = Place.of(settings.camera_pose, needs_frame=True)
    band = settings.nav2_min_height_m, settings.nav2_max_height_m
    if place.by_transforms:
        turn, shift = transforms.pose(frame.frame_id, place.frame, frame.stamp_ns)
        up = turn[2]
    elif place.is_known:
        turn, shift = place.pose
        up = TO_OPTICAL @ turn[2]
    else:
        return Heights(*band, settings.camera_height_m)
    return Heights(*band, float(shift[2]), (float(up[0]), float(up[1]), float(up[2])))
