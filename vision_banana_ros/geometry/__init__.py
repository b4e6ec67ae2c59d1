"""Cameras from rays, point clouds, edges, scale."""

from vision_banana_ros.geometry.anchor import AnchorFilter, AnchorFit, DepthKind, floor_depth, sparse_depth
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
from vision_banana_ros.geometry.floor import Plane
from vision_banana_ros.geometry.scale import (
    NO_SCALE,
    ScaleEstimate,
    ScaleFilter,
    scale_from_height,
    scale_from_range,
)

__all__ = [
    "CLOUD_DTYPE",
    "CLOUD_FIELDS",
    "NO_SCALE",
    "POINT_STEP",
    "AnchorFilter",
    "AnchorFit",
    "CameraFilter",
    "DepthKind",
    "Field",
    "Plane",
    "RecoveredCamera",
    "ScaleEstimate",
    "ScaleFilter",
    "camera_from_rays",
    "floor_depth",
    "flying_pixels",
    "pack_cloud",
    "project",
    "scale_from_height",
    "scale_from_range",
    "sparse_depth",
    "unproject",
    "upsample_confidence",
    "upsample_depth",
    "upsample_labels",
    "upsample_normals",
]
