"""Any generator, any labelled frames -> scores beside the baselines.

The generator sees the image only: the camera is hidden from it unless `tell_hfov` is set. What it paints is decoded as
at run time, except that nothing is thrown away for low confidence: each pixel is scored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from vision_banana_ros.codecs.palette import Palette
from vision_banana_ros.core import UNLABELLED, Camera, Perception, Target, Task, Truth
from vision_banana_ros.data.readers.frames import LabelledFrame
from vision_banana_ros.evaluation.baselines import ConstantDepth, ConstantNormal, PriorMaps
from vision_banana_ros.evaluation.depth_metrics import DepthRange, DepthScores, score_depth
from vision_banana_ros.evaluation.mask_metrics import (
    Confusion,
    InstanceMatches,
    Overlap,
    cumulative_iou,
    mean_region_iou,
    overlap,
)
from vision_banana_ros.evaluation.normal_metrics import NormalScores, score_normals
from vision_banana_ros.evaluation.summary import (
    Contender,
    Evaluation,
    summarise_depth,
    summarise_normals,
)
from vision_banana_ros.perceive import PerceiveSettings, perceive
from vision_banana_ros.prompts import Generator, Instruction

BACKGROUND = (0, 0, 0)
MIN_INSTANCE_PIXELS = 40
#: Nothing is thrown away for low confidence or for lying between two surfaces.
SCORE_EVERYTHING = PerceiveSettings(
    min_depth_confidence=0,
    min_normals_confidence=0,
    min_mask_confidence=0,
    filter_flying_pixels=False,
    with_confidence=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """What is asked per frame; the two limits keep sets with many classes and expressions affordable."""

    limits: DepthRange = field(default_factory=DepthRange)
    tell_hfov: bool = False
    instance_classes_per_frame: int = 3
    expressions_per_frame: int = 3
    countable: frozenset[str] | None = None  # classes that have instances; None: all
    priors: PriorMaps | None = None


@dataclass(slots=True)
class _Contest:
    """Per-frame scores of the model and of each baseline."""

    settings: EvaluationSettings
    model_depth: list[DepthScores] = field(default_factory=list)
    model_normals: list[NormalScores] = field(default_factory=list)
    map_depth: list[DepthScores] = field(default_factory=list)
    map_normals: list[NormalScores] = field(default_factory=list)
    constant_depth: ConstantDepth = field(init=False)
    constant_normal: ConstantNormal = field(default_factory=ConstantNormal)

    def __post_init__(self) -> None:
        self.constant_depth = ConstantDepth(self.settings.limits)

    def add(self, seen: Perception, truth: Truth) -> None:
        priors, hw = self.settings.priors, (truth.camera.height, truth.camera.width)
        if truth.depth_m is not None and seen.depth_m is not None:
            _append(self.model_depth, score_depth(seen.depth_m, truth.depth_m, self.settings.limits))
            self.constant_depth.add(truth.depth_m)
            if priors:
                _append(self.map_depth, score_depth(priors.depth_at(hw), truth.depth_m, self.settings.limits))
        if truth.normals is not None and seen.normals is not None:
            _append(self.model_normals, score_normals(seen.normals, truth.normals))
            self.constant_normal.add(truth.normals)
            if priors:
                _append(self.map_normals, score_normals(priors.normals_at(hw), truth.normals))

    def contenders(self, model: str) -> tuple[Contender, ...]:
        rows = [
            (model, self.model_depth, self.model_normals),
            ("best constant", self.constant_depth.scores(), self.constant_normal.scores()),
            ("mean map", self.map_depth, self.map_normals),
        ]
        return tuple(
            Contender(name=name, depth=summarise_depth(depth), normals=summarise_normals(normals))
            for name, depth, normals in rows
            if depth or normals
        )


def evaluate(
    frames: Iterable[LabelledFrame],
    generator: Generator,
    *,
    root: str,
    model: str,
    settings: EvaluationSettings | None = None,
    watch: Callable[[LabelledFrame, Perception], None] | None = None,
) -> Evaluation:
    """Score `generator` on all `frames`; `watch` sees each one, for progress and pictures."""
    settings = settings or EvaluationSettings()
    contest = _Contest(settings)
    confusion: Confusion | None = None
    labels: tuple[str, ...] = ()
    matches, regions, focal_errors = InstanceMatches(), list[Overlap](), list[float]()
    frame_count = skipped = 0
    for labelled in frames:
        truth = labelled.truth
        instructions = dense_instructions(labelled, settings)
        if not instructions:
            skipped += 1
            continue
        frame_count += 1
        seen = _perceive(labelled, generator, instructions)
        contest.add(seen, truth)
        if labelled.camera_known and seen.camera_recovered and seen.camera is not None:
            focal_errors.append(focal_error(seen.camera, truth.camera))
        if truth.mask is not None and seen.mask is not None:
            labels = truth.labels
            confusion = confusion or Confusion(len(labels))
            confusion.add(_ids_of_labels(seen, labels), truth.mask)
        for instruction, true_instances in instance_questions(truth, settings):
            answer = _perceive(labelled, generator, [instruction]).instances
            if answer is not None:
                matches.add(answer, true_instances)
        for instruction, region in referring_questions(truth, settings):
            answer_mask = _perceive(labelled, generator, [instruction]).referring
            if answer_mask is not None:
                regions.append(overlap(answer_mask == 1, region))
        if watch:
            watch(labelled, seen)
    return Evaluation(
        root=root,
        model=model,
        frames=frame_count,
        skipped=skipped,
        contenders=contest.contenders(model),
        mean_iou=confusion.mean_iou() if confusion else None,
        class_iou=dict(zip(labels, confusion.iou().tolist(), strict=True)) if confusion else None,
        cumulative_iou=cumulative_iou(regions) if regions else None,
        mean_region_iou=mean_region_iou(regions) if regions else None,
        instance_pm_f1=matches.pm_f1() if matches.tp.any() or matches.fn.any() else None,
        focal_error=float(np.median(focal_errors)) if focal_errors else None,
    )


def dense_instructions(labelled: LabelledFrame, settings: EvaluationSettings) -> list[Instruction]:
    """One pass each for what this frame has a truth of."""
    truth = labelled.truth
    hfov = truth.camera.hfov_deg if settings.tell_hfov and labelled.camera_known else None
    instructions = []
    if truth.depth_m is not None:
        instructions.append(Instruction(Task.DEPTH, hfov_deg=hfov))
    if truth.normals is not None:
        instructions.append(Instruction(Task.NORMALS))
    if instructions and labelled.camera_known:
        instructions.append(Instruction(Task.RAYS))
    if truth.mask is not None:
        instructions.append(semantic_instruction(truth.labels))
    return instructions


def semantic_instruction(labels: tuple[str, ...]) -> Instruction:
    """All classes of a set in one prompt, in colours that are easy to tell apart; no background: each pixel is one."""
    colors = Palette.distinct(len(labels)).targets
    return Instruction(Task.SEMANTIC, tuple(Target(t, c) for t, c in zip(labels, colors, strict=True)))


def instance_questions(truth: Truth, settings: EvaluationSettings) -> Iterator[tuple[Instruction, np.ndarray]]:
    """(instruction, true instances of its class): the countable classes that cover most of the frame."""
    if truth.instances is None or truth.mask is None:
        return
    ids, areas = np.unique(truth.mask[(truth.instances > 0) & (truth.mask != UNLABELLED)], return_counts=True)
    asked = 0
    for class_id in ids[np.argsort(-areas)].tolist():
        name = truth.labels[class_id]
        if settings.countable is not None and name not in settings.countable:
            continue
        instances = np.where(truth.mask == class_id, truth.instances, 0)
        seen_ids, pixels = np.unique(instances[instances > 0], return_counts=True)
        # a region of a few pixels is no fair question, and painting it is no fault either
        instances[~np.isin(instances, seen_ids[pixels >= MIN_INSTANCE_PIXELS])] = 0
        if asked < settings.instance_classes_per_frame and instances.any():
            asked += 1
            yield Instruction(Task.INSTANCE, (Target(name),), background=BACKGROUND), instances


def referring_questions(truth: Truth, settings: EvaluationSettings) -> Iterator[tuple[Instruction, np.ndarray]]:
    """(instruction, true region) of the frame's first expressions."""
    if truth.instances is None:
        return
    for referring in truth.referring[: settings.expressions_per_frame]:
        target = Target(referring.text, (255, 255, 255))
        yield (
            Instruction(Task.REFERRING, (target,), background=BACKGROUND),
            np.isin(truth.instances, referring.instance_ids),
        )


def focal_error(found: Camera, true: Camera) -> float:
    """Relative error of the horizontal focal length."""
    return abs(found.fx - true.fx) / true.fx


def _perceive(labelled: LabelledFrame, generator: Generator, instructions: list[Instruction]) -> Perception:
    return perceive(replace(labelled.frame, camera=None), generator, instructions, SCORE_EVERYTHING)


def _ids_of_labels(seen: Perception, labels: tuple[str, ...]) -> np.ndarray:
    """The perceived mask in the ids of the truth's labels; its own ids follow the order of the targets."""
    table = np.full(256, UNLABELLED, np.uint8)
    for seen_id, name in enumerate(seen.labels):
        if name in labels:
            table[seen_id] = labels.index(name)
    assert seen.mask is not None
    return table[seen.mask]


def _append(scores: list, score: object | None) -> None:  # type: ignore[type-arg]
    if score is not None:
        scores.append(score)
