"""The student as an ONNX file: image and boxes in, 8-bit canvases out.

    image   uint8 (1, H, W, 3) RGB                        H, W: multiples of 32, free at run time
    task, lens, text, kind, place, color   as PaintBoxes  K prompts, P paints: free at run time
    canvas  uint8 (K, 3, H, W) RGB, planar                cv2.merge interleaves it faster than the graph would

A graph for several images at once is a file of its own, since one image runs slower in it (docs/LOG.md):

    image     uint8 (B, H, W, 3)                          B: free at run time, all of one size
    image_of  int32 (K,)                                  which image each prompt is about

Batch normalisation is folded, the exponential mixtures stay in float32.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from vision_banana_ros.core import Target, Task
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.student.blocks import sharp_double
from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.folded import folded
from vision_banana_ros.student.network import Student
from vision_banana_ros.student.paintbox import IMAGE, IMAGE_OF, TASKS, PaintBoxes, pack
from vision_banana_ros.student.text import EMBEDDING_SIZE, TextTable

OPSET = 17
INPUTS: tuple[str, ...] = (IMAGE, *(name for name in PaintBoxes.__dataclass_fields__ if name != IMAGE_OF))
_DYNAMIC = {
    "image": {1: "height", 2: "width"},
    "task": {0: "prompts"},
    "lens": {0: "prompts"},
    **{name: {0: "prompts", 1: "paints"} for name in ("text", "kind", "place", "color")},
    "canvas": {0: "prompts", 2: "height", 3: "width"},
}
_SEVERAL = {**_DYNAMIC, "image": {0: "images", 1: "height", 2: "width"}, IMAGE_OF: {0: "prompts"}}


class Exported(nn.Module):
    """8 bits in, 8 bits out: the form in which the student runs; of one image where `image_of` is not given."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student

    def forward(
        self,
        image: Tensor,
        task: Tensor,
        lens: Tensor,
        text: Tensor,
        kind: Tensor,
        place: Tensor,
        color: Tensor,
        image_of: Tensor | None = None,
    ) -> Tensor:
        sketch = self.student.sketch(image.permute(0, 3, 1, 2), Boxes(task, lens, text, kind, place, color, image_of))
        levels = sketch.color.clamp(0, 1) * 255 + 0.5  # before it is doubled, which mixes and so keeps the range
        return sharp_double(levels, sketch.edges).to(torch.uint8)


def to_onnx(student: Student, *, width: int, height: int, several: bool = False) -> bytes:
    """The ONNX file's bytes; `width` x `height` is what the graph is traced with. `several`: for several images."""
    model = Exported(folded(student)).eval()
    inputs = example_inputs(width, height, student.config.tasks)
    if several:
        inputs = (inputs[0].expand(2, -1, -1, -1), *inputs[1:], torch.tensor([0, 1, 1], dtype=torch.int32))
    buffer = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(
            model,
            inputs,
            buffer,  # type: ignore[arg-type]  # a file object is taken, though its stub names paths only
            opset_version=OPSET,
            dynamo=False,
            input_names=[*INPUTS, IMAGE_OF] if several else list(INPUTS),
            output_names=["canvas"],
            dynamic_axes=_SEVERAL if several else _DYNAMIC,
        )
    return buffer.getvalue()


def example_inputs(width: int, height: int, tasks: Sequence[str] = TASKS) -> tuple[Tensor, ...]:
    """Three prompts of different kinds, so that tracing meets every kind of paint."""
    zeros = torch.zeros((2, EMBEDDING_SIZE)).numpy()
    table = TextTable(("floor", "chair"), zeros)
    targets = (Target("floor", (0, 128, 0)), Target("chair", (200, 0, 0)))
    boxes = pack(
        [
            Instruction(Task.DEPTH),
            Instruction(Task.NORMALS),
            Instruction(Task.SEMANTIC, targets, background=(0, 0, 0)),
        ],
        table,
        tasks,
    )
    image = torch.zeros((1, height, width, 3), dtype=torch.uint8)
    return (image, *map(torch.from_numpy, boxes.arrays().values()))


def write_onnx(student: Student, path: Path, *, width: int, height: int) -> None:
    path.write_bytes(to_onnx(student, width=width, height=height))
