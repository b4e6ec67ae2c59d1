"""What a generator must beat: answers that do not look at the image.

    best constant   one depth for every pixel of every frame, chosen AFTER the fact to be best on the set itself, and
                    for each score anew: nobody who paints one depth can do better
    mean map        one fixed depth image, the geometric mean of the training renders, pixel by pixel
    mean normal     one direction for every pixel, chosen after the fact: the mean of the set's own truth
    normal map      one fixed normal image, the mean of the training renders

The maps come from `PriorMaps.fit` over renders; a file of them ships with the package, so that every set is judged
against the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import DataError, FloatArray, Truth
from vision_banana_ros.evaluation.depth_metrics import (
    DELTA1_RATIO,
    DepthRange,
    DepthScores,
    score_depth,
    valid_truth,
)
from vision_banana_ros.evaluation.normal_metrics import NormalScores, score_normals

PRIORS_FILE = Path(__file__).parent / "priors.npz"
_MAP_HW = (48, 64)
#: 1.75 % apart, so that the best of them misses the best constant by no more than the scores' third digit.
_CANDIDATES = np.geomspace(0.1, 100, 400)
_PIXELS_PER_FRAME = 4000


class ConstantDepth:
    """Collects a set frame by frame; `scores()` is what the best constants would have got on it."""

    def __init__(self, limits: DepthRange) -> None:
        self._limits = limits
        self._tables: list[npt.NDArray[np.float64]] = []  # per frame: delta1, AbsRel, RMSE of each candidate
        self._scaled: list[DepthScores] = []

    def add(self, truth_m: FloatArray) -> None:
        # after scaling, one constant is as good as any other
        scaled = score_depth(np.ones_like(truth_m), truth_m, self._limits)
        if scaled is None:
            return
        depth = truth_m[valid_truth(truth_m, self._limits)].astype(np.float64)
        self._tables.append(_constant_scores(np.sort(depth[:: max(1, depth.size // _PIXELS_PER_FRAME)])))
        self._scaled.append(scaled)

    def merge(self, later: ConstantDepth) -> None:
        self._tables += later._tables
        self._scaled += later._scaled

    def scores(self) -> list[DepthScores]:
        """Per frame; delta1, AbsRel and RMSE each with the constant that is best for it over the whole set."""
        if not self._tables:
            return []
        tables = np.stack(self._tables)
        mean = tables.mean(0)
        best = (int(mean[0].argmax()), int(mean[1].argmin()), int(mean[2].argmin()))
        return [
            replace(
                scaled,
                delta1=float(table[0, best[0]]),
                abs_rel=float(table[1, best[1]]),
                rmse_m=float(table[2, best[2]]),
            )
            for table, scaled in zip(tables, self._scaled, strict=True)
        ]


def _constant_scores(depth_m: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """delta1, AbsRel and RMSE of each candidate on rising depths: by counts and sums up to it, not pixel by pixel."""
    count, c = depth_m.size, _CANDIDATES
    low = np.searchsorted(depth_m, c / DELTA1_RATIO, side="right")
    high = np.searchsorted(depth_m, c * DELTA1_RATIO, side="left")
    nearer = np.searchsorted(depth_m, c)
    inverse = np.concatenate([[0.0], np.cumsum(1 / depth_m)])
    too_far = c * inverse[nearer] - nearer  # sum of c / t - 1 where t < c, and of 1 - c / t elsewhere
    too_near = (count - nearer) - c * (inverse[-1] - inverse[nearer])
    squares = np.maximum(c**2 - 2 * c * depth_m.mean() + (depth_m**2).mean(), 0)
    return np.stack([np.maximum(high - low, 0) / count, (too_far + too_near) / count, np.sqrt(squares)])


class ConstantNormal:
    """Collects a set frame by frame; `scores()` is what its own mean direction would have got on it."""

    def __init__(self) -> None:
        self._truths: list[FloatArray] = []

    def add(self, normals: FloatArray) -> None:
        known = normals[np.isfinite(normals).all(-1)]
        if len(known):
            self._truths.append(known[:: max(1, len(known) // _PIXELS_PER_FRAME)])

    def merge(self, later: ConstantNormal) -> None:
        self._truths += later._truths

    def scores(self) -> list[NormalScores]:
        if not self._truths:
            return []
        mean = np.sum([truth.mean(0) for truth in self._truths], axis=0)
        mean /= max(float(np.linalg.norm(mean)), 1e-9)
        scores = (score_normals(np.broadcast_to(mean, t.shape)[None], t[None]) for t in self._truths)
        return [score for score in scores if score is not None]


@dataclass(frozen=True, slots=True, eq=False)
class PriorMaps:
    """depth_m (48, 64) and normals (48, 64, 3), the mean of `frames` renders."""

    depth_m: FloatArray
    normals: FloatArray
    frames: int

    @classmethod
    def fit(cls, truths: Iterable[Truth]) -> PriorMaps:
        """Mean of log depth and of normals per cell; sky and unknown pixels are left out."""
        log_sum, log_count = np.zeros(_MAP_HW), np.zeros(_MAP_HW)
        normal_sum = np.zeros((*_MAP_HW, 3))
        frames = 0
        for truth in truths:
            if truth.depth_m is None or truth.normals is None:
                continue
            depth, normals = _at_centres(truth.depth_m), _at_centres(truth.normals)
            known = np.isfinite(depth) & (depth > 0)
            log_sum[known] += np.log(depth[known])
            log_count += known
            normal_sum += np.nan_to_num(normals)
            frames += 1
        if not frames or not log_count.any():
            raise DataError("prior maps need frames with depth and normals, got none")
        fallback = log_sum.sum() / log_count.sum()
        depth_m = np.exp(np.where(log_count > 0, log_sum / np.maximum(log_count, 1), fallback))
        length = np.linalg.norm(normal_sum, axis=-1, keepdims=True)
        normals = np.where(length > 0, normal_sum / np.maximum(length, 1e-9), (0.0, 0.0, -1.0))
        return cls(depth_m.astype(np.float32), normals.astype(np.float32), frames)

    @classmethod
    def load(cls, path: Path = PRIORS_FILE) -> PriorMaps | None:
        """The maps of a file; None where there is none."""
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as file:
            return cls(file["depth_m"], file["normals"], int(file["frames"]))

    def save(self, path: Path = PRIORS_FILE) -> None:
        np.savez_compressed(path, depth_m=self.depth_m, normals=self.normals, frames=self.frames)

    def depth_at(self, hw: tuple[int, int]) -> FloatArray:
        resized = cv2.resize(np.log(self.depth_m), hw[::-1], interpolation=cv2.INTER_LINEAR)
        return np.exp(np.asarray(resized, np.float32))

    def normals_at(self, hw: tuple[int, int]) -> FloatArray:
        resized = np.asarray(cv2.resize(self.normals, hw[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
        unit: FloatArray = resized / np.linalg.norm(resized, axis=-1, keepdims=True)
        return unit


def _at_centres(array: FloatArray) -> FloatArray:
    rows = ((np.arange(_MAP_HW[0]) + 0.5) * array.shape[0] / _MAP_HW[0]).astype(np.intp)
    columns = ((np.arange(_MAP_HW[1]) + 0.5) * array.shape[1] / _MAP_HW[1]).astype(np.intp)
    picked: FloatArray = array[rows][:, columns]
    return picked
