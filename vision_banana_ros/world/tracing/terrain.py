"""Hills: z = height(x, y), unbounded.

    height = strip(y) * (A * (2 N(x / L, y / L) - 1) + a * (2 N(x / l, y / l) - 1))

with amplitude A and wavelength L, fine amplitude a and wavelength l, N value noise, and strip(y) rising smoothly from
0 on |y| <= flat to 1 one wavelength further out. |height| <= A + a.
"""

from __future__ import annotations

import math

from vision_banana_ros.world.tracing.noise import noise_with_slope
from vision_banana_ros.world.tracing.vectors import (
    MISS,
    ONE,
    ZERO,
    F,
    Real,
    Table,
    Vector,
    clip,
    device,
    larger,
    smaller,
)

STEPS, REFINEMENTS = 96, 12
FARTHEST_M = F(400)
COARSE_SEED, FINE_SEED = 77, 5
SIZES = 12  # where a part's sizes start in its row


@device
def height_and_slope(x: Real, y: Real, parts: Table, part: int) -> tuple[Real, Real, Real]:
    amplitude, wave = parts[part, SIZES], parts[part, SIZES + 1]
    fine, fine_wave, flat = parts[part, SIZES + 2], parts[part, SIZES + 3], parts[part, SIZES + 4]
    n, nx, ny = noise_with_slope(x / wave, y / wave, COARSE_SEED)
    m, mx, my = noise_with_slope(x / fine_wave, y / fine_wave, FINE_SEED)
    h = amplitude * (F(2) * n - ONE) + fine * (F(2) * m - ONE)
    hx = F(2) * (amplitude * nx / wave + fine * mx / fine_wave)
    hy = F(2) * (amplitude * ny / wave + fine * my / fine_wave)
    if flat <= ZERO:
        return h, hx, hy
    s = clip((abs(y) - flat) / wave, ZERO, ONE)
    strip = s * s * (F(3) - F(2) * s)
    strip_slope = F(6) * s * (ONE - s) / wave * (ONE if y > ZERO else -ONE)
    return h * strip, hx * strip, hy * strip + h * strip_slope


@device
def _above(o: Vector, d: Vector, t: Real, parts: Table, part: int) -> Real:
    return o[2] + t * d[2] - height_and_slope(o[0] + t * d[0], o[1] + t * d[1], parts, part)[0]


@device
def meet_terrain(o: Vector, d: Vector, parts: Table, part: int, near: Real, far: Real) -> tuple[Real, int]:
    """March through the slab |z| <= A + a in steps that shrink near the ground, then bisect the crossing."""
    top = parts[part, SIZES] + parts[part, SIZES + 2] + F(1e-3)
    start, end = larger(near, ZERO), smaller(far, FARTHEST_M)
    if d[2] < F(-1e-9):
        start, end = larger(start, (top - o[2]) / d[2]), smaller(end, (-top - o[2]) / d[2])
    elif o[2] > top:
        return MISS, 0
    elif d[2] > F(1e-9):
        end = smaller(end, (top - o[2]) / d[2])
    below, t = start, start
    gap = _above(o, d, t, parts, part)
    if gap < ZERO:
        return MISS, 0  # starts under ground
    for _ in range(STEPS):
        if t >= end:
            return MISS, 0
        below = t
        t = smaller(t + larger(F(0.6) * gap, F(0.005) + F(0.004) * t), end)
        gap = _above(o, d, t, parts, part)
        if gap <= ZERO:
            break
    if gap > ZERO:
        return MISS, 0
    above, crossed = below, t
    for _ in range(REFINEMENTS):
        middle = F(0.5) * (above + crossed)
        if _above(o, d, middle, parts, part) > ZERO:
            above = middle
        else:
            crossed = middle
    t = F(0.5) * (above + crossed)
    return (t, 0) if near < t < far else (MISS, 0)


@device
def terrain_normal(x: Real, y: Real, parts: Table, part: int) -> Vector:
    _, hx, hy = height_and_slope(x, y, parts, part)
    length = math.sqrt(ONE + hx * hx + hy * hy)
    return -hx / length, -hy / length, ONE / length
