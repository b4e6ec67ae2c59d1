"""Metric depth by the papers' protocols: which truth counts, which part of the picture, and how pixels become a number.

    delta1    share of the valid pixels with max(p / t, t / p) < 1.25, strictly
    AbsRel    mean of |p - t| / t
    coverage  share of the valid pixels with a prediction at all

The first two per image and then over images (as all the papers do), and all over the pixels in one pool. No alignment:
metres.

Convention
    The prediction is brought to the truth's size (bilinear), never the truth. What is missing stays a miss and is
    not left out: NaN and what is not above 0 count as depth 0, +inf as the protocol's farthest. A protocol that clips
    does so after that. A colour out of the depth code's reach is missing (questions.SCORE_EVERYTHING).

Sources (BENCHMARKS in docs/benchmarks.md): ranges and crops of lpiccinelli-eth/UniK3D, isl-org/ZoeDepth (as BTS),
YvanYin/Metric3D; Depth Pro's ranges and Depth Anything 3's KITTI as kmatzen/plumbline reproduces them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import cv2
import numpy as np

from vision_banana_ros.core import FloatArray, Task
from vision_banana_ros.data import Example
from vision_banana_ros.evaluation.protocols.result import Score
from vision_banana_ros.evaluation.questions import see
from vision_banana_ros.prompts import Generator, Instruction

Crop: TypeAlias = Callable[[int, int], tuple[slice, slice]]
_RATIO = 1.25
_BLOCK_ROWS = 512  # a picture of ETH3D has 24 million pixels


def whole(height: int, width: int) -> tuple[slice, slice]:
    return slice(0, height), slice(0, width)


def eigen_nyu(_height: int, _width: int) -> tuple[slice, slice]:
    """Rows 45..470, columns 41..600 of 640x480: where the Kinect sees."""
    return slice(45, 471), slice(41, 601)


def garg(height: int, width: int) -> tuple[slice, slice]:
    rows = int(0.40810811 * height), int(0.99189189 * height)
    columns = int(0.03594771 * width), int(0.96405229 * width)
    return slice(*rows), slice(*columns)


def eigen_kitti(height: int, width: int) -> tuple[slice, slice]:
    rows = int(0.3324324 * height), int(0.91351351 * height)
    columns = int(0.03594771 * width), int(0.96405229 * width)
    return slice(*rows), slice(*columns)


def after_kb(inner: Crop) -> Crop:
    """`inner` within the 352 x 1216 pixels at the bottom centre, which KITTI's benchmark cuts out first."""

    def crop(height: int, width: int) -> tuple[slice, slice]:
        top, left = height - 352, (width - 1216) // 2
        rows, columns = inner(352, 1216)
        return slice(top + rows.start, top + rows.stop), slice(left + columns.start, left + columns.stop)

    return crop


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthProtocol:
    """Valid: nearest_m < truth < farthest_m. `clip`: the prediction is forced into the range."""

    name: str
    farthest_m: float
    nearest_m: float = 0.0
    crop: Crop = whole
    clip: bool = False


@dataclass(slots=True)
class DepthTally:
    """Sums of one protocol."""

    protocol: DepthProtocol
    delta1: list[float] = field(default_factory=list)
    abs_rel: list[float] = field(default_factory=list)
    pixels: int = 0
    hits: int = 0
    error: float = 0.0
    covered: int = 0

    def add(self, predicted_m: FloatArray, truth_m: FloatArray) -> bool:
        """One image of one size; False where no truth is valid."""
        rows, columns = self.protocol.crop(*truth_m.shape)
        predicted_m, truth_m = predicted_m[rows, columns], truth_m[rows, columns]
        pixels, hits, error, covered = 0, 0, 0.0, 0
        for top in range(0, truth_m.shape[0], _BLOCK_ROWS):
            block = self._block(predicted_m[top : top + _BLOCK_ROWS], truth_m[top : top + _BLOCK_ROWS])
            pixels, hits, error, covered = pixels + block[0], hits + block[1], error + block[2], covered + block[3]
        if pixels:
            self.delta1.append(hits / pixels)
            self.abs_rel.append(error / pixels)
            self.pixels, self.hits, self.error = self.pixels + pixels, self.hits + hits, self.error + error
            self.covered += covered
        return pixels > 0

    def merge(self, later: DepthTally) -> None:
        self.delta1 += later.delta1
        self.abs_rel += later.abs_rel
        self.pixels, self.hits, self.error = (
            self.pixels + later.pixels,
            self.hits + later.hits,
            self.error + later.error,
        )
        self.covered += later.covered

    def scores(self) -> list[Score]:
        images, counted, name = len(self.delta1), self.pixels, self.protocol.name
        per_image, pool = "mean over images", "all pixels in one pool"
        values = (
            ("delta1", _mean(self.delta1), per_image),
            ("AbsRel", _mean(self.abs_rel), per_image),
            ("delta1", self.hits / counted if counted else float("nan"), pool),
            ("AbsRel", self.error / counted if counted else float("nan"), pool),
            ("coverage", self.covered / counted if counted else float("nan"), pool),
        )
        return [
            Score(metric=metric, value=value, protocol=name, pooling=pooling, images=images, counted=counted)
            for metric, value, pooling in values
        ]

    def _block(self, predicted_m: FloatArray, truth_m: FloatArray) -> tuple[int, int, float, int]:
        """Valid pixels, those within the ratio, the sum of relative errors, and those with a prediction."""
        p = self.protocol
        with np.errstate(invalid="ignore"):
            valid = (truth_m > p.nearest_m) & (truth_m < p.farthest_m)
        truth = truth_m[valid].astype(np.float64)
        predicted = predicted_m[valid].astype(np.float64)
        predicted[np.isposinf(predicted)] = p.farthest_m
        with np.errstate(invalid="ignore"):
            missing = ~(predicted > 0)
        predicted[missing] = 0
        if p.clip:
            predicted = np.clip(predicted, p.nearest_m, p.farthest_m)
        with np.errstate(divide="ignore"):
            ratio = np.maximum(predicted / truth, truth / predicted)
        hits, error = int((ratio < _RATIO).sum()), float((np.abs(predicted - truth) / truth).sum())
        return truth.size, hits, error, truth.size - int(missing.sum())


@dataclass(slots=True)
class DepthScorer:
    """Every protocol on the same painted depth."""

    protocols: tuple[DepthProtocol, ...]
    tallies: list[DepthTally] = field(init=False)

    def __post_init__(self) -> None:
        self.tallies = [DepthTally(protocol) for protocol in self.protocols]

    def add(self, item: Example, generator: Generator) -> bool:
        truth = item.truth.depth_m
        seen = see(item, generator, [Instruction(Task.DEPTH)]).depth_m
        if truth is None or seen is None:
            return False
        predicted = at_size(seen, (truth.shape[0], truth.shape[1]))
        return sum(tally.add(predicted, truth) for tally in self.tallies) > 0

    def merge(self, later: DepthScorer) -> None:
        for mine, other in zip(self.tallies, later.tallies, strict=True):
            mine.merge(other)

    def scores(self) -> list[Score]:
        return [score for tally in self.tallies for score in tally.scores()]


def at_size(depth_m: FloatArray, hw: tuple[int, int]) -> FloatArray:
    """Bilinear; what touches a missing value is missing, what touches +inf is far."""
    if depth_m.shape == hw:
        return depth_m
    beyond = np.isposinf(depth_m)
    resized = cv2.resize(np.where(beyond, np.float32(1e6), depth_m), hw[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.float32)


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


#: By set; the first is the default that stands beside published numbers.
PROTOCOLS: dict[str, tuple[DepthProtocol, ...]] = {
    "nyuv2": (
        DepthProtocol(name="UniK3D (0-10 m, 45:471 x 41:601)", farthest_m=10, crop=eigen_nyu),
        DepthProtocol(
            name="ZoeDepth/BTS (the same, clipped)", nearest_m=1e-3, farthest_m=10, crop=eigen_nyu, clip=True
        ),
    ),
    "ibims1": (
        DepthProtocol(name="UniK3D (0-25 m)", farthest_m=25),
        DepthProtocol(name="Depth Pro (0.1-10 m)", nearest_m=0.1, farthest_m=10),
        DepthProtocol(
            name="ZoeDepth (10 m, NYU crop, clipped)", nearest_m=1e-3, farthest_m=10, crop=eigen_nyu, clip=True
        ),
    ),
    "eth3d": (
        DepthProtocol(name="UniK3D (0-50 m)", farthest_m=50),
        DepthProtocol(name="Depth Pro (0.1-200 m)", nearest_m=0.1, farthest_m=200),
        DepthProtocol(name="Metric3D v2 (below 100 m)", farthest_m=100),
    ),
    "diode": (
        DepthProtocol(name="UniK3D (0-25 m)", farthest_m=25),
        DepthProtocol(name="Metric3D v2 (0.1-150 m)", nearest_m=0.1, farthest_m=150),
        DepthProtocol(
            name="ZoeDepth (10 m, NYU crop, clipped)", nearest_m=1e-3, farthest_m=10, crop=eigen_nyu, clip=True
        ),
    ),
    "kitti": (
        DepthProtocol(name="UniK3D (80 m, Garg in 352x1216)", farthest_m=80, crop=after_kb(garg)),
        DepthProtocol(name="Depth Anything 3 (80 m, Garg of all)", farthest_m=80, crop=garg),
        DepthProtocol(name="Eigen crop in 352x1216 (80 m)", nearest_m=1e-5, farthest_m=80, crop=after_kb(eigen_kitti)),
    ),
    "nuscenes": (DepthProtocol(name="UniK3D (0-80 m)", farthest_m=80),),
}
