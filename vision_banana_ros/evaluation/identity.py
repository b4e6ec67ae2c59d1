"""Whether numbers stay: identity switches and IDF1 of instance ids over a sequence.

    switches   per true object, how often the id of the instance that it is matched with differs from the last one
               (CLEAR MOT; Bernardin and Stiefelhagen 2008), matched one to one at IoU >= `least_iou`
    IDF1       2 IDTP / (truths + predictions): true objects are paired with ids one to one over the whole sequence so
               that the number of frames in which they match is largest (Ristani et al. 2016)
    HOTA       mean over IoU thresholds a = .05, .10 ... .95 of sqrt(DetA_a AssA_a) (Luiten et al. 2021):
               DetA = TP / (TP + FN + FP);  AssA = mean over TPs of  c / (truth's frames + id's frames - c),  c: the
               frames in which this truth and this id match. Frames are matched so that pairs that overlap over the
               whole sequence come first, then those that overlap most in the frame

Ids are 0 for background; truths of fewer than `least_pixels` are no question, and what is painted there no fault.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from vision_banana_ros.core import AnyArray
from vision_banana_ros.evaluation.mask_metrics import instance_iou
from vision_banana_ros.geometry.assignment import maximum_assignment

#: Of IoU, for HOTA.
THRESHOLDS = tuple(k / 20 for k in range(1, 20))
_SURELY = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class _Overlap:
    """The ids of one frame and the (truths, found) table of IoU."""

    truths: AnyArray
    found: AnyArray
    iou: AnyArray


@dataclass(slots=True)
class Identities:
    """Add the frames of one sequence in order."""

    least_iou: float = 0.5
    least_pixels: int = 60
    switches: int = 0
    matched: int = 0
    truths: int = 0
    predictions: int = 0
    _last: dict[int, int] = field(default_factory=dict)
    _together: Counter[tuple[int, int]] = field(default_factory=Counter)
    _frames: list[_Overlap] = field(default_factory=list)

    def add(self, predicted: AnyArray, truth: AnyArray) -> None:
        true_ids, pixels = np.unique(truth[truth > 0], return_counts=True)
        small = true_ids[pixels < self.least_pixels]
        asked = np.where(np.isin(truth, small), 0, truth)
        found = np.where(np.isin(truth, small), 0, predicted)
        true_ids, found_ids = np.unique(asked[asked > 0]), np.unique(found[found > 0])
        self.truths += len(true_ids)
        self.predictions += len(found_ids)
        nothing = not len(true_ids) or not len(found_ids)
        table = np.zeros((len(true_ids), len(found_ids))) if nothing else instance_iou(found, asked)
        self._frames.append(_Overlap(true_ids, found_ids, table))
        if nothing:
            return
        rows, columns = maximum_assignment(np.where(table >= self.least_iou, table, 0.0))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            if table[row, column] < self.least_iou:
                continue
            true_id, number = int(true_ids[row]), int(found_ids[column])
            self.matched += 1
            self.switches += self._last.get(true_id, number) != number
            self._last[true_id] = number
            self._together[true_id, number] += 1

    @property
    def idf1(self) -> float:
        """NaN where there is nothing to find and nothing was found."""
        if not self.truths + self.predictions:
            return float("nan")
        if not self._together:
            return 0.0
        rows = {true_id: i for i, true_id in enumerate(sorted({t for t, _ in self._together}))}
        columns = {number: i for i, number in enumerate(sorted({n for _, n in self._together}))}
        table = np.zeros((len(rows), len(columns)))
        for (true_id, number), frames in self._together.items():
            table[rows[true_id], columns[number]] = frames
        pairs = maximum_assignment(table)
        return float(2 * table[pairs].sum() / (self.truths + self.predictions))

    @property
    def hota(self) -> float:
        """NaN where there is nothing to find and nothing was found."""
        if not self.truths + self.predictions:
            return float("nan")
        row = {number: i for i, number in enumerate(sorted({int(n) for f in self._frames for n in f.truths}))}
        column = {number: i for i, number in enumerate(sorted({int(n) for f in self._frames for n in f.found}))}
        true_frames, found_frames = np.zeros((len(row), 1)), np.zeros((1, len(column)))
        shared = np.zeros((len(row), len(column)))
        places = []
        for frame in self._frames:
            rows = np.array([row[int(n)] for n in frame.truths], np.int64)
            columns = np.array([column[int(n)] for n in frame.found], np.int64)
            places.append((rows, columns))
            true_frames[rows], found_frames[0, columns] = true_frames[rows] + 1, found_frames[0, columns] + 1
            union = frame.iou.sum(1, keepdims=True) + frame.iou.sum(0, keepdims=True) - frame.iou
            shared[np.ix_(rows, columns)] += frame.iou / np.maximum(union, _SURELY)
        alike = shared / np.maximum(true_frames + found_frames - shared, 1)
        return float(np.mean([self._hota_at(a, alike, places, true_frames, found_frames) for a in THRESHOLDS]))

    def _hota_at(
        self,
        least_iou: float,
        alike: AnyArray,
        places: list[tuple[AnyArray, AnyArray]],
        true_frames: AnyArray,
        found_frames: AnyArray,
    ) -> float:
        matches = np.zeros_like(alike)
        for frame, (rows, columns) in zip(self._frames, places, strict=True):
            if not frame.iou.size:
                continue
            there = frame.iou >= least_iou - _SURELY
            score = np.where(there, alike[np.ix_(rows, columns)] * frame.iou, 0.0)
            pairs = maximum_assignment(score)
            chosen = there[pairs]
            matches[rows[pairs[0][chosen]], columns[pairs[1][chosen]]] += 1
        true_positives = float(matches.sum())
        detection = true_positives / (self.truths + self.predictions - true_positives)
        association = float((matches * matches / np.maximum(true_frames + found_frames - matches, 1)).sum())
        return float(np.sqrt(detection * association / max(true_positives, 1.0)))
