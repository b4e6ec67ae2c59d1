"""Where cameras are and where they look: robots, heads, wrists, drones and vehicles, never inside a thing.

Conventions as in scene.py; fields of view are horizontal, edge to edge, 35 to 110 degrees.
"""

from __future__ import annotations

import math

import numpy as np

from vision_banana_ros.core import Camera
from vision_banana_ros.world.bounds import half_extents, is_unbounded
from vision_banana_ros.world.place import Mount, Place, Stand
from vision_banana_ros.world.scene import Parts, Pose, Scene, Thing, Vec3, View
from vision_banana_ros.world.stage import Stage

HFOV_DEG = (35.0, 110.0)
CLEARANCE_M = 0.09
#: Cars look far ahead: through longer lenses than robots.
_CAR_HFOV_DEG = (38.0, 90.0)
#: From a small thing.
_DISTANCE_M: dict[Mount, tuple[float, float]] = {Mount.WRIST: (0.2, 1.3), Mount.GRIPPER: (0.15, 0.6)}

_HEIGHT_M: dict[Mount, tuple[float, float]] = {
    Mount.LOW_ROBOT: (0.1, 0.4),
    Mount.ROBOT: (0.4, 1.3),
    Mount.HEAD: (1.2, 2.0),
    Mount.DRONE: (2.0, 15.0),
    Mount.VEHICLE: (0.8, 2.0),
    Mount.CAR: (1.2, 2.0),
}


def draw_view(stage: Stage, place: Place, scene: Scene, width: int, height: int) -> View:
    """One candidate view: its clearance and what it shows are the caller's to check."""
    mount = stage.pick([m for m, _ in place.mounts], [w for _, w in place.mounts])
    camera = draw_camera(stage, width, height, mount)
    small = [thing for thing in scene.things if is_graspable(thing)]
    if mount in _DISTANCE_M and small:
        # First the kind, then the piece: else every close-up would show books.
        kind = stage.pick(sorted({thing.name for thing in small}))
        return View(camera=camera, pose=_close_up(stage, mount, stage.pick([t for t in small if t.name == kind])))
    return View(camera=camera, pose=_standing(stage, mount, place, scene))


def draw_camera(stage: Stage, width: int, height: int, mount: Mount = Mount.ROBOT) -> Camera:
    """Any field of view that robots' cameras have; now and then a principal point off the middle."""
    if mount is Mount.CAR:
        hfov = stage.uniform(*_CAR_HFOV_DEG)
    else:
        hfov = stage.uniform(52, 95) if stage.chance(0.6) else stage.uniform(*HFOV_DEG)
    camera = Camera.from_hfov(hfov, width, height)
    if not stage.chance(0.25):
        return camera
    dx, dy = stage.uniform(-0.03, 0.03) * width, stage.uniform(-0.03, 0.03) * height
    return Camera(camera.fx, camera.fy * stage.uniform(0.98, 1.02), camera.cx + dx, camera.cy + dy, width, height)


def is_graspable(thing: Thing) -> bool:
    """Small, and where an arm's camera would look at it."""
    return thing.instance_id > 0 and max(thing.size_m) < 0.5 and thing.lower[2] < 2.0


def _roll(stage: Stage, mount: Mount) -> float:
    spread = {Mount.HEAD: 5.0, Mount.WRIST: 12.0, Mount.GRIPPER: 12.0, Mount.DRONE: 5.0}.get(mount, 1.5)
    return float(stage.rng.normal(0, spread))


def _close_up(stage: Stage, mount: Mount, thing: Thing) -> Pose:
    """From any side at a small thing: the near range of table-tops and shelves."""
    target = tuple(
        (lo + up) / 2 + float(stage.rng.normal(0, 0.05)) for lo, up in zip(thing.lower, thing.upper, strict=True)
    )
    distance, tilt = stage.log_uniform(*_DISTANCE_M[mount]), math.radians(stage.uniform(5, 80))
    around = stage.uniform(0, 2 * math.pi)
    level = distance * math.cos(tilt)
    position = (
        target[0] + level * math.cos(around),
        target[1] + level * math.sin(around),
        target[2] + distance * math.sin(tilt),
    )
    return Pose.looking_at(position, (target[0], target[1], target[2]), roll_deg=_roll(stage, mount))


def _standing(stage: Stage, mount: Mount, place: Place, scene: Scene) -> Pose:
    mount = Mount.HEAD if mount in _DISTANCE_M else mount
    stand = stage.pick(place.stands)
    low, high = _HEIGHT_M[mount]
    up = stage.log_uniform(low, high) if mount is Mount.DRONE else stage.uniform(low, high)
    x, y = stage.uniform(stand.x0, stand.x1), stage.uniform(stand.y0, stand.y1)
    z = min(stand.z + up, place.ceiling_m - 0.15)
    yaw = _yaw(stage, stand, (x, y), scene)
    pitch = float(stage.rng.normal(-4, 9))
    if mount is Mount.DRONE:
        pitch = -stage.uniform(5, 75)
    elif mount is Mount.HEAD:
        pitch = float(stage.rng.normal(-12, 13))
    elif mount in (Mount.VEHICLE, Mount.CAR):
        pitch = float(stage.rng.normal(-3, 3))
    return Pose(position=(x, y, z), yaw_deg=yaw, pitch_deg=pitch, roll_deg=_roll(stage, mount))


def _yaw(stage: Stage, stand: Stand, at: tuple[float, float], scene: Scene) -> float:
    """Along the traffic, at a thing, across the larger part of the stand, or anywhere."""
    if stand.along_deg is not None and stage.chance(0.75):
        return stand.along_deg + 180.0 * stage.count(0, 1) + float(stage.rng.normal(0, 14))
    things = [t for t in scene.things if t.instance_id > 0 and 0.8 < math.dist(t.position[:2], at) < 25]
    if things and stage.chance(0.55):
        thing = stage.pick(things)
        return math.degrees(math.atan2(thing.position[1] - at[1], thing.position[0] - at[0])) + stage.uniform(-15, 15)
    if stage.chance(0.6):
        cx, cy = (stand.x0 + stand.x1) / 2, (stand.y0 + stand.y1) / 2
        return math.degrees(math.atan2(cy - at[1], cx - at[0])) + float(stage.rng.normal(0, 35))
    return stage.uniform(0, 360)


def clearance_m(parts: Parts, point: Vec3) -> float:
    """Distance from `point` to the nearest part's box: never more than to the part itself, negative inside the box.

    Unbounded ground is left to the plumb line: see `sample`.
    """
    bounded = ~is_unbounded(parts)
    offset = np.asarray(point) - parts.centers[bounded]
    local = np.abs(np.einsum("pij,pj->pi", parts.axes[bounded], offset)) - half_extents(parts)[bounded]
    outside = np.sqrt((np.maximum(local, 0) ** 2).sum(axis=1))
    inside = np.minimum(local.max(axis=1), 0)
    return float((outside + inside).min(initial=np.inf))
