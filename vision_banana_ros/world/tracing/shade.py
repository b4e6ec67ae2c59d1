"""The light of a traced pixel: its colour, averaged over the pixel, and samples of what arrives at its centre."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from vision_banana_ros.world.tracing import layout as at
from vision_banana_ros.world.tracing.film import GLOSS, SOFT, SUN, Film, put
from vision_banana_ros.world.tracing.layout import World
from vision_banana_ros.world.tracing.light import (
    ASIDE,
    CHANCE,
    bounced,
    incoming,
    lamplight,
    mirror_share,
    offset,
    random,
    reflected,
    sunlight,
    z_index,
)
from vision_banana_ros.world.tracing.patterns import surface
from vision_banana_ros.world.tracing.rays import optical_direction, to_world
from vision_banana_ros.world.tracing.shapes import into_frame, out_of_frame, pattern_point
from vision_banana_ros.world.tracing.vectors import (
    BLACK,
    ONE,
    ZERO,
    F,
    Real,
    Vector,
    add,
    along,
    basis,
    blend,
    clip,
    device,
    dot,
    larger,
    product,
    smaller,
    sub,
    times,
    unit,
)

CLEAR = 9  # the way on through glass, beside those of Film.light
Hit: TypeAlias = Any  # part, world direction, distance, world normal


@device
def shade(
    world: World, film: Film, x: int, y: int, hit: Hit, p: Vector, n_local: Vector, samples: int, seed: int
) -> None:
    """Split the surface into what reflects light evenly, which is denoised, and what shines by itself."""
    part, d, t, n = hit
    row, m = world.tags[part, at.MATERIAL], world.materials
    footprint = t / world.settings[at.FX]
    right, down = _pixel_patch(world, x, y, d, t, n)
    color = _color(world, part, p, n_local, right, down, footprint)
    shading_normal = _bumpy(world, part, d, p, n, n_local, footprint)
    clear, roughness, metal = m[row, at.TRANSPARENCY], m[row, at.ROUGHNESS], m[row, at.METAL]
    specular = larger(m[row, at.SPECULAR], F(0.04)) if clear > ZERO else m[row, at.SPECULAR]
    share = mirror_share(specular, roughness, -dot(d, shading_normal))
    chance = ONE if metal > ZERO else smaller(ONE, F(4) * share)
    tint = color if metal > ZERO else (ONE, ONE, ONE)
    out, back = offset(times(d, t), n, t), offset(times(d, t), times(n, -ONE), t)
    soft, sun, gloss, glow = BLACK, BLACK, BLACK, times(color, m[row, at.EMISSION] * F(samples))
    for sample in range(samples if m[row, at.EMISSION] <= ZERO else 0):
        index = z_index(x, y) * samples + sample
        aside = add(
            times(right, random(seed, index, ASIDE) - F(0.5)), times(down, random(seed, index, ASIDE + 1) - F(0.5))
        )
        soft = add(soft, lamplight(world, out, shading_normal, seed, index))
        sun = add(sun, sunlight(world, out, aside, shading_normal, seed, index))
        for way in (SOFT, GLOSS, CLEAR):  # one call for all: on a GPU every call is a copy of the code
            origin, direction = out, d
            if way == SOFT:
                direction = bounced(shading_normal, seed, index)
            elif way == GLOSS:
                if chance <= random(seed ^ 0x5BD1, index, CHANCE):
                    continue
                direction = reflected(shading_normal, d, roughness, seed, index)
            elif clear > ZERO:
                origin = back
            else:
                continue
            arriving = incoming(world, origin, direction, way == SOFT, seed, index)
            if way == SOFT:
                soft = add(soft, arriving)
            elif way == GLOSS:
                gloss = along(gloss, product(tint, arriving), share / chance)
            else:
                through = product(arriving, blend(color, (ONE, ONE, ONE), F(0.7)))
                glow = along(glow, through, clear * (ONE - share))
    each = ONE / F(samples)
    put(film.light, y, x, SOFT, times(soft, each))
    put(film.light, y, x, SUN, times(sun, each))
    put(film.light, y, x, GLOSS, times(gloss, each))
    put(film.matt, y, x, 0, times(color, ZERO if metal > ZERO else (ONE - share) * (ONE - clear)))
    put(film.glow, y, x, 0, times(glow, each))


@device
def _pixel_patch(world: World, x: int, y: int, d: Vector, t: Real, n: Vector) -> tuple[Vector, Vector]:
    """How far the next pixel to the right and the next below lie on the tangent plane, as seen from the eye."""
    facing = dot(d, n)
    right = to_world(world, optical_direction(world, F(x) + ONE, F(y)))
    down = to_world(world, optical_direction(world, F(x), F(y) + ONE))
    reach_right, reach_down = smaller(dot(right, n), F(-0.03)), smaller(dot(down, n), F(-0.03))
    limit = F(30) * t / world.settings[at.FX]
    to_right = sub(times(right, t * facing / reach_right), times(d, t))
    to_down = sub(times(down, t * facing / reach_down), times(d, t))
    return _no_longer(to_right, limit), _no_longer(to_down, limit)


@device
def _no_longer(v: Vector, limit: Real) -> Vector:
    length = math.sqrt(dot(v, v))
    return times(v, limit / length) if length > limit else v


@device
def _color(world: World, part: int, p: Vector, n_local: Vector, right: Vector, down: Vector, footprint: Real) -> Vector:
    """The surface's colour, averaged over two points of the pixel's patch."""
    material = world.tags[part, at.MATERIAL]
    corner = times(into_frame(world.parts, part, add(right, down)), F(0.25))
    q = pattern_point(world.parts, part, p)
    first, _ = surface(world, material, add(q, corner), n_local, footprint)
    if world.materials[material, at.PATTERN] == ZERO:
        return first
    second, _ = surface(world, material, sub(q, corner), n_local, footprint)
    return blend(first, second, F(0.5))


@device
def _bumpy(world: World, part: int, d: Vector, p: Vector, n: Vector, n_local: Vector, footprint: Real) -> Vector:
    """The normal tilted against the slope of the pattern's height."""
    material = world.tags[part, at.MATERIAL]
    bump = world.materials[material, at.BUMP]
    if bump <= ZERO:
        return n
    q, step = pattern_point(world.parts, part, p), F(0.003) + footprint
    right, up = basis(n_local)
    _, here = surface(world, material, q, n_local, footprint)
    _, east = surface(world, material, along(q, right, step), n_local, footprint)
    _, north = surface(world, material, along(q, up, step), n_local, footprint)
    steep = bump * F(0.01) / step
    tilt_u, tilt_v = clip((east - here) * steep, F(-0.6), F(0.6)), clip((north - here) * steep, F(-0.6), F(0.6))
    tilted = unit(sub(n_local, add(times(right, tilt_u), times(up, tilt_v))))
    bumpy = out_of_frame(world.parts, part, tilted)
    return bumpy if dot(bumpy, d) < F(-0.02) else n
