"""REFERRING: the instances that a sentence speaks of, against all else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from vision_banana_ros.core import Task
from vision_banana_ros.student.network import Painting
from vision_banana_ros.student.paintbox import BACKGROUND, KINDS, TARGET
from vision_banana_ros.training.batch import Batch, Rows
from vision_banana_ros.training.look import Seen
from vision_banana_ros.training.tasks.paints import paints_of, palette_loss
from vision_banana_ros.training.tasks.room import (
    BY_INSTANCE,
    SMALLEST_INSTANCE,
    Answer,
    Asker,
    Cameras,
    Exercise,
    Facts,
    Part,
    Question,
)


class Referring(Exercise):
    task = Task.REFERRING

    def ask(self, facts: Facts, asker: Asker) -> Question | None:
        if not facts.referring:
            return None
        said = facts.referring[int(asker.rng.integers(len(facts.referring)))]
        ids = np.asarray(said.instance_ids, np.intp)
        if facts.instances[ids].sum() < SMALLEST_INSTANCE * facts.pixels:
            return None
        by_instance = np.ones(256, np.int16)
        by_instance[ids] = 0
        kind = np.zeros((2, KINDS), np.float32)
        kind[0, TARGET] = kind[1, BACKGROUND] = 1
        always = np.full(256, BY_INSTANCE, np.int16)
        return Question(self.task, kind, asker.colors(2), (said.text,), by_class=always, by_instance=by_instance)

    def answer(self, seen: Seen, camera: Cameras, rows: Rows, questions: Sequence[Question]) -> Answer:
        return Answer(paints_of(seen, rows, questions))

    def losses(self, painting: Painting, batch: Batch) -> Iterator[Part]:
        if self.task in batch.rows:
            yield Part("referring", 0.25, palette_loss(painting, batch, self.task))


EXERCISE = Referring()
