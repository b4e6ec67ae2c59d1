"""Procedural colours: what a surface's own colour and height are at a point.

A point is given in the part's frame plus its anchor, so that patterns move with things and run on across the pieces of
a wall. Flat patterns lie on the plane across the normal's largest component, grain and clouds fill space. `footprint`,
the size of a pixel there in metres, fades out what is finer than a pixel.
"""

from __future__ import annotations

import math

from vision_banana_ros.world.scene import Pattern
from vision_banana_ros.world.tracing.layout import COLOR, COLOR_B, DETAIL, PATTERN, SCALE, SEED, World
from vision_banana_ros.world.tracing.noise import cell_hash, cell_random, fractal_noise, unit_float, value_noise
from vision_banana_ros.world.tracing.vectors import (
    ONE,
    ZERO,
    F,
    Real,
    Vector,
    blend,
    clip,
    device,
    floor,
    smaller,
    smoothstep,
    times,
    triple,
)

PLAIN, NOISE, CHECKER, TILES = int(Pattern.PLAIN), int(Pattern.NOISE), int(Pattern.CHECKER), int(Pattern.TILES)
BRICKS, WOOD, PLANKS, STRIPES = int(Pattern.BRICKS), int(Pattern.WOOD), int(Pattern.PLANKS), int(Pattern.STRIPES)
MARBLE, SPECKLE, PATCHWORK = int(Pattern.MARBLE), int(Pattern.SPECKLE), int(Pattern.PATCHWORK)
GROUND, FACADE, ABSTRACT = int(Pattern.GROUND), int(Pattern.FACADE), int(Pattern.ABSTRACT)
PRINT, FABRIC, WORN, GRID = int(Pattern.PRINT), int(Pattern.FABRIC), int(Pattern.WORN), int(Pattern.GRID)
DOTS, ASPHALT = int(Pattern.DOTS), int(Pattern.ASPHALT)

DARKEST, BRIGHTEST = F(0.01), F(0.95)


@device
def surface(world: World, material: int, p: Vector, n: Vector, footprint: Real) -> tuple[Vector, Real]:
    """(colour, height 0..1) at pattern point `p` on a surface with local normal `n`."""
    m = world.materials
    a, b = triple(m, material, COLOR), triple(m, material, COLOR_B)
    kind, scale, seed = int(m[material, PATTERN]), m[material, SCALE], int(m[material, SEED])
    pixel = footprint * scale  # a pixel's size in pattern cells
    dirt = F(0.9) + F(0.2) * value_noise(times(p, F(1.7)), seed + 50)
    if kind == PLAIN:
        return _reflectance(a, dirt), ZERO
    q = times(p, scale)
    if kind in (NOISE, SPECKLE, MARBLE, WOOD, GROUND, ASPHALT):
        color, height = _solid(kind, a, b, q, pixel, seed)
    else:
        u, v = unfold(q, n)
        color, height = _printed(kind, a, b, u, v, q, pixel, m[material, DETAIL], seed)
    return _reflectance(color, dirt), height


@device
def _reflectance(color: Vector, dirt: Real) -> Vector:
    """A little unevenness, and never black or perfectly white: no real surface is."""
    return (
        clip(color[0] * dirt, DARKEST, BRIGHTEST),
        clip(color[1] * dirt, DARKEST, BRIGHTEST),
        clip(color[2] * dirt, DARKEST, BRIGHTEST),
    )


@device
def mean_color(world: World, material: int) -> Vector:
    """What a surface looks like from far: enough for light that bounces."""
    m = world.materials
    a = triple(m, material, COLOR)
    return a if int(m[material, PATTERN]) == PLAIN else blend(a, triple(m, material, COLOR_B), F(0.3))


@device
def unfold(q: Vector, n: Vector) -> tuple[Real, Real]:
    """Flat coordinates on the side that the normal looks to; v is up on upright sides."""
    ax, ay, az = abs(n[0]), abs(n[1]), abs(n[2])
    if az >= ax and az >= ay:
        return q[0], q[1]
    return (q[1], q[2]) if ax >= ay else (q[0], q[2])


@device
def _octaves(pixel: Real, most: int) -> int:
    """As many octaves as a pixel can show."""
    count, wave = 1, F(0.5)
    while count < most and wave > pixel:
        wave *= F(0.5)
        count += 1
    return count


@device
def _solid(kind: int, a: Vector, b: Vector, q: Vector, pixel: Real, seed: int) -> tuple[Vector, Real]:
    if kind == NOISE:
        f = fractal_noise(q, _octaves(pixel, 4), seed)
        return blend(a, b, smoothstep(F(0.3), F(0.7), f)), f
    if kind == SPECKLE:
        fine = value_noise(times(q, F(30)), seed) if pixel < F(0.05) else F(0.5)
        f = F(0.6) * fine + F(0.4) * fractal_noise(times(q, F(4)), _octaves(pixel * F(4), 2), seed)
        return blend(a, b, f), f
    if kind == MARBLE:
        f = fractal_noise(q, _octaves(pixel, 4), seed)
        vein = abs(math.sin(F(3) * q[0] + F(9) * f))
        return blend(b, a, math.sqrt(math.sqrt(vein))), ZERO
    if kind == WOOD:
        rings = fractal_noise((q[0] * F(0.35), q[1] * F(3), q[2] * F(3)), _octaves(pixel * F(3), 3), seed) * F(7)
        ring = rings - F(floor(rings))
        fiber = value_noise((q[0] * F(2), q[1] * F(40), q[2] * F(40)), seed) if pixel < F(0.04) else F(0.5)
        return blend(a, b, F(0.6) * ring + F(0.4) * fiber), ring * F(0.3)
    fine = fractal_noise(times(q, F(6)), _octaves(pixel * F(6), 4), seed)
    coarse = fractal_noise(times(q, F(0.6)), 2, seed + 3)
    if kind == GROUND:
        return times(blend(a, b, smoothstep(F(0.3), F(0.7), coarse)), F(0.35) + F(1.2) * fine), fine
    crack = smoothstep(F(0.0), F(0.025), abs(coarse - F(0.5)))
    grain = value_noise(times(q, F(60)), seed + 7) if pixel < F(0.03) else F(0.5)
    worn = blend(a, b, smoothstep(F(0.55), F(0.62), coarse) * F(0.6))
    return times(worn, (F(0.6) + F(0.4) * crack) * (F(0.6) + F(0.4) * fine + F(0.4) * grain)), fine


@device
def _joint(u: Real, v: Real, width: Real, pixel: Real) -> Real:
    """0 in the joint around a unit cell, 1 inside it; joints far below a pixel's size fade away."""
    fu, fv = u - F(floor(u)), v - F(floor(v))
    gap = smaller(smaller(fu, ONE - fu), smaller(fv, ONE - fv))
    inside = smoothstep(width, width * F(2.5), gap)
    return inside + (ONE - inside) * smoothstep(F(0.3), F(1.2), pixel)


@device
def _printed(
    kind: int, a: Vector, b: Vector, u: Real, v: Real, q: Vector, pixel: Real, detail: Real, seed: int
) -> tuple[Vector, Real]:
    blur = smoothstep(F(0.4), F(1.5), pixel)  # towards the mean colour where cells are smaller than pixels
    if kind in (TILES, BRICKS, PLANKS):
        return _laid(kind, a, b, u, v, q, pixel, seed)
    if kind == CHECKER:
        odd = (floor(u) + floor(v)) & 1
        share = F(0.5) * blur + (ONE - blur) * (ONE if odd else ZERO)
        return blend(a, b, share), ZERO
    if kind == STRIPES:
        first = u - F(floor(u)) < detail
        share = (ONE - detail) * blur + (ONE - blur) * (ZERO if first else ONE)
        return blend(a, b, share), ZERO
    if kind == GRID:
        line = _joint(u, v, F(0.04), pixel)
        return blend(b, a, line), line
    if kind == DOTS:
        fu, fv = u - F(floor(u)) - F(0.5), v - F(floor(v)) - F(0.5)
        inside = smoothstep(F(0.3), F(0.26), math.sqrt(fu * fu + fv * fv))
        return blend(a, b, inside * (ONE - blur) + F(0.2) * blur), inside
    if kind == FABRIC:
        over = math.sin(u * F(40)) * math.sin(v * F(40)) * (ONE - smoothstep(F(0.02), F(0.08), pixel))
        f = F(0.5) + F(0.35) * over + F(0.3) * (fractal_noise(times(q, F(2)), 2, seed) - F(0.5))
        return blend(a, b, clip(f, ZERO, ONE)), F(0.5) + F(0.5) * over
    if kind == WORN:
        f = fractal_noise(q, _octaves(pixel, 5), seed)
        bare = smoothstep(F(0.60), F(0.64), f)
        return blend(a, b, bare), ONE - bare
    if kind == PATCHWORK:
        key = cell_hash(floor(u), floor(v), 1, seed)
        red, green = unit_float(key), unit_float(cell_hash(key, 1, 1, seed))
        random = (
            F(0.06) + F(0.8) * red,
            F(0.06) + F(0.8) * green,
            F(0.06) + F(0.8) * unit_float(cell_hash(key, 2, 1, seed)),
        )
        return blend(random, a, F(0.35) + F(0.65) * blur), ZERO
    if kind == PRINT:
        return _print(a, b, u, v, blur, seed), ZERO
    if kind == FACADE:
        return _facade(a, b, u, v, q, pixel, seed)
    return _abstract(a, b, u, v, seed), ZERO


@device
def _laid(kind: int, a: Vector, b: Vector, u: Real, v: Real, q: Vector, pixel: Real, seed: int) -> tuple[Vector, Real]:
    """Tiles, bricks and planks: cells of one colour each, with joints."""
    if kind == BRICKS:
        v *= F(2.2)
        u += F(0.5) * F(floor(v) & 1)
    elif kind == PLANKS:
        v *= F(2)
        u = F(0.4) * u + F(9) * cell_random(floor(v), 0, 0, seed)
    column, row = floor(u), floor(v)
    joint = _joint(u, v, F(0.012) if kind == TILES else F(0.03), pixel)
    tone = cell_random(column, row, 5, seed)
    grain = fractal_noise(times(q, F(5)), _octaves(pixel * F(5), 3), seed)
    if kind == PLANKS:
        f = F(0.5) * fractal_noise((u * F(3), v * F(11), F(row)), _octaves(pixel * F(11), 3), seed)
        color = blend(a, b, clip(f + F(0.6) * tone, ZERO, ONE))
        return times(color, F(0.55) + F(0.45) * joint), joint
    spread = F(0.3) if kind == TILES else F(0.7)
    color = times(a, (ONE - F(0.5) * spread + spread * tone) * (F(0.85) + F(0.3) * grain))
    return blend(b, color, joint), joint


@device
def _print(a: Vector, b: Vector, u: Real, v: Real, blur: Real, seed: int) -> Vector:
    """Lines of words on paper, with a heading or a picture now and then."""
    row = floor(v * F(10))
    line = v * F(10) - F(row)
    word = cell_random(floor(u * F(14)), row, 0, seed) > F(0.25)
    heading = cell_random(0, floor(v * F(1.3)), floor(u), seed) > F(0.7)
    ink = (line > F(0.35) and line < F(0.75) and word) or heading
    return blend(a, b, (ONE if ink else ZERO) * (ONE - blur) + F(0.35) * blur)


@device
def _facade(a: Vector, b: Vector, u: Real, v: Real, q: Vector, pixel: Real, seed: int) -> tuple[Vector, Real]:
    """Rows of windows: cells are one window wide and one storey high."""
    column, row = floor(u), floor(v)
    fu, fv = u - F(column), v - F(row)
    plaster = times(a, F(0.85) + F(0.3) * fractal_noise(times(q, F(5)), _octaves(pixel * F(5), 3), seed))
    if fu < F(0.22) or fu > F(0.78) or fv < F(0.2) or fv > F(0.75):
        return plaster, ONE
    if abs(fu - F(0.5)) < F(0.025) or fu < F(0.25) or fu > F(0.75) or fv < F(0.23) or fv > F(0.72):
        return b, F(0.8)
    light = cell_random(column, row, 9, seed)
    shine = smoothstep(F(0.2), F(0.8), fv + F(0.4) * light)
    return times((F(0.10), F(0.13), F(0.17)), F(0.4) + F(2.2) * light * shine), ZERO


@device
def _abstract(a: Vector, b: Vector, u: Real, v: Real, seed: int) -> Vector:
    """Noise that displaces noise, through a wheel of colours around a and b."""
    f = fractal_noise((u, v, F(seed) * F(0.37)), 3, seed)
    g = fractal_noise((u + F(4) * f, v + F(3) * f, F(seed) * F(0.37)), 4, seed + 9)
    wheel = (
        F(0.5) + F(0.45) * math.sin(F(9) * g + F(6) * a[0]),
        F(0.5) + F(0.45) * math.sin(F(7) * g + F(6) * a[1] + F(2) * f),
        F(0.5) + F(0.45) * math.sin(F(8) * f + F(6) * a[2]),
    )
    return blend(blend(a, b, smoothstep(F(0.35), F(0.65), g)), wheel, F(0.4))
