"""Normals by the papers' two poolings: all pixels of a set in one pool (DSINE, Lotus), or per image and then the mean
of the images (Marigold, SenseNova-Vision; its median is a mean of medians).

    mean, median                      degrees between painted and true normal
    <5, <7.5, <11.25, <22.5, <30      share of the pixels below, strictly

The pooled median comes from a histogram with bins of 0.01 degree: exact to half a bin, and it needs no pixel twice.
Sources: baegwangbin/DSINE projects/dsine/test.py, EnVision-Research/Lotus-2, prs-eth/Marigold script/normals/eval.py.

Convention
    A painted normal is brought to the truth's size and to unit length; where none was painted the error is 90 degrees.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import FloatArray, Task
from vision_banana_ros.data import Example
from vision_banana_ros.evaluation.normal_metrics import angles_deg
from vision_banana_ros.evaluation.protocols.result import Score
from vision_banana_ros.evaluation.questions import see
from vision_banana_ros.prompts import Generator, Instruction

BELOW_DEG: tuple[float, ...] = (5, 7.5, 11.25, 22.5, 30)
_BIN_DEG = 0.01
_BINS = 18001  # 180 degrees themselves have one
POOLED, PER_IMAGE = "all pixels in one pool (DSINE, Lotus)", "mean over images (Marigold)"


@dataclass(slots=True)
class NormalTally:
    histogram: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(_BINS, np.int64))
    below: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(BELOW_DEG), np.int64))
    total_deg: float = 0.0
    images: list[tuple[float, ...]] = field(default_factory=list)  # mean, median, shares

    def add(self, predicted: FloatArray, truth: FloatArray) -> bool:
        angle = angles_deg(predicted, truth)
        angle = angle[np.isfinite(angle)]
        if not angle.size:
            return False
        below = np.array([(angle < limit).sum() for limit in BELOW_DEG])
        total = float(angle.sum(dtype=np.float64))
        self.histogram += np.bincount((angle / _BIN_DEG).astype(np.int64), minlength=_BINS)[:_BINS]
        self.below += below
        self.total_deg += total
        self.images.append((total / angle.size, float(np.median(angle)), *(below / angle.size)))
        return True

    def merge(self, later: NormalTally) -> None:
        self.histogram += later.histogram
        self.below += later.below
        self.total_deg += later.total_deg
        self.images += later.images

    def scores(self) -> list[Score]:
        if not self.images:
            return []
        count = int(self.histogram.sum())
        pooled = (self.total_deg / count, self._median(), *(self.below / count))
        names = ("mean deg", "median deg", *(f"<{limit:g}" for limit in BELOW_DEG))
        per_image = np.mean(self.images, axis=0).tolist()
        return [
            Score(
                metric=metric,
                value=float(value),
                protocol="valid truth",
                pooling=pooling,
                images=len(self.images),
                counted=count,
            )
            for pooling, values in ((POOLED, pooled), (PER_IMAGE, per_image))
            for metric, value in zip(names, values, strict=True)
        ]

    def _median(self) -> float:
        """Where half of the pixels lie below, as if those of a bin were spread evenly in it."""
        rising = np.cumsum(self.histogram)
        half = rising[-1] / 2
        number = int(np.searchsorted(rising, half))
        before = rising[number] - self.histogram[number]
        return float(number + (half - before) / self.histogram[number]) * _BIN_DEG


@dataclass(slots=True)
class NormalScorer:
    tally: NormalTally = field(default_factory=NormalTally)

    def add(self, item: Example, generator: Generator) -> bool:
        truth = item.truth.normals
        seen = see(item, generator, [Instruction(Task.NORMALS)]).normals
        if truth is None or seen is None:
            return False
        return self.tally.add(at_size(seen, (truth.shape[0], truth.shape[1])), truth)

    def merge(self, later: NormalScorer) -> None:
        self.tally.merge(later.tally)

    def scores(self) -> list[Score]:
        return self.tally.scores()


def at_size(normals: FloatArray, hw: tuple[int, int]) -> FloatArray:
    """Bilinear, then unit length again; missing where a neighbour is."""
    if normals.shape[:2] == hw:
        return normals
    resized = np.asarray(cv2.resize(normals, hw[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    unit: FloatArray = resized / np.maximum(np.linalg.norm(resized, axis=-1, keepdims=True), np.float32(1e-6))
    return unit
