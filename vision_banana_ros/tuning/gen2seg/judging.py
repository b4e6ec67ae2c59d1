"""How well a painter tells things apart, whatever they are: pmF1 of what the node's decoder finds in its canvases.

A found piece that lies mostly on things that are not asked about is no mistake and is left out; one on background is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vision_banana_ros.codecs import instances as codec
from vision_banana_ros.core import AnyArray, UInt8Array
from vision_banana_ros.evaluation.intervals import estimate_of_sums
from vision_banana_ros.evaluation.mask_metrics import InstanceMatches
from vision_banana_ros.tuning.gen2seg.scenes import LEARNT, SPECK, UNSEEN, Scene

BACKGROUND = (0, 0, 0)


def find(canvas: UInt8Array) -> AnyArray:
    """Ids of the pieces, by the decoder that the node has."""
    fewest = max(8, round(SPECK * canvas.shape[0] * canvas.shape[1]))
    return codec.decode(canvas, BACKGROUND, min_area=fewest).instances


def matches(found: AnyArray, asked: AnyArray) -> InstanceMatches | None:
    """Of one scene; None where nothing is asked about."""
    if not (asked > 0).any():
        return None
    kept = found.copy()
    for piece in np.unique(found[found > 0]).tolist():
        here = found == piece
        if (asked[here] < 0).mean() > 0.5:
            kept[here] = 0
    kept[asked < 0] = 0
    counted = InstanceMatches()
    counted.add(kept, np.maximum(asked, 0))
    return counted


def judge(paint: Callable[[UInt8Array], UInt8Array], scenes: Sequence[Scene]) -> dict[str, Any]:
    """pmF1 with its interval: "unseen" kinds, and "learnt" ones in scenes that were not learnt from."""
    rows: dict[str, list[AnyArray]] = {"unseen": [], "learnt": []}
    for scene in scenes:
        found = find(paint(scene.rgb))
        for name, kinds in (("unseen", UNSEEN), ("learnt", LEARNT)):
            counted = matches(found, scene.only(kinds))
            if counted is not None:
                rows[name].append(np.concatenate([counted.tp, counted.fp, counted.fn]))
    result: dict[str, Any] = {}
    for name, counts in rows.items():
        if counts:
            estimate = estimate_of_sums(np.stack(counts), _pm_f1)
            result[name] = {
                "value": estimate.value, "low": estimate.low, "high": estimate.high, "scenes": len(counts),
                "things": int(sum(row[0] + row[2 * len(row) // 3] for row in counts)),
            }  # fmt: skip
    return result


def _pm_f1(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    tp, fp, fn = np.split(np.asarray(sums, np.float64), 3, axis=1)
    scores: npt.NDArray[np.float64] = (2 * tp / np.maximum(2 * tp + fp + fn, 1)).mean(axis=1)
    return scores
