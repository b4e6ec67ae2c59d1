"""One generator for several cameras, each of which asks on a thread of its own.

Whoever asks first is served first, and no camera asks again before it was answered: so turns go round, and each waits
for one frame of each other camera at most. A generator that paints frames of several cameras in one call
(`generate_together`) is given all that wait; one that does not, a student without a graph for it among them, paints
them one after the other. What goes wrong with a frame is told to whoever asked; where a joint call fails, each is
asked alone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vision_banana_ros.core import About, Canvas, Frame, GeneratorError, Task
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.ros.params import Settings

_ONE_EACH = "start a process for each camera (launch argument namespace)"


@dataclass(slots=True, eq=False)
class _Ask:
    frame: Frame
    instructions: Sequence[Instruction]
    answer: list[Canvas] | Exception | None = None


@dataclass(slots=True, eq=False)
class Turns:
    """A `Generator` for several threads around one that is for one; in all else it is that one."""

    painter: Generator
    _waiting: deque[_Ask] = field(default_factory=deque)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _busy: bool = False

    @property
    def tasks(self) -> frozenset[Task]:
        return self.painter.tasks

    @property
    def about(self) -> About:
        return self.painter.about

    def __getattr__(self, name: str) -> Any:
        return getattr(self.painter, name)

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        """What the generator paints, once it is this caller's turn."""
        ask = _Ask(frame, instructions)
        with self._changed:
            self._waiting.append(ask)
            self._changed.wait_for(lambda: ask.answer is not None or self._is_next(ask))
            taken = [] if ask.answer is not None else self._take()
        if taken:
            try:
                self._paint(taken)
            finally:
                with self._changed:
                    for one in taken:
                        one.answer = one.answer or GeneratorError("interrupted")
                    self._busy = False
                    self._changed.notify_all()
        if isinstance(ask.answer, Exception):
            raise ask.answer
        assert ask.answer is not None
        return ask.answer

    def _is_next(self, ask: _Ask) -> bool:
        return not self._busy and bool(self._waiting) and self._waiting[0] is ask

    def _take(self) -> list[_Ask]:
        """The first in the row, with all behind it where they can be painted together."""
        self._busy = True
        count = len(self._waiting) if hasattr(self.painter, "generate_together") else 1
        return [self._waiting.popleft() for _ in range(count)]

    def _paint(self, asks: Sequence[_Ask]) -> None:
        if len(asks) > 1:
            try:
                answers = self.painter.generate_together([(a.frame, a.instructions) for a in asks])  # type: ignore[attr-defined]
                for ask, answer in zip(asks, answers, strict=True):
                    ask.answer = list(answer)
                return
            except Exception:  # of one of them, most likely
                for ask in asks:
                    ask.answer = None
        for ask in asks:
            try:
                ask.answer = list(self.painter.generate(ask.frame, ask.instructions))
            except Exception as error:
                ask.answer = error


def require_for_several(generator: Generator, settings: Settings) -> None:
    """Raises for what keeps something from frame to frame: it would take one camera's for another's."""
    if settings.anchor:
        raise GeneratorError(f"anchor keeps the scale of one camera's frames, and there are several: {_ONE_EACH}")
    if hasattr(generator, "give_depth"):
        raise GeneratorError(f"{generator.about.name} takes the measured depth of one camera: {_ONE_EACH}")
    if settings.model.startswith("mix:"):
        raise GeneratorError(f"a mix may answer with an older frame, of whichever camera: {_ONE_EACH}")
