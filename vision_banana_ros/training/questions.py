"""What is asked of each picture of a batch, by a run's recipe; how each task is asked, its file in tasks/ says.

Questions are drawn so that the prompt is needed to answer them: classes are left out at random, absent ones are asked
for (and must be painted nowhere), names are replaced by plurals and synonyms, the background comes and goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from vision_banana_ros.core import DataError
from vision_banana_ros.student.paintbox import TASKS
from vision_banana_ros.tasks import rooms
from vision_banana_ros.training.config import ASKED_FIRST, ASKED_IN_TURN
from vision_banana_ros.training.tasks import Asker, Exercise, Facts, Question, exercise


@dataclass(frozen=True, slots=True)
class Recipe:
    """first: asked of a picture so often, before all else.   in_turn: the others and the shares of their draws.

    Where a picture has no answer, another question is drawn; so one of the others must have an answer always.
    """

    first: Mapping[str, float] = field(default_factory=lambda: ASKED_FIRST)
    in_turn: Mapping[str, float] = field(default_factory=lambda: ASKED_IN_TURN)
    _first: tuple[tuple[Exercise, float], ...] = field(init=False, repr=False)
    _in_turn: tuple[Exercise, ...] = field(init=False, repr=False)
    _edges: tuple[float, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        wrong = [f"{n}: {s}" for n, s in (*self.first.items(), *self.in_turn.items()) if not 0 <= s <= 1]
        if wrong:
            raise DataError(f"how often a task is asked is a share of 0 to 1, got {', '.join(wrong)}")
        drawn = {exercise(name): share for name, share in self.in_turn.items() if share > 0}
        if not any(e.always for e in drawn):
            raise DataError(
                "asked_in_turn needs one task that every picture has an answer to, such as depth or image, got "
                f"{', '.join(e.task for e in drawn) or 'nothing'}"
            )
        object.__setattr__(self, "_first", tuple((exercise(name), share) for name, share in self.first.items()))
        object.__setattr__(self, "_in_turn", tuple(drawn))
        object.__setattr__(self, "_edges", tuple(np.cumsum(list(drawn.values())).tolist()))

    def ask(self, facts: Facts, count: int, asker: Asker) -> list[Question]:
        questions = []
        for first, share in self._first:
            if share >= 1 or asker.rng.random() < share:
                question = first.ask(facts, asker)
                if question is not None:
                    questions.append(question)
        while len(questions) < count:
            place = np.searchsorted(self._edges, asker.rng.random() * self._edges[-1])
            question = self._in_turn[int(place)].ask(facts, asker)
            if question is not None:
                questions.append(question)
        return questions[:count]

    def tasks(self) -> tuple[str, ...]:
        """What a network must know to learn this, in the order of its input: the usual ones, and what else is asked."""
        asked = {e.task for e, _ in self._first} | {e.task for e in self._in_turn}
        return (*map(str, TASKS), *(str(room.task) for room in rooms() if room.task in asked - set(TASKS)))
