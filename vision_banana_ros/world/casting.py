"""Rays met in closed form by the inside of a room, by boxes and by spheres.

Rays have z = 1 in the optical frame, so that the ray parameter of a hit IS its depth along z (REP 118):

    room    exit of the box:   t = min over axes of ((d > 0 ? max : min) - o) / d
    box     entry of the box:  t = max over axes of ((d > 0 ? min : max) - o) / d, met when it comes before the exit
    sphere  |o + t d - c| = r: t = (b - sqrt(b^2 - |d|^2 (|o - c|^2 - r^2))) / |d|^2 with b = d . (c - o)

Convention
    Rays are given as (3, H, W) float32, turned into the world: x right, y down, z into the room, metres.
    A hit is a depth (H, W), NaN where nothing is met, negative behind the camera; and world normals (3, H, W).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vision_banana_ros.core import Camera, FloatArray, UInt8Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Solid:
    """A sphere when `radius` is set, else a box turned by `yaw` about the vertical."""

    class_id: int
    instance_id: int
    color: tuple[int, int, int]
    center: tuple[float, float, float]
    half: tuple[float, float, float] = (0.0, 0.0, 0.0)
    yaw: float = 0.0
    radius: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Hit:
    depth: FloatArray
    normals: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class RoomHit:
    """`face` 0 to 5: x max, x min, y max (floor), y min (ceiling), z max, z min."""

    depth: FloatArray
    face: UInt8Array


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Camera in the world: a point is p_world = rotation @ p_camera + position."""

    position: FloatArray
    rotation: FloatArray


def meet(solid: Solid, pose: Pose, rays: FloatArray) -> Hit:
    """Where rays from the camera enter a solid."""
    return _meet_sphere(solid, pose, rays) if solid.radius else _meet_box(solid, pose, rays)


def meet_room(low: FloatArray, high: FloatArray, pose: Pose, rays: FloatArray) -> RoomHit:
    """Where rays from a camera inside the box from `low` to `high` leave it."""
    positive = rays > 0
    bounds = np.where(positive, high[:, None, None], low[:, None, None])
    with np.errstate(divide="ignore"):
        exits = np.abs(bounds - pose.position[:, None, None]) / np.abs(rays)  # parallel to a face: never met, +inf
    axis = np.where(exits[0] < exits[1], 0, 1).astype(np.uint8)
    depth = np.minimum(exits[0], exits[1])
    axis[exits[2] < depth] = 2
    np.minimum(depth, exits[2], out=depth)
    return RoomHit(depth, 2 * axis + 1 - np.choose(axis, tuple(positive)).astype(np.uint8))


def room_normals() -> FloatArray:
    """(6, 3): what the faces of a room face, by their number."""
    signs = np.array((-1, 1) * 3, np.float32)
    return np.repeat(np.eye(3, dtype=np.float32), 2, axis=0) * signs[:, None]


def screen_window(solid: Solid, pose: Pose, camera: Camera) -> tuple[slice, slice] | None:
    """Rows and columns that contain the solid: the projected corners of a cube around it. None: out of sight."""
    reach = solid.radius or math.hypot(*solid.half)
    middle = pose.rotation.T @ (np.array(solid.center, np.float32) - pose.position)
    if middle[2] + reach <= 0:
        return None
    if middle[2] - reach <= 0.05:
        return slice(0, camera.height), slice(0, camera.width)
    corners = middle[:, None] + reach * np.array(np.meshgrid((-1, 1), (-1, 1), (-1, 1))).reshape(3, 8)
    columns = _clipped(corners[0] / corners[2] * camera.fx + camera.cx, camera.width)
    rows = _clipped(corners[1] / corners[2] * camera.fy + camera.cy, camera.height)
    return None if rows is None or columns is None else (rows, columns)


def _clipped(values: FloatArray, size: int) -> slice | None:
    first, last = max(0, math.floor(values.min())), min(size - 1, math.ceil(values.max()))
    return slice(first, last + 1) if first <= last else None


def _meet_sphere(solid: Solid, pose: Pose, rays: FloatArray) -> Hit:
    # float64: b^2 and the other term nearly cancel for small far spheres.
    offset = np.array(solid.center, np.float64) - pose.position
    directions = rays.astype(np.float64)
    a = np.einsum("chw,chw->hw", directions, directions)
    b = np.einsum("chw,c->hw", directions, offset)
    with np.errstate(invalid="ignore"):
        depth = (b - np.sqrt(b * b - a * (offset @ offset - solid.radius**2))) / a
    normals = (depth * directions - offset[:, None, None]) / solid.radius
    return Hit(depth.astype(np.float32), normals.astype(np.float32))


def _meet_box(solid: Solid, pose: Pose, rays: FloatArray) -> Hit:
    cos, sin = math.cos(solid.yaw), math.sin(solid.yaw)
    to_box = np.array(((cos, 0, -sin), (0, 1, 0), (sin, 0, cos)), np.float32)
    origin = to_box @ (pose.position - np.array(solid.center, np.float32))
    directions = (to_box @ rays.reshape(3, -1)).reshape(rays.shape)
    half = np.array(solid.half, np.float32)[:, None, None]
    directions[directions == 0] = 1e-20  # a ray parallel to a face passes it far away, on the right side
    middle = -origin[:, None, None] / directions
    reach = half / np.abs(directions)
    entries = middle - reach
    depth = entries.max(axis=0)
    axis = entries.argmax(axis=0)
    depth[depth > (middle + reach).min(axis=0)] = np.nan
    normals = np.zeros_like(rays)
    signs = -np.sign(np.take_along_axis(directions, axis[None], axis=0))
    np.put_along_axis(normals, axis[None], signs, axis=0)
    return Hit(depth, (to_box.T @ normals.reshape(3, -1)).reshape(rays.shape))
