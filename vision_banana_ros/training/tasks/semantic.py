"""SEMANTIC: classes of the picture, and some that are nowhere in it, each in a colour of the prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from vision_banana_ros.core import UNLABELLED, Task
from vision_banana_ros.student.network import Painting
from vision_banana_ros.student.paintbox import BACKGROUND, KINDS, TARGET
from vision_banana_ros.training.batch import Batch, Rows
from vision_banana_ros.training.look import Seen
from vision_banana_ros.training.tasks.paints import paints_of, palette_loss
from vision_banana_ros.training.tasks.room import (
    OPEN,
    SMALLEST_CLASS,
    Answer,
    Asker,
    Cameras,
    Exercise,
    Facts,
    Part,
    Question,
)

ASKED_SHARE = 0.85  # of the classes that are there: what is not asked must be left out
BACKGROUND_SHARE = 0.7


class Semantic(Exercise):
    task = Task.SEMANTIC

    def ask(self, facts: Facts, asker: Asker) -> Question | None:
        least = SMALLEST_CLASS * facts.pixels
        seen = np.flatnonzero(facts.classes[:UNLABELLED] >= least)
        asked = seen[asker.rng.random(len(seen)) < ASKED_SHARE]
        asked = asker.rng.permutation(asked)[: asker.most_targets]
        if not len(asked):
            return None
        wordings = [asker.wording(i) for i in asked]
        if len(set(wordings)) < len(wordings):  # two classes said in one word
            return None
        absent = [asker.wording(i) for i in asker.absent(facts, asker.most_targets - len(asked))]
        words = tuple(dict.fromkeys([*wordings, *absent]))
        with_background = bool(asker.rng.random() < BACKGROUND_SHARE) and not facts.real
        kind = np.zeros((len(words) + with_background, KINDS), np.float32)
        kind[: len(words), TARGET] = 1
        kind[len(words) :, BACKGROUND] = 1
        table = np.full(256, len(words) if with_background else OPEN, np.int16)
        table[asked] = np.arange(len(asked))
        table[UNLABELLED] = OPEN
        return Question(self.task, kind, asker.colors(len(kind)), words, by_class=table)

    def answer(self, seen: Seen, camera: Cameras, rows: Rows, questions: Sequence[Question]) -> Answer:
        return Answer(paints_of(seen, rows, questions))

    def losses(self, painting: Painting, batch: Batch) -> Iterator[Part]:
        if self.task in batch.rows:
            yield Part("semantic", 0.5, palette_loss(painting, batch, self.task))


EXERCISE = Semantic()
