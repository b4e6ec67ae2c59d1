"""Samples and their questions as tensors; what one step of training sees.

B images with K questions each. Targets that only some tasks have are full arrays all the same: unused entries are
open (-1), unknown (0) or zero, and every loss picks its own task's canvases by `is_task`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vision_banana_ros.core import Task
from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.paintbox import TASKS, PaintBoxes, pack
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.config import View
from vision_banana_ros.training.paste import pasted
from vision_banana_ros.training.questions import FEW_TARGETS, MANY_TARGETS, OPEN, Question, QuestionMaker
from vision_banana_ros.training.samples import BEYOND, TrainingSample, normals_of
from vision_banana_ros.training.trainee import MIDDLES, STRIDE
from vision_banana_ros.training.turning import turned
from vision_banana_ros.training.views import random_view

#: Share of the batches in which a prompt may name the whole vocabulary: robots do, but such boxes are slow.
_MANY_TARGETS_SHARE = 0.3


@dataclass(frozen=True)
class Batch:
    image: Tensor  # (B, 3, H, W) uint8
    boxes: Boxes  # (B, K, ...)
    position: Tensor  # (B, H, W) of depth along the walk, 0..1; -1 unknown or beyond range
    normals: Tensor  # (B, 3, H, W) optical frame; 0 unknown
    colors: Tensor  # (B, K, 3, H, W) uint8: answers of RAYS and IMAGE
    paints: Tensor  # (B, K, H, W) int16: which paint belongs where; OPEN
    instances: Tensor  # (B, K, H, W) int16: 0 none
    lens: Tensor  # (B,) log(width / fx); nan where it is not to be guessed
    classes: Tensor  # (B, H/8, W/8) int16: ids of the vocabulary in the middles of the squares; OPEN

    def is_task(self, task: Task) -> Tensor:
        """(B, K) bool."""
        return self.boxes.task[..., TASKS.index(task)] > 0

    def to(self, device: torch.device) -> Batch:
        moved = {f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self) if f.name != "boxes"}
        boxes = Boxes(*(getattr(self.boxes, f.name).to(device, non_blocking=True) for f in fields(Boxes)))
        return Batch(boxes=boxes, **moved)


def batches(
    samples: Iterator[TrainingSample],
    views: Sequence[View],
    *,
    foregrounds: Iterator[TrainingSample] | None = None,
    paste_share: float = 0.0,
    turn_share: float = 0.0,
    batch: int,
    questions: int,
    text: TextTable,
    seed: int,
    size_seed: int,
) -> Iterator[Batch]:
    """Endless; every batch has one canvas size, drawn by the views' shares.

    `foregrounds` lend what is near in them to `paste_share` of the real samples; `turn_share` of them are turned.
    Processes that train together have their own `seed`, and one `size_seed`: they wait for each other at each step, so
    their batches must cost the same.
    """
    rng, size_rng = np.random.default_rng((seed, 3)), np.random.default_rng((size_seed, 4))
    maker = QuestionMaker(rng)
    shares = np.array([view.share for view in views])
    while True:
        view = views[int(size_rng.choice(len(views), p=shares / shares.sum()))]
        maker.most_targets = MANY_TARGETS if size_rng.random() < _MANY_TARGETS_SHARE else FEW_TARGETS

        def look(sample: TrainingSample, view: View = view) -> TrainingSample:
            if sample.real and rng.random() < turn_share:
                sample = turned(sample, rng)
            return random_view(sample, view, rng)

        cut = []
        for _ in range(batch):
            sample = look(next(samples))
            if sample.real and foregrounds is not None and rng.random() < paste_share:
                sample = pasted(sample, look(next(foregrounds)), rng)
            cut.append(sample)
        yield collate(cut, [maker.ask(sample, questions) for sample in cut], text)


def collate(samples: Sequence[TrainingSample], questions: Sequence[Sequence[Question]], text: TextTable) -> Batch:
    images, count = len(samples), len(questions[0])
    flat = [question for row in questions for question in row]
    packed = pack([question.instruction for question in flat], text)
    hw = samples[0].rgb.shape[:2]
    position = np.stack([sample.position for sample in samples]).astype(np.float32)
    position[position >= BEYOND] = -1
    colors = np.zeros((len(flat), *hw, 3), np.uint8)
    paints = np.full((len(flat), *hw), OPEN, np.int16)
    instances = np.zeros((len(flat), *hw), np.int16)
    for i, question in enumerate(flat):
        if question.colors is not None:
            colors[i] = np.rint(question.colors * 255)
        if question.paints is not None:
            paints[i] = question.paints
        if question.instances is not None:
            instances[i] = question.instances

    def per_image(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).reshape(images, count, *array.shape[1:])

    normals = np.stack([normals_of(sample.normals) for sample in samples])
    return Batch(
        image=torch.from_numpy(np.stack([sample.rgb for sample in samples]).transpose(0, 3, 1, 2).copy()),
        boxes=boxes_of(packed, images),
        position=torch.from_numpy(position),
        normals=torch.from_numpy(normals.transpose(0, 3, 1, 2).copy()),
        colors=per_image(colors.transpose(0, 3, 1, 2)),
        paints=per_image(paints),
        instances=per_image(instances),
        lens=torch.tensor([_lens(sample) for sample in samples]),
        classes=torch.from_numpy(np.stack([_classes(sample) for sample in samples])),
    )


def _classes(sample: TrainingSample) -> npt.NDArray[np.int16]:
    if sample.mask is None:
        return np.full(tuple(n // STRIDE for n in sample.rgb.shape[:2]), OPEN, np.int16)
    return _vocabulary_ids(sample.labels)[sample.mask[MIDDLES]]


@cache
def _vocabulary_ids(labels: tuple[str, ...]) -> npt.NDArray[np.int16]:
    """From values of a mask with these labels."""
    table = np.full(256, OPEN, np.int16)
    for value, name in enumerate(labels):
        word = vocabulary.find(name)
        if word is not None:
            table[value] = word.class_id
    return table


def _lens(sample: TrainingSample) -> float:
    return math.nan if sample.has_unusual_lens else math.log(sample.camera.width / sample.camera.fx)


def boxes_of(packed: PaintBoxes, images: int) -> Boxes:
    """The rows of `packed`, dealt out to `images` images in order."""
    arrays = packed.arrays()
    return Boxes(
        *(torch.from_numpy(arrays[f.name].reshape(images, -1, *arrays[f.name].shape[1:])) for f in fields(Boxes))
    )
