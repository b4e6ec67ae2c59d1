"""Classes, expressions and questions: Cityscapes' mIoU, RefCOCOg's cIoU, ReasonSeg's gIoU.

    mIoU   one table of (true, painted) over the whole split; TP / (TP + FP + FN) a class; FP only on pixels whose truth
           counts; mean over the classes that occur (mcordts/cityscapesScripts, evalPixelLevelSemanticLabeling.py)
    cIoU   sum of intersections / sum of unions, in pixels of the original picture
    gIoU   mean of the samples' own I / (U + 1e-5); a sample with an empty union scores 1 (dvlab-research/LISA)

The prompt of Cityscapes names all 19 classes, also absent ones, in colours that are easy to tell apart; nearest colour
decides (the paper's later version). Pixels that are 255 in a truth with a target are taken out of both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vision_banana_ros.core import UNLABELLED, Target, Task
from vision_banana_ros.data import Example
from vision_banana_ros.evaluation.class_metrics import ClassScores
from vision_banana_ros.evaluation.contest import in_ids_of
from vision_banana_ros.evaluation.mask_metrics import Overlap, cumulative_iou, overlap
from vision_banana_ros.evaluation.protocols.result import Score
from vision_banana_ros.evaluation.questions import BACKGROUND, see, semantic_instruction
from vision_banana_ros.prompts import Generator, Instruction

_EPSILON = 1e-5
_WHITE = (255, 255, 255)


@dataclass(slots=True)
class SemanticScorer:
    classes: ClassScores | None = None
    labels: tuple[str, ...] = ()

    def add(self, item: Example, generator: Generator) -> bool:
        truth = item.truth
        seen = see(item, generator, [semantic_instruction(truth.labels)])
        if truth.mask is None or seen.mask is None or (truth.mask == UNLABELLED).all():
            return False
        self.labels = truth.labels
        self.classes = self.classes or ClassScores(len(truth.labels))
        self.classes.add(in_ids_of(truth.labels, seen), truth.mask)
        return True

    def merge(self, later: SemanticScorer) -> None:
        if later.classes is not None:
            self.labels = later.labels
            self.classes = self.classes or ClassScores(later.classes.classes)
            self.classes.merge(later.classes)

    def scores(self) -> list[Score]:
        summary = self.classes.summary() if self.classes else None
        if self.classes is None or summary is None:
            return []
        iou = self.classes.confusion.iou().tolist()
        values = [("mIoU", summary.mean_iou.value), ("pixel accuracy", summary.pixel_accuracy.value)]
        values += [(f"IoU {label}", value) for label, value in zip(self.labels, iou, strict=True)]
        return [
            Score(
                metric=name,
                value=value,
                protocol="Cityscapes",
                pooling="one table over the split",
                images=summary.frames,
                counted=summary.pixels,
            )
            for name, value in values
        ]


@dataclass(slots=True)
class ReferringScorer:
    """Every expression of every item is one sample."""

    name: str
    images: int = 0
    regions: list[Overlap] = field(default_factory=list)

    def add(self, item: Example, generator: Generator) -> bool:
        truth = item.truth
        if truth.instances is None or not truth.referring:
            return False
        counts = None if truth.mask is None else truth.mask != UNLABELLED
        self.images += 1
        for expression in truth.referring:
            instruction = Instruction(Task.REFERRING, (Target(expression.text, _WHITE),), background=BACKGROUND)
            seen = see(item, generator, [instruction]).referring
            painted = np.zeros(truth.instances.shape, bool) if seen is None else seen == 1
            region = np.isin(truth.instances, expression.instance_ids)
            self.regions.append(
                overlap(painted, region) if counts is None else overlap(painted & counts, region & counts)
            )
        return True

    def merge(self, later: ReferringScorer) -> None:
        self.images += later.images
        self.regions += later.regions

    def scores(self) -> list[Score]:
        own = [r.intersection / (r.union + _EPSILON) if r.union else 1.0 for r in self.regions]
        values = (
            ("cIoU", cumulative_iou(self.regions), "sums over all samples"),
            ("gIoU", float(np.mean(own)) if own else float("nan"), "mean over samples"),
        )
        return [
            Score(
                metric=metric,
                value=value,
                protocol=self.name,
                pooling=pooling,
                images=self.images,
                counted=len(self.regions),
                unit="samples",
            )
            for metric, value, pooling in values
        ]
