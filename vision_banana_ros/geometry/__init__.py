"""Cameras from rays, point clouds, edges, scale."""

from vision_banana_ros.geometry.cloud import (
    CLOUD_DTYPE,
    CLOUD_FIELDS,
    POINT_STEP,
    Field,
    pack_cloud,
    project,
    unproject,
)

__all__ = [
    "CLOUD_DTYPE",
    "CLOUD_FIELDS",
    "POINT_STEP",
    "Field",
    "pack_cloud",
    "project",
    "unproject",
]
