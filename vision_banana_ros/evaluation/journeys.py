"""Footage whose camera's way is known: what true motion, and so flicker, can be told from.

clip    the bundled drive through a flat          moving   a small room in which things move
walk, drive, arm    paths through the procedural world (world/paths.py; rendered once, kept in the user's cache);
                    `drive@7` is the same way through the place of seed 7
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import DataError, FloatArray, Frame, Truth, UInt8Array, UInt16Array

Matrix = npt.NDArray[np.float64]

JOURNEYS: tuple[str, ...] = ("clip", "moving", "walk", "drive", "arm")


class Journey(Protocol):
    """Footage with poses; `pose(i)` is (rotation from camera to world, position of the camera)."""

    @property
    def rate_hz(self) -> float: ...

    def __len__(self) -> int: ...

    def frame(self, index: int) -> Frame: ...

    def truth(self, index: int) -> Truth: ...

    def pose(self, index: int) -> tuple[Matrix, Matrix]: ...


def open_journey(
    name: str, *, folder: Path | None = None, say: Callable[[str], None] = lambda _: None, width: int | None = None
) -> Journey:
    """The journey of that name, its frames brought to `width` where that is given."""
    journey: Journey
    if name == "clip":
        journey = _Clip()
    elif name == "moving":
        journey = _Moving()
    elif name in JOURNEYS or _seeded(name):
        from vision_banana_ros.world.paths import world_path

        way, _, seed = name.partition("@")
        journey = world_path(way, seed=int(seed) if seed else None, folder=folder, say=say)
    else:
        raise DataError(f"no footage is called {name!r}: there are {', '.join(JOURNEYS)}; paths also as drive@SEED")
    return journey if width is None else _Narrow(journey, width)


def _seeded(name: str) -> bool:
    way, _, seed = name.partition("@")
    return way in JOURNEYS and way not in ("clip", "moving") and seed.isdecimal()


class _Clip:
    """The bundled clip, with the poses that it was made with."""

    def __init__(self) -> None:
        from vision_banana_ros.world.clip import bundled_clip
        from vision_banana_ros.world.clip_tour import views

        self._clip = bundled_clip()
        self._views = views()
        self.rate_hz = self._clip.rate_hz

    def __len__(self) -> int:
        return len(self._clip)

    def frame(self, index: int) -> Frame:
        return self._clip.frame(index)

    def truth(self, index: int) -> Truth:
        return self._clip.truth(index)

    def pose(self, index: int) -> tuple[Matrix, Matrix]:
        pose = self._views[index].pose
        return pose.axes.T, np.asarray(pose.position)


class _Moving:
    """The analytic room at a rate at which things move visibly."""

    def __init__(self) -> None:
        from vision_banana_ros.world.moving import MovingScene

        self._scene = MovingScene(count=100, width=256, height=192, rate_hz=15.0)
        self.rate_hz = self._scene.rate_hz

    def __len__(self) -> int:
        return len(self._scene)

    def frame(self, index: int) -> Frame:
        return self._scene.frame(index)

    def truth(self, index: int) -> Truth:
        return self._scene.truth(index)

    def pose(self, index: int) -> tuple[Matrix, Matrix]:
        from vision_banana_ros.world.moving import pose_at

        pose = pose_at(2 * np.pi * index / len(self._scene))
        return np.asarray(pose.rotation, np.float64), np.asarray(pose.position, np.float64)


class _Narrow:
    """A journey in smaller pictures."""

    def __init__(self, journey: Journey, width: int) -> None:
        self._journey, self._width = journey, width
        self.rate_hz = journey.rate_hz

    def __len__(self) -> int:
        return len(self._journey)

    def frame(self, index: int) -> Frame:
        frame = self._journey.frame(index)
        wh = self._wh(frame.hw)
        rgb = np.asarray(cv2.resize(frame.rgb, wh, interpolation=cv2.INTER_AREA), np.uint8)
        camera = None if frame.camera is None else frame.camera.scaled_to(*wh)
        return Frame(rgb, frame.stamp_ns, frame.frame_id, camera)

    def truth(self, index: int) -> Truth:
        truth = self._journey.truth(index)
        wh = self._wh((truth.camera.height, truth.camera.width))

        def small(values: FloatArray | UInt8Array | UInt16Array | None) -> object:
            return None if values is None else cv2.resize(values, wh, interpolation=cv2.INTER_NEAREST_EXACT)

        return Truth(
            camera=truth.camera.scaled_to(*wh),
            depth_m=small(truth.depth_m),  # type: ignore[arg-type]
            normals=small(truth.normals),  # type: ignore[arg-type]
            mask=small(truth.mask),  # type: ignore[arg-type]
            instances=small(truth.instances),  # type: ignore[arg-type]
            labels=truth.labels,
        )

    def pose(self, index: int) -> tuple[Matrix, Matrix]:
        return self._journey.pose(index)

    def _wh(self, hw: tuple[int, int]) -> tuple[int, int]:
        return self._width, max(1, round(hw[0] * self._width / hw[1]))
