"""INSTANCE: any colours, as long as each instance has its own. The instance-colouring loss.

    m_i   mean colour of instance i (in 0..1 per channel),  m_0 the background's given colour
    h_i   a colour that tells where the middle (x, y) of instance i lies, finely: red and blue turn twice around
          over the picture's width and once over its height, green rises with y. So neighbours are told apart by far,
          and what repeats itself lies far apart, where pieces that do not touch are told apart anyhow
          (codecs/instances.py)
    w_ij  1 for instances next to each other, falling to 0.2 for distant ones; 1 with the background
    pull  mean over instances of mean |c - m_i| over their pixels
    push  weighted mean over pairs i != j of max(0, M - ||m_i - m_j||)^2 / M^2,  M = 0.5
    hint  mean over instances of mean |c - h_i| over their pixels
    L     pull + 0.7 push + 0.5 hint

No colour is prescribed in the end, since no instance has a right one (the work known as gen2seg); but from any colour
to a different one per instance is a long way, and the hint is where it starts. All of the network's own colour, before
it is mixed with the background's: class against background is left to the palette loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vision_banana_ros.core import UNLABELLED, Task
from vision_banana_ros.student.network import Painting
from vision_banana_ros.student.paintbox import BACKGROUND, FREE, KINDS
from vision_banana_ros.training.batch import Batch, Rows
from vision_banana_ros.training.look import Seen
from vision_banana_ros.training.tasks.paints import numbers_of, paints_of, palette_loss
from vision_banana_ros.training.tasks.room import (
    BY_INSTANCE,
    OPEN,
    Answer,
    Asker,
    Cameras,
    Exercise,
    Facts,
    Part,
    Question,
)

_PUSH, _HINT = 0.7, 0.5
_MARGIN = 0.5
_FAR_WEIGHT, _NEAR = 0.2, 0.25  # of the picture's width
_SMALLEST = 6  # pixels of a map at 1/4


class Instance(Exercise):
    task = Task.INSTANCE

    def ask(self, facts: Facts, asker: Asker) -> Question | None:
        large = facts.large_instances()
        found = np.unique(facts.class_of[large]).tolist()
        choices = [i for i in found if asker.is_thing(i)]
        if not choices:
            return None
        class_id = choices[int(asker.rng.integers(len(choices)))]
        told_apart = np.flatnonzero(large & (facts.class_of == class_id))
        by_class = np.ones(256, np.int16)
        by_class[class_id], by_class[UNLABELLED] = BY_INSTANCE, OPEN
        by_instance = np.full(256, OPEN, np.int16)
        by_instance[told_apart] = 0
        numbers = np.zeros(256, np.int16)
        numbers[told_apart] = np.arange(1, len(told_apart) + 1)
        kind = np.zeros((2, KINDS), np.float32)
        kind[0, FREE] = kind[1, BACKGROUND] = 1
        color = np.concatenate([np.zeros((1, 3), np.float32), asker.colors(1)])
        words = (asker.wording(class_id),)
        return Question(self.task, kind, color, words, by_class=by_class, by_instance=by_instance, numbers=numbers)

    def answer(self, seen: Seen, camera: Cameras, rows: Rows, questions: Sequence[Question]) -> Answer:
        return Answer(paints_of(seen, rows, questions), numbers_of(seen, rows, questions))

    def losses(self, painting: Painting, batch: Batch) -> Iterator[Part]:
        if self.task in batch.rows:
            yield Part("instance", 1.0, instance_loss(painting, batch))
            yield Part("countable", 0.3, palette_loss(painting, batch, self.task))


def instance_loss(painting: Painting, batch: Batch) -> Tensor:
    rows = batch.rows[Task.INSTANCE]
    kind = batch.boxes.kind[rows][..., BACKGROUND : BACKGROUND + 1]
    background = (batch.boxes.color[rows] * kind).sum(1)
    return coloring_loss(painting.free[rows].float(), batch.numbers[Task.INSTANCE][:, 2::4, 2::4], background)


def coloring_loss(canvas: Tensor, instances: Tensor, background: Tensor, goal: Tensor | None = None) -> Tensor:
    """(N, 3, H, W) canvases, (N, H, W) instance numbers with 0 for none, (N, 3) colours of the background.

    `goal` (N, 3, M): hints of another kind than `hint`, one for each number.
    """
    ids = instances.flatten(1)
    share, kept, middle = middles(instances)
    colors = canvas.flatten(2)  # (N, 3, pixels)
    mean = colors @ share  # (N, 3, M)
    if goal is None:
        goal = hint(middle)
    off = (colors - mean.gather(2, ids[:, None].expand(-1, 3, -1))).abs().mean(1)
    far = (colors - goal.gather(2, ids[:, None].expand(-1, 3, -1))).abs().mean(1)
    pull = ((off + _HINT * far)[:, None] @ share)[:, 0]
    mean = torch.cat([background[..., None], mean[..., 1:]], dim=2)
    there = torch.cat([torch.ones_like(kept[:, :1]), kept[:, 1:]], dim=1)
    gap = (mean[..., :, None] - mean[..., None, :]).square().sum(1).clamp(min=1e-8).sqrt()
    away = (middle[..., :, None] - middle[..., None, :]).square().sum(1).sqrt()
    weight = _FAR_WEIGHT + (1 - _FAR_WEIGHT) * torch.exp(-away / _NEAR)
    weight[:, 0] = weight[:, :, 0] = 1
    weight = weight * there[:, :, None] * there[:, None] * (1 - torch.eye(there.shape[1], device=there.device))
    push = (((_MARGIN - gap).clamp(min=0) / _MARGIN).square() * weight).sum() / weight.sum().clamp(min=1)
    return (pull * kept).sum() / kept.sum().clamp(min=1) + _PUSH * push


def middles(instances: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of M numbers, 0 among them: the share of each pixel (N, pixels, M), which are large enough, their middles."""
    ids = instances.flatten(1)
    one = F.one_hot(ids, int(ids.max()) + 1).to(torch.float32)  # (N, pixels, M)
    size = one.sum(1)
    share = one / size.clamp(min=1)[:, None]
    kept = (size >= _SMALLEST).to(share.dtype)
    kept[:, 0] = 0
    return share, kept, _where(instances) @ share


def hint(middle: Tensor) -> Tensor:
    """(N, 2, M) places, x and y of 0..1, to colours (N, 3, M)."""
    x, y = middle[:, :1], middle[:, 1:]
    angle = 2 * torch.pi * (2 * x + y)
    return torch.cat([0.5 + 0.4 * torch.cos(angle), 0.1 + 0.8 * y, 0.5 + 0.4 * torch.sin(angle)], dim=1)


def _where(instances: Tensor) -> Tensor:
    """(2, pixels): x and y of 0..1."""
    height, width = instances.shape[1:]
    x = (torch.arange(width, device=instances.device) + 0.5) / width
    y = (torch.arange(height, device=instances.device) + 0.5) / height
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)]).flatten(1)


EXERCISE = Instance()
