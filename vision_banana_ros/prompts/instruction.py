"""An instruction: what is asked of a generator, with its words."""

from __future__ import annotations

from vision_banana_ros.core import Ask
from vision_banana_ros.prompts.reading import read_ask
from vision_banana_ros.prompts.writing import write


class Instruction(Ask):
    """One prompt: `Instruction(Task.SEMANTIC, (Target("floor", (0, 160, 0)),))`, or read from a text."""

    __slots__ = ()

    def to_text(self) -> str:
        """This instruction as a prompt in the paper's form; `from_text` reads it back."""
        return write(self)

    @classmethod
    def from_text(cls, text: str) -> Instruction:
        """The instruction that a prompt in any of the paper's forms stands for."""
        return cls.of(read_ask(text))


def read(text: str) -> Instruction:
    """The instruction that `text` stands for; InstructionError when it contradicts itself or is empty."""
    return Instruction.from_text(text)


def instructed(asks: list[Ask]) -> list[Instruction]:
    """With words to each."""
    return [Instruction.of(ask) for ask in asks]
