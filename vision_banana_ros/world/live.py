"""The world, live: an endless drive through one place after another, rendered while it is watched.

    for i in range(len(live := live_footage())):
        show(live.frame(i).rgb)

Each place is shown for a few seconds while the camera rolls slowly forward and looks to both sides. Frame i is the
same at every reading. A frame takes as long as rendering takes: lower the size or the rate on a slow machine.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

from vision_banana_ros.core import DataError, Frame, Truth
from vision_banana_ros.world.poses import clearance_m
from vision_banana_ros.world.render import look, render
from vision_banana_ros.world.sample import place_of, sample_scene
from vision_banana_ros.world.scene import Pose, Scene

SECONDS_PER_PLACE = 8.0
SPEED_M_S = 0.3
SWING_DEG = 22.0
KEEP_AWAY_M = 0.35
LENGTH = 1_000_000  # frames: more than a day at 10 Hz


def live_footage() -> LiveWorld:
    """320x240 at 5 Hz: what two cores render."""
    return LiveWorld()


class LiveWorld:
    """Footage without an end, from `seed` on; every place is the next seed."""

    def __init__(
        self,
        *,
        seed: int = 0,
        width: int = 320,
        height: int = 240,
        rate_hz: float = 5.0,
        places: tuple[str, ...] = (),
        samples: int = 2,
    ) -> None:
        if not 0 < rate_hz <= 120:
            raise DataError(f"rate_hz must lie between 0 and 120, got {rate_hz}")
        self._seed, self._wh, self._rate_hz, self._places = seed, (width, height), rate_hz, places
        self._samples = samples
        self._frames_per_place = max(1, round(SECONDS_PER_PLACE * rate_hz))
        self._scene_of = lru_cache(maxsize=2)(self._build)

    @property
    def rate_hz(self) -> float:
        return self._rate_hz

    def __len__(self) -> int:
        return LENGTH

    def frame(self, index: int) -> Frame:
        stamp = round(index * 1e9 / self._rate_hz)
        return render(self._view(index), samples=self._samples, seed=index, stamp_ns=stamp).frame

    def truth(self, index: int) -> Truth:
        return look(self._view(index))

    def _build(self, place: int) -> Scene:
        seed = self._seed + place
        return sample_scene(seed, place_of(seed, self._places), width=self._wh[0], height=self._wh[1])

    def _view(self, index: int) -> Scene:
        if not 0 <= index < LENGTH:
            raise DataError(f"live footage has frames 0 to {LENGTH - 1}, asked is {index}")
        place, step = divmod(index, self._frames_per_place)
        scene = self._scene_of(place)
        return scene.seen_by(replace(scene.view, pose=rolled_on(scene, step / self._rate_hz)))


def rolled_on(scene: Scene, seconds: float) -> Pose:
    """Where the camera of a scene is after some seconds: ahead, as far as nothing is in the way, and turned aside."""
    start = scene.view.pose
    yaw = math.radians(start.yaw_deg)
    x, y, z = start.position
    way, reached = SPEED_M_S * seconds, 0.0
    while reached < way:
        further = min(way, reached + 0.1)
        ahead = (x + further * math.cos(yaw), y + further * math.sin(yaw), z)
        if clearance_m(scene.parts, ahead) < min(KEEP_AWAY_M, clearance_m(scene.parts, start.position)):
            break
        reached = further
    swing = SWING_DEG * math.sin(2 * math.pi * seconds / SECONDS_PER_PLACE)
    position = (x + reached * math.cos(yaw), y + reached * math.sin(yaw), z)
    return replace(start, position=position, yaw_deg=start.yaw_deg + swing)
