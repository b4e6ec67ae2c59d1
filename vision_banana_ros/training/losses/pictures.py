"""Canvases whose answer is a plain picture: camera rays, and pictures copied or edited. L1 on the colours."""

from __future__ import annotations

from torch import Tensor

from vision_banana_ros.core import Task
from vision_banana_ros.student.network import Painting
from vision_banana_ros.training.batch import Batch


def picture_loss(painting: Painting, batch: Batch, task: Task) -> Tensor | None:
    """`task` is RAYS or IMAGE; None where the batch does not ask for it."""
    if task not in batch.rows:
        return None
    loss: Tensor = (painting.canvas[batch.rows[task]].float() - batch.colors[task]).abs().mean()
    return loss
