"""What several teachers say of a pixel, and how far they agree. Arrays in, arrays out; NaN and 255 mean "says nothing".

    depth     in logarithms, since errors of depth are ratios. Each vote is first brought to the scale of the middle
              vote, s_i = median(log d_i - log d): the scale is agreed on by its own vote, the shape pixel by pixel.
              value = median of the votes, confidence = least confidence * (1 - spread / log(ratio)), at least 0
    normals   value = direction of the sum, confidence = least confidence * (1 - largest angle to it / limit)
    classes   value = what most say, if that is more than half of those who say anything

With one vote alone its value and confidence are kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vision_banana_ros.core import UNLABELLED, AnyArray, BoolArray, FloatArray, UInt8Array


@dataclass(frozen=True, slots=True, eq=False)
class AgreedDepth:
    """`scales` are those of the votes beside the middle one's, before they were brought together."""

    depth_m: FloatArray
    confidence: UInt8Array
    scales: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Agreed:
    values: AnyArray
    confidence: UInt8Array


def agree_on_depth(
    votes: Sequence[FloatArray], confidences: Sequence[UInt8Array], *, ratio: float, metric: Sequence[bool]
) -> AgreedDepth:
    """`metric`: which votes have a say about the scale; where none has, the scale is that of the first."""
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(np.stack(votes))
    sky = np.isposinf(logs)
    logs[~np.isfinite(logs)] = np.nan
    offsets = _offsets(logs)
    scales = tuple(math.exp(offset) for offset in offsets)
    common = float(np.median([o for o, m in zip(offsets, metric, strict=True) if m] or offsets[:1]))
    logs += (common - np.array(offsets, np.float32))[:, None, None]
    middle, spread, count = _middle(logs)
    enough = 2 * count >= len(votes)
    far = 2 * sky.sum(axis=0) > len(votes)
    certain = _least(confidences, ~np.isnan(logs) | sky)
    shape = 1 - np.clip(spread / math.log(ratio), 0, 1)
    confidence = np.where(far, certain, np.where(enough, certain * np.nan_to_num(shape), 0))
    depth = np.where(far, np.float32(np.inf), np.where(enough, np.exp(middle), np.float32(np.nan)))
    return AgreedDepth(depth.astype(np.float32), np.rint(confidence).astype(np.uint8), scales)


def _offsets(logs: AnyArray) -> list[float]:
    """log scale of each vote beside the first one that knows anything, by the median over shared pixels."""
    thin = logs[:, ::2, ::2]
    found = []
    for vote in thin:
        both = np.isfinite(thin[0]) & np.isfinite(vote)
        found.append(float(np.median((vote - thin[0])[both])) if both.any() else 0.0)
    middle = float(np.median(found))
    return [offset - middle for offset in found]


def _middle(logs: AnyArray) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Median, largest minus smallest, and number of the votes that are not NaN; NaN sorts to the end."""
    ordered = np.sort(logs, axis=0)
    count = np.isfinite(logs).sum(axis=0)
    last = np.maximum(count - 1, 0)
    low = np.take_along_axis(ordered, (last // 2)[None], axis=0)[0]
    high = np.take_along_axis(ordered, ((last + 1) // 2)[None], axis=0)[0]
    top = np.take_along_axis(ordered, last[None], axis=0)[0]
    return (low + high) / 2, top - ordered[0], count


def agree_on_normals(votes: Sequence[FloatArray], confidences: Sequence[UInt8Array], *, limit_deg: float) -> Agreed:
    stack = np.stack(votes)
    known: AnyArray = np.asarray(np.isfinite(stack).all(axis=-1))
    total = np.where(known[..., None], stack, 0).sum(axis=0)
    length = np.linalg.norm(total, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (total / length[..., None]).astype(np.float32)
        cosines = np.where(known, np.einsum("nhwc,hwc->nhw", stack, middle), 1)
        angle = np.degrees(np.arccos(np.clip(cosines.min(axis=0), -1, 1)))
    enough = (2 * known.sum(axis=0) >= len(votes)) & (length > 1e-3)
    certain = _least(confidences, known) * np.clip(1 - angle / limit_deg, 0, 1)
    middle[~enough] = np.nan
    return Agreed(middle, np.rint(np.where(enough, np.nan_to_num(certain), 0)).astype(np.uint8))


def agree_on_classes(votes: Sequence[UInt8Array], confidences: Sequence[UInt8Array]) -> Agreed:
    stack = np.stack(votes)
    known = np.asarray(stack != UNLABELLED)
    supporters = np.stack([((stack == vote) & known).sum(axis=0) * (vote != UNLABELLED) for vote in stack])
    winner = np.argmax(supporters, axis=0)[None]
    value = np.take_along_axis(stack, winner, axis=0)[0]
    support = np.take_along_axis(supporters, winner, axis=0)[0]
    said = known.sum(axis=0)
    believed = (2 * support > said) & (2 * said >= len(votes)) & (value != UNLABELLED)
    certain = _least(confidences, stack == value) * support / np.maximum(said, 1)
    confidence = np.where(believed, certain, 0)
    return Agreed(np.where(believed, value, UNLABELLED).astype(np.uint8), np.rint(confidence).astype(np.uint8))


def overlap(one: BoolArray, other: BoolArray) -> float:
    """Intersection over union; 1 where both are empty."""
    union = np.count_nonzero(one | other)
    return 1.0 if union == 0 else np.count_nonzero(one & other) / union


def matched_share(one: AnyArray, other: AnyArray) -> float:
    """F1 of two instance maps, a pair matched where their overlap is above one half; 1 where both are empty."""
    ids, others = _ids(one), _ids(other)
    if not ids and not others:
        return 1.0
    hits = 0
    for i in ids:
        region = one == i
        rivals, pixels = np.unique(other[region], return_counts=True)
        rivals, pixels = rivals[rivals > 0], pixels[rivals > 0]
        if rivals.size and overlap(region, other == rivals[np.argmax(pixels)]) > 0.5:
            hits += 1
    return 2 * hits / (len(ids) + len(others))


def _ids(instances: AnyArray) -> list[int]:
    return [int(i) for i in np.unique(instances) if i > 0]


def _least(confidences: Sequence[UInt8Array], counted: AnyArray) -> AnyArray:
    """The least confidence, 0..255, of those who say something."""
    stack = np.where(counted, np.stack(confidences), 255).astype(np.float32)
    least: AnyArray = stack.min(axis=0)
    return least
