"""Which source pixels lie around each pixel of a resized image, and a vote among them where they disagree.

    x = (u + 1/2) * source_width / width - 1/2      the source position of column u, and likewise for rows

The four samples around (x, y) have the bilinear weights w_i. Where they belong to one surface a bilinear blend is
right; where they do not, any blend is a value that exists nowhere in the scene. There each sample i collects the weight
of all samples that agree with it; the one with the most votes wins and only its own kind may be blended:

    winner = argmax_i sum_j w_j [i ~ j]             value = sum_j w_j v_j [winner ~ j] / sum_j w_j [winner ~ j]

With a picture of the larger size (the camera's frame) each weight is multiplied by how alike the colours of the pixel
and of the sample are, so that the edge follows the picture's edge instead of the coarse grid (joint upsampling, Kopf et
al. 2007). The vote only runs in cells whose samples differ, some percent of all; what depends on the samples alone is
found once a cell, not once for each of its dozen pixels.

Convention
    Pixel centres are integers (core/camera.py); beyond the outermost centres the border value holds. This is what
    cv2.resize does with INTER_LINEAR and INTER_AREA, and INTER_NEAREST_EXACT but not INTER_NEAREST.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, BoolArray, FloatArray, UInt8Array

#: Colour difference (in 8-bit levels, Euclidean) at which a sample's vote has half its weight: above camera noise,
#: below most object contrasts.
_COLOR_SCALE = 12.0
#: So many that all their numbers stay in a processor's cache.
_TARGETS_AT_ONCE = 16384


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """Cell c of the S + 1 lies between samples c - 1 and c; beyond the outermost ones, on both sides, is the same one.

    `targets` (K, S + 1): the K targets of each cell; where it has fewer, its last one again. `occupied`: has it any?
    `fraction`: how far (0..1) each target lies from the sample below to the one above.
    """

    below: AnyArray
    above: AnyArray
    targets: AnyArray
    occupied: BoolArray
    fraction: FloatArray


@lru_cache(maxsize=16)
def axis(source: int, target: int) -> Axis:
    position = (np.arange(target) + 0.5) * (source / target) + 0.5
    cell = np.minimum(position.astype(np.intp), source)
    count = np.bincount(cell, minlength=source + 1)
    last = np.cumsum(count) - 1
    places = np.arange(count.max())[:, None]
    return Axis(
        below=np.maximum(np.arange(source + 1) - 1, 0),
        above=np.minimum(np.arange(source + 1), source - 1),
        targets=np.minimum(last - count + 1 + places, last),
        occupied=count > 0,
        fraction=(position - cell).astype(np.float32),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Ballot:
    """N contested cells of up to K x L target pixels: flat indices (K, L, N) of those and (4, N) of the samples around
    each cell, and the weights (4, K, L, N) of samples at targets.
    """

    targets: AnyArray
    samples: AnyArray
    weights: FloatArray

    def elect(self, values: AnyArray, alike: Callable[[AnyArray, AnyArray], BoolArray]) -> AnyArray:
        """The winners (K, L, N) of a vote among values (4, N), with `alike` saying which of two times N agree."""
        return _chosen(values, _winners(_tallies(self.weights, _agreement(values, alike))))

    def blend(self, values: FloatArray, alike: Callable[[AnyArray, AnyArray], BoolArray]) -> list[AnyArray]:
        """The winners blended with their kind, for each component of the values (C, 4, N)."""
        agreement = _agreement(values, alike)
        votes = _tallies(self.weights, agreement)
        winners = _winners(votes)
        total = _chosen(votes, winners)
        sums = (_tallies(self.weights * of_samples[:, None, None], agreement) for of_samples in values)
        return [_chosen(tallies, winners) / total for tallies in sums]


_Agreement = dict[tuple[int, int], FloatArray]


def _agreement(values: AnyArray, alike: Callable[[AnyArray, AnyArray], BoolArray]) -> _Agreement:
    """1 for every pair of samples and every cell in which the two agree, else 0."""
    pairs = combinations(range(4), 2)
    return {(i, j): alike(values[..., i, :], values[..., j, :]).astype(np.float32) for i, j in pairs}


def _tallies(amounts: FloatArray, agreement: _Agreement) -> FloatArray:
    """For each of the four samples its own amount and those of all that agree with it."""
    tallies = amounts.copy()
    for (i, j), agree in agreement.items():
        tallies[i] += amounts[j] * agree
        tallies[j] += amounts[i] * agree
    return tallies


def _winners(votes: FloatArray) -> AnyArray:
    """Which of the four has most votes; of equally many the first. Much faster than argmax along an axis of four."""
    winners, most = np.zeros(votes.shape[1:], np.uint8), votes[0]
    for i in range(1, 4):
        winners = np.maximum(winners, (votes[i] > most).view(np.uint8) * np.uint8(i))
        most = np.maximum(votes[i], most)
    return winners


def _chosen(of_four: AnyArray, which: AnyArray) -> AnyArray:
    """Of values (4, N) or (4, K, L, N) the one that is meant at each of K x L x N."""
    one = of_four[0]
    places = which.astype(np.intp) * one.size + np.arange(one.size).reshape(one.shape)
    return np.asarray(of_four.reshape(-1).take(places))


def ballots(
    contested: BoolArray, source_hw: tuple[int, int], hw: tuple[int, int], guide: UInt8Array | None
) -> Iterator[Ballot]:
    """Everything about the pixels of an (H, W) image that fall into contested cells, some cells at a time."""
    rows, columns = axis(source_hw[0], hw[0]), axis(source_hw[1], hw[1])
    row, column = np.nonzero(contested & rows.occupied[:, None] & columns.occupied)
    at_once = max(1, _TARGETS_AT_ONCE // (len(rows.targets) * len(columns.targets)))
    pictures = None
    if guide is not None:
        small = cv2.resize(guide, source_hw[::-1], interpolation=cv2.INTER_LINEAR)
        pictures = guide, np.asarray(small, np.uint8)
    for start in range(0, len(row), at_once):
        some = slice(start, start + at_once)
        yield _ballot(rows, columns, row[some], column[some], pictures)


def _ballot(rows: Axis, columns: Axis, row: AnyArray, column: AnyArray, pictures: _Pictures | None) -> Ballot:
    width = columns.above[-1] + 1
    top, bottom = rows.below[row] * width, rows.above[row] * width
    left, right = columns.below[column], columns.above[column]
    samples = np.stack([top + left, top + right, bottom + left, bottom + right])
    # take() leaves cells side by side in memory, which indices in brackets do not.
    v, u = rows.targets.take(row, axis=1)[:, None], columns.targets.take(column, axis=1)
    targets = v * len(columns.fraction) + u
    down, across = rows.fraction.take(v), columns.fraction.take(u)
    vertical, horizontal = np.stack([1 - down, down]), np.stack([1 - across, across])
    weights = (vertical[:, None] * horizontal[:, None]).reshape(4, *targets.shape)
    if pictures is not None:
        weights /= _unlikeness(pictures, targets, samples)
    return Ballot(targets, samples, weights)


def cells(differ_right: BoolArray, differ_down: BoolArray) -> BoolArray:
    """(H + 1, W + 1): the cells of which any side joins samples that differ; (H, W - 1) and (H - 1, W) say which do."""
    height, width = len(differ_right), differ_down.shape[1]
    contested = np.zeros((height + 1, width + 1), np.bool_)
    contested[:-1, 1:-1] |= differ_right
    contested[1:, 1:-1] |= differ_right
    contested[1:-1, :-1] |= differ_down
    contested[1:-1, 1:] |= differ_down
    return contested


_Pictures = tuple[UInt8Array, UInt8Array]  # the guide, and at the samples' size


def _unlikeness(pictures: _Pictures, targets: AnyArray, samples: AnyArray) -> FloatArray:
    """1 for samples of the pixel's own colour, growing with the squared colour distance."""
    squared = np.zeros((4, *targets.shape), np.float32)
    for channel in range(3):
        here, there = (
            picture.reshape(-1).take(3 * places + channel).astype(np.float32)
            for picture, places in zip(pictures, (targets, samples), strict=True)
        )
        difference = here - there[:, None, None]
        difference *= difference
        squared += difference
    squared /= np.float32(_COLOR_SCALE**2)
    squared += 1
    return squared
