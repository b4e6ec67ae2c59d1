"""NORMALS: the angle of the decoded direction, and the colours, so that vectors also come out unit long.

L = (1 - cos) + 0.5 |n - t|_1 / 3 + |rgb - code(t)|     n: the decoded vector after normalising
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from vision_banana_ros.core import Task
from vision_banana_ros.student.network import Painting
from vision_banana_ros.training.batch import Batch
from vision_banana_ros.training.tasks.room import Asker, Exercise, Facts, Part, Question, free, masked_mean


class Normals(Exercise):
    task, always = Task.NORMALS, True

    def ask(self, facts: Facts, asker: Asker) -> Question:
        return free(self.task)

    def losses(self, painting: Painting, batch: Batch) -> Iterator[Part]:
        if self.task in batch.rows:
            yield Part("normals", 1.0, normals_loss(painting, batch))


def normals_loss(painting: Painting, batch: Batch) -> Tensor:
    rows = batch.rows[Task.NORMALS]
    truth = batch.normals[rows[0]]
    painted = 1 - 2 * painting.canvas[rows].float()  # the code: colour = (1 - n) / 2 in the optical frame
    off = direction_loss(painted, truth) + 0.5 * (painted - truth).abs().mean(1)
    return masked_mean(off, known_normals(truth))


def direction_loss(vectors: Tensor, truth: Tensor) -> Tensor:
    """(N, h, w) for vectors (N, 3, h, w) of any length."""
    direction = vectors * vectors.square().sum(1, keepdim=True).clamp(min=1e-6).rsqrt()
    return 1 - (direction * truth).sum(1) + 0.5 * (direction - truth).abs().mean(1)


def known_normals(truth: Tensor) -> Tensor:
    return (truth.abs().sum(1) > 0.1).to(truth.dtype)


EXERCISE = Normals()
