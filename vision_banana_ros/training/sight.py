"""What the shared map says when it is asked directly (trainee.py), at 1/8: distances, directions, classes.

depth     |e| + 0.7 |e - mean e|        e: the error of canonical log metres, as in tasks/depth.py
normals   (1 - cos) + 0.5 |n - t|_1 / 3
features  1 - cos, where an encoder's are known
classes   CE over the whole vocabulary, weighted by 1 / sqrt(area) of the classes, as in tasks/paints.py
"""

from __future__ import annotations

from collections.abc import Iterator

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vision_banana_ros.training.batch import Batch
from vision_banana_ros.training.tasks.depth import log_metres, shape_loss
from vision_banana_ros.training.tasks.normals import direction_loss, known_normals
from vision_banana_ros.training.tasks.paints import evened_cross_entropy
from vision_banana_ros.training.tasks.room import Part, masked_mean
from vision_banana_ros.training.trainee import MIDDLES, Sight


def sight_losses(sight: Sight, batch: Batch, *, features_weight: float = 0.0) -> Iterator[Part]:
    yield Part("seen depth", 0.5, seen_depth_loss(sight, batch))
    yield Part("seen normals", 0.5, seen_normals_loss(sight, batch))
    yield Part("seen classes", 0.4, seen_classes_loss(sight, batch))
    if sight.features is not None and batch.features is not None:
        yield Part("seen features", features_weight, seen_features_loss(sight.features, batch.features))


def seen_depth_loss(sight: Sight, batch: Batch) -> Tensor:
    target = batch.place(canonical=True, at=MIDDLES)
    known = (target >= 0).float()
    error = sight.log_depth.float() - log_metres(target.clamp(min=0))
    return masked_mean(error.abs(), known) + 0.7 * shape_loss(error, known)


def seen_normals_loss(sight: Sight, batch: Batch) -> Tensor:
    truth = batch.normals[MIDDLES]
    return masked_mean(direction_loss(sight.normals.float(), truth), known_normals(truth))


def seen_features_loss(said: Tensor, truth: Tensor) -> Tensor:
    known = (truth != 0).any(dim=1).float()
    return masked_mean(1 - F.cosine_similarity(said.float(), truth, dim=1), known)


def seen_classes_loss(sight: Sight, batch: Batch) -> Tensor:
    return evened_cross_entropy(sight.classes.float(), batch.classes)
