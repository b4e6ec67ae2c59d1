"""What CameraInfo means for an image: cached, checked, and used only when it can be meant for it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from sensor_msgs.msg import CameraInfo

from vision_banana_ros.core import Frame, FrameError
from vision_banana_ros.data.camera_info import camera_from_info, has_distortion, is_fisheye


@dataclass(frozen=True, slots=True, eq=False)
class Posed:
    """A frame, with a camera if `info` gave it one; `problem` is for a human, empty when all is well."""

    frame: Frame
    info: CameraInfo | None = None
    problem: str = ""


def with_given_camera(frame: Frame, info: CameraInfo | None, *, topic: str) -> Posed:
    """`topic` is the image's full name: by custom it tells whether the image is rectified already."""
    if info is None:
        return Posed(frame)
    try:
        camera = camera_from_info(info, width=frame.hw[1], height=frame.hw[0])
    except FrameError as error:
        return Posed(frame, problem=f"{error}: not used")
    problem = ""
    if "rect" not in topic and is_fisheye(info):
        problem = "a fisheye image is no pinhole image, depth and cloud are wrong: subscribe to a rectified image"
    elif "rect" not in topic and has_distortion(info):
        problem = "image is distorted, the cloud bends with it: subscribe to a rectified image"
    return Posed(dataclasses.replace(frame, camera=camera), info, problem)
