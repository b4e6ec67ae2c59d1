"""What segmentations have in common: which paint belongs at each pixel, and that its colour comes out pure.

L = CE(paints, answer), weighted by 1 / sqrt(area) of the answer's regions, at 1/4 of the size
  + 0.5 |rgb - answer's colour| at full size
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vision_banana_ros.core import Task
from vision_banana_ros.student.network import Painting
from vision_banana_ros.student.paintbox import FREE
from vision_banana_ros.training.batch import Batch, Rows
from vision_banana_ros.training.look import Seen
from vision_banana_ros.training.tasks.room import BY_INSTANCE, Question, masked_mean


def paints_of(seen: Seen, rows: Rows, questions: Sequence[Question]) -> Tensor:
    """(rows, H, W) which paint belongs where, looked up by class and, where the questions say so, by instance."""
    by_class = _tables([q.by_class for q in questions], seen.classes.device)
    found = by_class.gather(1, seen.classes[rows[0]].flatten(1))
    if questions[0].by_instance is not None:
        by_instance = _tables([q.by_instance for q in questions], seen.classes.device)
        told = by_instance.gather(1, seen.instances[rows[0]].flatten(1))
        found = torch.where(found == BY_INSTANCE, told, found)
    return found.view(-1, *seen.classes.shape[1:])


def numbers_of(seen: Seen, rows: Rows, questions: Sequence[Question]) -> Tensor:
    """(rows, H, W) the instances that are to be told apart, 0 none."""
    tables = _tables([q.numbers for q in questions], seen.classes.device)
    return tables.gather(1, seen.instances[rows[0]].flatten(1)).view(-1, *seen.classes.shape[1:])


def palette_loss(painting: Painting, batch: Batch, task: Task) -> Tensor:
    """`task` is one that the batch asks for, with an answer in paints. Free paints have no colour to be compared."""
    rows = batch.rows[task]
    logits = painting.logits[rows].float()
    full = batch.paints[task]
    target = full[:, 2::4, 2::4]
    loss = evened_cross_entropy(logits, target)
    color, kind = batch.boxes.color[rows], batch.boxes.kind[rows]
    paint = full.clamp(min=0).flatten(1)
    given = 1 - kind[..., FREE].gather(1, paint).view_as(full)
    answer = color.transpose(1, 2).gather(2, paint[:, None].expand(-1, 3, -1)).view(-1, 3, *full.shape[1:])
    off = (painting.canvas[rows].float() - answer).abs().mean(1)
    return loss + 0.5 * masked_mean(off, (full >= 0) * given)


def evened_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """(N, C, h, w) logits, (N, h, w) which of them is right, OPEN where nobody knows."""
    cross_entropy = F.cross_entropy(logits, target.clamp(min=0), reduction="none")
    return masked_mean(cross_entropy, _evened(target, logits.shape[1]))


def _evened(target: Tensor, paints: int) -> Tensor:
    """(N, h, w) weights of mean one: small regions count more than their area, large ones less; 0 where open."""
    known = target >= 0
    area = F.one_hot(torch.where(known, target, paints), paints + 1)[..., :paints].float().mean((1, 2))
    weight = area.clamp(min=1e-3).rsqrt().gather(1, target.clamp(min=0).flatten(1)).view_as(target) * known
    mean = weight.sum((1, 2), keepdim=True) / known.sum((1, 2), keepdim=True).clamp(min=1)
    return weight / mean.clamp(min=1e-6)


def _tables(tables: Sequence[npt.NDArray[np.int16] | None], device: torch.device) -> Tensor:
    return torch.from_numpy(np.stack([table for table in tables if table is not None]).astype(np.int64)).to(device)
