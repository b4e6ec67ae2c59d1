"""Three ways through the world with the camera's true pose at every frame: footage to judge steadiness in time by.

    walk   a person's height, through a room, half a metre a second, swaying with the steps and looking about
    drive  from a lane, 7 m/s along the road
    arm    a wrist camera on an arc around a thing on a table, coming closer and going back

Nothing but the camera moves. A path is rendered once and kept in a file, because evaluation reads it many times; the
file's name holds everything that decides its contents.
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import Camera, DataError, Frame, Truth
from vision_banana_ros.world.manifest import write_atomically
from vision_banana_ros.world.poses import clearance_m
from vision_banana_ros.world.scene import Pose, Scene

VERSION = 1
FRAME_ID = "camera"
_KEEP_AWAY_M = 0.3
_ARM_SWEEP_DEG, _ARM_APPROACH = 35.0, 0.3


@dataclass(frozen=True, slots=True)
class _Way:
    """Which place, from which seed on, and the pose at a time."""

    place: str
    seed: int
    pose_at: Callable[[Scene, float], Pose]


def _walk(scene: Scene, seconds: float) -> Pose:
    start = scene.view.pose
    position, reached = _ahead(scene, 0.5 * seconds)
    step = 2 * math.pi * 1.6 * seconds
    moving = 1.0 if reached else 0.3
    return replace(
        start,
        position=(position[0], position[1], position[2] + 0.012 * moving * math.sin(step)),
        yaw_deg=start.yaw_deg + 25.0 * math.sin(2 * math.pi * seconds / 6.0),
        pitch_deg=start.pitch_deg + 0.6 * math.sin(step + 1.0),
        roll_deg=start.roll_deg + 0.5 * math.sin(step / 2),
    )


def _drive(scene: Scene, seconds: float) -> Pose:
    start = scene.view.pose
    position, _ = _ahead(scene, 7.0 * seconds)
    shake = 0.12 * math.sin(2 * math.pi * 1.9 * seconds)
    return replace(start, position=position, pitch_deg=start.pitch_deg + shake, yaw_deg=start.yaw_deg + 3 * shake)


def _arm(scene: Scene, seconds: float) -> Pose:
    """Around the point that the first view looks at, 0.55 m ahead."""
    start = scene.view.pose
    forward = start.axes[2]
    target = np.asarray(start.position) + 0.55 * forward
    around = math.radians(_ARM_SWEEP_DEG) * math.sin(2 * math.pi * seconds / 8.0)
    nearer = 1 - _ARM_APPROACH * (1 - math.cos(2 * math.pi * seconds / 6.0)) / 2
    offset = (np.asarray(start.position) - target) * nearer
    cos, sin = math.cos(around), math.sin(around)
    x, y = cos * offset[0] - sin * offset[1], sin * offset[0] + cos * offset[1]
    at = (float(target[0] + x), float(target[1] + y), float(target[2] + offset[2]))
    return Pose.looking_at(at, (float(target[0]), float(target[1]), float(target[2])), roll_deg=start.roll_deg)


def _ahead(scene: Scene, way: float) -> tuple[tuple[float, float, float], float]:
    """That far along the view's level direction, or as far as nothing is in the way."""
    start = scene.view.pose
    yaw = math.radians(start.yaw_deg)
    x, y, z = start.position
    least = min(_KEEP_AWAY_M, clearance_m(scene.parts, start.position))
    reached = 0.0
    while reached < way:
        further = min(way, reached + 0.1)
        if clearance_m(scene.parts, (x + further * math.cos(yaw), y + further * math.sin(yaw), z)) < least:
            break
        reached = further
    return (x + reached * math.cos(yaw), y + reached * math.sin(yaw), z), reached


PATHS: dict[str, _Way] = {
    "walk": _Way("living room", 9_104_001, _walk),
    "drive": _Way("drive", 9_104_102, _drive),
    "arm": _Way("table top", 9_104_203, _arm),
}


class WorldPath:
    """Footage of one of `PATHS`; `pose(i)` is (camera-to-world rotation, position)."""

    def __init__(self, file: Path) -> None:
        try:
            with np.load(file, allow_pickle=False) as data:
                self._data = {name: data[name] for name in data.files}
            self._labels: tuple[str, ...] = tuple(json.loads(str(self._data["labels"])))
            fx, fy, cx, cy, width, height = self._data["camera"].tolist()
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise DataError(f"{file} must be a rendered path: {error!r}; delete it, it is made anew") from error
        self.camera = Camera(fx, fy, cx, cy, int(width), int(height))
        self.rate_hz = float(self._data["rate_hz"])

    def __len__(self) -> int:
        return len(self._data["rgb"])

    def frame(self, index: int) -> Frame:
        stamp_ns = round(index * 1e9 / self.rate_hz)
        return Frame(self._data["rgb"][index], stamp_ns=stamp_ns, frame_id=FRAME_ID, camera=self.camera)

    def truth(self, index: int) -> Truth:
        return Truth(
            camera=self.camera,
            depth_m=self._data["depth_m"][index].astype(np.float32),
            mask=self._data["mask"][index],
            instances=self._data["instances"][index],
            labels=self._labels,
        )

    def pose(self, index: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        axes: npt.NDArray[np.float64] = self._data["axes"][index]
        position: npt.NDArray[np.float64] = self._data["positions"][index]
        return axes.T, position


def world_path(
    name: str,
    *,
    seed: int | None = None,
    frames: int = 80,
    rate_hz: float = 10.0,
    width: int = 256,
    height: int = 192,
    folder: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> WorldPath:
    """The path of that name, rendered (half a second a frame on two cores) unless `folder` has it already.

    `seed`: the same way through another place; what is chosen on one place is judged on others.
    """
    if name not in PATHS:
        raise DataError(f"no path is called {name!r}: there are {', '.join(PATHS)}")
    way = PATHS[name] if seed is None else replace(PATHS[name], seed=seed)
    folder = folder or cache_folder()
    place = name if way.seed == PATHS[name].seed else f"{name}-{way.seed}"
    file = folder / f"{place}-{width}x{height}-{frames}@{rate_hz:g}-v{VERSION}.npz"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(file, _render(way, frames, rate_hz, width, height, lambda it: say(f"{place}: {it}")))
    return WorldPath(file)


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "vision_banana_ros" / "paths"


def _render(way: _Way, frames: int, rate_hz: float, width: int, height: int, say: Callable[[str], None]) -> bytes:
    from vision_banana_ros.world.render import render
    from vision_banana_ros.world.sample import sample_scene

    scene = sample_scene(way.seed, way.place, width=width, height=height)
    poses = [way.pose_at(scene, i / rate_hz) for i in range(frames)]
    layers: dict[str, list[npt.NDArray[np.generic]]] = {"rgb": [], "depth_m": [], "mask": [], "instances": []}
    for i, view in enumerate(_views(scene, poses)):
        made = render(view, samples=2, seed=i)
        truth = made.truth
        assert truth.depth_m is not None
        assert truth.mask is not None
        assert truth.instances is not None
        layers["rgb"].append(made.frame.rgb)
        layers["depth_m"].append(truth.depth_m)
        layers["mask"].append(truth.mask)
        layers["instances"].append(truth.instances)
        say(f"frame {i + 1} of {frames}")
    camera = scene.view.camera
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        rgb=np.stack(layers["rgb"]),
        depth_m=np.stack(layers["depth_m"]),
        mask=np.stack(layers["mask"]),
        instances=np.stack(layers["instances"]),
        axes=np.stack([pose.axes for pose in poses]),
        positions=np.array([pose.position for pose in poses]),
        camera=np.array([camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height]),
        rate_hz=rate_hz,
        labels=json.dumps(scene.labels),
    )
    return buffer.getvalue()


def _views(scene: Scene, poses: list[Pose]) -> Iterator[Scene]:
    for pose in poses:
        yield scene.seen_by(replace(scene.view, pose=pose))
