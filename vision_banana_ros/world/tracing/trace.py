"""First pass: what each pixel shows at its centre, depth, normal and whose it is; then its colour and light."""

from __future__ import annotations

import numpy as np

from vision_banana_ros.world.tracing import layout as at
from vision_banana_ros.world.tracing.film import GLOSS, SOFT, SUN, Film, put
from vision_banana_ros.world.tracing.layout import World
from vision_banana_ros.world.tracing.light import sky
from vision_banana_ros.world.tracing.noise import MASK, scramble
from vision_banana_ros.world.tracing.rays import EYE, NEAREST_M, optical_direction, to_optical, to_world
from vision_banana_ros.world.tracing.shade import shade
from vision_banana_ros.world.tracing.shapes import into_frame, local_normal, local_point, out_of_frame
from vision_banana_ros.world.tracing.tree import closest
from vision_banana_ros.world.tracing.vectors import BLACK, MISS, F, device

INFINITY, NAN = F(np.inf), F(np.nan)


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
            put(film.matt, y, x, 0, BLACK)
            for kind in (SOFT, SUN, GLOSS):
                put(film.light, y, x, kind, BLACK)
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
        shade(world, film, x, y, (part, d, t, n), p, n_local, samples, frame_seed)
