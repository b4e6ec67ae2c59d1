"""An instruction as a box of paints: what the network is told, and all that it is told.

Every canvas is painted by mixing the paints of its prompt, pixel by pixel. A paint is a colour and a meaning:

    target      the prompt's colour, meaning the target's words (their sentence embedding)
    background  the prompt's colour, meaning "none of the targets"
    knot        the colour of a depth code at a place along its walk, meaning that place; the knots of a box are ordered
    free        a colour that the network chooses for each pixel by itself

    DEPTH                 22 knots along the walk of its encoding: 7 edges of 3 cells, so that corners are knots
    NORMALS, RAYS, IMAGE  one free paint
    SEMANTIC, REFERRING   the targets, and the background where the prompt names one
    INSTANCE              one free paint that means its class, and the background (black unless named)

Since the colours are given, changing them changes the picture's colours and nothing else; and one network paints every
task, because the box is the only switch. Pure NumPy: the run-time needs no torch.

Convention
    K prompts, P paints: boxes with fewer paints are filled up with absent ones. Colours are 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from vision_banana_ros.codecs import depth as depth_code
from vision_banana_ros.core import FloatArray, Instruction, Rgb, Task
from vision_banana_ros.student.text import EMBEDDING_SIZE, TextTable

#: Names of the graph's tensors beside those of `PaintBoxes`.
IMAGE = "image"
CANVAS = "canvas"

KNOTS = 22
#: In the order of the task token; what else can be asked of other generators is no business of this network.
TASKS: tuple[Task, ...] = (
    Task.DEPTH,
    Task.NORMALS,
    Task.RAYS,
    Task.SEMANTIC,
    Task.INSTANCE,
    Task.REFERRING,
    Task.IMAGE,
)
#: Paint kinds, as columns of `PaintBoxes.kind`.
TARGET, BACKGROUND, KNOT, FREE = range(4)
KINDS = 4
#: The lens token: whether the field of view is told, and log(2 tan(hfov / 2)).
LENS_SIZE = 2


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PaintBoxes:
    """K prompts as arrays: the inputs of the network beside the image, in the order of its signature."""

    task: FloatArray  # (K, 7) one-hot
    lens: FloatArray  # (K, 2)
    text: FloatArray  # (K, P, 384) embeddings, 0 where a paint has no words
    kind: FloatArray  # (K, P, 4) one-hot; all 0 where absent
    place: FloatArray  # (K, P) of knots, 0..1
    color: FloatArray  # (K, P, 3)

    def __len__(self) -> int:
        return len(self.task)

    def arrays(self) -> dict[str, FloatArray]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def pack(instructions: Sequence[Instruction], text: TextTable) -> PaintBoxes:
    """The paint boxes of `instructions`; words that `text` does not know raise its GeneratorError."""
    size = max(_paint_count(instruction) for instruction in instructions)
    boxes = PaintBoxes(
        task=np.stack([_one_hot(TASKS.index(i.task), len(TASKS)) for i in instructions]),
        lens=np.stack([lens_token(i.hfov_deg) for i in instructions]),
        text=np.zeros((len(instructions), size, EMBEDDING_SIZE), np.float32),
        kind=np.zeros((len(instructions), size, KINDS), np.float32),
        place=np.zeros((len(instructions), size), np.float32),
        color=np.zeros((len(instructions), size, 3), np.float32),
    )
    for row, instruction in enumerate(instructions):
        _fill(boxes, row, instruction, text)
    return boxes


def knot_colors(encoding: str) -> FloatArray:
    """(22, 3) in 0..1: the colours of a depth code at equal steps of its position, black to white for the cube."""
    places = np.linspace(0, 1, KNOTS)
    with np.errstate(divide="ignore"):
        depth_m = depth_code.uncurve(places).astype(np.float32)
    colors: FloatArray = depth_code.encode(depth_m[None], encoding)[0].astype(np.float32) / np.float32(255)
    return colors


def lens_token(hfov_deg: float | None) -> FloatArray:
    if hfov_deg is None:
        return np.zeros(LENS_SIZE, np.float32)
    return np.array((1, math.log(2 * math.tan(math.radians(hfov_deg) / 2))), np.float32)


def _paint_count(instruction: Instruction) -> int:
    if instruction.task is Task.DEPTH:
        return KNOTS
    if instruction.task is Task.INSTANCE:
        return 2
    return max(1, len(instruction.targets) + (instruction.background is not None))


def _fill(boxes: PaintBoxes, row: int, instruction: Instruction, text: TextTable) -> None:
    task = instruction.task
    if task is Task.DEPTH:
        boxes.kind[row, :KNOTS, KNOT] = 1
        boxes.place[row, :KNOTS] = np.linspace(0, 1, KNOTS)
        boxes.color[row, :KNOTS] = knot_colors(instruction.depth_encoding)
        return
    if task in (Task.NORMALS, Task.RAYS, Task.IMAGE):
        boxes.kind[row, 0, FREE] = 1
        if instruction.text is not None:
            boxes.text[row, 0] = text.embed(instruction.text)
        return
    for paint, target in enumerate(instruction.targets):
        boxes.kind[row, paint, FREE if target.color is None else TARGET] = 1
        boxes.text[row, paint] = text.embed(target.text)
        if target.color is not None:
            boxes.color[row, paint] = unit_color(target.color)
    background = instruction.background or ((0, 0, 0) if task is Task.INSTANCE else None)
    if background is not None:
        last = len(instruction.targets)
        boxes.kind[row, last, BACKGROUND] = 1
        boxes.color[row, last] = unit_color(background)


def unit_color(color: Rgb) -> FloatArray:
    return np.asarray(color, np.float32) / np.float32(255)


def _one_hot(index: int, size: int) -> FloatArray:
    row: FloatArray = np.eye(size, dtype=np.float32)[index]
    return row
