"""Which source pixels lie around each pixel of a resized image, and a vote among them where they disagree.

    x = (u + 1/2) * source_width / width - 1/2      the source position of column u, and likewise for rows

The four samples around (x, y) have the bilinear weights w_i. Where they belong to one surface a bilinear blend is
right; where they do not, any blend is a value that exists nowhere in the scene. There each sample i collects the weight
of all samples that agree with it; the one with the most votes wins and only its own kind may be blended:

    winner = argmax_i sum_j w_j [i ~ j]             value = sum_j w_j v_j [winner ~ j] / sum_j w_j [winner ~ j]

With a picture of the larger size (the camera's frame) each weight is multiplied by how alike the colours of the pixel
and of the sample are, so that the edge follows the picture's edge instead of the coarse grid (joint upsampling, Kopf et
al. 2007). The vote only runs where it is needed, some percent of the pixels.

Convention
    Pixel centres are integers (core/camera.py); beyond the outermost centres the border value holds. This is what
    cv2.resize does with INTER_LINEAR and INTER_AREA, and INTER_NEAREST_EXACT but not INTER_NEAREST.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, BoolArray, FloatArray, UInt8Array

#: Colour difference (in 8-bit levels, Euclidean) at which a sample's vote has half its weight: above camera noise,
#: below most object contrasts.
_COLOR_SCALE = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """For every target index the source index below it and how far (0..1) it lies towards the next one."""

    below: AnyArray
    above: AnyArray
    fraction: FloatArray


@lru_cache(maxsize=16)
def axis(source: int, target: int) -> Axis:
    position = np.clip((np.arange(target) + 0.5) * (source / target) - 0.5, 0, source - 1)
    below = np.minimum(position.astype(np.intp), max(source - 2, 0))
    return Axis(below, np.minimum(below + 1, source - 1), (position - below).astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Ballot:
    """Contested target pixels (N flat indices), the flat indices (4, N) of the samples around, their weights (4, N)."""

    targets: AnyArray
    samples: AnyArray
    weights: FloatArray

    def elect(self, values: AnyArray, alike: Callable[[AnyArray, AnyArray], BoolArray]) -> Elected:
        """Vote among values (4, N), or vectors (C, 4, N), with `alike` saying which of two times N agree."""
        votes = self.weights.copy()
        for i, j in combinations(range(4), 2):
            agree = alike(values[..., i, :], values[..., j, :])
            votes[i] += self.weights[j] * agree
            votes[j] += self.weights[i] * agree
        winners, most = values[..., 0, :], votes[0]
        for i in range(1, 4):  # of equally many votes the first wins; faster than argmax along an axis of four
            more = votes[i] > most
            winners, most = np.where(more, values[..., i, :], winners), np.where(more, votes[i], most)
        kind = np.stack([self.weights[i] * alike(winners, values[..., i, :]) for i in range(4)])
        return Elected(winners, kind / kind.sum(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class Elected:
    """The winner, (N,) or (C, N), of each vote, and the share (4, N) of each sample in a blend of the winner's kind."""

    winners: AnyArray
    shares: FloatArray

    def blend(self, values: AnyArray) -> AnyArray:
        return np.asarray((values * self.shares).sum(axis=-2))


def ballot(contested: BoolArray, source_hw: tuple[int, int], hw: tuple[int, int], guide: UInt8Array | None) -> Ballot:
    """Everything about the pixels of an (H, W) image that fall into a contested cell.

    Cell (i, j) is the square between the samples (i, j) and (i + 1, j + 1).
    """
    rows, cols = axis(source_hw[0], hw[0]), axis(source_hw[1], hw[1])
    targets = np.flatnonzero(contested.take(rows.below, axis=0).take(cols.below, axis=1))
    row = targets // hw[1]
    col = targets - row * hw[1]  # NumPy divides by one number fast, np.divmod does not
    top, bottom = rows.below[row] * source_hw[1], rows.above[row] * source_hw[1]
    left, right = cols.below[col], cols.above[col]
    samples = np.stack([top + left, top + right, bottom + left, bottom + right])
    down, across = rows.fraction[row], cols.fraction[col]
    up, back = 1 - down, 1 - across
    weights = np.stack([up * back, up * across, down * back, down * across])
    if guide is not None:
        weights *= _likeness(guide, source_hw, targets, samples)
    return Ballot(targets, samples, weights)


def cells(differ_right: BoolArray, differ_down: BoolArray) -> BoolArray:
    """The cells of which any side joins samples that differ; an image of one row or column has flat cells."""
    if differ_right.size and differ_down.size:
        return differ_right[:-1] | differ_right[1:] | differ_down[:, :-1] | differ_down[:, 1:]
    return differ_right if differ_right.size else differ_down if differ_down.size else np.zeros((1, 1), np.bool_)


def _likeness(guide: UInt8Array, source_hw: tuple[int, int], targets: AnyArray, samples: AnyArray) -> FloatArray:
    """1 for samples of the pixel's own colour, falling with the squared colour distance, never 0."""
    size = source_hw[1], source_hw[0]
    there = _pixels(cv2.resize(guide, size, interpolation=cv2.INTER_LINEAR)).take(samples)
    here = _pixels(guide).take(targets)
    difference = there.view(np.uint8).reshape(*samples.shape, 4) - here.view(np.uint8).reshape(-1, 4).astype(np.float32)
    r, g, b = (difference[..., channel] for channel in range(3))
    likeness: FloatArray = 1 / (1 + (r * r + g * g + b * b) / np.float32(_COLOR_SCALE**2))
    return likeness


def _pixels(rgb: AnyArray) -> AnyArray:
    """One 32-bit word a pixel, which is picked much faster than three bytes."""
    words: AnyArray = cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA).view(np.uint32).reshape(-1)
    return words
