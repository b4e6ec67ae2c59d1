"""A remote model as a generator: one picture and prompt a request, requests of a frame side by side.

A `Door` knows one kind of service. Answers of any size are brought back onto the frame's pixels (`fitting`); an answer
without a picture, or of another shape, is an error of this frame and says which prompt it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from vision_banana_ros.core import About, Canvas, Frame, GeneratorError, Task
from vision_banana_ros.generators.asking import require_tasks
from vision_banana_ros.generators.fitting import Fit
from vision_banana_ros.generators.remote.options import RemoteOptions
from vision_banana_ros.generators.remote.pacing import Pace
from vision_banana_ros.generators.remote.pictures import from_bytes, to_png
from vision_banana_ros.generators.wording import PROMPTED, prompt_text
from vision_banana_ros.prompts import Instruction


class Door(Protocol):
    """How one service is asked for a picture."""

    def fit(self, frame_wh: tuple[int, int], size_wh: tuple[int, int] | None) -> Fit:
        """The size to send."""

    def paint(self, png: bytes, prompt: str, fit: Fit) -> bytes:
        """The painted picture's file; GeneratorError when there is none."""


class RemoteGenerator:
    """A `Generator` behind a door; `pace` says when it may be asked again."""

    def __init__(
        self,
        door: Door,
        about: About,
        options: RemoteOptions,
        *,
        size_wh: tuple[int, int] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.about = about
        self.tasks: frozenset[Task] = PROMPTED
        self.pace = pace or Pace(max_per_hour=options.max_per_hour, max_rate_hz=options.max_rate_hz)
        self._door = door
        self._options = options
        self._size_wh = size_wh

    @property
    def is_paced(self) -> bool:
        """Whether it may stand in a loop."""
        return self.pace.max_rate_hz > 0

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        require_tasks(self, instructions)
        if not instructions:
            return []
        fit = self._door.fit((frame.hw[1], frame.hw[0]), self._size_wh)
        png = to_png(fit.enter(frame.rgb))
        self.pace.take(len(instructions))
        if len(instructions) == 1:
            return [self._canvas(png, instructions[0], fit)]
        with ThreadPoolExecutor(min(self._options.parallel, len(instructions)), "remote") as threads:
            return list(threads.map(lambda instruction: self._canvas(png, instruction, fit), instructions))

    def _canvas(self, png: bytes, instruction: Instruction, fit: Fit) -> Canvas:
        try:
            data = self._door.paint(png, prompt_text(instruction, tuned=self._options.tuned), fit)
            return Canvas(fit.leave(from_bytes(data, self.about.name)), instruction)
        except GeneratorError as error:
            raise GeneratorError(f"{error} (asked for {instruction.task.value})") from error.__cause__
