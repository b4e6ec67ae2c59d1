"""What a model is asked in words: the paper's prompt, and for one that was not tuned to it, what its colours mean.

A tuned model knows the code behind "the cube colours", and more words than it was trained on only lead it away. Any
other has to be told: depth's walk by the names of its colours in order (published repetitions of the paper disagree on
the order, so that a model may have met either), and which way of a surface is which colour.
"""

from __future__ import annotations

from vision_banana_ros.codecs import depth
from vision_banana_ros.core import Task
from vision_banana_ros.prompts import Instruction

#: What can be asked for in words. Not RAYS: that code is ours, nobody else has ever met it.
PROMPTED: frozenset[Task] = frozenset(
    {Task.DEPTH, Task.NORMALS, Task.SEMANTIC, Task.INSTANCE, Task.PANOPTIC, Task.REFERRING, Task.IMAGE}
)
_WALK = ("black", "red", "yellow", "green", "cyan", "blue", "magenta", "white")
_FLAT = "Use flat colours without shading, texture, text or outlines, and keep every edge exactly where it is."


def prompt_text(instruction: Instruction, *, tuned: bool) -> str:
    """The prompt for `instruction`; `tuned`: to a model that was trained on these prompts."""
    said = instruction.to_text()
    if tuned or instruction.task is Task.IMAGE:
        return said
    return f"{said} {_explained(instruction)}".rstrip()


def _explained(instruction: Instruction) -> str:
    task = instruction.task
    if task is Task.DEPTH:
        if instruction.depth_encoding != "cube":
            return f"Near is the first colour of the {instruction.depth_encoding} colour map and far its last. {_FLAT}"
        marks = ", ".join(f"{_WALK[i]} {_metres(i / 7)}" for i in range(1, len(_WALK) - 1))
        return (
            f"From near to far the colours run along the edges of the RGB cube: {', '.join(_WALK)}. "
            f"Black is 0 m, {marks}, white is endlessly far. {_FLAT}"
        )
    if task is Task.NORMALS:
        return (
            "A surface that faces left is pinkish red (255, 128, 128), up light green (128, 255, 128), "
            f"towards the camera light blue (128, 128, 255), right teal (0, 128, 128). {_FLAT}"
        )
    if task in (Task.INSTANCE, Task.PANOPTIC):
        return f"Where you choose colours, choose them far from each other. {_FLAT}"
    return _FLAT


def _metres(position: float) -> str:
    return f"{float(depth.uncurve(position)):.1f} m"
