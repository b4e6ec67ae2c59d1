"""Is one model better than another on the same frames? Differences frame by frame, with their interval.

    gain = mean over frames of (after - before), turned so that more is better
    interval: percentile bootstrap over frames (Efron 1979), both models on the same resample

Because both see the same frames, what makes a frame hard falls out of the difference: an interval that does not hold 0
is a difference that other frames of the same kind would show too. mIoU is of the sums of all frames, likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from vision_banana_ros.codecs import Palette
from vision_banana_ros.core import UNLABELLED, Perception, Target, Task
from vision_banana_ros.data import Example
from vision_banana_ros.evaluation.depth_metrics import DepthRange, score_depth
from vision_banana_ros.evaluation.intervals import RESAMPLES, Estimate
from vision_banana_ros.evaluation.mask_metrics import Confusion
from vision_banana_ros.evaluation.normal_metrics import score_normals
from vision_banana_ros.perceive import PerceiveSettings, perceive
from vision_banana_ros.prompts import Generator, Instruction

#: Metric -> whether more is better.
METRICS: dict[str, bool] = {
    "delta1": True,
    "scaled_delta1": True,
    "abs_rel": False,
    "scaled_abs_rel": False,
    "mean_deg": False,
    "mean_iou": True,
}
_SCORE_ALL = PerceiveSettings(
    min_depth_confidence=0,
    min_normals_confidence=0,
    min_mask_confidence=0,
    filter_flying_pixels=False,
    with_confidence=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One metric on one set. `gain` is positive where `after` is better, whatever the metric's direction."""

    metric: str
    frames: int
    before: float
    after: float
    gain: Estimate

    @property
    def verdict(self) -> str:
        return "better" if self.gain.low > 0 else "worse" if self.gain.high < 0 else "no difference shown"

    def line(self) -> str:
        low, high = self.gain.low, self.gain.high
        numbers = f"{self.before:7.3f} -> {self.after:7.3f}   gain {self.gain.value:+.3f} [{low:+.3f}, {high:+.3f}]"
        return f"{self.metric:15} {numbers}  {self.verdict} ({self.frames} frames)"


@dataclass(slots=True)
class _Scores:
    """Per frame, of one model."""

    values: dict[str, list[float]] = field(default_factory=dict)
    confusions: list[npt.NDArray[np.int64]] = field(default_factory=list)

    def add(self, seen: Perception, example: Example, limits: DepthRange) -> None:
        truth = example.truth
        if truth.depth_m is not None and seen.depth_m is not None:
            scores = score_depth(seen.depth_m, truth.depth_m, limits)
            if scores is not None:
                for name in ("delta1", "scaled_delta1", "abs_rel", "scaled_abs_rel"):
                    self.values.setdefault(name, []).append(float(getattr(scores, name)))
        if truth.normals is not None and seen.normals is not None:
            angles = score_normals(seen.normals, truth.normals)
            if angles is not None:
                self.values.setdefault("mean_deg", []).append(angles.mean_deg)
        if truth.mask is not None and seen.mask is not None:
            confusion = Confusion(len(truth.labels))
            confusion.add(_as_truth(seen, truth.labels), truth.mask)
            self.confusions.append(confusion.counts)


def compare(
    examples: Iterable[Example],
    before: Generator,
    after: Generator,
    *,
    tell_hfov: bool = False,
    limits: DepthRange | None = None,
    tell: Callable[[int], None] = lambda _count: None,
) -> list[Comparison]:
    """Both models on each frame; metrics of which there is no truth are left out."""
    both, limits = (_Scores(), _Scores()), limits or DepthRange()
    for count, example in enumerate(examples, start=1):
        asked = _instructions(example, tell_hfov)
        frame = replace(example.frame, camera=None)  # as `vision-banana eval` does: the picture alone
        for scores, generator in zip(both, (before, after), strict=True):
            scores.add(perceive(frame, generator, asked, _SCORE_ALL), example, limits)
        tell(count)
    rows = [_of_means(name, both[0].values[name], both[1].values[name]) for name in METRICS if name in both[0].values]
    if both[0].confusions:
        rows.append(_of_confusions(both[0].confusions, both[1].confusions))
    return rows


def _instructions(example: Example, tell_hfov: bool) -> list[Instruction]:
    truth = example.truth
    asked = []
    if truth.depth_m is not None:
        hfov = truth.camera.hfov_deg if tell_hfov and example.camera_known else None
        asked.append(Instruction(Task.DEPTH, hfov_deg=hfov))
    if truth.normals is not None:
        asked.append(Instruction(Task.NORMALS))
    if truth.mask is not None and truth.labels:
        colors = Palette.distinct(len(truth.labels)).targets
        targets = tuple(Target(t, c) for t, c in zip(truth.labels, colors, strict=True) if t != "background")
        asked.append(Instruction(Task.SEMANTIC, targets, (0, 0, 0) if "background" in truth.labels else None))
    return asked


def _as_truth(seen: Perception, labels: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    assert seen.mask is not None
    table = np.full(256, UNLABELLED, np.uint8)
    for number, name in enumerate(seen.labels):
        if name in labels:
            table[number] = labels.index(name)
    return table[seen.mask]


def _of_means(name: str, before: list[float], after: list[float]) -> Comparison:
    sign = 1.0 if METRICS[name] else -1.0
    gains = sign * (np.array(after) - np.array(before))
    picks = np.random.default_rng(0).integers(0, len(gains), (RESAMPLES, len(gains)))
    low, high = np.percentile(gains[picks].mean(axis=1), (2.5, 97.5))
    return Comparison(
        metric=name,
        frames=len(gains),
        before=float(np.mean(before)),
        after=float(np.mean(after)),
        gain=Estimate(float(gains.mean()), float(low), float(high)),
    )


def _of_confusions(before: list[npt.NDArray[np.int64]], after: list[npt.NDArray[np.int64]]) -> Comparison:
    shape = before[0].shape
    same = [
        i for i, counts in enumerate(before) if counts.shape == shape
    ]  # all frames of a set have one list of labels
    old = np.stack([before[i].reshape(-1) for i in same]).astype(np.float64)
    new = np.stack([after[i].reshape(-1) for i in same]).astype(np.float64)
    times = np.random.default_rng(0).multinomial(len(same), np.full(len(same), 1 / len(same)), RESAMPLES)
    gains = _mean_iou(times @ new, shape) - _mean_iou(times @ old, shape)
    low, high = np.nanpercentile(gains, (2.5, 97.5))
    was = float(_mean_iou(old.sum(axis=0, keepdims=True), shape)[0])
    now = float(_mean_iou(new.sum(axis=0, keepdims=True), shape)[0])
    gain = Estimate(now - was, float(low), float(high))
    return Comparison(metric="mean_iou", frames=len(same), before=was, after=now, gain=gain)


def _mean_iou(sums: npt.NDArray[np.float64], shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Of each row of flat confusion matrices; classes that occur neither way do not count."""
    counts = sums.reshape(-1, *shape)
    hit = np.einsum("ncc->nc", counts[:, :, : shape[0]])
    union = counts.sum(axis=2) + counts[:, :, : shape[0]].sum(axis=1) - hit
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: npt.NDArray[np.float64] = np.nanmean(np.where(union > 0, hit / union, np.nan), axis=1)
        return mean
