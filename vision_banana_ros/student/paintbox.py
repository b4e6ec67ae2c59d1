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

from vision_banana_ros.core import AnyArray, Ask, FloatArray, Int32Array, Rgb, Task
from vision_banana_ros.student.text import EMBEDDING_SIZE, TextTable
from vision_banana_ros.tasks import Paint, room

#: Names of the graph's tensors beside those of `PaintBoxes`.
IMAGE = "image"
IMAGE_OF = "image_of"
CANVAS = "canvas"

#: The tasks of a model whose manifest names none: those of the first students, in the order of the network's input.
TASKS: tuple[Task, ...] = (
    Task.DEPTH, Task.NORMALS, Task.RAYS, Task.SEMANTIC, Task.INSTANCE, Task.REFERRING, Task.IMAGE,
)  # fmt: skip
#: Paint kinds, as columns of `PaintBoxes.kind`.
TARGET, BACKGROUND, KNOT, FREE = range(4)
KINDS = 4
_COLUMNS = {"target": TARGET, "background": BACKGROUND, "knot": KNOT, "free": FREE}
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
    image_of: Int32Array | None = None  # (K,): which of several images a prompt is about; None: of the only one

    def __len__(self) -> int:
        return len(self.task)

    def arrays(self) -> dict[str, AnyArray]:
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in named.items() if array is not None}


def pack(instructions: Sequence[Ask], text: TextTable, tasks: Sequence[str] = TASKS) -> PaintBoxes:
    """The paint boxes of `instructions`; words that `text` does not know raise its GeneratorError."""
    boxes_of = [room(instruction.task).paints(instruction) for instruction in instructions]
    size = max(len(paints) for paints in boxes_of)
    boxes = PaintBoxes(
        task=np.stack([_one_hot(tasks.index(i.task), len(tasks)) for i in instructions]),
        lens=np.stack([lens_token(i.hfov_deg) for i in instructions]),
        text=np.zeros((len(instructions), size, EMBEDDING_SIZE), np.float32),
        kind=np.zeros((len(instructions), size, KINDS), np.float32),
        place=np.zeros((len(instructions), size), np.float32),
        color=np.zeros((len(instructions), size, 3), np.float32),
    )
    for row, paints in enumerate(boxes_of):
        for column, paint in enumerate(paints):
            _fill(boxes, (row, column), paint, text)
    return boxes


def side_by_side(boxes: Sequence[PaintBoxes]) -> PaintBoxes:
    """The prompts of several images in one row, each image's own number of them; `image_of` says whose each is."""
    size = max(box.place.shape[1] for box in boxes)

    def in_a_row(name: str) -> FloatArray:
        arrays = [getattr(box, name) for box in boxes]
        if name in ("task", "lens"):
            return np.concatenate(arrays)
        absent = [((0, 0), (0, size - a.shape[1]), *[(0, 0)] * (a.ndim - 2)) for a in arrays]
        return np.concatenate([np.pad(a, margin) for a, margin in zip(arrays, absent, strict=True)])

    image_of = np.repeat(np.arange(len(boxes), dtype=np.int32), [len(box) for box in boxes])
    names = (field.name for field in fields(PaintBoxes) if field.name != IMAGE_OF)
    return PaintBoxes(**{name: in_a_row(name) for name in names}, image_of=image_of)


def lens_token(hfov_deg: float | None) -> FloatArray:
    if hfov_deg is None:
        return np.zeros(LENS_SIZE, np.float32)
    return np.array((1, math.log(2 * math.tan(math.radians(hfov_deg) / 2))), np.float32)


def _fill(boxes: PaintBoxes, at: tuple[int, int], paint: Paint, text: TextTable) -> None:
    boxes.kind[(*at, _COLUMNS[paint.kind])] = 1
    boxes.place[at] = paint.place
    if paint.words is not None:
        boxes.text[at] = text.embed(paint.words)
    if paint.color is not None:
        boxes.color[at] = unit_color(paint.color) if isinstance(paint.color, tuple) else paint.color


def unit_color(color: Rgb) -> FloatArray:
    return np.asarray(color, np.float32) / np.float32(255)


def _one_hot(index: int, size: int) -> FloatArray:
    row: FloatArray = np.eye(size, dtype=np.float32)[index]
    return row
