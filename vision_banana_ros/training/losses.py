"""The sum of all losses: each task's own, and what the shared map says when it is asked directly."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vision_banana_ros.student.network import Painting
from vision_banana_ros.training.batch import Batch, Rows
from vision_banana_ros.training.sight import sight_losses
from vision_banana_ros.training.tasks import Part, exercises
from vision_banana_ros.training.trainee import Sight


@dataclass(frozen=True)
class Losses:
    """`parts` are unweighted, for the log, still on the device."""

    total: Tensor
    parts: dict[str, Tensor]


@dataclass(frozen=True)
class _Apart:
    """(B, K, ...) to be indexed by rows: of a tensor's own index, the gradient is as large as the whole each time."""

    rows: tuple[Tensor, ...]
    questions: int

    @classmethod
    def of(cls, whole: Tensor) -> _Apart:
        return cls(whole.flatten(0, 1).unbind(), whole.shape[1])

    def __getitem__(self, rows: Rows) -> Tensor:
        image, question = rows
        return torch.stack([self.rows[i] for i in (image * self.questions + question).tolist()])


def total_loss(painting: Painting, batch: Batch, sight: Sight | None = None, *, features_weight: float = 0.0) -> Losses:
    if painting.canvas.device.type == "cpu":  # elsewhere a list of rows would have to be waited for
        apart = {name: _Apart.of(getattr(painting, name)) for name in ("canvas", "place", "free", "logits")}
        painting = dataclasses.replace(painting, **apart)  # type: ignore[arg-type]  # all that losses do is index them
    parts = list(_parts(painting, batch, sight, features_weight))
    total = torch.stack([part.weight * part.loss for part in parts]).sum()
    return Losses(total, {part.name: part.loss.detach() for part in parts})


def _parts(painting: Painting, batch: Batch, sight: Sight | None, features_weight: float) -> Iterator[Part]:
    for exercise in exercises():
        yield from exercise.losses(painting, batch)
    if sight is not None:
        yield from sight_losses(sight, batch, features_weight=features_weight)
