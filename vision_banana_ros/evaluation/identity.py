"""Whether numbers stay: identity switches and IDF1 of instance ids over a sequence.

    switches   per true object, how often the id of the instance that it is matched with differs from the last one
               (CLEAR MOT; Bernardin and Stiefelhagen 2008), matched one to one at IoU >= `least_iou`
    IDF1       2 IDTP / (truths + predictions): true objects are paired with ids one to one over the whole sequence so
               that the number of frames in which they match is largest (Ristani et al. 2016)

Ids are 0 for background; truths of fewer than `least_pixels` are no question, and what is painted there no fault.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from vision_banana_ros.core import AnyArray
from vision_banana_ros.evaluation.mask_metrics import instance_iou
from vision_banana_ros.geometry.assignment import maximum_assignment


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

    def add(self, predicted: AnyArray, truth: AnyArray) -> None:
        true_ids, pixels = np.unique(truth[truth > 0], return_counts=True)
        small = true_ids[pixels < self.least_pixels]
        asked = np.where(np.isin(truth, small), 0, truth)
        found = np.where(np.isin(truth, small), 0, predicted)
        true_ids, found_ids = np.unique(asked[asked > 0]), np.unique(found[found > 0])
        self.truths += len(true_ids)
        self.predictions += len(found_ids)
        if not len(true_ids) or not len(found_ids):
            return
        table = instance_iou(found, asked)
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
