"""Straight lines through slopes: robust against pixels that are wrong, one by one or in blocks.

A plane of slopes t has one value per column, t = gradient * pixel + offset. Residuals are measured as angles,
(t - expected) / (1 + expected^2), because that is how a lens and an eye see them, and how codes of rays are noisy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vision_banana_ros.core import AnyArray, BoolArray, FloatArray, FrameError

_ITERATIONS = 10
_TUKEY = 4.685  # 95 % efficient under Gaussian noise
_MAD_TO_SIGMA = 1.4826
_ANGLE_FLOOR = 1e-4  # rad; below it differences are float32 and 8-bit rounding


@dataclass(frozen=True, slots=True)
class Line:
    """slope = gradient * pixel + offset."""

    gradient: float
    offset: float

    def at(self, pixel: AnyArray) -> AnyArray:
        return self.gradient * pixel + self.offset


@dataclass(frozen=True, slots=True, eq=False)
class Medians:
    """Median slope at each pixel index that has any, and of how many samples."""

    pixel: AnyArray
    slope: AnyArray
    count: AnyArray


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Slopes (N, M) that should be equal down each of the M lines, whose pixel coordinates are `pixel` (M,)."""

    slope: FloatArray
    pixel: AnyArray

    def medians(self, inliers: BoolArray) -> Medians:
        count = inliers.sum(axis=0)
        # What is out sorts to the end; the median is then found by counting.
        ordered = np.sort(np.where(inliers, self.slope, np.float32(np.inf)), axis=0)
        known = np.flatnonzero(count)
        low = ordered[(count[known] - 1) // 2, known].astype(np.float64)
        high = ordered[count[known] // 2, known].astype(np.float64)
        return Medians(self.pixel[known], (low + high) / 2, count[known])

    def angles_off(self, line: Line) -> AnyArray:
        expected = line.at(self.pixel).astype(np.float32)
        return np.asarray((self.slope - expected) / (1 + expected * expected))

    def pixels_off(self, line: Line) -> AnyArray:
        return np.asarray((self.slope - line.at(self.pixel).astype(np.float32)) / np.float32(line.gradient))


def fit_lines(columns: Medians, rows: Medians, *, shared_gradient: bool) -> tuple[Line, Line]:
    """One line through the columns, one through the rows: Theil-Sen to start, Tukey's biweight to finish."""
    lines = [_theil_sen(columns), _theil_sen(rows)]
    for _ in range(_ITERATIONS):
        sums = [_weighted_sums(medians, line) for medians, line in zip((columns, rows), lines, strict=True)]
        if shared_gradient:
            common = sum(s.covariance for s in sums) / sum(s.variance for s in sums)
            gradients = [common, common]
        else:
            gradients = [s.covariance / s.variance for s in sums]
        lines = [Line(g, s.slope_mean - g * s.pixel_mean) for g, s in zip(gradients, sums, strict=True)]
    return lines[0], lines[1]


@dataclass(frozen=True, slots=True)
class _Sums:
    pixel_mean: float
    slope_mean: float
    covariance: float
    variance: float


def _weighted_sums(medians: Medians, line: Line) -> _Sums:
    """What a weighted line fit needs; the weights are those of angles, robust against the distance from `line`."""
    expected = line.at(medians.pixel)
    to_angle = 1 / (1 + expected**2)
    off = (medians.slope - expected) * to_angle
    biweight = np.clip(1 - (off / (_TUKEY * robust_sigma(off))) ** 2, 0, None) ** 2
    weight = biweight * medians.count * to_angle**2
    total = max(float(weight.sum()), 1e-12)
    pixel_mean = float(weight @ medians.pixel) / total
    slope_mean = float(weight @ medians.slope) / total
    arm = weight * (medians.pixel - pixel_mean)
    return _Sums(
        pixel_mean,
        slope_mean,
        float(arm @ (medians.slope - slope_mean)),
        max(float(arm @ (medians.pixel - pixel_mean)), 1e-12),
    )


def _theil_sen(medians: Medians) -> Line:
    """Median gradient over pairs that lie half the image apart: right while under a quarter of the lines are wrong."""
    half = len(medians.pixel) // 2
    if half < 1:
        raise FrameError("a camera needs rays in at least two columns and two rows: is this a canvas of rays?")
    run = medians.pixel[half:] - medians.pixel[:-half]
    gradient = float(np.median((medians.slope[half:] - medians.slope[:-half]) / run))
    return Line(gradient, float(np.median(medians.slope - gradient * medians.pixel)))


def robust_sigma(off: AnyArray) -> float:
    return max(_MAD_TO_SIGMA * float(np.median(np.abs(off))), _ANGLE_FLOOR) if off.size else _ANGLE_FLOOR
