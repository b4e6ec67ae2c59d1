"""Instruction -> prompt in the paper's form.

The wording is the most natural one that reads back as the same instruction: names that would be misread ("the shop
called: red. Left") are quoted, and an IMAGE text that sounds like another task is announced as a picture.
"""

from __future__ import annotations

from collections.abc import Iterator

from vision_banana_ros.core import Instruction, InstructionError, Task
from vision_banana_ros.prompts.colors import color_to_text
from vision_banana_ros.prompts.quotes import quote
from vision_banana_ros.prompts.reading import PICTURE_PREFIX, read


def write(instruction: Instruction) -> str:
    """A prompt for which `read(write(i)) == i`."""
    for text in _wordings(instruction):
        if _reads_back(text, instruction):
            return text
    raise InstructionError(f"no prompt says {instruction}: a target may not be called like the background")


def _reads_back(text: str, instruction: Instruction) -> bool:
    try:
        return read(text) == instruction
    except InstructionError:
        return False


def _wordings(instruction: Instruction) -> Iterator[str]:
    """From the plainest to the safest."""
    task, hint = instruction.task, _hfov_hint(instruction.hfov_deg)
    if task is Task.DEPTH:
        yield f"A metric depth map of this picture in the {instruction.depth_encoding} colours.{hint}"
    elif task is Task.NORMALS:
        yield f"The surface normal map of this picture.{hint}"
    elif task is Task.RAYS:
        yield f"The camera ray map of this picture.{hint}"
    elif task is Task.SEMANTIC:
        yield f"Paint a semantic segmentation of this picture with the colours {_map(instruction)}.{hint}"
    elif task is Task.REFERRING:
        yield f"A referring segmentation of this picture. {_sentences(instruction)}{hint}"
        yield f"Paint a referring segmentation of this picture with the colours {_map(instruction)}.{hint}"
    elif task is Task.INSTANCE:
        name = instruction.targets[0].text
        for said in (name, quote(name)):
            asked = f"An instance segmentation of this image: every {said} has its own colour."
            yield f"{asked}{_ground(instruction)}{hint}"
    else:
        words = instruction.text or ""
        yield words
        yield f"{PICTURE_PREFIX} {quote(words)}{hint}"


def _map(instruction: Instruction) -> str:
    entries = [f"{quote(t.text)}: {quote(color_to_text(t.color))}" for t in instruction.targets if t.color is not None]
    if instruction.background is not None:
        entries.append(f'"background": {quote(color_to_text(instruction.background))}')
    return "{" + ", ".join(entries) + "}"


def _sentences(instruction: Instruction) -> str:
    said = "; the ".join(f"{t.text} is {color_to_text(t.color)}" for t in instruction.targets if t.color is not None)
    rest = "" if instruction.background is None else f" Everything else is {color_to_text(instruction.background)}."
    return f"The {said}.{rest}"


def _ground(instruction: Instruction) -> str:
    return "" if instruction.background is None else f" The background is {color_to_text(instruction.background)}."


def _hfov_hint(hfov_deg: float | None) -> str:
    if hfov_deg is None:
        return ""
    short = f"{hfov_deg:g}"
    number = short if float(short) == hfov_deg else repr(float(hfov_deg))
    return f" The horizontal field of view is {number} degrees."
