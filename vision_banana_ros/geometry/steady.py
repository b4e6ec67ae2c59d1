"""Perceptions of one camera made steady in time: what flickers is held, what moves is followed at once.

Depth is fused along the motion in fusion.py, normals in normal_fusion.py. Classes change when several frames say so
(votes.py). Instances keep their numbers (tracks.py), and so do the segments of a panoptic map (segments.py). What was
not asked costs nothing.

Convention
    Layers in, layers out as in core/perception.py. One object per camera; frames in the order of their time.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from vision_banana_ros.core import (
    BoolArray,
    Camera,
    FloatArray,
    Frame,
    FrameError,
    Perception,
    UInt8Array,
    describe,
)
from vision_banana_ros.geometry.camera import CameraFilter
from vision_banana_ros.geometry.egomotion import CameraMotion
from vision_banana_ros.geometry.fusion import DepthFusion, Fused, FusionSettings
from vision_banana_ros.geometry.motion import Motion, MotionFinder, work_picture
from vision_banana_ros.geometry.normal_fusion import NormalFusion
from vision_banana_ros.geometry.segments import SegmentHolder
from vision_banana_ros.geometry.tracks import Track, Tracker, TrackSettings
from vision_banana_ros.geometry.votes import Votes, nearest

_LONGEST_GAP_NS = 1_500_000_000
_STAND_IN_HFOV_DEG = 65.0  # for the camera's motion alone, while nobody knows the lens


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadySettings:
    """`memory`, `scale_memory`: frames. `least_gate`, `scale_jump`: of log depth. `votes`: frames that a class lasts
    against others. `settle`: recovered cameras in a row that agree before the lens is held."""

    memory: float = 8.0
    scale_memory: float = 6.0
    scale_jump: float = 0.5
    least_gate: float = 0.3
    votes: int = 5
    settle: int = 12
    tracks: TrackSettings = field(default_factory=TrackSettings)

    def __post_init__(self) -> None:
        for name in ("memory", "scale_memory", "scale_jump", "least_gate", "votes", "settle"):
            value = getattr(self, name)
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not (math.isfinite(value) and value > 0)
            ):
                raise FrameError(f"SteadySettings.{name} must be a number above 0, got {describe(value)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """What was done to the last frame. `scale` multiplied its depth as a whole; `held` is the share of pixels whose
    past was used; `motion` is the camera's, in the held depth's metres; `normals_s` is what normals cost of one thread.
    """

    seconds: float
    held: float
    scale: float
    motion: CameraMotion | None = None
    normals_s: float = 0.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Held:
    """The picture of the past."""

    grey: UInt8Array
    stamp_ns: int

    @property
    def hw(self) -> tuple[int, int]:
        return self.grey.shape[0], self.grey.shape[1]


class Steadier:
    """See the module's docstring. `last` tells of the newest frame, `tracks` of its instances."""

    def __init__(self, settings: SteadySettings = SteadySettings()) -> None:
        self.settings = settings
        self.last: Steadiness | None = None
        self._finder = MotionFinder()
        self._tracker = Tracker(settings.tracks)
        self._camera_filter = CameraFilter()
        self._agreeing_cameras = 0
        self._held: _Held | None = None
        self._tracks: tuple[Track, ...] = ()
        self._classes = Votes(settings.votes)
        self._segments = SegmentHolder(settings.tracks, settings.votes)
        self._normals = NormalFusion(settings.memory)
        self._fusion = DepthFusion(
            FusionSettings(
                memory=settings.memory,
                scale_memory=settings.scale_memory,
                scale_jump=settings.scale_jump,
                least_gate=settings.least_gate,
            )
        )

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Of the instances; where none were asked for, of a panoptic map's things."""
        return self._tracks

    @property
    def camera(self) -> Camera | None:
        """The recovered camera once it is settled: given with the next frames, rays need not be asked for again."""
        return self._camera_filter.camera if self._agreeing_cameras >= self.settings.settle else None

    def reset(self) -> None:
        """Forget what was seen; ids of instances go on, so that none is ever used twice."""
        self._held = None
        for part in (self._fusion, self._normals, self._classes, self._segments, self._tracker):
            part.forget()
        self._tracks = ()

    def steady(self, frame: Frame, seen: Perception) -> Perception:
        """`seen` of `frame`, made steady with what this object saw before."""
        start = time.perf_counter()
        grey = work_picture(frame)
        held = self._held
        if held is not None and not self._follows(held, frame, grey):
            self.reset()
            held = None
        motion = None if held is None else self._finder.between(held.grey, grey)
        seen = self._with_held_camera(seen)
        now = _Held(grey=grey, stamp_ns=frame.stamp_ns)
        result, fused = self._steady_depth(now, held, motion, seen)
        past = None if fused is None else fused.past
        motion = past.motion if past is not None else motion
        how = None if past is None else past.how
        normals_start = time.thread_time()
        result = self._steady_normals(result, motion, now.hw, how, None if past is None else past.moving)
        normals_s = time.thread_time() - normals_start
        result = self._steady_ids(result, motion, now.hw, frame.rgb)
        self._held = now
        share, scale = (0.0, 1.0) if fused is None else (fused.share, fused.scale)
        self.last = Steadiness(
            seconds=time.perf_counter() - start, held=share, scale=scale, motion=how, normals_s=normals_s
        )
        return result

    def _small_camera(self, grey: UInt8Array, seen: Perception) -> Camera:
        height, width = grey.shape
        if seen.camera is None:
            return Camera.from_hfov(_STAND_IN_HFOV_DEG, width, height)
        return seen.camera.scaled_to(width, height)

    def _follows(self, held: _Held, frame: Frame, grey: UInt8Array) -> bool:
        return held.grey.shape == grey.shape and 0 <= frame.stamp_ns - held.stamp_ns <= _LONGEST_GAP_NS

    def _with_held_camera(self, seen: Perception) -> Perception:
        if not seen.camera_recovered or seen.camera is None:
            return seen
        if self.camera is None or (self.camera.height, self.camera.width) != seen.hw:
            before = self._camera_filter
            self._camera_filter = before.updated(seen.camera)
            agrees = self._camera_filter.seen > 1 and self._camera_filter.strays == 0
            self._agreeing_cameras = self._agreeing_cameras + 1 if agrees else 1
        return replace(seen, camera=self._camera_filter.camera)

    def _steady_depth(
        self, now: _Held, held: _Held | None, motion: Motion | None, seen: Perception
    ) -> tuple[Perception, Fused | None]:
        if seen.depth_m is None:
            self._fusion.forget()
            return seen, None
        hw = now.hw
        log_seen = _log(nearest(seen.depth_m, hw))
        pictures = None if held is None else (held.grey, now.grey)
        fused = self._fusion.fuse(log_seen, motion, pictures, self._small_camera(now.grey, seen))
        if fused.change is None:
            return seen, fused
        factor = cv2.exp(fused.change)
        if hw != seen.hw:
            factor = cv2.resize(factor, seen.hw[::-1], interpolation=cv2.INTER_LINEAR)
        return seen.with_layers(depth_m=seen.depth_m * factor), fused

    def _steady_normals(
        self,
        seen: Perception,
        motion: Motion | None,
        hw: tuple[int, int],
        how: CameraMotion | None,
        moving: BoolArray | None,
    ) -> Perception:
        if seen.normals is None:
            self._normals.forget()
            return seen
        return seen.with_layers(normals=self._normals.fuse(seen.normals, motion, hw, how, moving))

    def _steady_ids(self, seen: Perception, motion: Motion | None, hw: tuple[int, int], rgb: UInt8Array) -> Perception:
        """Classes, a panoptic map and instances, as far as they were asked for."""
        if seen.mask is None:
            self._classes.forget()
        else:
            seen = seen.with_layers(mask=self._classes.hold(seen.mask, motion, hw, seen.labels))
        self._tracks = ()
        ids, segments = seen.layer("panoptic"), seen.layer("panoptic_segments")
        if ids is None or segments is None:
            self._segments.forget()
        else:
            confidence = seen.layer("panoptic_confidence")
            ids, segments = self._segments.hold(ids, segments, confidence, motion, hw, rgb)
            seen = seen.with_layers(panoptic=ids, panoptic_segments=segments)
            self._tracks = self._segments.tracks
        if seen.instances is not None:
            seen = self._tracker.follow(seen, motion, rgb)
            self._tracks = self._tracker.tracks
        return seen


def _log(depth_m: FloatArray) -> FloatArray:
    """NaN where there is no positive, finite depth."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(depth_m)
    logs[~np.isfinite(logs)] = np.nan
    return logs
