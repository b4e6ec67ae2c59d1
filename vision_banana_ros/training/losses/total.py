"""The sum of all codes' losses; each weight says what a canvas of its kind is worth beside a depth canvas."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vision_banana_ros.core import Task
from vision_banana_ros.student.network import Painting
from vision_banana_ros.training.batch import Batch
from vision_banana_ros.training.losses.depth import depth_loss, scale_loss
from vision_banana_ros.training.losses.instances import instance_loss
from vision_banana_ros.training.losses.normals import normals_loss
from vision_banana_ros.training.losses.palette import palette_loss
from vision_banana_ros.training.losses.pictures import picture_loss
from vision_banana_ros.training.losses.rays import guess_loss, rays_loss
from vision_banana_ros.training.losses.sight import seen_classes_loss, seen_depth_loss, seen_normals_loss
from vision_banana_ros.training.trainee import Sight


@dataclass(frozen=True)
class Losses:
    """`parts` are unweighted, for the log, still on the device."""

    total: Tensor
    parts: dict[str, Tensor]


def total_loss(painting: Painting, batch: Batch, sight: Sight | None = None) -> Losses:
    weighted: tuple[tuple[str, float, Tensor | None], ...] = (
        ("depth", 1.0, depth_loss(painting, batch)),
        ("scale", 0.5, scale_loss(painting, batch)),
        ("normals", 1.0, normals_loss(painting, batch)),
        ("rays", 1.0, rays_loss(painting, batch)),
        ("lens", 0.5, guess_loss(painting, batch)),
        ("semantic", 0.5, palette_loss(painting, batch, Task.SEMANTIC)),
        ("instance", 1.0, instance_loss(painting, batch)),
        ("countable", 0.3, palette_loss(painting, batch, Task.INSTANCE)),
        ("referring", 0.25, palette_loss(painting, batch, Task.REFERRING)),
        ("picture", 0.3, picture_loss(painting, batch, Task.IMAGE)),
    )
    if sight is not None:
        weighted += (
            ("seen depth", 0.5, seen_depth_loss(sight, batch)),
            ("seen normals", 0.5, seen_normals_loss(sight, batch)),
            ("seen classes", 0.4, seen_classes_loss(sight, batch)),
        )
    present = [(name, weight, loss) for name, weight, loss in weighted if loss is not None]
    total = torch.stack([weight * loss for _, weight, loss in present]).sum()
    return Losses(total, {name: loss.detach() for name, _, loss in present})
