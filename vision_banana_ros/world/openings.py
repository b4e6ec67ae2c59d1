"""Holes in walls, and the boxes that are left of a wall around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Opening:
    """A hole in a wall: from `left` to `right` along it and from `bottom` to `top`, in metres."""

    left: float
    right: float
    bottom: float
    top: float


def solid_rectangles(
    length: float, height: float, openings: Sequence[Opening]
) -> list[tuple[float, float, float, float]]:
    """What is left of a wall: (left, right, bottom, top) of the pieces around its openings, column by column."""
    edges = sorted({0.0, length, *(min(max(x, 0.0), length) for o in openings for x in (o.left, o.right))})
    pieces = []
    for left, right in pairwise(edges):
        here = sorted((o for o in openings if o.left < (left + right) / 2 < o.right), key=lambda o: o.bottom)
        bottom = 0.0
        for opening in here:
            if opening.bottom > bottom:
                pieces.append((left, right, bottom, min(opening.bottom, height)))
            bottom = max(bottom, opening.top)
        if bottom < height:
            pieces.append((left, right, bottom, height))
    return pieces
