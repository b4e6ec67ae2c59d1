"""Hashes and value noise: random numbers that depend on where, not on when, so any thread may compute them.

Integers are kept below 2**32 by masks, so that plain Python, CPU and CUDA agree to the bit.
"""

from __future__ import annotations

from vision_banana_ros.world.tracing.vectors import ONE, F, Real, Vector, device, floor, times

MASK = 0xFFFFFFFF
TO_UNIT = F(1 / 2**32)
TO_UNIT_24 = F(1 / 2**24)


@device
def scramble(x: int) -> int:
    """A 32-bit integer hash (Wellons' lowbias32)."""
    x = (x ^ (x >> 16)) * 0x7FEB352D & MASK
    x = (x ^ (x >> 15)) * 0x846CA68B & MASK
    return x ^ (x >> 16)


@device
def unit_float(bits: int) -> Real:
    """32 random bits as a float32 in [0, 1)."""
    return F(bits >> 8) * TO_UNIT_24


@device
def cell_hash(x: int, y: int, z: int, seed: int) -> int:
    key = (x * 73856093) ^ (y * 19349663) ^ (z * 83492791) ^ (seed * 2654435761)
    return scramble(key & MASK)


@device
def cell_random(x: int, y: int, z: int, seed: int) -> Real:
    return unit_float(cell_hash(x, y, z, seed))


@device
def fade(t: Real) -> Real:
    return t * t * (F(3) - F(2) * t)


@device
def value_noise(p: Vector, seed: int) -> Real:
    """Random values 0..1 at integer points, smoothly joined: mean .5."""
    ix, iy, iz = floor(p[0]), floor(p[1]), floor(p[2])
    u, v, w = fade(p[0] - F(ix)), fade(p[1] - F(iy)), fade(p[2] - F(iz))
    x0, x1 = ix * 73856093, (ix + 1) * 73856093
    y0, y1 = iy * 19349663, (iy + 1) * 19349663
    z0, z1 = (iz * 83492791) ^ (seed * 2654435761), ((iz + 1) * 83492791) ^ (seed * 2654435761)
    a = _row(x0, x1, y0 ^ z0, u)
    b = _row(x0, x1, y1 ^ z0, u)
    c = _row(x0, x1, y0 ^ z1, u)
    d = _row(x0, x1, y1 ^ z1, u)
    near, far = a + (b - a) * v, c + (d - c) * v
    return near + (far - near) * w


@device
def _row(x0: int, x1: int, yz: int, u: Real) -> Real:
    left, right = F(_mix(x0 ^ yz)) * TO_UNIT, F(_mix(x1 ^ yz)) * TO_UNIT
    return left + (right - left) * u


@device
def _mix(key: int) -> int:
    """Half of `scramble`: enough for noise, which is looked at and not counted with."""
    x = (key & MASK) * 0x7FEB352D & MASK
    x = (x ^ (x >> 15)) * 0x846CA68B & MASK
    return x ^ (x >> 16)


@device
def fractal_noise(p: Vector, octaves: int, seed: int) -> Real:
    """Octaves of value noise, each about twice as fine and half as strong; 0..1, mean .5."""
    total, weights, weight = F(0), F(0), F(0.5)
    for octave in range(octaves):
        total += weight * value_noise(p, seed + octave)
        weights += weight
        weight *= F(0.55)
        p = times(p, F(2.03))
    return total / weights


@device
def noise_with_slope(x: Real, y: Real, seed: int) -> tuple[Real, Real, Real]:
    """Value noise in two dimensions and its exact derivatives along x and y."""
    ix, iy = floor(x), floor(y)
    fx, fy = x - F(ix), y - F(iy)
    u, v = fade(fx), fade(fy)
    du, dv = F(6) * fx * (ONE - fx), F(6) * fy * (ONE - fy)
    a, b = cell_random(ix, iy, 0, seed), cell_random(ix + 1, iy, 0, seed)
    c, d = cell_random(ix, iy + 1, 0, seed), cell_random(ix + 1, iy + 1, 0, seed)
    k = a - b - c + d
    return a + (b - a) * u + (c - a) * v + k * u * v, du * (b - a + k * v), dv * (c - a + k * u)
