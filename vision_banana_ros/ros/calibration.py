"""The CameraInfo of a frame's outputs; what its fields mean, and reading one, is data/camera_info.py's."""

from __future__ import annotations

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from vision_banana_ros.core import Camera
from vision_banana_ros.data.camera_info import info_fields


def info_message(camera: Camera, head: Header, *, like: CameraInfo | None = None) -> CameraInfo:
    """For an image of the camera's size, without binning and region; `like` is the info that it was read from."""
    info = CameraInfo(header=head, width=camera.width, height=camera.height)
    for name, value in info_fields(camera, like).items():
        setattr(info, name, value)
    return info
