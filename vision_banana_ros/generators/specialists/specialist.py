"""What every specialist does: run a model once for a frame, say what it saw as a `Truth`, paint that in our colours.

So a specialist never meets a colour, and nothing behind the canvas knows that it was no painter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import cv2
import numpy as np

from vision_banana_ros.core import (
    About,
    AnyArray,
    BoolArray,
    Camera,
    Canvas,
    FloatArray,
    Frame,
    GeneratorError,
    Task,
    Truth,
    UInt8Array,
)
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks import encode

#: A camera for truths that say nothing of one; nothing is computed from it.
_ANY_HFOV_DEG = 60.0
_NEAREST_M = 0.01


@runtime_checkable
class TakesDepth(Protocol):
    """A generator that can use measured depth of the scene: it is given what a sensor knows, before the frame."""

    def give_depth(self, depth_m: FloatArray, stamp_ns: int) -> None:
        """Metres in the frame's pixels, NaN where nothing is known; it holds until the next one."""
        ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class View:
    """What is asked of a model: a frame, the size of its canvases, and the camera in that size where one is known."""

    frame: Frame
    wh: tuple[int, int]
    camera: Camera | None

    @property
    def hw(self) -> tuple[int, int]:
        return self.wh[1], self.wh[0]

    def truth_camera(self) -> Camera:
        return self.camera or Camera.from_hfov(_ANY_HFOV_DEG, *self.wh)


class Specialist(ABC):
    """A `Generator`; a family says what it sees of a view in `_look`, one truth an instruction."""

    def __init__(self, about: About, tasks: frozenset[Task], *, size: tuple[int, int] | None = None) -> None:
        self._about = about
        self._tasks = tasks
        self._size = size
        #: What a user should hear of: words that matched nothing, where the metres come from.
        self.remarks: dict[str, str] = {}

    @property
    def about(self) -> About:
        return self._about

    @property
    def tasks(self) -> frozenset[Task]:
        return self._tasks

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        if not instructions:
            return []
        for instruction in instructions:
            if instruction.task not in self._tasks:
                can = ", ".join(sorted(task.value for task in self._tasks))
                raise GeneratorError(
                    f"{self._about.name} cannot paint {instruction.task.value}: it paints {can}; ask another model "
                    "for it, or both by a mix"
                )
        wh = self._size or (frame.hw[1], frame.hw[0])
        view = View(frame=frame, wh=wh, camera=_camera(frame, wh, instructions))
        truths = self._look(view, instructions)
        return [
            Canvas(encode(instruction, truth, wh=wh, image=frame.rgb), instruction)
            for instruction, truth in zip(instructions, truths, strict=True)
        ]

    @abstractmethod
    def _look(self, view: View, instructions: Sequence[Instruction]) -> list[Truth]: ...


def _camera(frame: Frame, wh: tuple[int, int], instructions: Sequence[Instruction]) -> Camera | None:
    """The frame's, or one of the field of view that a prompt tells."""
    if frame.camera is not None:
        return frame.camera.scaled_to(*wh)
    told = next((i.hfov_deg for i in instructions if i.hfov_deg is not None), None)
    if told is None:
        return None
    return Camera.from_hfov(told, frame.hw[1], frame.hw[0]).scaled_to(*wh)


def resize_depth(depth_m: FloatArray, valid: BoolArray, wh: tuple[int, int]) -> FloatArray:
    """Metres in another size: inverse depth is what is linear on planes; NaN where most of a pixel is unknown.

    +inf (sky) is inverse depth 0, and stays what it is where it fills a pixel.
    """
    inverse = np.divide(
        np.float32(1), depth_m, out=np.zeros(depth_m.shape, np.float32), where=valid & (depth_m > _NEAREST_M)
    )
    share = np.asarray(cv2.resize(valid.astype(np.float32), wh, interpolation=cv2.INTER_LINEAR))
    mean = np.asarray(cv2.resize(inverse, wh, interpolation=cv2.INTER_LINEAR))
    with np.errstate(divide="ignore", invalid="ignore"):
        resized: FloatArray = np.where(share > 0.5, share / mean, np.float32(np.nan)).astype(np.float32)
    return resized


def resize_normals(normals: FloatArray, valid: BoolArray, wh: tuple[int, int]) -> FloatArray:
    """Unit vectors in another size, of length one again; NaN where most of a pixel is unknown or they cancel out."""
    known = valid & np.isfinite(normals).all(axis=-1)
    filled = np.where(known[..., None], normals, 0).astype(np.float32)
    share = np.asarray(cv2.resize(known.astype(np.float32), wh, interpolation=cv2.INTER_LINEAR))
    mean = np.asarray(cv2.resize(filled, wh, interpolation=cv2.INTER_LINEAR))
    length = np.linalg.norm(mean, axis=-1)
    good = (share > 0.5) & (length > 0.1)
    unit: FloatArray = np.where(good[..., None], mean / np.maximum(length, 1e-6)[..., None], np.float32(np.nan))
    return unit.astype(np.float32)


def resize_labels(labels: AnyArray, wh: tuple[int, int]) -> AnyArray:
    """Ids are picked, never blended."""
    return np.asarray(cv2.resize(labels, wh, interpolation=cv2.INTER_NEAREST_EXACT))


def shrink(rgb: UInt8Array, wh: tuple[int, int]) -> UInt8Array:
    """By area where it gets smaller, so that nothing aliases; by cubic curves where it grows."""
    smaller = wh[0] * wh[1] < rgb.shape[0] * rgb.shape[1]
    return np.asarray(cv2.resize(rgb, wh, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC))
