"""The model and each baseline on the same frames: per-frame scores as they come, one row a contender at the end."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vision_banana_ros.core import UNLABELLED, Perception, Truth, UInt8Array
from vision_banana_ros.evaluation.baselines import ConstantDepth, ConstantNormal
from vision_banana_ros.evaluation.class_metrics import ClassScores
from vision_banana_ros.evaluation.depth_metrics import DepthScores, score_depth
from vision_banana_ros.evaluation.normal_metrics import NormalScores, score_normals
from vision_banana_ros.evaluation.questions import EvaluationSettings
from vision_banana_ros.evaluation.summary import Contender, summarise_depth, summarise_normals


@dataclass(slots=True)
class Contest:
    """Each `add_` scores one frame for the model and for what it must beat."""

    settings: EvaluationSettings
    model_depth: list[DepthScores] = field(default_factory=list)
    model_normals: list[NormalScores] = field(default_factory=list)
    map_depth: list[DepthScores] = field(default_factory=list)
    map_normals: list[NormalScores] = field(default_factory=list)
    constant_depth: ConstantDepth = field(init=False)
    constant_normal: ConstantNormal = field(default_factory=ConstantNormal)
    classes: ClassScores | None = None
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.constant_depth = ConstantDepth(self.settings.limits)

    def add(self, seen: Perception, truth: Truth) -> None:
        self.add_depth(seen, truth)
        self.add_normals(seen, truth)
        self.add_classes(seen, truth)

    def add_depth(self, seen: Perception, truth: Truth) -> None:
        if truth.depth_m is None or seen.depth_m is None:
            return
        _append(self.model_depth, score_depth(seen.depth_m, truth.depth_m, self.settings.limits))
        self.constant_depth.add(truth.depth_m)
        if priors := self.settings.priors:
            _append(
                self.map_depth, score_depth(priors.depth_at(seen.depth_m.shape), truth.depth_m, self.settings.limits)
            )

    def add_normals(self, seen: Perception, truth: Truth) -> None:
        if truth.normals is None or seen.normals is None:
            return
        _append(self.model_normals, score_normals(seen.normals, truth.normals))
        self.constant_normal.add(truth.normals)
        if priors := self.settings.priors:
            _append(self.map_normals, score_normals(priors.normals_at(seen.normals.shape[:2]), truth.normals))

    def add_classes(self, seen: Perception, truth: Truth) -> None:
        if truth.mask is None or seen.mask is None:
            return
        self.labels = truth.labels
        self.classes = self.classes or ClassScores(len(truth.labels))
        self.classes.add(in_ids_of(truth.labels, seen), truth.mask)

    def merge(self, later: Contest) -> None:
        """Put the frames of `later` behind these."""
        self.model_depth += later.model_depth
        self.model_normals += later.model_normals
        self.map_depth += later.map_depth
        self.map_normals += later.map_normals
        self.constant_depth.merge(later.constant_depth)
        self.constant_normal.merge(later.constant_normal)
        if later.classes is not None:
            self.labels = later.labels
            self.classes = self.classes or ClassScores(later.classes.classes)
            self.classes.merge(later.classes)

    def contenders(self, model: str) -> tuple[Contender, ...]:
        """The model first, then the baselines that there are."""
        classes = self.classes
        rows = (
            Contender(
                name=model,
                depth=summarise_depth(self.model_depth),
                normals=summarise_normals(self.model_normals),
                classes=classes.summary() if classes else None,
            ),
            Contender(
                name="best constant",
                depth=summarise_depth(self.constant_depth.scores()),
                normals=summarise_normals(self.constant_normal.scores()),
                classes=classes.best_constant() if classes else None,
            ),
            Contender(
                name="mean map", depth=summarise_depth(self.map_depth), normals=summarise_normals(self.map_normals)
            ),
        )
        return tuple(row for row in rows if row.depth or row.normals or row.classes)


def in_ids_of(labels: tuple[str, ...], seen: Perception) -> UInt8Array:
    """The perceived mask in the ids of the truth's labels; its own ids follow the order of the targets."""
    table = np.full(256, UNLABELLED, np.uint8)
    for seen_id, name in enumerate(seen.labels):
        if name in labels:
            table[seen_id] = labels.index(name)
    assert seen.mask is not None
    mask: UInt8Array = table[seen.mask]
    return mask


def _append(scores: list, score: object | None) -> None:  # type: ignore[type-arg]
    if score is not None:
        scores.append(score)
