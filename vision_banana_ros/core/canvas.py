"""What a generator gives back, and the one method that makes a generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from vision_banana_ros.core.arrays import UInt8Array, require_array
from vision_banana_ros.core.errors import GeneratorError
from vision_banana_ros.core.frame import Frame
from vision_banana_ros.core.instruction import Instruction, Task


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """A generated image and the instruction that it answers; it may be smaller than the frame."""

    rgb: UInt8Array
    instruction: Instruction

    def __post_init__(self) -> None:
        require_array(self.rgb, name="Canvas.rgb", dtype="uint8", channels=3, error=GeneratorError)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a generator says of itself.

    metric: whether its depth canvases are metres by its own doing; None where it paints no depth.
    deterministic: the same frame and words give the same canvas.
    cost: "light" (a robot's frame loop), "gpu" (a large model), "remote" (pictures leave this machine).
    sources: what it was made from, each "NAME (LICENCE)", where that is known.
    """

    name: str
    licence: str
    revision: str = ""
    metric: bool | None = True
    deterministic: bool = True
    cost: str = "light"
    sources: tuple[str, ...] = ()


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
