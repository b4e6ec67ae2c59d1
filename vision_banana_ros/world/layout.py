"""Where pieces may stand: rooms with walls, and a floor plan that lets nothing overlap.

Convention
    A `Side` is a wall seen from inside: its frame lies on the wall's face at floor level in the middle of the wall,
    +x into the room, +y along the wall. Sides 0..3 stand at x0, y0, x1, y1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from vision_banana_ros.world.stage import Maker, Piece, Stage, Top


@dataclass(frozen=True, slots=True)
class Side:
    """One wall of a room: where its frame is, and half its length."""

    x: float
    y: float
    yaw_deg: float
    half_length: float

    def point(self, out: float, along: float) -> tuple[float, float]:
        """A place `out` metres from the wall and `along` it, in the coordinates of the room."""
        c, s = math.cos(math.radians(self.yaw_deg)), math.sin(math.radians(self.yaw_deg))
        return self.x + c * out - s * along, self.y + s * out + c * along


@dataclass(frozen=True, slots=True)
class Room:
    """A rectangle of floor with a ceiling; metres."""

    x0: float
    y0: float
    x1: float
    y1: float
    height: float

    @classmethod
    def drawn(
        cls, stage: Stage, x: tuple[float, float], y: tuple[float, float], height: tuple[float, float] = (2.3, 3.0)
    ) -> Room:
        """A room about the origin with sides from the given ranges."""
        half_x, half_y = stage.uniform(*x) / 2, stage.uniform(*y) / 2
        return cls(-half_x, -half_y, half_x, half_y, stage.uniform(*height))

    @property
    def sides(self) -> tuple[Side, Side, Side, Side]:
        mx, my = (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2
        half_x, half_y = (self.x1 - self.x0) / 2, (self.y1 - self.y0) / 2
        return (
            Side(self.x0, my, 0, half_y),
            Side(mx, self.y0, 90, half_x),
            Side(self.x1, my, 180, half_y),
            Side(mx, self.y1, 270, half_x),
        )

    @property
    def area_m2(self) -> float:
        return (self.x1 - self.x0) * (self.y1 - self.y0)


@dataclass(frozen=True, slots=True)
class Footprint:
    """A turned rectangle on the floor."""

    x: float
    y: float
    yaw_deg: float
    half_x: float
    half_y: float

    def corners(self) -> list[tuple[float, float]]:
        c, s = math.cos(math.radians(self.yaw_deg)), math.sin(math.radians(self.yaw_deg))
        signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        return [
            (self.x + c * sx * self.half_x - s * sy * self.half_y, self.y + s * sx * self.half_x + c * sy * self.half_y)
            for sx, sy in signs
        ]

    def overlaps(self, other: Footprint) -> bool:
        """Separating axes: two rectangles are apart if they are along a side of either."""
        reach = math.hypot(self.half_x, self.half_y) + math.hypot(other.half_x, other.half_y)
        if math.hypot(self.x - other.x, self.y - other.y) > reach:
            return False
        mine, theirs = self.corners(), other.corners()
        for yaw in (self.yaw_deg, self.yaw_deg + 90, other.yaw_deg, other.yaw_deg + 90):
            ax, ay = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
            a = [x * ax + y * ay for x, y in mine]
            b = [x * ax + y * ay for x, y in theirs]
            if max(a) <= min(b) or max(b) <= min(a):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Spot:
    """A piece that has found its place."""

    piece: Piece
    x: float
    y: float
    yaw_deg: float

    @property
    def tops(self) -> Iterable[Top]:
        return self.piece.tops


@dataclass(slots=True)
class FloorPlan:
    """Keeps pieces apart. `room` bounds them; what is taken stays taken."""

    room: Room
    taken: list[Footprint] = field(default_factory=list)
    spots: list[Spot] = field(default_factory=list)

    def claim(self, spot: Footprint, *, margin: float = 0.02) -> bool:
        """Take this place if it is inside and free."""
        room = self.room
        inside = all(
            room.x0 - 1e-6 <= x <= room.x1 + 1e-6 and room.y0 - 1e-6 <= y <= room.y1 + 1e-6 for x, y in spot.corners()
        )
        wide = Footprint(spot.x, spot.y, spot.yaw_deg, spot.half_x + margin, spot.half_y + margin)
        if not inside or any(wide.overlaps(other) for other in self.taken):
            return False
        self.taken.append(spot)
        return True

    def put(
        self, stage: Stage, piece: Piece, x: float, y: float, yaw_deg: float, *, margin: float = 0.02
    ) -> Spot | None:
        """Draw `piece` here if the place is free."""
        if not self.claim(Footprint(x, y, yaw_deg, piece.half_x, piece.half_y), margin=margin):
            return None
        with stage.at(x, y, yaw_deg=yaw_deg):
            piece.draw()
        spot = Spot(piece, x, y, yaw_deg)
        self.spots.append(spot)
        return spot

    def against_wall(self, stage: Stage, maker: Maker, *, side: Side | None = None, tries: int = 8) -> Spot | None:
        """Stand a piece with its back to a wall, no higher than the room; None if no place was found."""
        piece = maker(stage)
        if piece.height > self.room.height - 0.05:
            return None
        for _ in range(tries):
            wall = stage.pick(self.room.sides) if side is None else side
            slack = wall.half_length - piece.half_y
            if slack <= 0:
                continue
            x, y = wall.point(piece.half_x + stage.uniform(0.015, 0.05), stage.uniform(-slack, slack))
            spot = self.put(stage, piece, x, y, wall.yaw_deg)
            if spot is not None:
                return spot
        return None

    def freely(self, stage: Stage, maker: Maker, *, tries: int = 8, square: float = 0.5) -> Spot | None:
        """Stand a piece anywhere; with probability `square` parallel to the walls."""
        piece = maker(stage)
        room, reach = self.room, min(piece.half_x, piece.half_y)
        for _ in range(tries):
            yaw = 90.0 * stage.count(0, 3) + stage.uniform(-4, 4) if stage.chance(square) else stage.uniform(0, 360)
            x, y = stage.uniform(room.x0 + reach, room.x1 - reach), stage.uniform(room.y0 + reach, room.y1 - reach)
            spot = self.put(stage, piece, x, y, yaw)
            if spot is not None:
                return spot
        return None

    def beside(
        self, stage: Stage, maker: Maker, spot: Spot, *, out: float, along: float = 0.0, yaw_deg: float = 180.0
    ) -> Spot | None:
        """Stand a piece before another, `out` from its middle along its front, turned to face it by default."""
        piece = maker(stage)
        c, s = math.cos(math.radians(spot.yaw_deg)), math.sin(math.radians(spot.yaw_deg))
        x, y = spot.x + c * out - s * along, spot.y + s * out + c * along
        return self.put(stage, piece, x, y, spot.yaw_deg + yaw_deg, margin=-0.03)


def scatter(stage: Stage, spot: Spot, makers: tuple[Maker, ...], density: float) -> None:
    """Small things on every top of a piece, none into another; `density` of 1 is a busy desk."""
    with stage.at(spot.x, spot.y, yaw_deg=spot.yaw_deg):
        for top in spot.tops:
            strew(stage, top, makers, density)


def strew(stage: Stage, top: Top, makers: tuple[Maker, ...], density: float) -> None:
    """Small things on one top, in the present frame."""
    taken: list[Footprint] = []
    wanted = stage.rng.poisson(min(density * top.half_x * top.half_y * 60, 25))
    for _ in range(int(wanted)):
        piece = stage.pick(makers)(stage)
        slack_x, slack_y = top.half_x - piece.half_x, top.half_y - piece.half_y
        if piece.height > top.headroom or min(slack_x, slack_y) < 0:
            continue
        x, y = top.x + stage.uniform(-slack_x, slack_x), top.y + stage.uniform(-slack_y, slack_y)
        yaw = stage.uniform(0, 360) if stage.chance(0.6) else stage.uniform(-15, 15)
        spot = Footprint(x, y, yaw, piece.half_x, piece.half_y)
        if any(spot.overlaps(other) for other in taken):
            continue
        taken.append(spot)
        with stage.at(x, y, top.z, yaw_deg=yaw):
            piece.draw()
