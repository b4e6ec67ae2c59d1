"""Frame -> Perception: ask for canvases, decode each by its code, bring the values to the frame's size.

Each task fills its own layers of the result; what was not asked for stays None. Values are decoded and cleaned at the
canvas's size, where there are few of them, and only then brought to the frame's; where surfaces meet, the frame's
own picture is the guide to which side a pixel belongs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from vision_banana_ros.codecs import Palette, depth, instances, normals, rays
from vision_banana_ros.core import (
    Canvas,
    FloatArray,
    Frame,
    FrameError,
    Generator,
    GeneratorError,
    Instruction,
    InstructionError,
    Perception,
    Task,
    UInt8Array,
    describe,
)
from vision_banana_ros.geometry import (
    camera_from_rays,
    flying_pixels,
    upsample_confidence,
    upsample_depth,
    upsample_labels,
    upsample_normals,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceiveSettings:
    """What is believed. Confidences are of 255: below the least one, values become NaN, labels 255.

    max_range_m: farther depth becomes +inf; None keeps all. filter_flying_pixels: depth between a surface and the one
    behind it becomes NaN. with_confidence: whether the confidence layers are wanted at all.
    """

    max_range_m: float | None = None
    min_depth_confidence: int = 32
    min_normals_confidence: int = 32
    min_mask_confidence: int = 16
    filter_flying_pixels: bool = True
    with_confidence: bool = True

    def __post_init__(self) -> None:
        if self.max_range_m is not None and not self.max_range_m > 0:
            raise FrameError(f"max_range_m must be metres above 0 or None, got {describe(self.max_range_m)}")
        for name in ("min_depth_confidence", "min_normals_confidence", "min_mask_confidence"):
            value = getattr(self, name)
            if not isinstance(value, int) or not 0 <= value <= 255:
                raise FrameError(f"{name} must be an int from 0 to 255, got {describe(value)}")


DEFAULTS = PerceiveSettings()

#: How far blur reaches is a share of the picture, 6 of 480 rows, not a number of a canvas's pixels. At 192x128 a reach
#: of 6 took a fifteenth of the student's depth away, in dotted lines on floors, and hardly more of what was wrong than
#: chance would have (docs/LOG.md).
_FLYING_REACH = 6 / 480
_LEAST_REACH_PX = 2

#: Some fields of a Perception by name: what one canvas tells.
Layers: TypeAlias = dict[str, Any]


def perceive(
    frame: Frame, generator: Generator, instructions: Sequence[Instruction], settings: PerceiveSettings = DEFAULTS
) -> Perception:
    """Everything that `instructions`, at most one per task, ask about the frame; from one call of the generator."""
    canvases = _generate(frame, generator, instructions)
    perception = Perception(
        stamp_ns=frame.stamp_ns, frame_id=frame.frame_id, hw=frame.hw, camera=frame.camera, canvases=canvases
    )
    layers: Layers = {}
    for canvas in canvases:
        layers |= _DECODERS[canvas.instruction.task](frame, canvas, settings)
    return replace(perception, **layers)


def _decode_depth(frame: Frame, canvas: Canvas, settings: PerceiveSettings) -> Layers:
    needs_confidence = settings.with_confidence or settings.min_depth_confidence > 0
    decoded = depth.decode(canvas.rgb, canvas.instruction.depth_encoding, with_confidence=needs_confidence)
    depth_m, confidence = decoded.depth_m, decoded.confidence
    if settings.filter_flying_pixels:
        reach_px = max(_LEAST_REACH_PX, round(_FLYING_REACH * depth_m.shape[0]))
        depth_m[flying_pixels(depth_m, reach_px=reach_px)] = np.nan
    if confidence is not None:
        _forget(depth_m, confidence, settings.min_depth_confidence)
    if settings.max_range_m is not None:
        depth_m[depth_m > settings.max_range_m] = np.inf
    return {
        "depth_m": upsample_depth(depth_m, frame.hw, frame.rgb),
        "depth_confidence": _kept(confidence, frame.hw, settings),
    }


def _decode_normals(frame: Frame, canvas: Canvas, settings: PerceiveSettings) -> Layers:
    decoded = normals.decode(canvas.rgb)
    _forget(decoded.normals, decoded.confidence, settings.min_normals_confidence)
    return {
        "normals": upsample_normals(decoded.normals, frame.hw),
        "normals_confidence": _kept(decoded.confidence, frame.hw, settings),
    }


def _decode_rays(frame: Frame, canvas: Canvas, _settings: PerceiveSettings) -> Layers:
    if frame.camera is not None:
        return {}  # given intrinsics win
    decoded = rays.decode(canvas.rgb)
    height, width = frame.hw
    try:
        recovered = camera_from_rays(decoded.directions, decoded.confidence, width=width, height=height)
    except FrameError:
        return {}  # no camera fits: a cloud is lost, the depth image is not
    return {"camera": recovered.camera, "camera_recovered": True}


def _decode_semantic(frame: Frame, canvas: Canvas, settings: PerceiveSettings) -> Layers:
    decoded = Palette.from_instruction(canvas.instruction).decode(canvas.rgb, threshold=settings.min_mask_confidence)
    return {
        "mask": upsample_labels(decoded.mask, frame.hw, frame.rgb),
        "mask_confidence": _kept(decoded.confidence, frame.hw, settings),
        "labels": _labels(canvas.instruction),
    }


def _decode_referring(frame: Frame, canvas: Canvas, settings: PerceiveSettings) -> Layers:
    decoded = Palette.from_instruction(canvas.instruction).decode(canvas.rgb, threshold=settings.min_mask_confidence)
    return {
        "referring": upsample_labels(decoded.mask, frame.hw, frame.rgb),
        "referring_confidence": _kept(decoded.confidence, frame.hw, settings),
        "referring_labels": _labels(canvas.instruction),
    }


def _decode_instances(frame: Frame, canvas: Canvas, settings: PerceiveSettings) -> Layers:
    decoded = instances.decode(canvas.rgb, canvas.instruction.background)
    return {
        "instances": upsample_labels(decoded.instances, frame.hw, frame.rgb),
        "instances_confidence": _kept(decoded.confidence, frame.hw, settings),
        "instance_label": canvas.instruction.targets[0].text,
    }


def _decode_image(_frame: Frame, _canvas: Canvas, _settings: PerceiveSettings) -> Layers:
    return {}  # the canvas is the answer


_DECODERS: dict[Task, Callable[[Frame, Canvas, PerceiveSettings], Layers]] = {
    Task.DEPTH: _decode_depth,
    Task.NORMALS: _decode_normals,
    Task.RAYS: _decode_rays,
    Task.SEMANTIC: _decode_semantic,
    Task.INSTANCE: _decode_instances,
    Task.REFERRING: _decode_referring,
    Task.IMAGE: _decode_image,
}


def _generate(frame: Frame, generator: Generator, instructions: Sequence[Instruction]) -> tuple[Canvas, ...]:
    """The canvases, after a look at whether they are what was asked for."""
    tasks = [instruction.task for instruction in instructions]
    twice = sorted({task.name for task in tasks if tasks.count(task) > 1})
    if twice:
        raise InstructionError(f"at most one instruction per task and call, got several of {', '.join(twice)}")
    canvases = tuple(generator.generate(frame, instructions)) if instructions else ()
    if [canvas.instruction for canvas in canvases] != list(instructions):
        painted = [canvas.instruction.task.name for canvas in canvases]
        raise GeneratorError(
            f"{type(generator).__name__} must paint {[task.name for task in tasks]} in that order, it painted {painted}"
        )
    sizes = {canvas.rgb.shape for canvas in canvases}
    if len(sizes) > 1:
        raise GeneratorError(f"{type(generator).__name__} must paint canvases of one size, got {sorted(sizes)}")
    return canvases


def _forget(values: FloatArray, confidence: UInt8Array, least: int) -> None:
    """NaN where confidence is below `least`: at few pixels as a rule, so by number, which is faster than by mask."""
    values.reshape(confidence.size, -1)[np.flatnonzero(confidence < least)] = np.nan


def _kept(confidence: UInt8Array | None, hw: tuple[int, int], settings: PerceiveSettings) -> UInt8Array | None:
    if confidence is None or not settings.with_confidence:
        return None
    return upsample_confidence(confidence, hw)


def _labels(instruction: Instruction) -> tuple[str, ...]:
    return ("background", *(target.text for target in instruction.targets))
