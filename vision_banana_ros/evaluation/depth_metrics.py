"""Scores of a depth map against sensor or rendered truth, one frame at a time.

    delta1    share of pixels with max(p / t, t / p) < 1.25                 (higher is better)
    AbsRel    mean of |p - t| / t
    RMSE      square root of the mean of (p - t)^2, metres
    scaled    the same three after p was multiplied by the one factor s = median(t / p) of the frame's known p
    coverage  share of the pixels where there is a p at all
    R2        1 - sum over frames of var(log p - log t) / sum over frames of var(log t): the share of the variance of
              log depth that is explained once each frame has its best scale; 0 is what a constant gets

Reference: Eigen, Puhrsch, Fergus, "Depth map prediction from a single image", 2014.

Convention
    A frame counts once, however many of its pixels have a truth: scores of a set are means over its frames.
    Truth is valid where it is finite and within `DepthRange`. The prediction is clipped to the range's outer bounds and
    a missing one (NaN) counts as the nearest possible depth, scaled or not, so that leaving pixels out never helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vision_banana_ros.core import DataError, FloatArray

DELTA1_RATIO = 1.25
MIN_PIXELS = 50


@dataclass(frozen=True, slots=True)
class DepthRange:
    """Which truth is scored, and what a prediction is clipped to, in metres."""

    nearest_m: float = 0.1
    farthest_m: float = 80.0
    clip_nearest_m: float = 0.05
    clip_farthest_m: float = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthScores:
    """One frame; `scale` is the factor that would have made its prediction right."""

    delta1: float
    abs_rel: float
    rmse_m: float
    scaled_delta1: float
    scaled_abs_rel: float
    scaled_rmse_m: float
    scale: float
    log_error_variance: float
    log_truth_variance: float
    pixels: int
    coverage: float


def valid_truth(truth_m: FloatArray, limits: DepthRange) -> np.ndarray:
    """Where `truth_m` is known and within the limits."""
    with np.errstate(invalid="ignore"):
        return np.isfinite(truth_m) & (truth_m >= limits.nearest_m) & (truth_m <= limits.farthest_m)


def score_depth(predicted_m: FloatArray, truth_m: FloatArray, limits: DepthRange | None = None) -> DepthScores | None:
    """Scores of one frame, or None where too few pixels have a truth."""
    limits = limits or DepthRange()
    if predicted_m.shape != truth_m.shape:
        raise DataError(f"prediction {predicted_m.shape} and truth {truth_m.shape} must have one size")
    valid = valid_truth(truth_m, limits)
    if np.count_nonzero(valid) < MIN_PIXELS:
        return None
    truth = truth_m[valid].astype(np.float64)
    # fmin / fmax ignore NaN: a missing value becomes the nearest bound, +inf the farthest
    predicted = np.fmin(np.fmax(predicted_m[valid].astype(np.float64), limits.clip_nearest_m), limits.clip_farthest_m)
    known = ~np.isnan(predicted_m[valid])
    scale = float(np.median((truth / predicted)[known])) if known.any() else 1.0
    log_error = np.log(predicted) - np.log(truth)
    plain, scaled = _errors(predicted, truth), _errors(np.where(known, predicted * scale, predicted), truth)
    return DepthScores(
        delta1=plain[0],
        abs_rel=plain[1],
        rmse_m=plain[2],
        scaled_delta1=scaled[0],
        scaled_abs_rel=scaled[1],
        scaled_rmse_m=scaled[2],
        scale=scale,
        log_error_variance=float(log_error.var()),
        log_truth_variance=float(np.log(truth).var()),
        pixels=int(truth.size),
        coverage=float(known.mean()),
    )


def explained_variance(frames: Sequence[DepthScores]) -> float:
    """R2 of a set; NaN where the truth of every frame is one constant depth."""
    truth = sum(frame.log_truth_variance for frame in frames)
    return 1 - sum(frame.log_error_variance for frame in frames) / truth if truth > 0 else float("nan")


def _errors(predicted: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """delta1, AbsRel, RMSE."""
    ratio = np.maximum(predicted / truth, truth / predicted)
    error = predicted - truth
    return (
        float((ratio < DELTA1_RATIO).mean()),
        float((np.abs(error) / truth).mean()),
        float(np.sqrt(np.mean(error**2))),
    )
