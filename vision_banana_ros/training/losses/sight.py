"""What the shared map says when it is asked directly (trainee.py), at 1/8: distances, directions, classes.

depth     |e| + 0.7 |e - mean e|        e: the error of log metres, as in depth.py
normals   (1 - cos) + 0.5 |n - t|_1 / 3
classes   CE over the whole vocabulary, weighted by 1 / sqrt(area) of the classes, as in palette.py
"""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vision_banana_ros.training.batch import Batch
from vision_banana_ros.training.losses.depth import log_metres, masked_mean, shape_loss
from vision_banana_ros.training.losses.palette import evened
from vision_banana_ros.training.trainee import Sight


def seen_depth_loss(sight: Sight, batch: Batch) -> Tensor:
    target = batch.coarse_position
    known = (target >= 0).float()
    error = sight.log_depth.float() - log_metres(target.clamp(min=0))
    return masked_mean(error.abs(), known) + 0.7 * shape_loss(error, known)


def seen_normals_loss(sight: Sight, batch: Batch) -> Tensor:
    truth = batch.coarse_normals
    known = (truth.abs().sum(1) > 0.1).float()
    direction = F.normalize(sight.normals.float(), dim=1)
    return masked_mean(1 - (direction * truth).sum(1) + 0.5 * (direction - truth).abs().mean(1), known)


def seen_classes_loss(sight: Sight, batch: Batch) -> Tensor:
    logits, target = sight.classes.float(), batch.coarse_classes.long()
    cross_entropy = F.cross_entropy(logits, target.clamp(min=0), reduction="none")
    return masked_mean(cross_entropy, evened(target, logits.shape[1]))
