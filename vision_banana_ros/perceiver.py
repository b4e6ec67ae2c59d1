"""One camera's way through one generator, kept from frame to frame: whose camera, which scale, what is out of range.

Whose camera: the one given with the frame (CameraInfo) wins; else `hfov_deg` where it is set; else the one that the
RAYS canvas tells, smoothed over frames. RAYS are asked for only when somebody needs a camera and nobody gave one.
Knows nothing of ROS: the node, the commands and the benchmarks all see through it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import cv2
import numpy as np

from vision_banana_ros.core import (
    Camera,
    Canvas,
    FloatArray,
    Frame,
    GeneratorError,
    InstructionError,
    Layers,
    Perception,
    Task,
    Unanswered,
)
from vision_banana_ros.geometry import CameraFilter, ScaleFilter, scale_from_height
from vision_banana_ros.geometry.odometry import OdometryFilter, require_moved
from vision_banana_ros.geometry.scale import NO_SCALE, scale_from_points
from vision_banana_ros.geometry.steady import Steadier
from vision_banana_ros.geometry.tracks import Track
from vision_banana_ros.perceive import decode, paint, together
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.tasks import DecodeSettings, Wishes, room, rooms

#: An instruction that failed is asked again after so long: the cause may have gone.
_ASK_AGAIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceiverSettings:
    """hfov_deg, 0 unknown: of a camera that tells nothing. recovers_camera: RAYS may be asked for where no camera is
    known. output_width, 0: the frame's own. camera_height_m, 0 unknown: sets the scale of depth. Nearer depths than
    min_range_m are NaN, farther ones than `decode.max_range_m` +inf, both in metres after the scale. steady: what
    flickers is held along the motion, instances keep their numbers (geometry/steady.py); costs some milliseconds.
    """

    decode: DecodeSettings = field(default_factory=DecodeSettings)
    hfov_deg: float = 0.0
    hint_hfov: bool = True
    recovers_camera: bool = True
    output_width: int = 0
    camera_height_m: float = 0.0
    min_range_m: float = 0.0
    steady: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A perception of the outputs' size, the image it is of, and where its camera and scale come from.

    scale_source: "points", "camera height", "odometry", or "": the generator's own. odometry_scale is what depth would
    have to be multiplied by for the camera's way to be as long as odometry says; where that decides, it is `scale`.
    odometry_spread is how far single steps are from it, relative. Both are None until enough steps agree.
    resting: tasks that the generator leaves to a later frame so as not to hold up the others (generators/mix.py).
    """

    frame: Frame
    perception: Perception
    camera_source: str
    generate_s: float
    scale: float | None = None
    scale_confidence: float | None = None
    scale_source: str = ""
    odometry_scale: float | None = None
    odometry_spread: float | None = None
    steady_s: float = 0.0
    tracks: tuple[Track, ...] = ()
    resting: frozenset[Task] = frozenset()


class Perceiver:
    """Sees frames of one camera with one generator."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self._camera_filter = CameraFilter()
        self._scale_filter = ScaleFilter()
        self._scale_height_m = 0.0
        self._points_filter = ScaleFilter()
        self._odometry = OdometryFilter()
        self._refused: dict[Instruction, tuple[str, float]] = {}
        self._steadier: Steadier | None = None

    def see(
        self,
        frame: Frame,
        asked: Sequence[Instruction] | Wishes,
        settings: PerceiverSettings,
        *,
        tasks: frozenset[Task] | None = None,
        wants_camera: bool = False,
        points: FloatArray | None = None,
        moved_m: float | None = None,
    ) -> Sight:
        """What is asked: instructions, or wishes for the `tasks` that somebody wants to know.

        `points` (N, 3), measured in the optical frame, set the scale of depth from then on, before camera_height_m.
        `moved_m`, metres that the camera moved since the frame before this one by odometry, checks the scale where
        `settings.steady`, and sets it where neither points nor a height do.
        """
        if moved_m is not None:
            require_moved(moved_m)
        steadier = self._steadier_for(settings)
        frame, source = _with_camera(_resized(frame, settings.output_width), settings.hfov_deg)
        if frame.camera is None and steadier is not None and steadier.camera is not None:
            frame, source = replace(frame, camera=steadier.camera.scaled_to(*frame.hw[::-1])), "held"
        if isinstance(asked, Wishes):
            asked = _instructions(asked, _told(frame, settings), tasks or frozenset())
        resting = self._resting(frame, asked)
        asked = [instruction for instruction in asked if instruction.task not in resting]
        asked = self._with_rays(asked, frame, settings, wants_camera=wants_camera)
        start = time.perf_counter()
        canvases, unanswered = self._paint(frame, asked, settings.decode)
        generate_s = time.perf_counter() - start
        # With a scale still to come, metres are not metres yet.
        scales = settings.camera_height_m > 0 or points is not None or self._points_filter.weight > 0
        moves = steadier is not None and (moved_m is not None or self._odometry.newest.steps > 0)
        unlimited = scales or moves
        answers, camera = decode(frame, canvases, _unlimited(settings.decode) if unlimited else settings.decode)
        layers = together(answers)
        recovered = frame.camera is None and camera is not None
        if recovered and camera is not None:
            self._camera_filter = self._camera_filter.updated(camera)
            camera, source = self._camera_filter.camera, "recovered"
        camera = frame.camera or camera
        scale = confidence = None
        scale_source = ""
        if scales and camera is not None and layers.get("depth_m") is not None:
            scale, confidence, scale_source = self._scale(layers, camera, points, settings.camera_height_m)
        perception = Perception(
            stamp_ns=frame.stamp_ns,
            frame_id=frame.frame_id,
            hw=frame.hw,
            # By odometry they become metres last: the way is measured in what is held.
            layers=layers if moves and not scales else _in_metres(layers, scale, settings, scales=scales),
            camera=camera,
            camera_recovered=recovered or source == "held",
            answers=answers,
            unanswered=unanswered,
        )
        if steadier is not None:
            perception = steadier.steady(frame, perception)
            if moved_m is not None and steadier.last is not None:
                self._odometry.add(steadier.last.motion, moved_m)
        if moves and not scales:
            scale = self._odometry.scale
            if scale is not None:
                confidence, scale_source = self._odometry.newest.confidence, "odometry"
            perception = perception.with_layers(**_in_metres(perception.layers, scale, settings, scales=True))
        return Sight(
            frame=frame,
            perception=perception,
            camera_source=source,
            generate_s=generate_s,
            scale=scale,
            scale_confidence=confidence,
            scale_source=scale_source,
            odometry_scale=self._odometry.scale,
            odometry_spread=None if self._odometry.scale is None else self._odometry.newest.spread,
            steady_s=0.0 if steadier is None or steadier.last is None else steadier.last.seconds,
            tracks=() if steadier is None else steadier.tracks,
            resting=resting,
        )

    def _steadier_for(self, settings: PerceiverSettings) -> Steadier | None:
        """What holds still from frame to frame; begun anew when it is switched on."""
        if not settings.steady:
            self._steadier = None
        elif self._steadier is None:
            self._steadier = Steadier()
        return self._steadier

    def _resting(self, frame: Frame, asked: Sequence[Instruction]) -> frozenset[Task]:
        """Only generators with parts of several speeds have anything to say to this."""
        resting = getattr(self.generator, "resting", None)
        return frozenset() if resting is None else resting(frame, asked)

    def _with_rays(
        self, asked: list[Instruction], frame: Frame, settings: PerceiverSettings, *, wants_camera: bool
    ) -> list[Instruction]:
        """RAYS beside, where a camera is needed that nobody knows."""
        present = {instruction.task for instruction in asked}
        needs = wants_camera or (settings.camera_height_m > 0 and Task.DEPTH in present)
        if frame.camera is not None or not needs or Task.RAYS in present or not settings.recovers_camera:
            return asked
        return sorted([*asked, Instruction(Task.RAYS)], key=lambda instruction: room(instruction.task).order)

    def _paint(
        self, frame: Frame, asked: Sequence[Instruction], settings: DecodeSettings
    ) -> tuple[tuple[Canvas, ...], tuple[Unanswered, ...]]:
        """All in one call; where one instruction makes it fail, the others without it."""
        now = time.monotonic()
        refused = {i: why for i in asked if (why := self._still_refused(i, now))}
        waiting = tuple(Unanswered(i, why) for i, why in refused.items())
        asked = [i for i in asked if i not in refused]
        try:
            canvases, unanswered = paint(frame, self.generator, asked, settings)
        except (GeneratorError, InstructionError):
            failed = self._failing(frame, asked)
            if len(failed) in (0, len(asked)):  # not the words' fault
                raise
            self._refused |= {i: (why, now) for i, why in failed.items()}
            return self._paint(frame, [*refused, *asked], settings)
        return canvases, (*unanswered, *waiting)

    def _still_refused(self, instruction: Instruction, now: float) -> str:
        why, since = self._refused.get(instruction, ("", 0.0))
        if why and now - since > _ASK_AGAIN_S:
            del self._refused[instruction]
            return ""
        return why

    def _failing(self, frame: Frame, asked: Sequence[Instruction]) -> dict[Instruction, str]:
        failed = {}
        for instruction in asked:
            try:
                paint(frame, self.generator, [instruction])
            except (GeneratorError, InstructionError) as error:
                failed[instruction] = str(error)
        return failed

    def _scale(
        self, layers: Layers, camera: Camera, points: FloatArray | None, height_m: float
    ) -> tuple[float, float, str]:
        """What makes metres right by measured points, or by the known height of the camera; how sure; which of them."""
        depth_m = layers["depth_m"]
        estimate = NO_SCALE if points is None else scale_from_points(depth_m, camera, points)
        self._points_filter = self._points_filter.updated(estimate)
        if self._points_filter.weight > 0 or height_m <= 0:
            return float(self._points_filter.scale), float(estimate.confidence), "points"
        if height_m != self._scale_height_m:
            self._scale_filter, self._scale_height_m = ScaleFilter(), height_m
        estimate = scale_from_height(depth_m, camera, height_m, normals=layers.get("normals"))
        self._scale_filter = self._scale_filter.updated(estimate)
        return float(self._scale_filter.scale), float(estimate.confidence), "camera height"


def _instructions(wishes: Wishes, hfov_deg: float | None, tasks: frozenset[Task]) -> list[Instruction]:
    """Of each task the prompts that name it, else what it asks by itself."""
    wishes = replace(wishes, hfov_deg=hfov_deg)
    asks = [
        ask
        for task in rooms()
        if task.task in tasks
        for ask in [prompt for prompt in wishes.prompts if prompt.task is task.task] or task.ask(wishes)
    ]
    return [Instruction.of(ask) for ask in asks]


def _told(frame: Frame, settings: PerceiverSettings) -> float | None:
    """Whole degrees: one prompt for one camera."""
    if not settings.hint_hfov or frame.camera is None:
        return None
    return float(min(max(round(frame.camera.hfov_deg), 1), 179))


@lru_cache(maxsize=8)
def _unlimited(settings: DecodeSettings) -> DecodeSettings:
    return replace(settings, max_range_m=None)


def _in_metres(layers: Layers, scale: float | None, settings: PerceiverSettings, *, scales: bool) -> Layers:
    """Depth scaled first, limited then: the limits are true metres."""
    depth_m: FloatArray | None = layers.get("depth_m")
    if depth_m is None or (not scales and settings.min_range_m <= 0):
        return layers
    depth_m = depth_m * np.float32(1.0 if scale is None else scale)
    depth_m[depth_m < settings.min_range_m] = np.nan
    if settings.decode.max_range_m is not None:
        depth_m[depth_m > settings.decode.max_range_m] = np.inf
    return {**layers, "depth_m": depth_m}


def _resized(frame: Frame, width: int) -> Frame:
    if width in (0, frame.hw[1]):
        return frame
    height = max(1, round(frame.hw[0] * width / frame.hw[1]))
    rgb = np.asarray(cv2.resize(frame.rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    camera = None if frame.camera is None else frame.camera.scaled_to(width, height)
    return replace(frame, rgb=rgb, camera=camera)


def _with_camera(frame: Frame, hfov_deg: float) -> tuple[Frame, str]:
    if frame.camera is not None:
        return frame, "given"
    if hfov_deg > 0:
        camera = Camera.from_hfov(hfov_deg, frame.hw[1], frame.hw[0])
        return replace(frame, camera=camera), "from hfov_deg"
    return frame, "unknown"
