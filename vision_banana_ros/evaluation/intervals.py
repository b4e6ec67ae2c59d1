"""Bootstrap intervals: how far a mean over frames would move with other frames of the same kind.

Percentile bootstrap (Efron 1979): resample the frames with replacement 1,000 times, take the 2.5th and 97.5th
percentile of the statistic. Frames of one video resemble each other, so the true interval is wider.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic of a set with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def estimate(
    frames: npt.ArrayLike,
    statistic: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]] | None = None,
    *,
    seed: int = 0,
) -> Estimate:
    """Interval for the mean over frames, or for `statistic` of resampled frames (resamples, frames, ...)."""
    values = np.asarray(frames, np.float64)
    if values.shape[0] == 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    apply = statistic or (lambda sampled: sampled.mean(axis=1))
    picks = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    spread = apply(values[picks])
    low, high = np.percentile(spread, (2.5, 97.5))
    return Estimate(float(apply(values[None])[0]), float(low), float(high))


def estimate_of_sums(
    frames: npt.ArrayLike, statistic: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], *, seed: int = 0
) -> Estimate:
    """Interval for a statistic of the sums over frames: rows (frames, counts) in, `statistic` maps (n, counts) to n."""
    rows = np.asarray(frames, np.float64)
    if rows.shape[0] == 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    # how often each frame is drawn is all that a sum needs to know
    times = np.random.default_rng(seed).multinomial(len(rows), np.full(len(rows), 1 / len(rows)), RESAMPLES)
    low, high = np.percentile(statistic(times @ rows), (2.5, 97.5))
    return Estimate(float(statistic(rows.sum(0, keepdims=True))[0]), float(low), float(high))
