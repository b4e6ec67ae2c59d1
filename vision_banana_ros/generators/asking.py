"""What generators check before they work."""

from __future__ import annotations

from collections.abc import Sequence

from vision_banana_ros.core import GeneratorError
from vision_banana_ros.prompts import Generator, Instruction


def require_tasks(generator: Generator, instructions: Sequence[Instruction]) -> None:
    """Raise a GeneratorError for the first instruction that `generator` cannot paint."""
    for instruction in instructions:
        if instruction.task not in generator.tasks:
            can = ", ".join(sorted(task.value for task in generator.tasks)) or "nothing by itself"
            raise GeneratorError(f"{generator.about.name} cannot paint {instruction.task.value}, it paints {can}")
