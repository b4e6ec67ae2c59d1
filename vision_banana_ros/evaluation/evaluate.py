"""Any generator, any labelled frames -> scores beside the baselines.

The generator sees the image only: the camera is hidden from it unless `tell_hfov` is set. What it paints is decoded as
at run time, except that nothing is thrown away for low confidence: each pixel is scored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from vision_banana_ros.core import Camera, Perception, Truth
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
    runtime_of,
    see,
    semantic_instruction,
)
from vision_banana_ros.evaluation.summary import Evaluation
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.tasks import room, rooms

__all__ = ["EvaluationSettings", "evaluate", "focal_error", "semantic_instruction"]


def evaluate(
    frames: Iterable[Example],
    generator: Generator,
    *,
    root: str,
    model: str,
    settings: EvaluationSettings | None = None,
    runtime: str | None = None,
    watch: Callable[[Example, Perception], None] | None = None,
) -> Evaluation:
    """Score `generator` on all `frames`; `watch` sees each one, for progress and pictures.

    `runtime` names what runs the network, for the report; by default what the generator itself says.
    """
    settings = settings or EvaluationSettings()
    contest = Contest(settings)
    matches, regions, focal_errors = InstanceMatches(), list[Overlap](), list[float]()
    others: dict[str, list[float]] = defaultdict(list)
    frame_count = skipped = 0
    sources: set[str] = set()
    scoring = _Scoring(contest)
    for example in frames:
        truth = example.truth
        dense = paintable(dense_instructions(example, settings), generator)
        asked = [q for q in instance_questions(truth, settings) if paintable([q[0]], generator)]
        regions_asked = [q for q in referring_questions(truth, settings) if paintable([q[0]], generator)]
        by_task = [Instruction.of(ask) for room in rooms() for ask in room.questions(truth)]
        by_task = paintable(by_task, generator)
        if not (dense or asked or regions_asked):
            skipped += 1
            continue
        frame_count += 1
        sources.add(str(example.source))
        questions = [*dense, *(q for q, _ in asked), *(q for q, _ in regions_asked), *by_task]
        seen = see(example, generator, questions, known_points=settings.known_points)
        answers = {answer.instruction: answer.layers for answer in seen.answers}
        scoring.add(seen, truth)
        if example.camera_known and seen.camera_recovered and seen.camera is not None:
            focal_errors.append(focal_error(seen.camera, truth.camera))
        for instruction, true_instances in asked:
            if instruction in answers:
                matches.add(answers[instruction]["instances"], true_instances)
        for instruction, region in regions_asked:
            if instruction in answers:
                regions.append(overlap(answers[instruction]["referring"] == 1, region))
        for instruction in by_task:
            if instruction in answers:
                told = room(instruction.task).score(instruction, answers[instruction], truth)
                for name, value in told.items():
                    others[f"{instruction.task.value} {name}"].append(value)
        if watch:
            watch(example, seen)
    scoring.finish()
    contenders = contest.contenders(model)
    classes = contest.classes
    return Evaluation(
        root=root,
        model=model,
        runtime=runtime or runtime_of(generator),
        sources=tuple(sorted(sources)),
        frames=frame_count,
        skipped=skipped,
        contenders=contenders,
        mean_iou=classes.confusion.mean_iou() if classes else None,
        class_iou=dict(zip(contest.labels, classes.confusion.iou().tolist(), strict=True)) if classes else None,
        cumulative_iou=cumulative_iou(regions) if regions else None,
        mean_region_iou=mean_region_iou(regions) if regions else None,
        instance_pm_f1=matches.pm_f1() if matches.tp.any() or matches.fn.any() else None,
        others={name: float(np.mean(values)) for name, values in others.items()},
        focal_error=float(np.median(focal_errors)) if focal_errors else None,
    )


class _Scoring:
    """Scores one frame on a second core while the next one is painted; NumPy leaves the interpreter free meanwhile."""

    def __init__(self, contest: Contest) -> None:
        self._contest = contest
        self._pool = ThreadPoolExecutor(1)
        self._running: Future[None] | None = None

    def add(self, seen: Perception, truth: Truth) -> None:
        self._wait()
        self._running = self._pool.submit(self._contest.add, seen, truth)

    def finish(self) -> None:
        self._wait()
        self._pool.shutdown()

    def _wait(self) -> None:
        if self._running is not None:
            self._running.result()


def focal_error(found: Camera, true: Camera) -> float:
    """Relative error of the horizontal focal length."""
    return abs(found.fx - true.fx) / true.fx
