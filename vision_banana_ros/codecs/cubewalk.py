"""The walk along the edges of the RGB cube, and the depth of the point of it that is nearest to any colour.

    black, red, yellow, green, cyan, blue, magenta, white: each edge changes one channel; seven edges, 1785 levels

With levels r, g, b in 0..255 and R = 255 - r and so on, the squared distances to the edges are

    low edges, b = 0         b^2 + g^2      b^2 + R^2      b^2 + G^2        position  r,  255 + g,  510 + R
    middle edge, b free      r^2 + G^2                                      position  765 + b
    high edges, b = 255      B^2 + r^2      B^2 + g^2      B^2 + R^2        position  1020 + G,  1275 + r,  1530 + g

For a fixed (r, g), then, a low edge wins below some b and a high edge above some b; which of the low (high) edges it is
does not depend on b. So 256 x 256 entries with two thresholds, and one depth per (r, g) for low and for high, replace
the search for the nearest of seven edges.

Ties. Where r = g or r + g = 255 two low or two high edges are equally near, and floating-point distances of r / 255
prefer now one and now the other as b runs. Those 512 columns are tabulated for every b, by the same float64 arithmetic,
so that the decode gives for all 2^24 colours what a direct float64 search gives.

Memory: 256 KiB of thresholds, 1 MiB of depths; built in a fraction of a second at first use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from vision_banana_ros.codecs.arrays import Array, channels, namespace, narrowed, red_green_and_blue, take, widened
from vision_banana_ros.codecs.curve import LEVELS, level_depths
from vision_banana_ros.core import AnyArray, FloatArray, UInt8Array

VERTICES = ((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1), (1, 1, 1))
_MIDDLE_EDGE = 3
_HIGH = 1 << 16  # depths of the high edges start here, those of the low edges at 0
_MIDDLE = 2 << 16  # rows of 256: row 0 the middle edge, rows 1..512 the columns with ties


@cache
def colors() -> UInt8Array:
    """The colour of every level: (LEVELS + 1, 3) uint8."""
    vertices = np.array(VERTICES, np.float64) * 255
    knots = np.arange(len(VERTICES)) * 255
    level = np.arange(LEVELS + 1)
    return np.stack([np.interp(level, knots, vertices[:, c]) for c in range(3)], axis=-1).astype(np.uint8)


def depth(rgb: Array) -> Array:
    """Depth in metres, float32, of the nearest point of the walk to each pixel (..., 3)."""
    tables = _tables()
    rg, b = red_green_and_blue(rgb)
    entry = take(tables.thresholds, rg)
    if isinstance(rgb, np.ndarray):
        # Masks of all ones or all zeros from the sign bit take a third of the time of `where`.
        low, high = (b - (entry & 255)) >> 31, (((entry >> 8) & 255) - b) >> 31
        row = _MIDDLE + ((entry >> 16) << 8) + b
        index = row ^ ((row ^ rg) & low) ^ ((row ^ (rg + _HIGH)) & high)
    else:
        xp = namespace(rgb)
        row = _MIDDLE + 256 * (entry // 65536) + b
        index = xp.where(b < entry % 256, rg, xp.where(b > entry // 256 % 256, rg + _HIGH, row))
    return take(tables.depths, index)


def levels_off(rgb: Array) -> Array:
    """How many levels the worst channel is away from the nearest point of the walk: uint8, 0 on the walk."""
    r, g, b = map(widened, channels(rgb))
    xp = namespace(rgb)
    near, far = xp.minimum, xp.maximum
    r_or_g = near(255 - r, g)
    low = far(b, near(r_or_g, 255 - g))
    middle = far(r, 255 - g)
    high = far(255 - b, near(r_or_g, r))
    return narrowed(near(near(low, middle), high))


@cache
def inwards() -> AnyArray:
    """(LEVELS + 1, 3) int16: a step of one level off the walk that leaves the nearest point of it where it is.

    Along the channel that neither the level's edge nor the next nearest edge changes, away from 0 or 255.
    """
    axes = np.array([np.flatnonzero(np.subtract(*pair))[0] for pair in zip(VERTICES[1:], VERTICES[:-1], strict=True)])
    level = np.arange(LEVELS + 1)
    edge = np.minimum(level // 255, len(axes) - 1)
    beside = np.clip(edge + np.where(level - 255 * edge > 127, 1, -1), 0, len(axes) - 1)
    beside = np.where(beside == edge, edge + np.where(edge == 0, 1, -1), beside)  # the walk's two ends
    steady = 3 - axes[edge] - axes[beside]
    steps = np.zeros((LEVELS + 1, 3), np.int16)
    steps[level, steady] = np.where(colors()[level, steady] > 127, -1, 1)
    return steps


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    thresholds: AnyArray  # int32 [r | g << 8]: first b that is not low | last b that is not high << 8 | row << 16
    depths: FloatArray


@cache
def _tables() -> _Tables:
    g, r = (axis.ravel() for axis in np.mgrid[:256, :256])  # at index r | g << 8
    tied = np.flatnonzero((r == g) | (r + g == 255))
    # The winning edge never goes back as b grows, so halving finds where it passes the middle one.
    first_not_low = _first_b(lambda b: _nearest_edge(r, g, b) >= _MIDDLE_EDGE)
    last_not_high = _first_b(lambda b: _nearest_edge(r, g, b) > _MIDDLE_EDGE) - 1
    first_not_low[tied], last_not_high[tied] = 0, 255  # neither low nor high: their row holds every b
    row = np.zeros_like(r)
    row[tied] = np.arange(1, len(tied) + 1)

    level_depth = level_depths()
    every_b = np.arange(256)
    rows = np.empty((len(tied) + 1, 256), np.float32)
    rows[0] = level_depth[_level(np.full(256, _MIDDLE_EDGE), 0 * every_b, 0 * every_b, every_b)]
    tied_r, tied_g, tied_b = np.broadcast_arrays(r[tied, None], g[tied, None], every_b)
    rows[1:] = level_depth[_level(_nearest_edge(tied_r, tied_g, tied_b), tied_r, tied_g, tied_b)]
    rows[row[255 | 255 << 8], 255] = np.inf  # white
    return _Tables(
        thresholds=(first_not_low | last_not_high << 8 | row << 16).astype(np.int32),
        depths=np.concatenate(
            [
                level_depth[_level(_nearest_edge(r, g, 0 * r), r, g, 0 * r)],
                level_depth[_level(_nearest_edge(r, g, 0 * r + 255), r, g, 0 * r + 255)],
                rows.ravel(),
            ]
        ),
    )


def _nearest_edge(r: AnyArray, g: AnyArray, b: AnyArray) -> AnyArray:
    """The nearest of the seven edges 0..6; of equally near ones the first, in float64 arithmetic on r / 255."""
    x, y, z = r / 255.0, g / 255.0, b / 255.0
    x0, x1, y0, y1, z0, z1 = x**2, (x - 1) ** 2, y**2, (y - 1) ** 2, z**2, (z - 1) ** 2
    edge: AnyArray = np.argmin([y0 + z0, x1 + z0, y1 + z0, x0 + y1, x0 + z1, y0 + z1, x1 + z1], axis=0)
    return edge


def _level(edge: AnyArray, r: AnyArray, g: AnyArray, b: AnyArray) -> AnyArray:
    """Level along the walk of the projection of a colour on a given edge."""
    along = np.choose(edge, [r, g, 255 - r, b, 255 - g, r, g])
    level: AnyArray = 255 * edge + along
    return level


def _first_b(holds: Callable[[AnyArray], AnyArray]) -> AnyArray:
    """Per (r, g) the smallest b in 0..256 from which `holds` is true, by halving."""
    lower, upper = np.zeros(1 << 16, np.int64), np.full(1 << 16, 256)
    while (lower < upper).any():
        middle = (lower + upper) // 2
        found = holds(middle)
        upper = np.where(found, middle, upper)
        lower = np.where(found, lower, middle + 1)
    return lower
