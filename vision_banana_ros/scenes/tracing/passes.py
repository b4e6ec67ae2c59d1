"""What happens to each pixel, in order: trace, denoise, resolve, develop. Each function does one pixel of one frame.

Deferred: labels and light are taken at the pixel's centre, where they agree exactly, so the denoiser may average light
along surfaces and never across their borders. Only then are pixels on borders split into four rays, which look up the
light of the neighbour that shows the same part.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from vision_banana_ros.scenes.tracing import layout as at
from vision_banana_ros.scenes.tracing.layout import World
from vision_banana_ros.scenes.tracing.light import (
    ASIDE,
    CHANCE,
    bounced,
    incoming,
    lamplight,
    mirror_share,
    offset,
    random,
    reflected,
    sky,
    sunlight,
    triple_of,
    z_index,
)
from vision_banana_ros.scenes.tracing.noise import MASK, scramble
from vision_banana_ros.scenes.tracing.patterns import surface
from vision_banana_ros.scenes.tracing.rays import optical_direction, to_optical, to_world
from vision_banana_ros.scenes.tracing.shapes import (
    into_frame,
    local_normal,
    local_point,
    out_of_frame,
    pattern_point,
)
from vision_banana_ros.scenes.tracing.tree import closest
from vision_banana_ros.scenes.tracing.vectors import (
    MISS,
    ONE,
    ZERO,
    F,
    Real,
    Table,
    Vector,
    add,
    along,
    basis,
    blend,
    clip,
    device,
    dot,
    larger,
    luminance,
    product,
    smaller,
    sub,
    times,
    unit,
)

NEAREST_M = F(1e-3)
INFINITY, NAN = F(np.inf), F(np.nan)
EYE = (ZERO, ZERO, ZERO)
SOFT, SUN, GLOSS = 0, 3, 6  # where the three kinds start in Film.light
CLEAR = 9  # the way on through glass
Hit: TypeAlias = Any  # part, world direction, distance, world normal


class Film(NamedTuple):
    """The images of one frame (or, with a leading axis, of many)."""

    geometry: Any  # (H, W, 4) float32: depth along z, optical normal
    ids: Any  # (H, W, 3) int32: part (-1: sky), class, instance
    matt: Any  # (H, W, 3) float32: colour that multiplies received light
    light: Any  # (H, W, 9) float32: received soft light, received sunlight, reflected radiance
    spare: Any  # (H, W, 9) float32: the denoiser's other buffer
    glow: Any  # (H, W, 3) float32: radiance without noise: sky, lamps, what glass lets through
    radiance: Any  # (H, W, 3) float32: the picture, linear


@device
def put(image: Table, y: int, x: int, first: int, v: Vector) -> None:
    image[y, x, first] = v[0]
    image[y, x, first + 1] = v[1]
    image[y, x, first + 2] = v[2]


@device
def get(image: Table, y: int, x: int, first: int) -> Vector:
    return image[y, x, first], image[y, x, first + 1], image[y, x, first + 2]


@device
def trace(world: World, film: Film, x: int, y: int, samples: int, seed: int) -> None:
    """Labels from one exact ray; with samples > 0 also colour and light."""
    seen = optical_direction(world, F(x), F(y))
    d = to_world(world, seen)
    t, part, face = closest(world, EYE, d, NEAREST_M, MISS)
    film.ids[y, x, 0] = part
    if part < 0:
        film.geometry[y, x, 0] = INFINITY
        film.geometry[y, x, 1] = film.geometry[y, x, 2] = film.geometry[y, x, 3] = NAN
        film.ids[y, x, 1], film.ids[y, x, 2] = world.counts[at.SKY_CLASS], 0
        if samples > 0:
            put(film.matt, y, x, 0, EYE)
            for kind in (SOFT, SUN, GLOSS):
                put(film.light, y, x, kind, EYE)
            put(film.glow, y, x, 0, sky(world, d))
        return
    p = local_point(world.parts, part, EYE, d, t)
    n_local = local_normal(world.parts, part, face, p, into_frame(world.parts, part, d))
    n = out_of_frame(world.parts, part, n_local)
    n_seen = to_optical(world, n)
    film.geometry[y, x, 0] = t * seen[2]
    film.geometry[y, x, 1], film.geometry[y, x, 2], film.geometry[y, x, 3] = n_seen[0], n_seen[1], n_seen[2]
    film.ids[y, x, 1], film.ids[y, x, 2] = world.tags[part, at.CLASS], world.tags[part, at.INSTANCE]
    if samples > 0:
        frame_seed = scramble((seed + int(world.counts[at.SEED_BITS]) * 31) & MASK)
        _shade(world, film, x, y, (part, d, t, n), p, n_local, samples, frame_seed)


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


@device
def _shade(
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
    soft, sun, gloss, glow = EYE, EYE, EYE, times(color, m[row, at.EMISSION] * F(samples))
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
def denoise(world: World, film: Film, source: Table, target: Table, x: int, y: int, step: int) -> None:
    """One level of an edge-avoiding a-trous filter (Dammertz et al. 2010), 3 x 3 taps `step` pixels apart.

    Weights fall with the angle between normals and with the distance from the pixel's tangent plane. Soft light takes
    all levels, and from the third on minds differences of light, which by then are less noise and more shadow border.
    Reflections take three levels; sunlight, whose borders are sharp, one.
    """
    height, width = film.ids.shape[0], film.ids.shape[1]
    soft, sun, gloss = get(source, y, x, SOFT), get(source, y, x, SUN), get(source, y, x, GLOSS)
    s, g = world.settings, film.geometry
    z, nx, ny, nz = g[y, x, 0], g[y, x, 1], g[y, x, 2], g[y, x, 3]
    u, v = (F(x) - s[at.CX]) / s[at.FX], (F(y) - s[at.CY]) / s[at.FY]
    plane = z * (nx * u + ny * v + nz)
    tolerance = ONE / (F(0.01) * z + F(0.25) * F(step) * z / s[at.FX])
    lit = luminance(soft)
    fussy = ZERO if step <= 2 else F(1.5) / ((F(0.1) + F(0.4) * lit) * (F(0.1) + F(0.4) * lit))
    soft, soft_weight = times(soft, F(0.25)), F(0.25)
    other_gloss, gloss_weight, sun_weight = EYE, F(0.25), F(0.25)
    for j in range(-1 if film.ids[y, x, 0] >= 0 else 2, 2):
        row = y + j * step
        if row < 0 or row >= height:
            continue
        for i in range(-1, 2):
            column = x + i * step
            if column < 0 or column >= width or (i == 0 and j == 0) or film.ids[row, column, 0] < 0:
                continue
            same = nx * g[row, column, 1] + ny * g[row, column, 2] + nz * g[row, column, 3]
            if same <= F(0.3):
                continue
            same *= same
            same *= same
            same *= same
            uq, vq = u + F(i * step) / s[at.FX], v + F(j * step) / s[at.FY]
            aside = (g[row, column, 0] * (nx * uq + ny * vq + nz) - plane) * tolerance
            w = F(0.0625) if i != 0 and j != 0 else F(0.125)
            w *= same * same / (ONE + aside * aside * aside * aside)
            if film.ids[row, column, 2] != film.ids[y, x, 2]:
                w *= F(0.1)
            tap = get(source, row, column, SOFT)
            different = luminance(tap) - lit
            mindful = w / (ONE + different * different * fussy)
            soft = along(soft, tap, mindful)
            soft_weight += mindful
            if step == 1:
                sun = along(sun, get(source, row, column, SUN), F(4) * w)
                sun_weight += w
            if step <= 4 and film.ids[row, column, 0] == film.ids[y, x, 0]:
                other_gloss = along(other_gloss, get(source, row, column, GLOSS), w)
                gloss_weight += w
    put(target, y, x, SOFT, times(soft, ONE / soft_weight))
    put(target, y, x, SUN, times(sun, F(0.25) / sun_weight))
    put(target, y, x, GLOSS, times(add(times(gloss, F(0.25)), other_gloss), ONE / gloss_weight))


@device
def resolve(world: World, film: Film, x: int, y: int) -> None:
    """The pixel's radiance: one colour inside a part, four rays where parts meet; then fog."""
    if not _on_border(film, x, y):
        color = _combined(film, x, y)
        put(film.radiance, y, x, 0, _fogged(world, color, film.geometry[y, x, 0]))
        return
    color = EYE
    for ray in range(4):
        # A square turned by a quarter of its angle: four rows, four columns.
        right, down = F(0.375 if ray & 1 else 0.125), F(0.125 if ray & 1 else -0.375)
        if ray & 2:
            right, down = -right, -down
        color = along(color, _border_ray(world, film, x, y, F(x) + right, F(y) + down), F(0.25))
    put(film.radiance, y, x, 0, color)


@device
def _received(film: Film, x: int, y: int) -> Vector:
    return add(get(film.light, y, x, SOFT), get(film.light, y, x, SUN))


@device
def _combined(film: Film, x: int, y: int) -> Vector:
    shine = add(get(film.glow, y, x, 0), get(film.light, y, x, GLOSS))
    return add(product(get(film.matt, y, x, 0), _received(film, x, y)), shine)


@device
def _on_border(film: Film, x: int, y: int) -> bool:
    height, width = film.ids.shape[0], film.ids.shape[1]
    g, part = film.geometry, film.ids[y, x, 0]
    for j in range(-1, 2):
        for i in range(-1, 2):
            row, column = y + j, x + i
            if row < 0 or row >= height or column < 0 or column >= width:
                continue
            if film.ids[row, column, 0] != part:
                return True
            same = g[y, x, 1] * g[row, column, 1] + g[y, x, 2] * g[row, column, 2]
            if part >= 0 and same + g[y, x, 3] * g[row, column, 3] < F(0.9):
                return True
    return False


@device
def _border_ray(world: World, film: Film, x: int, y: int, at_x: Real, at_y: Real) -> Vector:
    """A ray beside the centre, with the light of the pixel around that shows the same part at the likeliest angle."""
    seen = optical_direction(world, at_x, at_y)
    d = to_world(world, seen)
    t, part, face = closest(world, EYE, d, NEAREST_M, MISS)
    if part < 0:
        return sky(world, d)
    height, width = film.ids.shape[0], film.ids.shape[1]
    p = local_point(world.parts, part, EYE, d, t)
    n_local = local_normal(world.parts, part, face, p, into_frame(world.parts, part, d))
    n_seen = to_optical(world, out_of_frame(world.parts, part, n_local))
    best, row, column = F(-9), y, x
    for j in range(-1, 2):
        for i in range(-1, 2):
            if 0 <= y + j < height and 0 <= x + i < width and film.ids[y + j, x + i, 0] >= 0:
                g = film.geometry[y + j, x + i]
                near = ZERO if i == 0 and j == 0 else F(-0.05)
                like = g[1] * n_seen[0] + g[2] * n_seen[1] + g[3] * n_seen[2] + near
                like += F(3) if film.ids[y + j, x + i, 0] == part else ZERO
                if like > best:
                    best, row, column = like, y + j, x + i
    if best < F(-1):  # only sky around: a twig or a wire
        color, light = surface(world, world.tags[part, at.MATERIAL], p, n_local, ZERO)[0], EYE
        light = triple_of(world.settings, at.HORIZON)
        return _fogged(world, times(product(color, light), F(0.7)), t * seen[2])
    if best > F(2):
        color = _combined(film, column, row)
    else:
        look = surface(
            world,
            world.tags[part, at.MATERIAL],
            pattern_point(world.parts, part, p),
            n_local,
            t / world.settings[at.FX],
        )
        color = product(look[0], _received(film, column, row))
    return _fogged(world, color, t * seen[2])


@device
def _fogged(world: World, color: Vector, depth: Real) -> Vector:
    fog = world.settings[at.FOG]
    if fog <= ZERO:
        return color
    return blend(triple_of(world.settings, at.FOG_COLOR), color, math.exp(-fog * depth))


@device
def exposure(film: Film, key: Real) -> Real:
    """The gain that brings the logarithmic mean of a coarse grid of pixels to `key`, as a camera meters."""
    height, width = film.ids.shape[0], film.ids.shape[1]
    total, count = ZERO, 0
    for y in range(height // 16, height, larger(1, height // 24)):
        for x in range(width // 16, width, larger(1, width // 32)):
            total += math.log(luminance(get(film.radiance, y, x, 0)) + F(1e-3))
            count += 1
    return key / math.exp(total / F(count))


@device
def developed(linear: Real) -> int:
    """Linear light 0.. to an sRGB byte: a shoulder above .8 instead of hard clipping, then the sRGB curve."""
    x = larger(linear, ZERO)
    if x > F(0.8):
        x = F(0.8) + F(0.2) * (ONE - math.exp(-(x - F(0.8)) / F(0.2) * F(0.6)))
    curve = F(12.92) * x if x <= F(0.0031308) else F(1.055) * math.exp(math.log(x) / F(2.4)) - F(0.055)
    return int(smaller(F(255), curve * F(255) + F(0.5)))
