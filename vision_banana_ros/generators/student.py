"""The student as a generator: frame and instructions in, canvases out, whichever runtime runs the network.

A frame is resized to the canvas size whose shape is nearest to its own, by area averaging, all of it. Models that know
the size of things by their pixels need square ones: the frame is then fitted into the canvas, the rest is its mirror
image, and canvases are cut to the frame. Older models have the frame stretched to the canvas.

The prompts are packed into paint boxes, which are kept, since a robot asks the same questions for every frame.

With a runtime for several images, frames of several cameras are painted in one call, each with its own prompts
(`TogetherStudent`): those of one canvas size share a call.
"""

from __future__ import annotations

import io
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from vision_banana_ros.core import About, Canvas, Frame, GeneratorError, UInt8Array
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.golden import load_golden
from vision_banana_ros.models.manifest import Role
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.runtimes.choice import choose
from vision_banana_ros.runtimes.report import LoadReport
from vision_banana_ros.runtimes.runtime import Runtime, RuntimeOptions
from vision_banana_ros.runtimes.selfcheck import CheckResult, check
from vision_banana_ros.runtimes.together import AUTO, check_together, open_together
from vision_banana_ros.student.paintbox import TASKS, PaintBoxes, pack, side_by_side
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.tasks import rooms

_KEPT_BOXES = 64


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A frame as the network takes it, and where on the canvas it lies."""

    image: UInt8Array
    boxes: PaintBoxes
    instructions: tuple[Instruction, ...]
    rows: slice
    columns: slice

    def canvases(self, planes: UInt8Array) -> list[Canvas]:
        """Of its own prompts' planes; copies, for the runtime may overwrite them."""
        height, width = self.image.shape[:2]
        if planes.shape != (len(self.instructions), 3, height, width) or planes.dtype != np.uint8:
            raise GeneratorError(
                f"the network must paint uint8 ({len(self.instructions)}, 3, {height}, {width}), "
                f"got {planes.dtype} {planes.shape}: export it again"
            )
        planes = planes[:, :, self.rows, self.columns]
        return [Canvas(cv2.merge(list(plane)), i) for plane, i in zip(planes, self.instructions, strict=True)]


class StudentGenerator:
    """A `Generator` around a `Runtime`; `report` says how the runtime was chosen, `self_test` asks it again."""

    def __init__(
        self,
        runtime: Runtime,
        text: TextTable,
        sizes_wh: Sequence[tuple[int, int]],
        report: LoadReport | None = None,
        *,
        tasks: Sequence[str] = TASKS,
        about: About | None = None,
        square: bool = True,
        self_test: Callable[[], CheckResult] | None = None,
    ) -> None:
        if not sizes_wh:
            raise GeneratorError("a student needs at least one canvas size")
        self.report = report
        self.self_test = self_test
        self.about = about or About(name="student", licence="Apache-2.0")
        self.tasks = frozenset(room.task for room in rooms() if room.task in tasks)
        self._task_order = tuple(tasks)
        self._runtime = runtime
        self._text = text
        self._sizes_wh = tuple(sizes_wh)
        self._square = square
        self._boxes: OrderedDict[tuple[tuple[Instruction, ...], float], PaintBoxes] = OrderedDict()

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        if not instructions:
            return []
        task = self._prepared(frame, instructions)
        return task.canvases(self._runtime.paint(task.image[None], task.boxes))

    def _prepared(self, frame: Frame, instructions: Sequence[Instruction]) -> _Prepared:
        width, height = self.canvas_wh(frame)
        inner = fitted(frame.hw[::-1], (width, height)) if self._square else (width, height)
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        image = cast(UInt8Array, cv2.resize(frame.rgb, inner, interpolation=cv2.INTER_AREA))
        if inner != (width, height):
            below, right = height - inner[1] - top, width - inner[0] - left
            image = cast(UInt8Array, cv2.copyMakeBorder(image, top, below, left, right, cv2.BORDER_REFLECT))
        boxes = self._packed(tuple(instructions), width / inner[0])
        rows, columns = slice(top, top + inner[1]), slice(left, left + inner[0])
        return _Prepared(image, boxes, tuple(instructions), rows, columns)

    def unknown_words(self, texts: Sequence[str]) -> dict[str, list[str]]:
        """Texts that this model has no meaning for here, each with known ones that may be meant instead."""
        return {text: self._text.nearest(text) for text in self._text.unknown(texts)}

    def canvas_wh(self, frame: Frame) -> tuple[int, int]:
        """The size whose aspect ratio is nearest to the frame's."""
        aspect = math.log(frame.hw[1] / frame.hw[0])
        return min(self._sizes_wh, key=lambda wh: abs(math.log(wh[0] / wh[1]) - aspect))

    def _packed(self, instructions: tuple[Instruction, ...], wider: float) -> PaintBoxes:
        """`wider`: canvas over frame, side by side: a told lens is the frame's, the network's is the canvas's."""
        boxes = self._boxes.get((instructions, wider))
        if boxes is None:
            boxes = pack(instructions, self._text, self._task_order)
            boxes.lens[:, 1] += boxes.lens[:, 0] * np.float32(math.log(wider))
            self._boxes[instructions, wider] = boxes
            if len(self._boxes) > _KEPT_BOXES:
                self._boxes.popitem(last=False)
        self._boxes.move_to_end((instructions, wider))
        return boxes


class TogetherStudent(StudentGenerator):
    """One that also paints frames of several cameras in one call of `together`, at most `images` at once."""

    def __init__(self, *args: Any, together: Runtime, images: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self._together = together
        self._images = images
        self._painted_frames, self._painted_together = 0, 0

    @property
    def remarks(self) -> dict[str, str]:
        return {"cameras": f"{self._painted_together} of {self._painted_frames} frames in calls of several"}

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        self._painted_frames += 1
        return super().generate(frame, instructions)

    def generate_together(self, asked: Sequence[tuple[Frame, Sequence[Instruction]]]) -> list[list[Canvas]]:
        """What `generate` would give for each. A frame that cannot be asked for fails all, before anything is painted.

        A call takes pictures of one size, so frames are grouped by the size of their canvases.
        """
        prepared = {n: self._prepared(frame, wishes) for n, (frame, wishes) in enumerate(asked) if wishes}
        groups: dict[tuple[int, ...], list[int]] = {}
        for n, task in prepared.items():
            groups.setdefault(task.image.shape, []).append(n)
        answers: list[list[Canvas]] = [[] for _ in asked]
        for group in groups.values():
            for start in range(0, len(group), self._images):
                numbers = group[start : start + self._images]
                for n, canvases in zip(numbers, self._painted([prepared[n] for n in numbers]), strict=True):
                    answers[n] = canvases
        return answers

    def _painted(self, tasks: Sequence[_Prepared]) -> list[list[Canvas]]:
        self._painted_frames += len(tasks)
        if len(tasks) == 1:
            return [tasks[0].canvases(self._runtime.paint(tasks[0].image[None], tasks[0].boxes))]
        images = np.stack([task.image for task in tasks])
        self._painted_together += len(tasks)
        planes = self._together.paint(images, side_by_side([task.boxes for task in tasks]))
        ends = np.cumsum([len(task.instructions) for task in tasks])
        return [task.canvases(own) for task, own in zip(tasks, np.split(planes, ends[:-1]), strict=True)]


def fitted(frame_wh: tuple[int, int], canvas_wh: tuple[int, int]) -> tuple[int, int]:
    """The largest size of the frame's shape that fits into the canvas."""
    scale = min(canvas_wh[0] / frame_wh[0], canvas_wh[1] / frame_wh[1])
    width, height = (min(side, max(1, round(scale * f))) for side, f in zip(canvas_wh, frame_wh, strict=True))
    return width, height


def load(
    folder: Path, *, backend: str = "auto", options: RuntimeOptions | None = None, together: str = AUTO
) -> StudentGenerator:
    """The student in `folder`, every file of it checked, on the best runtime here or the one that is named.

    `options.images`: of how many cameras one call may have frames; `together`: whether it has (runtimes/together.py).
    """
    asked = options or RuntimeOptions()
    options = replace(asked, images=1)
    model = ModelFolder.open(folder)
    model.verify()
    text = TextTable.read(io.BytesIO(model.read(Role.TEXT)), name=str(folder))
    chosen = choose(model, text, backend, options)
    manifest = model.manifest

    several = open_together(model, text, chosen.report.backend, chosen.report.precision, asked, together)
    report = chosen.report
    if asked.images > 1:
        report = replace(report, why=f"{report.why}; {several.words}")

    def self_test() -> CheckResult:
        golden = load_golden(model)
        result = check(chosen.runtime, golden, pack(golden.instructions, text, manifest.tasks))
        if several.runtime is None or not result.passed:
            return result
        return check_together(several.runtime, golden, text, manifest.tasks, asked.images)

    make: Callable[..., StudentGenerator] = StudentGenerator
    if several.runtime is not None:
        make = partial(TogetherStudent, together=several.runtime, images=asked.images)
    return make(
        chosen.runtime,
        text,
        options.sizes_wh or manifest.sizes_wh,
        report,
        tasks=manifest.tasks,
        square=manifest.square_pixels,
        self_test=self_test,
        about=About(
            name=manifest.name,
            licence=manifest.licence,
            revision=manifest.package_version,
            sources=tuple(f"{source.name} ({source.licence})" for source in manifest.training.sources),
        ),
    )
