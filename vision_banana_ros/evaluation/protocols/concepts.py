"""SA-Co/Gold: is what the phrase names there at all (IL_MCC), how well is each found (pmF1); cgF1 is their product.

By pair, from (N painted, M true) masks and their IoUs:
    matching    one to one, the largest sum of IoUs, once; then for each threshold .50 .. .95: TP = matched and
                IoU >= t, FP = N - TP, FN = M - TP
    presence    nothing on both sides TN; only true things FN; only painted ones FP; both TP
    annotators  of the three the one under whom the answer has the highest mean local F1 (the first of equals); one who
                marked nothing is taken before all when nothing was painted
Over pairs:
    pmF1        per threshold from sums over the pairs that have true things; mean of ten
    IL_MCC      (TP TN - FP FN) / (sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN)) + 1e-6)
    cgF1        mean of pmF1(t) * IL_MCC
F1 = 2 P R / (P + R + e), P = TP / (TP + FP + e), R = TP / (TP + FN + e), e = 1e-4. The total is the plain mean over
subsets, of each number by itself.
Source: facebookresearch/sam3, sam3/eval/cgf1_eval.py and scripts/eval/gold/README.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import BoolArray, Target, Task, UInt16Array
from vision_banana_ros.data.readers.benchmarks.saco import Pair
from vision_banana_ros.evaluation.mask_metrics import F1_THRESHOLDS
from vision_banana_ros.evaluation.protocols.result import Score
from vision_banana_ros.evaluation.questions import BACKGROUND, SCORE_EVERYTHING
from vision_banana_ros.geometry.assignment import maximum_assignment
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Generator, Instruction

_EPSILON = 1e-4
_MCC_EPSILON = 1e-6
Counts = npt.NDArray[np.float64]
_THRESHOLDS = np.linspace(0.5, 0.95, len(F1_THRESHOLDS))


@dataclass(frozen=True, slots=True, eq=False)
class PairCounts:
    """TP, FP, FN by threshold, and how many things there are on each side."""

    tp: Counts
    fp: Counts
    fn: Counts
    painted: int
    true: int

    @property
    def local_f1(self) -> float:
        """Mean over the thresholds; -1 where there is nothing on either side."""
        return float(f1(self.tp, self.fp, self.fn).mean()) if self.painted or self.true else -1.0


def f1(tp: Counts, fp: Counts, fn: Counts) -> Counts:
    precision, recall = tp / (tp + fp + _EPSILON), tp / (tp + fn + _EPSILON)
    value: Counts = 2 * precision * recall / (precision + recall + _EPSILON)
    return value


def count_pair(iou: npt.NDArray[np.float64]) -> PairCounts:
    """From the table of IoUs (true, painted)."""
    true, painted = iou.shape
    matched = np.zeros(0)
    if true and painted:
        rows, columns = maximum_assignment(iou)
        matched = iou[rows, columns]
    tp = (matched[None] >= _THRESHOLDS[:, None]).sum(1).astype(np.float64)
    return PairCounts(tp, painted - tp, true - tp, painted, true)


def iou_table(masks: Sequence[BoolArray], instances: UInt16Array, count: int) -> npt.NDArray[np.float64]:
    """IoUs (true, painted) of masks that may overlap with a map of ids 1..count."""
    areas = np.bincount(instances.ravel(), minlength=count + 1)[1:]
    table = np.zeros((len(masks), count))
    for row, mask in enumerate(masks):
        shared = np.bincount(instances[mask], minlength=count + 1)[1:]
        union = int(np.count_nonzero(mask)) + areas - shared
        table[row] = shared / np.maximum(union, 1)
    return table


def best_annotator(counts: Sequence[PairCounts]) -> PairCounts:
    for one in counts:
        if not one.painted and not one.true:
            return one
    return max(counts, key=lambda one: one.local_f1)  # max() keeps the first of equals


@dataclass(slots=True)
class SubsetTally:
    """Sums over the pairs of one subset."""

    tp: Counts = field(default_factory=lambda: np.zeros(len(F1_THRESHOLDS)))
    fp: Counts = field(default_factory=lambda: np.zeros(len(F1_THRESHOLDS)))
    fn: Counts = field(default_factory=lambda: np.zeros(len(F1_THRESHOLDS)))
    presence: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("TP", "TN", "FP", "FN"), 0))

    def add(self, pair: PairCounts) -> None:
        kind = {(True, True): "TP", (True, False): "FN", (False, True): "FP", (False, False): "TN"}
        self.presence[kind[bool(pair.true), bool(pair.painted)]] += 1
        if pair.true:  # what is painted where nothing is counts against presence, not against pmF1
            self.tp += pair.tp
            self.fp += pair.fp
            self.fn += pair.fn

    def merge(self, later: SubsetTally) -> None:
        for kind, count in later.presence.items():
            self.presence[kind] += count
        self.tp += later.tp
        self.fp += later.fp
        self.fn += later.fn

    @property
    def pairs(self) -> int:
        return sum(self.presence.values())

    def values(self) -> tuple[float, float, float]:
        """cgF1, IL_MCC, pmF1."""
        p = self.presence
        tp, tn, fp, fn = p["TP"], p["TN"], p["FP"], p["FN"]
        mcc = (tp * tn - fp * fn) / (sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) + _MCC_EPSILON)
        by_threshold = f1(self.tp, self.fp, self.fn)
        return float((by_threshold * mcc).mean()), mcc, float(by_threshold.mean())


@dataclass(slots=True)
class SacoScorer:
    """`presence` says of pairs whether the phrase names anything there: where not, nothing is painted."""

    presence: Mapping[str, bool] | None = None
    subsets: dict[str, SubsetTally] = field(default_factory=dict)

    def add(self, item: Pair, generator: Generator) -> bool:
        instances = np.zeros(item.hw, np.uint16)
        if self.presence is None or self.presence.get(item.pair_id, True):
            question = Instruction(Task.INSTANCE, (Target(item.text),), background=BACKGROUND)
            seen = perceive(item.frame(), generator, [question], SCORE_EVERYTHING).instances
            instances = instances if seen is None else seen
        count = int(instances.max())
        counts = [count_pair(iou_table(item.masks(who), instances, count)) for who in range(len(item.marked))]
        self.subsets.setdefault(item.subset, SubsetTally()).add(best_annotator(counts))
        return True

    def merge(self, later: SacoScorer) -> None:
        for name, tally in later.subsets.items():
            self.subsets.setdefault(name, SubsetTally()).merge(tally)

    def scores(self) -> list[Score]:
        names = ("cgF1", "IL_MCC", "pmF1")
        rows = {name: (tally.values(), tally.pairs) for name, tally in self.subsets.items()}
        if len(rows) > 1:
            mean = np.mean([values for values, _ in rows.values()], axis=0)
            rows = {f"mean of {len(rows)} subsets": (tuple(mean), sum(pairs for _, pairs in rows.values()))} | rows
        return [
            Score(
                metric=metric,
                value=float(value),
                protocol=f"SA-Co/Gold {name}",
                pooling="sums over pairs" if not name.startswith("mean") else "plain mean",
                images=pairs,
                counted=pairs,
                unit="pairs",
            )
            for name, (values, pairs) in rows.items()
            for metric, value in zip(names, values, strict=True)
        ]
