"""Canvases whose answer is a plain picture: camera rays, and pictures copied or edited. L1 on the colours."""

from __future__ import annotations

from torch import Tensor

from vision_banana_ros.core import Task
from vision_banana_ros.student.network import Painting
from vision_banana_ros.training.batch import Batch


def picture_loss(painting: Painting, batch: Batch, task: Task) -> Tensor | None:
    """`task` is RAYS or IMAGE; None where the batch does not ask for it."""
    asked = batch.is_task(task)
    if not asked.any():
        return None
    rows = asked.nonzero(as_tuple=True)
    loss: Tensor = (painting.canvas[rows].float() - batch.colors[rows].float() / 255).abs().mean()
    return loss
