"""Scores of class masks: a table of counts per frame, summed over the set; and what one class everywhere would get.

    pixel accuracy   share of the labelled pixels that have their class                               (higher is better)
    mIoU             mean over the classes that occur in truth or answer of  hits / (truth + painted - hits)

Both are sums over the set, not means over frames; intervals resample whole frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import AnyArray
from vision_banana_ros.evaluation.intervals import Estimate, estimate_of_sums
from vision_banana_ros.evaluation.mask_metrics import Confusion

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSummary:
    frames: int
    pixels: int
    pixel_accuracy: Estimate
    mean_iou: Estimate


@dataclass(slots=True)
class ClassScores:
    """Collects a set frame by frame."""

    classes: int
    confusion: Confusion = field(init=False)
    frames: list[Counts] = field(default_factory=list)  # each (3, classes): hits, truth, painted

    def __post_init__(self) -> None:
        self.confusion = Confusion(self.classes)

    def add(self, predicted: AnyArray, truth: AnyArray) -> None:
        frame = Confusion(self.classes)
        frame.add(predicted, truth)
        self.confusion.counts += frame.counts
        known = frame.counts[:, : self.classes]
        self.frames.append(np.stack([np.diag(known), frame.counts.sum(1), known.sum(0)]))

    def merge(self, later: ClassScores) -> None:
        self.confusion.counts += later.confusion.counts
        self.frames += later.frames

    def summary(self) -> ClassSummary | None:
        return _summary(np.array(self.frames)) if self._any() else None

    def best_constant(self) -> ClassSummary | None:
        """Every pixel the class that is most frequent in the truth: chosen after the fact."""
        if not self._any():
            return None
        truth = np.array(self.frames)[:, 1]
        most = int(truth.sum(0).argmax())
        constant = np.zeros((len(truth), 3, self.classes), np.int64)
        constant[:, 0, most] = truth[:, most]
        constant[:, 1] = truth
        constant[:, 2, most] = truth.sum(1)
        return _summary(constant)

    def _any(self) -> bool:
        return any(frame[1].any() for frame in self.frames)


def _summary(frames: Counts) -> ClassSummary:
    count, _, classes = frames.shape
    rows = frames.reshape(count, 3 * classes)
    return ClassSummary(
        frames=count,
        pixels=int(frames[:, 1].sum()),
        pixel_accuracy=estimate_of_sums(rows, lambda sums: _accuracy(sums.reshape(-1, 3, classes))),
        mean_iou=estimate_of_sums(rows, lambda sums: _mean_iou(sums.reshape(-1, 3, classes))),
    )


def _accuracy(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    accuracy: npt.NDArray[np.float64] = sums[:, 0].sum(-1) / np.maximum(sums[:, 1].sum(-1), 1)
    return accuracy


def _mean_iou(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    hits, truth, painted = sums[:, 0], sums[:, 1], sums[:, 2]
    union = truth + painted - hits
    mean: npt.NDArray[np.float64] = (hits / np.maximum(union, 1)).sum(-1) / np.maximum((union > 0).sum(-1), 1)
    return mean
