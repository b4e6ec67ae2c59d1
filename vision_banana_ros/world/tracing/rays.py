"""From pixels to directions.

Convention
    (u, v) = ((x - cx) / fx, (y - cy) / fy) are normalised image coordinates; directions are optical: x right, y down,
    z forward, and so is depth: t * direction z. Lens models and coefficients are OpenCV's:
    Brown      u_d = u (1 + k1 r^2 + k2 r^4 + k3 r^6) + 2 p1 u v + p2 (r^2 + 2 u^2), v_d likewise
    fisheye    radius_d = theta (1 + k1 theta^2 + k2 theta^4 + k3 theta^6 + k4 theta^8), theta the angle to the axis
"""

from __future__ import annotations

import math

from vision_banana_ros.world.scene import LensKind
from vision_banana_ros.world.tracing.layout import (
    CX,
    CY,
    DOWN,
    FORWARD,
    FX,
    FY,
    LENS,
    LENS_COEFFICIENTS,
    RIGHT,
    World,
)
from vision_banana_ros.world.tracing.vectors import ONE, ZERO, F, Real, Vector, device, unit

BROWN, FISHEYE = int(LensKind.BROWN), int(LensKind.FISHEYE)
ROUNDS = 12
EYE = (ZERO, ZERO, ZERO)  # a `World` lies about its camera
NEAREST_M = F(1e-3)


@device
def optical_direction(world: World, x: Real, y: Real) -> Vector:
    """The unit direction seen at pixel (x, y); integers are pixel centres."""
    s = world.settings
    u, v = (x - s[CX]) / s[FX], (y - s[CY]) / s[FY]
    lens = int(s[LENS])
    if lens == BROWN:
        u, v = _undo_brown(u, v, s)
    elif lens == FISHEYE:
        return _undo_fisheye(u, v, s)
    return unit((u, v, ONE))


@device
def to_world(world: World, d: Vector) -> Vector:
    s = world.settings
    return (
        d[0] * s[RIGHT] + d[1] * s[DOWN] + d[2] * s[FORWARD],
        d[0] * s[RIGHT + 1] + d[1] * s[DOWN + 1] + d[2] * s[FORWARD + 1],
        d[0] * s[RIGHT + 2] + d[1] * s[DOWN + 2] + d[2] * s[FORWARD + 2],
    )


@device
def to_optical(world: World, v: Vector) -> Vector:
    s = world.settings
    return (
        v[0] * s[RIGHT] + v[1] * s[RIGHT + 1] + v[2] * s[RIGHT + 2],
        v[0] * s[DOWN] + v[1] * s[DOWN + 1] + v[2] * s[DOWN + 2],
        v[0] * s[FORWARD] + v[1] * s[FORWARD + 1] + v[2] * s[FORWARD + 2],
    )


@device
def _undo_brown(ud: Real, vd: Real, s: Vector) -> tuple[Real, Real]:
    """The distortion is small and smooth, so a fixed-point iteration finds where it came from."""
    k = LENS_COEFFICIENTS
    k1, k2, p1, p2, k3 = s[k], s[k + 1], s[k + 2], s[k + 3], s[k + 4]
    u, v = ud, vd
    for _ in range(ROUNDS):
        r2 = u * u + v * v
        radial = ONE + r2 * (k1 + r2 * (k2 + r2 * k3))
        du = F(2) * p1 * u * v + p2 * (r2 + F(2) * u * u)
        dv = p1 * (r2 + F(2) * v * v) + F(2) * p2 * u * v
        u, v = (ud - du) / radial, (vd - dv) / radial
    return u, v


@device
def _undo_fisheye(u: Real, v: Real, s: Vector) -> Vector:
    """Newton's method for theta, from the undistorted guess."""
    k = LENS_COEFFICIENTS
    k1, k2, k3, k4 = s[k], s[k + 1], s[k + 2], s[k + 3]
    radius = math.sqrt(u * u + v * v)
    if radius < F(1e-9):
        return ZERO, ZERO, ONE
    theta = radius
    for _ in range(ROUNDS):
        t2 = theta * theta
        value = theta * (ONE + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4)))) - radius
        slope = ONE + t2 * (F(3) * k1 + t2 * (F(5) * k2 + t2 * (F(7) * k3 + t2 * F(9) * k4)))
        theta -= value / slope
    side = math.sin(theta) / radius
    return u * side, v * side, math.cos(theta)
