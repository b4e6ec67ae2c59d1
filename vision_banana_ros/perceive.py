"""Frame -> Perception: ask for canvases, decode each by its code, bring the values to the frame's size.

What a canvas means, and which layers it fills, stands in tasks/. Values are decoded and cleaned at the canvas's size,
where there are few of them, and only then brought to the frame's; where surfaces meet, the frame's own picture is the
guide to which side a pixel belongs.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from vision_banana_ros.core import (
    Answer,
    AnyArray,
    Camera,
    Canvas,
    Frame,
    FrameError,
    GeneratorError,
    Layers,
    Perception,
    Task,
    UInt8Array,
    Unanswered,
    require_array,
)
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.tasks import DecodeSettings, Layer, room

PerceiveSettings = DecodeSettings
DEFAULTS = DecodeSettings()


def perceive(
    frame: Frame, generator: Generator, instructions: Sequence[Instruction], settings: DecodeSettings = DEFAULTS
) -> Perception:
    """Everything that `instructions` ask about the frame; from one call of the generator.

    What this generator does not paint is left out, and listed in `unanswered`.
    """
    canvases, unanswered = paint(frame, generator, instructions, settings)
    answers, camera = decode(frame, canvases, settings)
    return Perception(
        stamp_ns=frame.stamp_ns,
        frame_id=frame.frame_id,
        hw=frame.hw,
        layers=together(answers),
        camera=frame.camera or camera,
        camera_recovered=frame.camera is None and camera is not None,
        answers=answers,
        unanswered=unanswered,
    )


def paint(
    frame: Frame,
    generator: Generator,
    instructions: Sequence[Instruction],
    settings: DecodeSettings = DEFAULTS,
) -> tuple[tuple[Canvas, ...], tuple[Unanswered, ...]]:
    """The canvases, after a look at whether they are what was asked for; and what this generator does not paint."""
    unanswered = tuple(Unanswered(i, why) for i in instructions if (why := _cannot(generator, i, settings)))
    left_out = {u.instruction for u in unanswered}
    asked = [i for i in instructions if i not in left_out]
    canvases = tuple(generator.generate(frame, asked)) if asked else ()
    if [canvas.instruction for canvas in canvases] != asked:
        painted = [canvas.instruction.task.name for canvas in canvases]
        raise GeneratorError(
            f"{name_of(generator)} must paint {[i.task.name for i in asked]} in that order, it painted {painted}"
        )
    sizes = {canvas.rgb.shape for canvas in canvases}
    if len(sizes) > 1:
        raise GeneratorError(f"{name_of(generator)} must paint canvases of one size, got {sorted(sizes)}")
    return canvases, unanswered


def decode(
    frame: Frame, canvases: Sequence[Canvas], settings: DecodeSettings = DEFAULTS
) -> tuple[tuple[Answer, ...], Camera | None]:
    """What the canvases tell about the frame, and the camera that they show, if one of them does."""
    told = [_decode_one(frame, canvas, settings) for canvas in canvases]
    camera = next((camera for _, camera in told if camera is not None), None)
    return tuple(answer for answer, _ in told), camera


def _decode_one(frame: Frame, canvas: Canvas, settings: DecodeSettings) -> tuple[Answer, Camera | None]:
    task = room(canvas.instruction.task)
    decoded = task.decode(canvas.instruction, canvas.rgb, frame, settings)
    layers: dict[str, Any] = dict(decoded.words)
    for layer in task.layers:
        values = decoded.values.get(layer.name)
        if values is None or (layer.name.endswith("_confidence") and not settings.with_confidence):
            continue
        if layer.least:
            _forget(values, decoded.values.get(layer.confidence), layer, settings)
        grown = layer.upsample(values, frame.hw, frame.rgb)
        require_array(grown, name=layer.name, dtype=layer.dtype, channels=layer.channels, hw=frame.hw, error=FrameError)
        layers[layer.name] = grown
    return Answer(canvas, layers), decoded.camera


def together(answers: Sequence[Answer]) -> Layers:
    """The layers of all answers; those of one task are merged as the task says."""
    by_task: dict[Task, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_task[answer.instruction.task].append(answer)
    layers: dict[str, Any] = {}
    for task, its in by_task.items():
        layers |= its[0].layers if len(its) == 1 else room(task).merge(its)
    return layers


def _cannot(generator: Generator, instruction: Instruction, settings: DecodeSettings) -> str:
    """Why this is not asked of this generator; empty when it is."""
    paints: frozenset[Task] | None = getattr(generator, "tasks", None)  # None: whoever does not say paints everything
    if paints is not None and instruction.task not in paints:
        return f"{name_of(generator)} does not paint {instruction.task.value}"
    about = getattr(generator, "about", None)
    unmetric = instruction.task is Task.DEPTH and about is not None and about.metric is False
    if unmetric and not settings.believes_unmetric:
        return f"depth of {name_of(generator)} is no metres: give it an anchor (docs/models.md), or take a metric model"
    return ""


def name_of(generator: Generator) -> str:
    about = getattr(generator, "about", None)
    return type(generator).__name__ if about is None else str(about.name)


def _forget(values: AnyArray, confidence: UInt8Array | None, layer: Layer, settings: DecodeSettings) -> None:
    """Invalid where confidence is below the least: at few pixels as a rule, so by number, faster than by mask."""
    if confidence is not None:
        unsure = np.flatnonzero(confidence < getattr(settings, layer.least))
        values.reshape(confidence.size, -1)[unsure] = layer.invalid


class _Callable(ModuleType):
    """This module, which is called like its function: `vision_banana_ros.perceive` is both, in any order of imports."""

    def __call__(self, *args: Any, **kwargs: Any) -> Perception:
        return perceive(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
