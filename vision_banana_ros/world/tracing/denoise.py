"""Second pass, once for each level: average light along surfaces and never across their borders."""

from __future__ import annotations

from vision_banana_ros.world.tracing import layout as at
from vision_banana_ros.world.tracing.film import GLOSS, SOFT, SUN, Film, get, put
from vision_banana_ros.world.tracing.layout import World
from vision_banana_ros.world.tracing.vectors import BLACK, ONE, ZERO, F, Table, add, along, device, luminance, times


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
    other_gloss, gloss_weight, sun_weight = BLACK, F(0.25), F(0.25)
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
