"""What a generator gives back, and the one method that makes a generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from vision_banana_ros.core.arrays import UInt8Array, require_array
from vision_banana_ros.core.errors import GeneratorError
from vision_banana_ros.core.frame import Frame
from vision_banana_ros.core.instruction import Instruction


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """A generated image and the instruction that it answers; it may be smaller than the frame."""

    rgb: UInt8Array
    instruction: Instruction

    def __post_init__(self) -> None:
        require_array(self.rgb, name="Canvas.rgb", dtype="uint8", channels=3, error=GeneratorError)


@runtime_checkable
class Generator(Protocol):
    """Anything that paints. Canvases come in the order of the instructions, all of one size, from one batched call."""

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]: ...
