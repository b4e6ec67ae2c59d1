"""What a base of our own sees and what it still generates, on scenes that it never learnt from.

Vision is what the paper measures: canvases are painted, decoded by the package's own decoders, and scored. Retention is
the loss of the base's own work at fixed noise: more than before the tuning means that something was forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vision_banana_ros.core import Frame, Task
from vision_banana_ros.evaluation.depth_metrics import score_depth
from vision_banana_ros.evaluation.intervals import estimate
from vision_banana_ros.evaluation.normal_metrics import score_normals
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.tasks import DecodeSettings, room
from vision_banana_ros.tuning.own.lessons import TASKS, OwnBook, OwnLesson, stack, to_pixels
from vision_banana_ros.tuning.own.network import OwnNetwork, paint_at_once, sample
from vision_banana_ros.tuning.own.training import OwnTraining, own_losses

_ALL = DecodeSettings(
    min_depth_confidence=0, min_normals_confidence=0, min_mask_confidence=0, filter_flying_pixels=False,
    with_confidence=False,
)  # fmt: skip
_BATCH = 32


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """Rows, one a scene: "delta1", "abs_rel", "mean_deg", "iou" (of the asked classes); "generation": losses."""

    values: dict[str, list[float]]

    def to_json(self) -> dict[str, Any]:
        found = {}
        for name, rows in self.values.items():
            interval = estimate(rows)
            found[name] = {"value": interval.value, "low": interval.low, "high": interval.high, "count": len(rows)}
        return found


def judge_vision(
    model: OwnNetwork, book: OwnBook, table: TextTable, *, steps: int, tasks: tuple[Task, ...] = TASKS, seed: int = 1
) -> Judgement:
    """`steps` 0: the deterministic form, at once."""
    values: dict[str, list[float]] = {}
    for task in tasks:
        lessons = [book.ask(i, task, np.random.default_rng((seed, i))) for i in range(book.first, book.last)]
        for k in range(0, len(lessons), _BATCH):
            group = lessons[k : k + _BATCH]
            for lesson, rgb in zip(group, _painted(model, group, table, steps), strict=True):
                _score(lesson, rgb, book, values)
    return Judgement(values)


@torch.no_grad()
def judge_generation(
    model: OwnNetwork, book: OwnBook, table: TextTable, *, count: int = 512, seed: int = 2
) -> Judgement:
    """Flow losses of captions and edits, at noise that is the same for every model."""
    training = OwnTraining(steps=1, drop=0.0, seed=seed)
    lessons = [book.generation(np.random.default_rng((seed, k))) for k in range(count)]
    values: dict[str, list[float]] = {}
    for k in range(0, count, _BATCH):
        losses = own_losses(model, lessons[k : k + _BATCH], table, training, k)
        for kind, rows in losses.items():
            values.setdefault(kind, []).extend(float(row) for row in rows)
    values["generation"] = [*values.get("caption", []), *values.get("edit", [])]
    return Judgement(values)


def _painted(model: OwnNetwork, lessons: list[OwnLesson], table: TextTable, steps: int) -> Any:
    device = next(model.parameters()).device
    tensors = stack(lessons, table, model.config.words)
    words, source = tensors["words"].to(device), tensors["source"].to(device)
    if steps == 0:
        return to_pixels(paint_at_once(model, words, source))
    return to_pixels(sample(model, words, source, steps=steps, seeds=[lesson.scene for lesson in lessons]))


def _score(lesson: OwnLesson, rgb: Any, book: OwnBook, values: dict[str, list[float]]) -> None:
    truth, instruction = book.scenes.truth(lesson.scene), lesson.instruction
    assert instruction is not None
    assert lesson.source is not None
    frame = Frame(rgb=lesson.source)
    decoded = room(instruction.task).decode(instruction, rgb, frame, _ALL).values
    if instruction.task is Task.DEPTH and truth.depth_m is not None:
        scores = score_depth(np.asarray(decoded["depth_m"]), truth.depth_m)
        if scores is not None:
            values.setdefault("delta1", []).append(scores.delta1)
            values.setdefault("abs_rel", []).append(scores.abs_rel)
    elif instruction.task is Task.NORMALS and truth.normals is not None:
        angles = score_normals(np.asarray(decoded["normals"]), truth.normals)
        if angles is not None:
            values.setdefault("mean_deg", []).append(angles.mean_deg)
    elif instruction.task is Task.SEMANTIC:
        wanted = room(Task.SEMANTIC).decode(instruction, lesson.target, frame, _ALL).values["mask"]
        seen, true = np.asarray(decoded["mask"]), np.asarray(wanted)
        for k in range(1, 1 + len(instruction.targets)):
            union = ((seen == k) | (true == k)).sum()
            if (true == k).any():
                values.setdefault("iou", []).append(float(((seen == k) & (true == k)).sum() / union))
