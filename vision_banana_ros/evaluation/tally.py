"""What an evaluation counts, frame by frame: one tally of a whole set, or many that are put together in order.

Sums are of whole numbers, and what is no whole number is kept by frame; so the parts of a set, counted anywhere and put
together in the order of the frames, give the very report that one process gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vision_banana_ros.core import Camera, Perception
from vision_banana_ros.data import Example
from vision_banana_ros.evaluation.contest import Contest
from vision_banana_ros.evaluation.mask_metrics import (
    InstanceMatches,
    Overlap,
    cumulative_iou,
    mean_region_iou,
    overlap,
)
from vision_banana_ros.evaluation.questions import (
    EvaluationSettings,
    dense_instructions,
    instance_questions,
    paintable,
    referring_questions,
    see,
)
from vision_banana_ros.evaluation.summary import Evaluation
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.tasks import room, rooms


@dataclass(slots=True)
class Tally:
    """`look` asks and counts all but the contest of dense layers, which costs most and may be done elsewhere."""

    settings: EvaluationSettings
    contest: Contest = field(init=False)
    matches: InstanceMatches = field(default_factory=InstanceMatches)
    regions: list[Overlap] = field(default_factory=list)
    focal_errors: list[float] = field(default_factory=list)
    others: dict[str, list[float]] = field(default_factory=dict)
    frames: int = 0
    skipped: int = 0
    sources: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.contest = Contest(self.settings)

    def look(self, example: Example, generator: Generator) -> Perception | None:
        """What the generator makes of the frame, for `contest`; None where there is nothing to ask it about."""
        truth = example.truth
        dense = paintable(dense_instructions(example, self.settings), generator)
        asked = [q for q in instance_questions(truth, self.settings) if paintable([q[0]], generator)]
        regions_asked = [q for q in referring_questions(truth, self.settings) if paintable([q[0]], generator)]
        by_task = [Instruction.of(ask) for room in rooms() for ask in room.questions(truth)]
        by_task = paintable(by_task, generator)
        if not (dense or asked or regions_asked):
            self.skipped += 1
            return None
        self.frames += 1
        self.sources.add(str(example.source))
        questions = [*dense, *(q for q, _ in asked), *(q for q, _ in regions_asked), *by_task]
        seen = see(example, generator, questions, known_points=self.settings.known_points)
        answers = {answer.instruction: answer.layers for answer in seen.answers}
        if example.camera_known and seen.camera_recovered and seen.camera is not None:
            self.focal_errors.append(focal_error(seen.camera, truth.camera))
        for instruction, true_instances in asked:
            if instruction in answers:
                self.matches.add(answers[instruction]["instances"], true_instances)
        for instruction, region in regions_asked:
            if instruction in answers:
                self.regions.append(overlap(answers[instruction]["referring"] == 1, region))
        for instruction in by_task:
            if instruction in answers:
                told = room(instruction.task).score(instruction, answers[instruction], truth)
                for name, value in told.items():
                    self.others.setdefault(f"{instruction.task.value} {name}", []).append(value)
        return seen

    def merge(self, later: Tally) -> None:
        """Put the frames of `later` behind these."""
        self.contest.merge(later.contest)
        self.matches.merge(later.matches)
        self.regions += later.regions
        self.focal_errors += later.focal_errors
        for name, values in later.others.items():
            self.others.setdefault(name, []).extend(values)
        self.frames += later.frames
        self.skipped += later.skipped
        self.sources |= later.sources

    def evaluation(self, *, root: str, model: str, runtime: str) -> Evaluation:
        contest, classes, matches = self.contest, self.contest.classes, self.matches
        return Evaluation(
            root=root,
            model=model,
            runtime=runtime,
            sources=tuple(sorted(self.sources)),
            frames=self.frames,
            skipped=self.skipped,
            contenders=contest.contenders(model),
            mean_iou=classes.confusion.mean_iou() if classes else None,
            class_iou=dict(zip(contest.labels, classes.confusion.iou().tolist(), strict=True)) if classes else None,
            cumulative_iou=cumulative_iou(self.regions) if self.regions else None,
            mean_region_iou=mean_region_iou(self.regions) if self.regions else None,
            instance_pm_f1=matches.pm_f1() if matches.tp.any() or matches.fn.any() else None,
            others={name: float(np.mean(values)) for name, values in self.others.items()},
            focal_error=float(np.median(self.focal_errors)) if self.focal_errors else None,
        )


def focal_error(found: Camera, true: Camera) -> float:
    """Relative error of the horizontal focal length."""
    return abs(found.fx - true.fx) / true.fx
