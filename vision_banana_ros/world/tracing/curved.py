"""Where a ray meets ellipsoids, cones, capsules, tubes and foliage, in the shape's own frame; returns as in `flat`.

The caller moves the origin to the ray's closest approach to the shape's centre first. Only then do the quadratics
keep their accuracy in float32 for small things far away: |o|^2 - r^2 would otherwise lose r.
"""

from __future__ import annotations

import math

from vision_banana_ros.world.tracing.noise import value_noise
from vision_banana_ros.world.tracing.vectors import MISS, ONE, ZERO, F, Real, Vector, along, device, dot, times

SKIN, INSIDE, CAP_TOP, CAP_BOTTOM = 0, 1, 2, 3


@device
def _roots(a: Real, b: Real, c: Real) -> tuple[Real, Real]:
    """Both solutions of a t^2 + 2 b t + c = 0 in the form that does not cancel; MISS, MISS where there is none."""
    d = b * b - a * c
    if d < ZERO:
        return MISS, MISS
    q = -b - math.sqrt(d) if b > ZERO else -b + math.sqrt(d)
    if q == ZERO:
        return ZERO, ZERO
    other = c / q
    if abs(a) < F(1e-12):
        return other, MISS
    first = q / a
    return (first, other) if first < other else (other, first)


@device
def _ellipsoid_roots(o: Vector, d: Vector, hx: Real, hy: Real, hz: Real) -> tuple[Real, Real]:
    p = o[0] / hx, o[1] / hy, o[2] / hz
    v = d[0] / hx, d[1] / hy, d[2] / hz
    a = dot(v, v)
    # Once more to the closest approach, now in the space where the shape is a unit ball.
    middle = -dot(p, v) / a
    room = ONE - dot(along(p, v, middle), along(p, v, middle))
    if room < ZERO:
        return MISS, MISS
    half = math.sqrt(room / a)
    return middle - half, middle + half


@device
def meet_ellipsoid(
    o: Vector, d: Vector, hx: Real, hy: Real, hz: Real, cut: Real, near: Real, far: Real
) -> tuple[Real, int]:
    first, second = _ellipsoid_roots(o, d, hx, hy, hz)
    if first == MISS:
        return MISS, SKIN
    if cut >= ONE:
        return (first, SKIN) if near < first < far else (MISS, SKIN)
    if near < first < far and o[2] + first * d[2] <= cut * hz:
        return first, SKIN
    if near < second < far and o[2] + second * d[2] <= cut * hz:
        return second, INSIDE
    return MISS, SKIN


@device
def meet_foliage(
    o: Vector, d: Vector, hx: Real, hy: Real, hz: Real, cell: Real, fill: Real, near: Real, far: Real
) -> tuple[Real, int]:
    """An ellipsoid's skin, there only where noise says so."""
    first, second = _ellipsoid_roots(o, d, hx, hy, hz)
    if first == MISS:
        return MISS, SKIN
    bar = F(0.5) + F(0.8) * (F(0.5) - fill)
    if near < first < far and value_noise(times(along(o, d, first), ONE / cell), 11) > bar:
        return first, SKIN
    if near < second < far and value_noise(times(along(o, d, second), ONE / cell), 11) > bar:
        return second, INSIDE
    return MISS, SKIN


@device
def _nearer_skin(
    o: Vector, d: Vector, r0: Real, slope: Real, half: Real, outward: Real, near: Real, best: Real
) -> Real:
    """First t in (near, best) where the ray meets the cone radius(z) = r0 + slope z, |z| <= half, from the side that
    faces it: from outside for outward = 1, from inside for -1. `best` when there is none."""
    m = r0 + slope * o[2]
    a = d[0] * d[0] + d[1] * d[1] - slope * slope * d[2] * d[2]
    b = o[0] * d[0] + o[1] * d[1] - m * slope * d[2]
    c = o[0] * o[0] + o[1] * o[1] - m * m
    first, second = _roots(a, b, c)
    for t in (first, second):
        if near < t < best:
            z = o[2] + t * d[2]
            radius = r0 + slope * z
            if abs(z) <= half and radius >= ZERO:
                facing = (o[0] + t * d[0]) * d[0] + (o[1] + t * d[1]) * d[1] - radius * slope * d[2]
                if facing * outward < ZERO:
                    best = t
    return best


@device
def _nearer_cap(o: Vector, d: Vector, half: Real, inner: Real, outer: Real, near: Real, best: Real) -> Real:
    """The same for the ring inner..outer at z = half (or -half), seen from beyond it."""
    if d[2] * half >= ZERO:
        return best
    t = (half - o[2]) / d[2]
    if near < t < best:
        x, y = o[0] + t * d[0], o[1] + t * d[1]
        if inner * inner <= x * x + y * y <= outer * outer:
            return t
    return best


@device
def meet_frustum(o: Vector, d: Vector, r0: Real, r1: Real, half: Real, near: Real, far: Real) -> tuple[Real, int]:
    best, face = _nearer_skin(o, d, F(0.5) * (r0 + r1), F(0.5) * (r1 - r0) / half, half, ONE, near, far), SKIN
    t = _nearer_cap(o, d, half, ZERO, r1, near, best)
    if t < best:
        best, face = t, CAP_TOP
    t = _nearer_cap(o, d, -half, ZERO, r0, near, best)
    if t < best:
        best, face = t, CAP_BOTTOM
    return (best, face) if best < far else (MISS, face)


@device
def meet_tube(
    o: Vector, d: Vector, r0: Real, r1: Real, half: Real, wall: Real, near: Real, far: Real
) -> tuple[Real, int]:
    middle, slope = F(0.5) * (r0 + r1), F(0.5) * (r1 - r0) / half
    best, face = _nearer_skin(o, d, middle, slope, half, ONE, near, far), SKIN
    t = _nearer_skin(o, d, middle - wall, slope, half, -ONE, near, best)
    if t < best:
        best, face = t, INSIDE
    t = _nearer_cap(o, d, half, r1 - wall, r1, near, best)
    if t < best:
        best, face = t, CAP_TOP
    t = _nearer_cap(o, d, -half, r0 - wall, r0, near, best)
    if t < best:
        best, face = t, CAP_BOTTOM
    return (best, face) if best < far else (MISS, face)


@device
def meet_capsule(o: Vector, d: Vector, radius: Real, half: Real, near: Real, far: Real) -> tuple[Real, int]:
    best, face = _nearer_skin(o, d, radius, ZERO, half, ONE, near, far), SKIN
    for end in (half, -half):
        z = o[2] - end
        b = o[0] * d[0] + o[1] * d[1] + z * d[2]
        px, py, pz = o[0] - b * d[0], o[1] - b * d[1], z - b * d[2]
        room = radius * radius - (px * px + py * py + pz * pz)
        if room > ZERO:
            t = -b - math.sqrt(room)
            if near < t < best and abs(o[2] + t * d[2]) >= half:
                best, face = t, CAP_TOP if end > ZERO else CAP_BOTTOM
    return (best, face) if best < far else (MISS, face)


@device
def cone_normal(p: Vector, r0: Real, r1: Real, half: Real, face: int) -> Vector:
    """Outward normal of frustum or tube, not of unit length."""
    if face == CAP_TOP:
        return ZERO, ZERO, ONE
    if face == CAP_BOTTOM:
        return ZERO, ZERO, -ONE
    slope = F(0.5) * (r1 - r0) / half
    length = math.sqrt(p[0] * p[0] + p[1] * p[1])
    sign = -ONE if face == INSIDE else ONE
    return sign * p[0], sign * p[1], -sign * slope * length


@device
def capsule_normal(p: Vector, half: Real, face: int) -> Vector:
    if face == CAP_TOP:
        return p[0], p[1], p[2] - half
    if face == CAP_BOTTOM:
        return p[0], p[1], p[2] + half
    return p[0], p[1], ZERO
