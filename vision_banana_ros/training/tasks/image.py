"""IMAGE: the picture copied or edited as the words say. L1 on the colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vision_banana_ros.core import Task
from vision_banana_ros.student.network import Painting
from vision_banana_ros.training.batch import Batch, Rows
from vision_banana_ros.training.look import Seen
from vision_banana_ros.training.tasks.room import Answer, Asker, Cameras, Exercise, Facts, Part, Question, free

PICTURES: tuple[str, ...] = (
    "the same picture",
    "the picture in shades of grey",
    "the picture, brighter",
    "the picture, darker",
    "the picture as a negative",
    "the picture, blurred",
)


class Image(Exercise):
    task, always = Task.IMAGE, True

    def ask(self, facts: Facts, asker: Asker) -> Question:
        return free(self.task, PICTURES[int(asker.rng.integers(len(PICTURES)))])

    def answer(self, seen: Seen, camera: Cameras, rows: Rows, questions: Sequence[Question]) -> Answer:
        texts = [question.words[0] for question in questions]
        asked = zip(rows[0].tolist(), texts, strict=True)
        return Answer(colors=torch.stack([edited(seen.image[i] / 255, text) for i, text in asked]))

    def losses(self, painting: Painting, batch: Batch) -> Iterator[Part]:
        if self.task in batch.rows:
            yield Part("picture", 0.3, picture_loss(painting, batch, self.task))


def picture_loss(painting: Painting, batch: Batch, task: Task) -> Tensor:
    """`task` is one that the batch asks for, whose answer is a plain picture."""
    loss: Tensor = (painting.canvas[batch.rows[task]].float() - batch.colors[task]).abs().mean()
    return loss


def edited(rgb: Tensor, text: str) -> Tensor:
    """What the picture instructions of training ask for, (3, H, W) of 0..1."""
    which = PICTURES.index(text)
    if which == 1:
        return rgb.mean(0, keepdim=True).expand_as(rgb)
    if which in (2, 3):
        return rgb.clamp(min=1e-4) ** (0.6 if which == 2 else 1.7)
    if which == 4:
        return 1 - rgb
    if which == 5:
        soft = rgb
        for _ in range(3):
            soft = F.avg_pool2d(soft[None], 7, 1, 3, count_include_pad=False)[0]
        return soft
    return rgb


EXERCISE = Image()
