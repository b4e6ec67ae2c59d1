"""Scores of segmentations: mIoU for classes, cIoU and gIoU for referred regions, pmF1 for instances.

    mIoU   mean over the classes that occur in truth or prediction of  intersection / union  of the whole set
    cIoU   sum of intersections / sum of unions over all expressions of the set
    gIoU   mean over the expressions of their own IoU; a region that is rightly left empty has IoU 1
    pmF1   positive micro F1: over all (frame, class) pairs that have instances, count matched, spurious and missed
           ones at IoU thresholds 0.5, 0.55 .. 0.95; F1 = 2 TP / (2 TP + FP + FN) per threshold, then their mean.
           Matching is one to one and maximises the sum of IoUs.

References: Long et al. 2015 (mIoU); Lai et al., "LISA", 2024 (cIoU, gIoU); Carion et al., "SAM 3", 2025 (pmF1).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import UNLABELLED, AnyArray, BoolArray, DataError, FloatArray
from vision_banana_ros.geometry.assignment import maximum_assignment

F1_THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))


@dataclass(slots=True)
class Confusion:
    """Counts pixels by (true class, predicted class) over a set; unlabelled truth is left out."""

    classes: int
    counts: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        # one more column: predicted ids outside of the classes (unlabelled, background) are wrong but no class
        self.counts = np.zeros((self.classes, self.classes + 1), np.int64)

    def add(self, predicted: AnyArray, truth: AnyArray) -> None:
        _require_same(predicted, truth)
        known = (truth != UNLABELLED) & (truth < self.classes)
        p = np.minimum(predicted[known].astype(np.int64), self.classes)
        t = truth[known].astype(np.int64)
        width = self.classes + 1
        self.counts += np.bincount(t * width + p, minlength=self.classes * width).reshape(self.classes, width)

    def iou(self) -> FloatArray:
        """Per class; NaN for one that neither occurs nor was painted."""
        hit = np.diag(self.counts).astype(np.float64)
        union = self.counts.sum(1) + self.counts[:, : self.classes].sum(0) - hit
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(union > 0, hit / union, np.nan).astype(np.float32)

    def mean_iou(self) -> float:
        iou = self.iou()
        return float(np.nanmean(iou)) if np.isfinite(iou).any() else float("nan")


@dataclass(frozen=True, slots=True)
class Overlap:
    """Intersection and union of one predicted and one true region, in pixels."""

    intersection: int
    union: int

    @property
    def iou(self) -> float:
        return self.intersection / self.union if self.union else 1.0


def overlap(predicted: BoolArray, truth: BoolArray) -> Overlap:
    _require_same(predicted, truth)
    return Overlap(int(np.count_nonzero(predicted & truth)), int(np.count_nonzero(predicted | truth)))


def cumulative_iou(regions: list[Overlap]) -> float:
    """cIoU; NaN without regions."""
    union = sum(region.union for region in regions)
    return sum(region.intersection for region in regions) / union if union else float("nan")


def mean_region_iou(regions: list[Overlap]) -> float:
    """gIoU; NaN without regions."""
    return float(np.mean([region.iou for region in regions])) if regions else float("nan")


@dataclass(slots=True)
class InstanceMatches:
    """True positives, false positives, false negatives per IoU threshold, summed over (frame, class) pairs."""

    tp: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(F1_THRESHOLDS), np.int64))
    fp: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(F1_THRESHOLDS), np.int64))
    fn: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(F1_THRESHOLDS), np.int64))

    def add(self, predicted: AnyArray, truth: AnyArray) -> None:
        """One frame and class, both maps with 0 for background; pairs without true instances are not counted."""
        table = instance_iou(predicted, truth)
        n_true, n_predicted = table.shape
        if n_true == 0:
            return
        rows, columns = maximum_assignment(table)
        matched = table[rows, columns]
        for i, threshold in enumerate(F1_THRESHOLDS):
            hits = int(np.count_nonzero(matched >= threshold))
            self.tp[i] += hits
            self.fp[i] += n_predicted - hits
            self.fn[i] += n_true - hits

    def merge(self, later: InstanceMatches) -> None:
        self.tp += later.tp
        self.fp += later.fp
        self.fn += later.fn

    def pm_f1(self) -> float:
        if not (self.tp + self.fn).any():
            return float("nan")
        return float(np.mean(2 * self.tp / (2 * self.tp + self.fp + self.fn)))


def instance_iou(predicted: AnyArray, truth: AnyArray) -> npt.NDArray[np.float64]:
    """(true instances, predicted instances) table of IoUs; ids may be any positive numbers, 0 is background."""
    _require_same(predicted, truth)
    true_ids, t = np.unique(truth, return_inverse=True)
    found_ids, p = np.unique(predicted, return_inverse=True)
    shape = (len(true_ids), len(found_ids))
    joint = np.bincount(t.ravel() * shape[1] + p.ravel(), minlength=shape[0] * shape[1]).reshape(shape)
    union = joint.sum(1)[:, None] + joint.sum(0)[None] - joint
    iou: npt.NDArray[np.float64] = (joint / union)[true_ids != 0][:, found_ids != 0]
    return iou


def _require_same(predicted: AnyArray, truth: AnyArray) -> None:
    if predicted.shape != truth.shape:
        raise DataError(f"prediction {predicted.shape} and truth {truth.shape} must have one size")
