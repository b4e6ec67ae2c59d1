"""Frame -> Sight: what to ask the generator for one frame, and what to make of its answer. Knows nothing of ROS.

Whose camera: the one given with the frame (CameraInfo) wins; else `hfov_deg` where it is set; else the one that the
RAYS canvas tells, smoothed over frames. RAYS are asked for only when somebody needs a camera and nobody gave one.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vision_banana_ros.core import Camera, Canvas, Frame, Generator, Instruction, Perception, Rgb, Target, Task
from vision_banana_ros.geometry import CameraFilter, ScaleFilter, scale_from_height
from vision_banana_ros.perceive import PerceiveSettings, perceive
from vision_banana_ros.ros.params import Settings

_BLACK: Rgb = (0, 0, 0)  # around instances: found at once, where without a colour it would have to be guessed


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the subscribers of this moment need."""

    tasks: frozenset[Task]
    camera: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A perception of the outputs' size, the image it is of, and where its camera and scale come from."""

    frame: Frame
    perception: Perception
    camera_source: str
    generate_s: float
    scale: float | None = None
    scale_confidence: float | None = None


class TimedGenerator:
    """The generator, and how long it took the last time; the rest of a frame's time is the node's own."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self.seconds = 0.0

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        start = time.perf_counter()
        try:
            return self._generator.generate(frame, instructions)
        finally:
            self.seconds = time.perf_counter() - start


class Pipeline:
    """One camera's way through one generator; keeps what is smoothed over frames."""

    def __init__(self, generator: Generator) -> None:
        self._generator = TimedGenerator(generator)
        self._camera_filter = CameraFilter()
        self._scale_filter = ScaleFilter()
        self._scale_height_m = 0.0

    def see(self, frame: Frame, request: Request, settings: Settings, prompt: Instruction | None) -> Sight:
        frame, source = _with_camera(_resized(frame, settings.output_width), settings)
        asked = instructions(frame, request, settings, prompt)
        perception = perceive(frame, self._generator, asked, perceive_settings(settings))
        if perception.camera_recovered and perception.camera is not None:
            self._camera_filter = self._camera_filter.updated(perception.camera)
            perception = dataclasses.replace(perception, camera=self._camera_filter.camera)
            source = "recovered"
        sight = Sight(frame=frame, perception=perception, camera_source=source, generate_s=self._generator.seconds)
        return _within_range(self._scaled(sight, settings), settings)

    def _scaled(self, sight: Sight, settings: Settings) -> Sight:
        """Metres made right by the known height of the camera."""
        perception = sight.perception
        if settings.camera_height_m <= 0 or perception.depth_m is None or perception.camera is None:
            return sight
        if settings.camera_height_m != self._scale_height_m:
            self._scale_filter, self._scale_height_m = ScaleFilter(), settings.camera_height_m
        estimate = scale_from_height(
            perception.depth_m, perception.camera, settings.camera_height_m, normals=perception.normals
        )
        self._scale_filter = self._scale_filter.updated(estimate)
        scale = float(self._scale_filter.scale)
        return dataclasses.replace(
            sight,
            perception=dataclasses.replace(perception, depth_m=perception.depth_m * np.float32(scale)),
            scale=scale,
            scale_confidence=float(estimate.confidence),
        )


def instructions(
    frame: Frame, request: Request, settings: Settings, prompt: Instruction | None
) -> tuple[Instruction, ...]:
    """One instruction per task that is both wanted and allowed, in the order of Task."""
    wanted = {task for task in request.tasks if task.value in settings.tasks}
    needs_camera = request.camera or (settings.camera_height_m > 0 and Task.DEPTH in wanted)
    if needs_camera and frame.camera is None and Task.RAYS.value in settings.tasks:
        wanted.add(Task.RAYS)
    hfov_deg = None
    if settings.hint_hfov and frame.camera is not None:
        hfov_deg = float(min(max(round(frame.camera.hfov_deg), 1), 179))  # whole degrees: one prompt for one camera
    asked: list[Instruction] = []
    for task in Task:
        if task not in wanted:
            continue
        if task is Task.DEPTH:
            asked.append(Instruction(task, hfov_deg=hfov_deg, depth_encoding=settings.depth_encoding))
        elif task in (Task.NORMALS, Task.RAYS):
            asked.append(Instruction(task))
        elif task is Task.SEMANTIC:
            asked.append(settings.class_set.instruction())
        elif task is Task.INSTANCE and settings.instance_class:
            asked.append(Instruction(task, (Target(settings.instance_class),), background=_BLACK))
        elif task is Task.REFERRING and prompt is not None:
            asked.append(prompt)
    return tuple(asked)


def perceive_settings(settings: Settings) -> PerceiveSettings:
    return PerceiveSettings(
        # With a scale still to come, metres are not metres yet: _within_range() follows it.
        max_range_m=None if settings.camera_height_m > 0 else settings.max_range_m,
        min_depth_confidence=settings.min_depth_confidence,
        min_normals_confidence=settings.min_normals_confidence,
        min_mask_confidence=settings.min_mask_confidence,
        filter_flying_pixels=settings.filter_flying_pixels,
    )


def _within_range(sight: Sight, settings: Settings) -> Sight:
    depth_m = sight.perception.depth_m
    if depth_m is None or (settings.min_range_m <= 0 and settings.camera_height_m <= 0):
        return sight
    limited = np.where(depth_m < settings.min_range_m, np.float32(np.nan), depth_m)
    limited[limited > settings.max_range_m] = np.inf
    return dataclasses.replace(sight, perception=dataclasses.replace(sight.perception, depth_m=limited))


def _resized(frame: Frame, width: int) -> Frame:
    if width in (0, frame.hw[1]):
        return frame
    height = max(1, round(frame.hw[0] * width / frame.hw[1]))
    rgb = np.asarray(cv2.resize(frame.rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    camera = None if frame.camera is None else frame.camera.scaled_to(width, height)
    return dataclasses.replace(frame, rgb=rgb, camera=camera)


def _with_camera(frame: Frame, settings: Settings) -> tuple[Frame, str]:
    if frame.camera is not None:
        return frame, "given"
    if settings.hfov_deg > 0:
        camera = Camera.from_hfov(settings.hfov_deg, frame.hw[1], frame.hw[0])
        return dataclasses.replace(frame, camera=camera), "from hfov_deg"
    return frame, "unknown"
