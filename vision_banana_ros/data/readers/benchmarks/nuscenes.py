"""nuScenes val: LiDAR depth in six cameras, every tenth keyframe (nutonomy/nuscenes-devkit, its schema and splits.py).

    v1.0-trainval/{scene,sample,sample_data,calibrated_sensor,ego_pose,sensor}.json
    samples/CAM_*/FILE.jpg, samples/LIDAR_TOP/FILE.pcd.bin          (float32 x 5: x, y, z, intensity, ring)

Convention
    points    from the LiDAR through its own ego pose to the world, and through the camera's ego pose into the camera,
              as the devkit does: the two are up to 50 ms apart. Kept: z > 1 m, more than 1 pixel inside; the nearest
              wins.
    pictures  6,019 keyframes; UniK3D takes all six cameras of every tenth: its list may differ by a few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import Camera, FloatArray, Frame, Truth
from vision_banana_ros.data.example import Example, Source
from vision_banana_ros.data.readers.benchmarks.common import NamedDataset, read_json, read_rgb, require, require_some

SOURCE = Source("nuScenes val, every 10th keyframe", "CC BY-NC-SA 4.0 and own terms", "v1.0", non_commercial=True)
LAYOUT = "v1.0-trainval/*.json, samples/CAM_*/*.jpg and samples/LIDAR_TOP/*.pcd.bin"
CAMERAS: tuple[str, ...] = tuple(f"CAM_{side}" for side in ("FRONT", "FRONT_RIGHT", "BACK_RIGHT"))
CAMERAS = (*CAMERAS, "CAM_BACK", "CAM_BACK_LEFT", "CAM_FRONT_LEFT")
EVERY = 10
NEAREST_M = 1.0
#: Numbers of the 150 scenes of val, first and last of each run.
_RUNS = (
    "3 12-18 35-36 38-39 92-110 221 268-278 329-332 344-346 519-524 552-565 625-627 629-630 632-638 770-771 775 "
    "777-778 780-784 794-800 802 904-917 919-931 962-963 966-969 971-972 1059-1073"
)
Pose = npt.NDArray[np.float64]


def val_scenes() -> frozenset[str]:
    runs = (run.split("-") for run in _RUNS.split())
    return frozenset(f"scene-{n:04}" for run in runs for n in range(int(run[0]), int(run[-1]) + 1))


@dataclass(frozen=True, slots=True)
class _Shot:
    picture: Path
    cloud: Path
    cloud_to_camera: Pose
    intrinsics: Pose
    scene: str


def open_dataset(root: Path, every: int = EVERY) -> NamedDataset:
    folder = require(root / "v1.0-trainval", root, LAYOUT)
    tables = {
        name: read_json(require(folder / f"{name}.json", root, LAYOUT))
        for name in ("scene", "sample", "sample_data", "calibrated_sensor", "ego_pose", "sensor")
    }
    shots = {f"{shot.picture.stem}": shot for shot in _shots(root, tables, every)}
    return NamedDataset(SOURCE, require_some(list(shots), root, LAYOUT), lambda name: _read(name, shots[name]))


def _shots(root: Path, tables: dict[str, list[dict[str, Any]]], every: int) -> Iterator[_Shot]:
    sensor = {row["token"]: row["channel"] for row in tables["sensor"]}
    mounted = {row["token"]: row for row in tables["calibrated_sensor"]}
    driven = {row["token"]: row for row in tables["ego_pose"]}
    taken: dict[str, dict[str, dict[str, Any]]] = {}
    for row in tables["sample_data"]:
        if row["is_key_frame"]:
            channel = sensor[mounted[row["calibrated_sensor_token"]]["sensor_token"]]
            taken.setdefault(row["sample_token"], {})[channel] = row
    scenes = {row["token"]: row["name"] for row in tables["scene"] if row["name"] in val_scenes()}
    samples = [row for row in tables["sample"] if row["scene_token"] in scenes]
    samples.sort(key=lambda row: (scenes[row["scene_token"]], row["timestamp"]))

    def to_world(row: dict[str, Any]) -> Pose:
        return pose(driven[row["ego_pose_token"]]) @ pose(mounted[row["calibrated_sensor_token"]])

    for sample in samples[::every]:
        here = taken.get(sample["token"], {})
        for channel in CAMERAS:
            if channel not in here or "LIDAR_TOP" not in here:
                continue
            camera, lidar = here[channel], here["LIDAR_TOP"]
            yield _Shot(
                root / camera["filename"],
                root / lidar["filename"],
                np.linalg.inv(to_world(camera)) @ to_world(lidar),
                np.array(mounted[camera["calibrated_sensor_token"]]["camera_intrinsic"], np.float64),
                scenes[sample["scene_token"]],
            )


def _read(name: str, shot: _Shot) -> Example:
    rgb = read_rgb(shot.picture)
    k = shot.intrinsics
    camera = Camera(k[0, 0], k[1, 1], k[0, 2], k[1, 2], rgb.shape[1], rgb.shape[0])
    points = np.fromfile(shot.cloud, np.float32).reshape(-1, 5)[:, :3].astype(np.float64)
    depth = project(points @ shot.cloud_to_camera[:3, :3].T + shot.cloud_to_camera[:3, 3], camera)
    return Example(name, Frame(rgb, camera=camera), Truth(camera=camera, depth_m=depth), SOURCE, place=shot.scene)


def pose(row: dict[str, Any]) -> Pose:
    """4x4 from `rotation` (w, x, y, z) and `translation`."""
    w, x, y, z = np.asarray(row["rotation"], np.float64) / np.linalg.norm(row["rotation"])
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, 3] = row["translation"]
    return matrix


def project(points: npt.NDArray[np.float64], camera: Camera) -> FloatArray:
    """Points (N, 3) in the camera -> depth along z, NaN where none falls; the nearest wins."""
    points = points[points[:, 2] > NEAREST_M]
    u = camera.fx * points[:, 0] / points[:, 2] + camera.cx
    v = camera.fy * points[:, 1] / points[:, 2] + camera.cy
    inside = (u > 1) & (u < camera.width - 1) & (v > 1) & (v < camera.height - 1)
    rows, columns, z = v[inside].astype(int), u[inside].astype(int), points[inside, 2]
    depth = np.full((camera.height, camera.width), np.inf, np.float32)
    np.minimum.at(depth, (rows, columns), z.astype(np.float32))
    depth[np.isinf(depth)] = np.nan
    return depth
