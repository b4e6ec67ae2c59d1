"""What a grammar hands over beside its scene: where cameras may be, and which kinds of camera come here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from vision_banana_ros.core import DataError


class Mount(Enum):
    """Who carries the camera."""

    LOW_ROBOT = "low robot"  # vacuum cleaners, small rovers: 0.1 to 0.4 m
    ROBOT = "robot"  # carts, mobile bases: 0.4 to 1.3 m
    HEAD = "head"  # hand-held, heads of humanoids: 1.2 to 2 m
    WRIST = "wrist"  # an arm over a table or before a shelf: 0.2 to 1.2 m from a thing
    DRONE = "drone"  # 2 to 15 m up
    VEHICLE = "vehicle"  # along the road, 0.8 to 2 m
    CAR = "car"  # behind a windscreen or on a roof: 1.2 to 2 m, lenses of up to 90 degrees
    GRIPPER = "gripper"  # an arm that reaches for a thing: 0.15 to 0.6 m from it


@dataclass(frozen=True, slots=True)
class Stand:
    """A rectangle of floor that a camera may stand on; `along_deg`: the way traffic goes here, None for any way."""

    x0: float
    y0: float
    x1: float
    y1: float
    z: float = 0.0
    along_deg: float | None = None

    def __post_init__(self) -> None:
        if self.x1 < self.x0 or self.y1 < self.y0:
            raise DataError(f"a Stand must run from its lower to its upper corner, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A finished place. `ceiling_m` bounds the camera from above; `mounts` go with their weights."""

    stands: tuple[Stand, ...]
    mounts: tuple[tuple[Mount, float], ...]
    ceiling_m: float = 1e6


INDOOR_MOUNTS: tuple[tuple[Mount, float], ...] = (
    (Mount.LOW_ROBOT, 2.5),
    (Mount.ROBOT, 3.0),
    (Mount.HEAD, 3.5),
    (Mount.WRIST, 1.5),
)
OUTDOOR_MOUNTS: tuple[tuple[Mount, float], ...] = (
    (Mount.LOW_ROBOT, 1.5),
    (Mount.ROBOT, 3.0),
    (Mount.HEAD, 3.0),
    (Mount.WRIST, 0.4),
    (Mount.DRONE, 1.2),
)
