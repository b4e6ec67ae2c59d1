"""Who is asked: the contract of everything that paints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from vision_banana_ros.core import About, Canvas, Frame, Task
from vision_banana_ros.prompts.instruction import Instruction


@runtime_checkable
class Generator(Protocol):
    """Anything that paints. Canvases come in the order of the instructions, all of one size, from one batched call.

    `tasks` is what it can paint. What it cannot is not asked of it: perceive() leaves that out and says so.
    """

    @property
    def tasks(self) -> frozenset[Task]: ...

    @property
    def about(self) -> About: ...

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]: ...
