"""A generator that nobody waits for: it paints the latest frame in a thread, and its last answer is given until then.

    offer(frame, instructions)    start on this frame, if it is idle and its rate allows
    answer(frame, instructions)   the latest canvases for exactly these; waited for only where there are none yet, or
                                  they are older than `most_age_s`

Age is the time between the stamps of the two frames; where frames have no stamps, since the answer's frame was offered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vision_banana_ros.core import Canvas, Frame, GeneratorError, VisionBananaError
from vision_banana_ros.prompts import Generator, Instruction


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Answer:
    """Canvases in the order that was asked, how old they are, and what went wrong since, in a line."""

    canvases: list[Canvas]
    age_s: float
    trouble: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Painted:
    canvases: dict[Instruction, Canvas]
    frame: Frame
    offered_s: float


class Background:
    """One generator and its thread."""

    def __init__(
        self,
        generator: Generator,
        *,
        max_rate_hz: float = 0.0,
        most_age_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._generator = generator
        self._period_s = 1 / max_rate_hz if max_rate_hz > 0 else 0.0
        self._most_age_s = most_age_s
        self._clock = clock
        self._changed = threading.Condition()
        self._busy = False
        self._closed = False
        self._finished = 0
        self._started_s = -float("inf")
        self._latest: _Painted | None = None
        self._error: Exception | None = None

    def offer(self, frame: Frame, instructions: Sequence[Instruction]) -> None:
        with self._changed:
            if self._wait_s() <= 0:
                self._start(frame, instructions)

    def answer(self, frame: Frame, instructions: Sequence[Instruction]) -> Answer:
        """Raises what the generator raised, once its last good answer is too old."""
        with self._changed:
            finished = self._finished
            while (found := self._usable(frame, instructions)) is None:
                if self._closed:
                    raise GeneratorError(f"{self._generator.about.name} was closed")
                if self._error is not None and self._finished > finished:
                    raise self._error
                wait_s = None
                if not self._busy and (wait_s := self._wait_s() or None) is None:
                    self._start(frame, instructions)
                self._changed.wait(wait_s)
            trouble = "" if self._error is None else f"since then: {self._error}"
            canvases = [found.canvases[instruction] for instruction in instructions]
            return Answer(canvases=canvases, age_s=self._age_s(found, frame), trouble=trouble)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _wait_s(self) -> float:
        """Until its rate lets it start."""
        return max(0.0, self._started_s + self._period_s - self._clock())

    def _start(self, frame: Frame, instructions: Sequence[Instruction]) -> None:
        if self._busy or self._closed:
            return
        self._busy = True
        self._started_s = self._clock()
        # A daemon: a remote model that hangs must not keep a robot's process from ending.
        work = threading.Thread(target=self._work, args=(frame, tuple(dict.fromkeys(instructions))), daemon=True)
        work.start()

    def _work(self, frame: Frame, instructions: tuple[Instruction, ...]) -> None:
        offered_s, painted, error = self._started_s, None, None
        try:
            canvases = self._generator.generate(frame, instructions)
            painted = _Painted(dict(zip(instructions, canvases, strict=True)), frame, offered_s)
        except VisionBananaError as caught:
            error = caught
        except Exception as caught:  # whatever it is, somebody waits for an answer
            error = GeneratorError(f"{self._generator.about.name} failed: {type(caught).__name__}: {caught}")
        with self._changed:
            self._busy = False
            self._finished += 1
            self._error = error
            self._latest = painted or self._latest
            self._changed.notify_all()

    def _usable(self, frame: Frame, instructions: Sequence[Instruction]) -> _Painted | None:
        latest = self._latest
        if latest is None or any(instruction not in latest.canvases for instruction in instructions):
            return None
        return latest if self._age_s(latest, frame) <= self._most_age_s else None

    def _age_s(self, painted: _Painted, frame: Frame) -> float:
        if painted.frame is frame:
            return 0.0
        if painted.frame.stamp_ns and frame.stamp_ns:
            return max(0.0, (frame.stamp_ns - painted.frame.stamp_ns) / 1e9)
        return max(0.0, self._clock() - painted.offered_s)
