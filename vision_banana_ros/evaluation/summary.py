"""Scores of a whole set: what is written to JSON and printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from vision_banana_ros.evaluation.class_metrics import ClassSummary
from vision_banana_ros.evaluation.depth_metrics import DepthScores
from vision_banana_ros.evaluation.intervals import Estimate, estimate
from vision_banana_ros.evaluation.normal_metrics import NormalScores


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthSummary:
    frames: int
    delta1: Estimate
    abs_rel: Estimate
    rmse_m: Estimate
    scaled_delta1: Estimate
    scaled_abs_rel: Estimate
    scaled_rmse_m: Estimate
    r2: Estimate
    median_scale: float
    coverage: float  # mean over the frames


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalSummary:
    frames: int
    mean_deg: Estimate
    median_deg: Estimate
    within_11: Estimate
    within_22: Estimate
    within_30: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """The model, or a baseline, on one set."""

    name: str
    depth: DepthSummary | None = None
    normals: NormalSummary | None = None
    classes: ClassSummary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One generator on one set, beside the baselines; None where the set has no truth of that kind."""

    root: str
    model: str
    frames: int
    skipped: int
    contenders: tuple[Contender, ...]
    runtime: str = ""  # what ran the network, and its precision
    sources: tuple[str, ...] = ()  # of the frames, with their licences
    mean_iou: float | None = None
    class_iou: dict[str, float] | None = None
    cumulative_iou: float | None = None
    mean_region_iou: float | None = None
    instance_pm_f1: float | None = None
    others: dict[str, float] = field(default_factory=dict)  # of tasks that score themselves, "panoptic PQ"
    focal_error: float | None = None  # median of |f - f_true| / f_true of the recovered horizontal focal length

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: NaN, which JSON has no word for, becomes null."""
        return {key: jsonable(value) for key, value in dataclasses.asdict(self).items()}


def summarise_depth(frames: Sequence[DepthScores]) -> DepthSummary | None:
    if not frames:
        return None
    variances = [(frame.log_error_variance, frame.log_truth_variance) for frame in frames]
    return DepthSummary(
        frames=len(frames),
        delta1=estimate([f.delta1 for f in frames]),
        abs_rel=estimate([f.abs_rel for f in frames]),
        rmse_m=estimate([f.rmse_m for f in frames]),
        scaled_delta1=estimate([f.scaled_delta1 for f in frames]),
        scaled_abs_rel=estimate([f.scaled_abs_rel for f in frames]),
        scaled_rmse_m=estimate([f.scaled_rmse_m for f in frames]),
        r2=estimate(variances, _r2),
        median_scale=float(np.median([f.scale for f in frames])),
        coverage=float(np.mean([f.coverage for f in frames])),
    )


def summarise_normals(frames: Sequence[NormalScores]) -> NormalSummary | None:
    if not frames:
        return None
    return NormalSummary(
        frames=len(frames),
        mean_deg=estimate([f.mean_deg for f in frames]),
        median_deg=estimate([f.median_deg for f in frames]),
        within_11=estimate([f.within_11 for f in frames]),
        within_22=estimate([f.within_22 for f in frames]),
        within_30=estimate([f.within_30 for f in frames]),
    )


def _r2(sampled: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(resamples, frames, [error variance, truth variance]) -> R2 of each resample."""
    sums = sampled.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        r2: npt.NDArray[np.float64] = 1 - sums[:, 0] / sums[:, 1]
        return r2


def jsonable(value: Any) -> Any:
    """The same with null for every number that is none."""
    if isinstance(value, dict):
        return {str(key): jsonable(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(entry) for entry in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
