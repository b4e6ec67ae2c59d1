"""A generator that real processes can load by name: load("shy") paints what depends on the picture alone."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from vision_banana_ros.codecs import depth as depth_code
from vision_banana_ros.codecs import normals as normal_code
from vision_banana_ros.core import About, Camera, Canvas, Frame, GeneratorError, Task, Truth
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.tasks import encode

ALL = frozenset({Task.DEPTH, Task.NORMALS, Task.RAYS, Task.SEMANTIC, Task.INSTANCE, Task.REFERRING, Task.PANOPTIC})


class Luma:
    """Bright is near, and what is nearest is whatever was asked for. "depth": depth alone."""

    def __init__(self, tasks: frozenset[Task]) -> None:
        self.tasks = tasks
        self.about = About(name="luma", licence="Apache-2.0", revision="r1")

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        return [Canvas(self._paint(frame, i), i) for i in instructions]

    def _paint(self, frame: Frame, instruction: Instruction) -> np.ndarray:
        luma = cv2.GaussianBlur(frame.rgb, (0, 0), 3).mean(-1).astype(np.float32) / 255
        if instruction.task is Task.DEPTH:
            return depth_code.encode(4.5 - 4 * luma)
        if instruction.task is Task.NORMALS:
            normals = np.dstack([luma - 0.5, 0.5 - luma, -np.ones_like(luma)])
            return normal_code.encode(normals / np.linalg.norm(normals, axis=-1, keepdims=True))
        if instruction.task is Task.RAYS:
            truth = Truth(camera=Camera.from_hfov(40 + 60 * float(luma.mean()), *frame.hw[::-1]))
            return encode(instruction, truth, wh=frame.hw[::-1], image=frame.rgb)
        colors = [instruction.background or (0, 0, 0), *(target.color or (255, 0, 0) for target in instruction.targets)]
        return np.array(colors, np.uint8)[np.clip((luma * len(colors)).astype(int), 0, len(colors) - 1)]


def load(name: str) -> Generator:
    if name == "absent":
        raise GeneratorError("no model 'absent'")
    return Luma(frozenset({Task.DEPTH}) if name == "depth" else ALL)
