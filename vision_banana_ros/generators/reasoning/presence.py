"""Is it there at all? Painters paint something for whatever they are asked; a language model is asked first.

Each phrase is asked about once a frame, whatever the number of instructions that have it. What is said to be absent is
taken out of the prompt, so it paints nothing; what the model is unsure of stays in. `keep_s`: a yes or no holds for so
long, by the frames' own stamps, for a robot that cannot ask every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from vision_banana_ros.codecs.distinct import farthest_color
from vision_banana_ros.core import About, Canvas, Frame, Task, UInt8Array
from vision_banana_ros.generators.reasoning.answers import read_presence
from vision_banana_ros.generators.reasoning.chats import Chat
from vision_banana_ros.prompts import Generator, Instruction

_PARALLEL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What `model` said about one phrase. `is_there` None: it said neither yes nor no."""

    phrase: str
    is_there: bool | None
    sentence: str
    model: str
    stamp_ns: int


class PresenceGenerator:
    """A `Generator` around another, for which absent things paint nothing; `said` is what is known of each phrase."""

    def __init__(self, painter: Generator, chat: Chat, *, keep_s: float = 0.0) -> None:
        self._painter = painter
        self._chat = chat
        self._keep_ns = round(keep_s * 1e9)
        self.said: dict[str, Presence] = {}

    @property
    def tasks(self) -> frozenset[Task]:
        return self._painter.tasks

    @property
    def about(self) -> About:
        about = self._painter.about
        return replace(about, name=f"{about.name}, asked by {self._chat.name}")

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        referring = [i for i in instructions if i.task is Task.REFERRING]
        self._ask(frame, dict.fromkeys(target.text for i in referring for target in i.targets))
        thinned = [self._present(i) if i.task is Task.REFERRING else i for i in instructions]
        asked = [i for i in thinned if i is not None]
        painted = iter(self._painter.generate(frame, asked)) if asked else iter(())
        canvases = [None if i is None else next(painted).rgb for i in thinned]
        hw = next((rgb.shape[:2] for rgb in canvases if rgb is not None), frame.hw)
        return [
            Canvas(_empty(instruction, (hw[0], hw[1])) if rgb is None else rgb, instruction)
            for rgb, instruction in zip(canvases, instructions, strict=True)
        ]

    def _present(self, instruction: Instruction) -> Instruction | None:
        targets = tuple(t for t in instruction.targets if self.said[t.text].is_there is not False)
        return replace(instruction, targets=targets) if targets else None

    def _ask(self, frame: Frame, phrases: dict[str, None]) -> None:
        """What is known and fresh is kept, the rest is asked side by side."""
        known = {p: self.said[p] for p in phrases if p in self.said and self._is_fresh(self.said[p], frame)}
        unknown = [phrase for phrase in phrases if phrase not in known]
        if unknown:
            with ThreadPoolExecutor(min(_PARALLEL, len(unknown)), "presence") as threads:
                known |= zip(unknown, threads.map(lambda phrase: self._one(frame, phrase), unknown), strict=True)
        self.said = known

    def _is_fresh(self, presence: Presence, frame: Frame) -> bool:
        return 0 <= frame.stamp_ns - presence.stamp_ns < self._keep_ns

    def _one(self, frame: Frame, phrase: str) -> Presence:
        words = self._chat.ask(f'Is this in the picture: "{phrase}"? Answer with yes or no.', frame.rgb)
        return Presence(
            phrase=phrase,
            is_there=read_presence(words),
            sentence=" ".join(words.split())[:300],
            model=self._chat.name,
            stamp_ns=frame.stamp_ns,
        )


def _empty(instruction: Instruction, hw: tuple[int, int]) -> UInt8Array:
    """A canvas on which nothing is painted: background, or a colour that decodes to no target."""
    colors = tuple(target.color for target in instruction.targets if target.color is not None)
    ground = instruction.background if instruction.background is not None else farthest_color(colors)
    return np.full((*hw, 3), ground, np.uint8)
