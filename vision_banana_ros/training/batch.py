"""What one step of training sees: pictures, their questions, and the answers, all on the device.

B images with K questions each. Which rows (image, question) ask for a task is known on the CPU, so no loss has to wait
for the device to say so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vision_banana_ros.codecs.curve import curve
from vision_banana_ros.codecs.rays import WIDEST_DEG
from vision_banana_ros.core import Referring, Task
from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.lens import FOCAL_PX
from vision_banana_ros.student.paintbox import KINDS, KNOT, LENS_SIZE, TASKS
from vision_banana_ros.student.text import EMBEDDING_SIZE, TextTable
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.tasks.depth import KNOTS
from vision_banana_ros.training.look import Seen
from vision_banana_ros.training.questions import BY_INSTANCE, OPEN, PICTURES, Facts, Question
from vision_banana_ros.training.trainee import MIDDLES

Rows = tuple[Tensor, Tensor]


@dataclass(slots=True)
class Words:
    """The texts that were met so far, as rows of a matrix on the device; row 0 is no text."""

    text: TextTable
    device: torch.device
    rows: dict[str, int]
    matrix: Tensor

    @classmethod
    def of(cls, text: TextTable, device: torch.device) -> Words:
        return cls(text, device, {"": 0}, torch.zeros((4096, EMBEDDING_SIZE), device=device))

    def row(self, words: str) -> int:
        found = self.rows.get(words)
        if found is None:
            found = self.rows[words] = len(self.rows)
            if found >= len(self.matrix):
                self.matrix = torch.cat([self.matrix, torch.zeros_like(self.matrix)])
            self.matrix[found] = torch.from_numpy(self.text.embed(words)).to(self.device)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    image: Tensor  # (B, 3, H, W) 0..255
    boxes: Boxes  # (B, K, ...)
    rows: dict[Task, Rows]  # images and questions of each task that is asked for
    depth: Tensor  # (B, H, W) metres along z; 0 unknown, inf beyond range
    normals: Tensor  # (B, 3, H, W) optical frame; 0 unknown
    lens: Tensor  # (B,) log(width / f)
    log_focal: Tensor  # (B,) log(f / FOCAL_PX): from canonical depth to metres
    usual: Tensor  # (B,) bool: such a lens is one to expect
    paints: dict[Task, Tensor]  # (rows, H, W) int64: which paint belongs where; OPEN
    numbers: Tensor | None  # (rows of INSTANCE, H, W) int64: 0 none
    colors: dict[Task, Tensor]  # (rows, 3, H, W) 0..1: answers of RAYS and IMAGE
    classes: Tensor  # (B, H/8, W/8) int64: numbers of the vocabulary in the middles of the squares; OPEN

    def place(self, *, canonical: bool) -> Tensor:
        """(B, H, W) of depth along the walk, 0..1; -1 unknown or beyond range."""
        known = (self.depth > 0) & torch.isfinite(self.depth)
        depth = torch.where(known, self.depth, 1.0)
        if canonical:
            depth = depth * torch.exp(-self.log_focal)[:, None, None]
        return torch.where(known, curve(depth), -1.0)


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
) -> Batch:
    device = seen.image.device
    width = seen.image.shape[3]
    lens = torch.as_tensor(np.log(width / camera[:, 0]), dtype=torch.float32, device=device)
    rows = {task: _rows(asked, task, device) for task in TASKS}
    rows = {task: found for task, found in rows.items() if len(found[0])}
    paints = {
        task: _paints(seen, asked, task, rows[task])
        for task in (Task.SEMANTIC, Task.INSTANCE, Task.REFERRING)
        if task in rows
    }
    colors = {}
    if Task.RAYS in rows:
        colors[Task.RAYS] = ray_colors(
            torch.as_tensor(camera, dtype=torch.float32, device=device)[rows[Task.RAYS][0]], seen.image.shape[2:]
        )
    if Task.IMAGE in rows:
        texts = [q.words[0] for row in asked for q in row if q.task is Task.IMAGE]
        colors[Task.IMAGE] = torch.stack(
            [edited(seen.image[i] / 255, text) for i, text in zip(rows[Task.IMAGE][0].tolist(), texts, strict=True)]
        )
    classes = seen.classes[MIDDLES]
    return Batch(
        image=seen.image,
        boxes=_boxes(asked, lens, words),
        rows=rows,
        depth=seen.depth,
        normals=seen.normals,
        lens=lens,
        log_focal=math.log(width / FOCAL_PX) - lens,
        usual=torch.as_tensor(np.asarray(usual), device=device),
        paints=paints,
        numbers=_numbers(seen, asked, rows[Task.INSTANCE]) if Task.INSTANCE in rows else None,
        colors=colors,
        classes=torch.where(classes < len(vocabulary.labels()), classes, OPEN),
    )


def ray_colors(camera: Tensor, hw: Sequence[int]) -> Tensor:
    """(N, 3, H, W): codecs/rays.py for pinhole cameras (N, 4)."""
    fx, fy, cx, cy = camera.T[..., None]
    across = torch.atan((torch.arange(hw[1], device=camera.device) - cx) / fx)[:, None]
    down = torch.atan((torch.arange(hw[0], device=camera.device) - cy) / fy)[:, :, None]
    half = 2 * math.radians(WIDEST_DEG)
    blue = (across - down) / (2 * half)
    red, green = (angle.expand_as(blue) for angle in (across / half, down / half))
    return torch.stack([red, green, blue], dim=1) + 0.5


def edited(rgb: Tensor, text: str) -> Tensor:
    """What the picture instructions of training ask for, (3, H, W) of 0..1."""
    which = PICTURES.index(text)
    if which == 1:
        return rgb.mean(0, keepdim=True).expand_as(rgb)
    if which in (2, 3):
        return rgb.clamp(min=1e-4) ** (0.6 if which == 2 else 1.7)
    if which == 4:
        return 1 - rgb
    if which == 5:
        soft = rgb
        for _ in range(3):
            soft = F.avg_pool2d(soft[None], 7, 1, 3, count_include_pad=False)[0]
        return soft
    return rgb


def _rows(asked: Sequence[Sequence[Question]], task: Task, device: torch.device) -> Rows:
    found = [(i, k) for i, row in enumerate(asked) for k, question in enumerate(row) if question.task is task]
    pairs = torch.tensor(found, dtype=torch.int64).reshape(-1, 2).to(device)
    return pairs[:, 0], pairs[:, 1]


def _paints(seen: Seen, asked: Sequence[Sequence[Question]], task: Task, rows: Rows) -> Tensor:
    questions = [q for row in asked for q in row if q.task is task]
    device = seen.classes.device
    by_class = _tables([q.by_class for q in questions], device)
    found = by_class.gather(1, seen.classes[rows[0]].flatten(1))
    if task is not Task.SEMANTIC:
        by_instance = _tables([q.by_instance for q in questions], device)
        told = by_instance.gather(1, seen.instances[rows[0]].flatten(1))
        found = torch.where(found == BY_INSTANCE, told, found)
    return found.view(-1, *seen.classes.shape[1:])


def _numbers(seen: Seen, asked: Sequence[Sequence[Question]], rows: Rows) -> Tensor:
    tables = _tables([q.numbers for row in asked for q in row if q.task is Task.INSTANCE], seen.classes.device)
    return tables.gather(1, seen.instances[rows[0]].flatten(1)).view(-1, *seen.classes.shape[1:])


def _tables(tables: Sequence[npt.NDArray[np.int16] | None], device: torch.device) -> Tensor:
    return torch.from_numpy(np.stack([table for table in tables if table is not None]).astype(np.int64)).to(device)


def _boxes(asked: Sequence[Sequence[Question]], lens: Tensor, words: Words) -> Boxes:
    """All prompts as the network reads them."""
    images, count = len(asked), len(asked[0])
    flat = [question for row in asked for question in row]
    paints = max(len(question.kind) for question in flat)
    kind = np.zeros((len(flat), paints, KINDS), np.float32)
    color = np.zeros((len(flat), paints, 3), np.float32)
    place = np.zeros((len(flat), paints), np.float32)
    said = np.zeros((len(flat), paints), np.int64)
    task = np.zeros((len(flat), len(TASKS)), np.float32)
    told = np.zeros((len(flat), LENS_SIZE), np.float32)
    along = np.linspace(0, 1, KNOTS, dtype=np.float32)
    for i, question in enumerate(flat):
        size = len(question.kind)
        kind[i, :size], color[i, :size] = question.kind, question.color
        if question.kind[0, KNOT]:
            place[i, :KNOTS] = along
        said[i, : len(question.words)] = [words.row(text) for text in question.words]
        task[i, TASKS.index(question.task)] = 1
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
