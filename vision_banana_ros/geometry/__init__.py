"""Cameras from rays, point clouds, edges, scale."""

from vision_banana_ros.geometry.camera import CameraFilter, RecoveredCamera, camera_from_rays
from vision_banana_ros.geometry.cloud import (
    CLOUD_DTYPE,
    CLOUD_FIELDS,
    POINT_STEP,
    Field,
    pack_cloud,
    project,
    unproject,
)
from vision_banana_ros.geometry.edges import (
    flying_pixels,
    upsample_confidence,
    upsample_depth,
    upsample_labels,
    upsample_normals,
)

__all__ = [
    "CLOUD_DTYPE",
    "CLOUD_FIELDS",
    "POINT_STEP",
    "CameraFilter",
    "Field",
    "RecoveredCamera",
    "camera_from_rays",
    "flying_pixels",
    "pack_cloud",
    "project",
    "unproject",
    "upsample_confidence",
    "upsample_depth",
    "upsample_labels",
    "upsample_normals",
]
