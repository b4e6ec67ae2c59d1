"""The sum of all losses: each task's own, and what the shared map says when it is asked directly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vision_banana_ros.student.network import Painting
from vision_banana_ros.training.batch import Batch
from vision_banana_ros.training.sight import sight_losses
from vision_banana_ros.training.tasks import Part, exercises
from vision_banana_ros.training.trainee import Sight


@dataclass(frozen=True)
class Losses:
    """`parts` are unweighted, for the log, still on the device."""

    total: Tensor
    parts: dict[str, Tensor]


def total_loss(painting: Painting, batch: Batch, sight: Sight | None = None, *, features_weight: float = 0.0) -> Losses:
    parts = list(_parts(painting, batch, sight, features_weight))
    total = torch.stack([part.weight * part.loss for part in parts]).sum()
    return Losses(total, {part.name: part.loss.detach() for part in parts})


def _parts(painting: Painting, batch: Batch, sight: Sight | None, features_weight: float) -> Iterator[Part]:
    for exercise in exercises():
        yield from exercise.losses(painting, batch)
    if sight is not None:
        yield from sight_losses(sight, batch, features_weight=features_weight)
