"""Third pass: colour times light, four rays for a pixel where parts meet, then fog."""

from __future__ import annotations

import math

from vision_banana_ros.world.tracing import layout as at
from vision_banana_ros.world.tracing.film import GLOSS, SOFT, SUN, Film, get, put
from vision_banana_ros.world.tracing.layout import World
from vision_banana_ros.world.tracing.light import sky, triple_of
from vision_banana_ros.world.tracing.patterns import surface
from vision_banana_ros.world.tracing.rays import EYE, NEAREST_M, optical_direction, to_optical, to_world
from vision_banana_ros.world.tracing.shapes import into_frame, local_normal, local_point, out_of_frame, pattern_point
from vision_banana_ros.world.tracing.tree import closest
from vision_banana_ros.world.tracing.vectors import (
    BLACK,
    MISS,
    ZERO,
    F,
    Real,
    Vector,
    add,
    along,
    blend,
    device,
    product,
    times,
)


@device
def resolve(world: World, film: Film, x: int, y: int) -> None:
    """The pixel's radiance: one colour inside a part, four rays where parts meet; then fog."""
    if not _on_border(film, x, y):
        color = _combined(film, x, y)
        put(film.radiance, y, x, 0, _fogged(world, color, film.geometry[y, x, 0]))
        return
    color = BLACK
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
        color = surface(world, world.tags[part, at.MATERIAL], p, n_local, ZERO)[0]
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
