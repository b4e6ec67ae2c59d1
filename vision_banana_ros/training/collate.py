"""From pictures and their questions to a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vision_banana_ros.codecs.rays import WIDEST_DEG
from vision_banana_ros.core import Referring, Task
from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.lens import FOCAL_PX
from vision_banana_ros.student.paintbox import KINDS, KNOT, LENS_SIZE, TASKS
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.tasks.depth import KNOTS
from vision_banana_ros.training.batch import Batch, Rows, Words
from vision_banana_ros.training.look import Seen
from vision_banana_ros.training.tasks import OPEN, Answer, Facts, Question, exercises
from vision_banana_ros.training.trainee import MIDDLES


def facts(
    seen: Seen,
    camera: npt.NDArray[np.float64],
    real: Sequence[bool],
    usual: Sequence[bool],
    referring: Sequence[tuple[Referring, ...]],
) -> list[Facts]:
    """Counts of all pictures, brought to the CPU in one piece."""
    images, height, width = seen.classes.shape
    classes, instances = seen.classes.flatten(1), seen.instances.flatten(1)
    one = torch.ones((), dtype=torch.int32, device=classes.device).expand_as(classes)
    table = torch.zeros((3, images, 256), dtype=torch.int32, device=classes.device)
    table[0].scatter_add_(1, classes, one)
    table[1].scatter_add_(1, instances, one)
    table[2].scatter_(1, instances, classes.int())
    counts = table.cpu().numpy().astype(np.int64)
    fx, fy, cx, cy = camera.T
    sides = np.stack([cx + 0.5, width - 0.5 - cx, (cy + 0.5) * fx / fy, (height - 0.5 - cy) * fx / fy]) / fx
    narrow_enough = sides.max(0) < math.tan(math.radians(WIDEST_DEG))
    return [
        Facts(
            classes=counts[0, i],
            instances=counts[1, i],
            class_of=counts[2, i],
            pixels=height * width,
            real=real[i],
            usual_lens=bool(usual[i]),
            has_rays=bool(narrow_enough[i]),
            referring=referring[i],
        )
        for i in range(images)
    ]


def collate(
    seen: Seen,
    asked: Sequence[Sequence[Question]],
    camera: npt.NDArray[np.float64],
    usual: Sequence[bool],
    words: Words,
    tasks: Sequence[str] = TASKS,
) -> Batch:
    """`tasks`: those that the network knows, in the order of its input."""
    device = seen.image.device
    width = seen.image.shape[3]
    lens = torch.as_tensor(np.log(width / camera[:, 0]), dtype=torch.float32, device=device)
    rows: dict[Task, Rows] = {}
    answers: dict[Task, Answer] = {}
    for exercise in exercises():
        task = exercise.task
        questions = [question for row in asked for question in row if question.task is task]
        if questions:
            rows[task] = _rows(asked, task, device)
            answers[task] = exercise.answer(seen, camera, rows[task], questions)
    classes = seen.classes[MIDDLES]
    return Batch(
        image=seen.image,
        boxes=_boxes(asked, lens, words, tasks),
        rows=rows,
        depth=seen.depth,
        normals=seen.normals,
        lens=lens,
        log_focal=math.log(width / FOCAL_PX) - lens,
        usual=torch.as_tensor(np.asarray(usual), device=device),
        paints={task: answer.paints for task, answer in answers.items() if answer.paints is not None},
        numbers={task: answer.numbers for task, answer in answers.items() if answer.numbers is not None},
        colors={task: answer.colors for task, answer in answers.items() if answer.colors is not None},
        classes=torch.where(classes < len(vocabulary.labels()), classes, OPEN),
    )


def _rows(asked: Sequence[Sequence[Question]], task: Task, device: torch.device) -> Rows:
    found = [(i, k) for i, row in enumerate(asked) for k, question in enumerate(row) if question.task is task]
    pairs = torch.tensor(found, dtype=torch.int64).reshape(-1, 2).to(device)
    return pairs[:, 0], pairs[:, 1]


def _boxes(asked: Sequence[Sequence[Question]], lens: Tensor, words: Words, tasks: Sequence[str]) -> Boxes:
    """All prompts as the network reads them."""
    images, count = len(asked), len(asked[0])
    flat = [question for row in asked for question in row]
    paints = max(len(question.kind) for question in flat)
    kind = np.zeros((len(flat), paints, KINDS), np.float32)
    color = np.zeros((len(flat), paints, 3), np.float32)
    place = np.zeros((len(flat), paints), np.float32)
    said = np.zeros((len(flat), paints), np.int64)
    task = np.zeros((len(flat), len(tasks)), np.float32)
    told = np.zeros((len(flat), LENS_SIZE), np.float32)
    along = np.linspace(0, 1, KNOTS, dtype=np.float32)
    for i, question in enumerate(flat):
        size = len(question.kind)
        kind[i, :size], color[i, :size] = question.kind, question.color
        if question.kind[0, KNOT]:
            place[i, :KNOTS] = along
        said[i, : len(question.words)] = [words.row(text) for text in question.words]
        task[i, tasks.index(question.task)] = 1
        told[i] = question.told

    def per_image(array: npt.NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(words.device).view(images, count, *array.shape[1:])

    told_lens = per_image(told)
    told_lens = torch.stack([told_lens[..., 0], told_lens[..., 0] * lens[:, None]], dim=-1)
    return Boxes(
        task=per_image(task),
        lens=told_lens,
        text=words.matrix[per_image(said)],
        kind=per_image(kind),
        place=per_image(place),
        color=per_image(color),
    )
