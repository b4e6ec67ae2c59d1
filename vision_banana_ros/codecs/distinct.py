"""Colours as far apart as can be, in the Euclidean distance by which the palette decodes.

Farthest-first: each colour in turn is the candidate whose nearest neighbour so far is the farthest (Gonzalez 1985, at
most a factor of two from the best spacing). Then, while it helps, one colour of the closest pair moves to where it has
more room. The best of some beginnings is kept: greed alone, and those that few colours would otherwise miss, the
two tetrahedra and the corners of the cube. Candidates are a grid. No randomness: the same colours in every run.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np

from vision_banana_ros.core import AnyArray, Rgb

_GRID = (*range(0, 256, 16), 255)
_TETRAHEDRON: tuple[Rgb, ...] = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))
_CORNERS: tuple[Rgb, ...] = (*_TETRAHEDRON, (255, 255, 0), (0, 255, 255), (255, 0, 255), (0, 0, 0))
_BEGINNINGS: tuple[tuple[Rgb, ...], ...] = ((), _CORNERS[:1], _TETRAHEDRON, _CORNERS[4:], _CORNERS)
_NO_NEIGHBOUR = 1 << 40


@lru_cache(maxsize=64)
def distinct_colors(n: int, avoid: tuple[Rgb, ...]) -> tuple[Rgb, ...]:
    """`n` colours far from each other and from those to avoid, in the order in which they were found."""
    candidates = _candidates()
    attempts = []
    for beginning in _BEGINNINGS:
        if not avoid and not beginning:
            continue
        colors = np.array([*avoid, *[color for color in beginning if color not in avoid][:n]], np.int64)
        colors = _filled_up(colors, len(avoid) + n, candidates)
        _spread(colors, len(avoid), candidates)
        attempts.append(colors)
    best = max(attempts, key=lambda colors: int(_gaps(colors).min()))
    return tuple((int(r), int(g), int(b)) for r, g, b in best[len(avoid) :])


@lru_cache(maxsize=64)
def farthest_color(colors: tuple[Rgb, ...]) -> Rgb:
    """The colour that is least like any of these."""
    candidates = _candidates()
    nearest = _squared_distances(candidates, np.array(colors, np.int64)).min(axis=1)
    r, g, b = candidates[nearest.argmax()].tolist()
    return r, g, b


def _filled_up(colors: AnyArray, count: int, candidates: AnyArray) -> AnyArray:
    """`colors` and then, until there are `count`, always the candidate farthest from all so far."""
    room = _squared_distances(candidates, colors).min(axis=1)
    while len(colors) < count:
        best = candidates[room.argmax()]
        colors = np.vstack([colors, best])
        room = np.minimum(room, _squared_distances(candidates, best[None])[:, 0])
    return colors


def _spread(colors: AnyArray, fixed: int, candidates: AnyArray) -> None:
    """Move colours of the closest pair, in place, until no move of one widens its gap; the `fixed` first ones stay."""
    if len(colors) < 3:
        return
    for _ in range(2 * len(colors)):
        gaps = _gaps(colors)
        for i in np.unravel_index(gaps.argmin(), gaps.shape):
            room = _squared_distances(candidates, np.delete(colors, i, axis=0)).min(axis=1)
            if i >= fixed and room.max() > gaps.min():
                colors[i] = candidates[room.argmax()]
                break
        else:
            return


def _candidates() -> AnyArray:
    return np.array(list(product(_GRID, repeat=3)), np.int64)


def _gaps(colors: AnyArray) -> AnyArray:
    """Squared distances between all pairs; a colour is no neighbour of itself."""
    between = _squared_distances(colors, colors)
    np.fill_diagonal(between, _NO_NEIGHBOUR)
    return between


def _squared_distances(left: AnyArray, right: AnyArray) -> AnyArray:
    """(len(left), len(right)) squared Euclidean distances, as |l|^2 + |r|^2 - 2 l r."""
    squared: AnyArray = (left**2).sum(1)[:, None] + (right**2).sum(1)[None] - 2 * left @ right.T
    return squared
