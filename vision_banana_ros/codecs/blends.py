"""Telling blends from shapes: blur and chroma subsampling mix neighbours' colours, and the mix looks like an instance.

A piece is suspect if no square of 7 fits into it, so that it may be the ramp of an edge. A suspect is a blend if its
colour c is one of one to three others around it,

    |c - sum w_i p_i| < MERGE,    w_i >= 0,    sum w_i = 1,    p_i the colours of pieces in the window around it

Who has to be near depends on how thick it is. Thin pieces are ramps, narrow gaps, and washed-out tips, which run on
for many pixels from what they blend: for two colours it is enough to be in the window, of three two must be near.
Thicker ones must have all of them near to most of their pixels, so that a bar which lies between two colours by
chance stays: it is near to one of them only at its end.

A blend gets the label of which it holds the most, or none. Solid pieces explain first; then suspects that are left
explain smaller ones, since what a real thin shape blends with is less than the shape.

Limits: on a noisy canvas, a shape under about 9 pixels wide is lost whose colour is within 42 levels of its
neighbour's, or lies within `MERGE` of a blend of two around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from vision_banana_ros.codecs.clusters import MERGE, Clusters
from vision_banana_ros.codecs.pieces import Pieces, pieces
from vision_banana_ros.core import AnyArray, FloatArray, UInt8Array

#: A piece that the largest does not fit into is suspect, one that the second does not fit into is thin.
_SQUARES = tuple(np.ones((side, side), np.uint8) for side in (3, 5, 7))
_THIN = 2
#: A washed-out tip lies within this many pixels of the rest of its shape.
_RING = 20
#: The ramp of an edge is no wider than this on either side.
_REACH = np.ones((11, 11), np.uint8)
#: Share of a piece's pixels that have to be near to a colour.
_MOSTLY = 0.5
#: A piece this close to the one colour around it has that colour, tinted. Tips of thin shapes fade further.
_TINT = 1.25 * MERGE
_TINT_OF_THIN = 1.5 * MERGE
#: Of thin pieces, how many of one, two, three colours must be near.
_CONTACTS_OF_THIN = (0, 0, 2)
#: A blend that holds more of a colour than this is taken for that colour.
_MAIN_SHARE = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class _Suspect:
    """A piece: its mask within a window of the image, and how many of `_SQUARES` fit into it."""

    label: int
    area: int
    fits: int
    window: tuple[slice, slice]
    mask: AnyArray


@dataclass(frozen=True, slots=True, eq=False)
class _Mix:
    """The mix of some colours that is closest to another: how far off it is, in levels, and the share of each."""

    off: float
    shares: AnyArray


def without_blends(clusters: Clusters, fewest: int, *, behind: int, noisy: bool) -> UInt8Array:
    """Labels without pieces of fewer pixels and without blends; `behind` is the background's, which is everywhere."""
    labels = clusters.labels.copy()
    suspects = _suspects(labels, len(clusters.peaks), fewest, noisy)
    solid = labels.copy()
    for suspect in suspects:
        solid[suspect.window][suspect.mask] = 0
    tint = _TINT_OF_THIN if noisy else _TINT
    left = []
    for suspect in suspects:
        mostly = _explained(solid, clusters.peaks, suspect, behind, tint)
        if mostly is None:
            left.append(suspect)
        else:
            labels[suspect.window][suspect.mask] = mostly
    for suspect in sorted(left, key=lambda suspect: suspect.area):
        if _explained(labels, clusters.peaks, suspect, behind, tint) is not None:
            labels[suspect.window][suspect.mask] = 0
    return labels


def _suspects(labels: UInt8Array, count: int, fewest: int, noisy: bool) -> list[_Suspect]:
    """Pieces that may be blends; specks are taken off the labels, in place."""
    fits = _fits(labels)
    suspects = []
    for label in range(1, count + 1):
        found = pieces(labels, label)
        most = _most_in_each(fits, found)
        speck = found.areas < fewest
        # A line of a pixel or two is a ridge of noise or blur, unless it is long or one dash of a slanted thin bar.
        if noisy and found.areas[1:].sum() < 2 * fewest:
            speck |= most == 0
        speck[0] = False
        if speck.any():
            labels[found.box][speck[found.numbers]] = 0
        for number in 1 + np.flatnonzero((~speck & (most < len(_SQUARES)))[1:]):
            window = found.window(int(number), margin=_RING)
            mask = found.mask(int(number), window, labels.shape)
            suspects.append(_Suspect(label, int(found.areas[number]), int(most[number]), window, mask))
    return suspects


def _fits(labels: UInt8Array) -> UInt8Array:
    """How many of the squares around each pixel are all of one label; none that juts out over the border."""
    fits = [
        cv2.erode(labels, square, borderType=cv2.BORDER_CONSTANT, borderValue=0) == cv2.dilate(labels, square)
        for square in _SQUARES
    ]
    count: UInt8Array = np.sum(fits, axis=0, dtype=np.uint8)
    return count


def _most_in_each(fits: UInt8Array, found: Pieces) -> AnyArray:
    most = np.zeros(len(found.areas), np.uint8)
    inside = fits[found.box]
    for n in range(1, len(_SQUARES) + 1):
        most[found.numbers[inside == n]] = n
    return most


def _explained(labels: UInt8Array, peaks: FloatArray, suspect: _Suspect, behind: int, tint: float) -> int | None:
    """The label of which a blend holds the most, 0 if none prevails; None if the suspect is no blend."""
    thin = suspect.fits < _THIN
    near = _surroundings(labels, suspect, behind)
    color = peaks[suspect.label - 1]
    for size in (1, 2, 3):
        best, mostly = (tint if thin else _TINT) if size == 1 else MERGE, None
        for group in combinations(near, size):
            if sum(near[other] for other in group) < (_CONTACTS_OF_THIN[size - 1] if thin else size):
                continue
            mix = _closest_mix(color, peaks[[other - 1 for other in group]])
            if mix.off < best:
                best, mostly = mix.off, _main(group, mix.shares)
        if mostly is not None:
            return mostly
    return None


def _surroundings(labels: UInt8Array, suspect: _Suspect, behind: int) -> dict[int, bool]:
    """The labels around a suspect, and whether each is near to most of it."""
    around = labels[suspect.window]
    present = set(np.flatnonzero(np.bincount(around.ravel())).tolist()) | {behind}
    enough = _MOSTLY * suspect.area
    return {
        other: bool(np.count_nonzero(cv2.dilate((around == other).view(np.uint8), _REACH)[suspect.mask]) >= enough)
        for other in sorted(present - {0, suspect.label})
    }


def _main(group: Sequence[int], shares: AnyArray) -> int:
    return group[int(shares.argmax())] if shares.max() > _MAIN_SHARE else 0


def _closest_mix(color: FloatArray, corners: FloatArray) -> _Mix:
    """The point closest to a colour of the segment or triangle between others."""
    origin, edges = corners[0], corners[1:] - corners[0]
    shares = np.linalg.lstsq(edges.T, color - origin, rcond=None)[0] if len(edges) else np.zeros(0)
    if len(edges) == 0 or (shares.min() >= 0 and shares.sum() <= 1):
        off = float(np.linalg.norm(origin + shares @ edges - color))
        return _Mix(off, np.concatenate([[1 - shares.sum()], shares]))
    mixes = []
    for i in range(len(corners)):
        mix = _closest_mix(color, np.delete(corners, i, axis=0))
        mixes.append(_Mix(mix.off, np.insert(mix.shares, i, 0)))
    return min(mixes, key=lambda mix: mix.off)
