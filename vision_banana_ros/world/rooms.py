"""The shell of a room: floor, ceiling, walls with real openings, doors, windows, what hangs on walls, what is outside.

Walls stand outside the room's rectangle, WALL_M thick; so rooms whose rectangles are two walls apart share a door by
giving both walls the same opening.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vision_banana_ros.world import colors, finishes
from vision_banana_ros.world.furniture import fixtures, nature
from vision_banana_ros.world.interiors import Look, ceiling_finish, floor_finish, wall_finish
from vision_banana_ros.world.layout import FloorPlan, Footprint, Room
from vision_banana_ros.world.openings import Opening
from vision_banana_ros.world.scene import Pattern
from vision_banana_ros.world.stage import Stage

WALL_M = 0.12


@dataclass(frozen=True, slots=True)
class Slot:
    """An opening in side `side` of a room at `along` its wall; `kind` is "door", "window" or "gap" (nothing in it)."""

    side: int
    along: float
    half: float
    bottom: float
    top: float
    kind: str
    open_deg: float = 0.0


def door_slot(stage: Stage, room: Room, side: int, *, open_deg: float | None = None) -> Slot | None:
    """A door somewhere in a wall, closed or open; None if the wall is too short for one."""
    half, reach = stage.uniform(0.39, 0.48), room.sides[side].half_length - 0.6
    if reach <= 0:
        return None
    angle = (stage.pick((0.0, stage.uniform(20, 100)))) if open_deg is None else open_deg
    return Slot(side, stage.uniform(-reach, reach), half, 0.0, fixtures.DOOR_HEIGHT_M, "door", angle)


def window_slots(stage: Stage, room: Room, side: int) -> list[Slot]:
    """One wide window, or a row of equal ones; from knee height or from the floor."""
    length = room.sides[side].half_length
    count = stage.pick((1, 1, 2, 3)) if length > 1.5 else 1
    half = min(stage.uniform(0.4, 1.0), length / count - 0.18)
    if half < 0.25:
        return []
    bottom = stage.pick((0.08, stage.uniform(0.75, 1.1), stage.uniform(0.75, 1.1)))
    top = min(stage.uniform(1.95, 2.4), room.height - 0.15)
    return [Slot(side, length * ((2 * i + 1) / count - 1), half, bottom, top, "window") for i in range(count)]


def build_shell(
    stage: Stage, room: Room, slots: Sequence[Slot], look: Look, plan: FloorPlan, *, lived_in: bool = True
) -> None:
    """Everything that does not move; keeps doors clear on the plan."""
    build = stage.build
    mx, my = (room.x0 + room.x1) / 2, (room.y0 + room.y1) / 2
    hx, hy = (room.x1 - room.x0) / 2 + WALL_M, (room.y1 - room.y0) / 2 + WALL_M
    with stage.stuff("floor"):
        build.box((mx, my, -0.1), (hx, hy, 0.1), look.floor)
    with stage.stuff("ceiling"):
        build.box((mx, my, room.height + 0.1), (hx, hy, 0.1), look.ceiling)
    for number, side in enumerate(room.sides):
        here = [slot for slot in slots if slot.side == number]
        with stage.at(side.x, side.y, yaw_deg=side.yaw_deg):
            _wall(stage, side.half_length, room.height, here, look.walls[number], look.skirting)
            for slot in here:
                _fill(stage, slot, look, lived_in=lived_in)
        for slot in here:
            depth = 0.45 if slot.kind != "window" else 0.15
            x, y = side.point(depth, slot.along)
            if slot.kind != "window" or slot.bottom < 0.5:
                plan.taken.append(Footprint(x, y, side.yaw_deg, depth, slot.half))


def _wall(stage: Stage, half: float, height: float, slots: Sequence[Slot], material: int, skirting: int | None) -> None:
    end = half + WALL_M
    holes = [Opening(s.along - s.half + end, s.along + s.half + end, s.bottom, s.top) for s in slots]
    low = [Opening(h.left - 0.05, h.right + 0.05, h.bottom, h.top) for h in holes if h.bottom < 0.1]
    with stage.stuff("wall"):
        stage.build.wall((-WALL_M / 2, -end), (-WALL_M / 2, end), height, material, thickness=WALL_M, openings=holes)
        if skirting is not None:
            stage.build.wall(
                (0.005, -end), (0.005, end), stage.uniform(0.06, 0.12), skirting, thickness=0.016, openings=low
            )


def _fill(stage: Stage, slot: Slot, look: Look, *, lived_in: bool) -> None:
    with stage.at(0, slot.along):
        if slot.kind == "door":
            fixtures.door_frame(stage, slot.half, slot.top, WALL_M, look.woodwork)
            leaf = look.woodwork if stage.chance(0.6) else finishes.one_of(stage, finishes.wood, finishes.painted)
            fixtures.door_leaf(stage, slot.half, slot.top, leaf, open_deg=slot.open_deg, hinge=stage.pick((-1, 1)))
        elif slot.kind == "window":
            fixtures.window(stage, slot.half, slot.bottom, slot.top, WALL_M, look.woodwork)
            dress = stage.pick(("none", "curtains", "blind"), (2, 3, 1.5))
            if lived_in and dress == "curtains":
                fixtures.curtains(stage, slot.half, slot.top + 0.08, closed=stage.pick((0.0, 0.1, stage.uniform(0, 1))))
            elif dress == "blind":
                fixtures.blind(stage, slot.half, slot.bottom, slot.top)
            if slot.bottom > 0.7 and stage.chance(0.6):
                fixtures.radiator(stage, slot.half * stage.uniform(0.6, 1.0))


def annex(stage: Stage, room: Room, slot: Slot) -> None:
    """A piece of the next room, seen through an open door: floor, walls, ceiling, a lamp."""
    side, deep, wide = room.sides[slot.side], stage.uniform(1.2, 4.0), stage.uniform(0.7, 1.6)
    walls, floor, high = wall_finish(stage), floor_finish(stage), 2.5
    back, build = -WALL_M - 2 * deep, stage.build
    with stage.at(side.x, side.y, yaw_deg=side.yaw_deg), stage.at(0, slot.along):
        middle = -WALL_M - deep - 0.001
        with stage.stuff("floor"):
            build.box((middle, 0, -0.1), (deep, wide + 0.1, 0.1), floor)
        with stage.stuff("ceiling"):
            build.box((middle, 0, high + 0.1), (deep, wide + 0.1, 0.1), ceiling_finish(stage))
        with stage.stuff("wall"):
            for s in (-1, 1):
                build.box((middle, s * (wide + 0.05), high / 2), (deep, 0.05, high / 2), walls)
            build.box((back, 0, high / 2), (0.05, wide, high / 2), walls)
        if stage.chance(0.7):
            power = stage.uniform(0.8, 4)
            build.lamp((middle, 0, high - 0.3), (power, power * 0.93, power * 0.8))
        if stage.chance(0.5):
            with stage.at(back + 0.06, 0):
                fixtures.picture(stage, stage.uniform(0.2, 0.4), stage.uniform(0.2, 0.4), 1.5)


def hang(stage: Stage, room: Room, slots: Sequence[Slot], kinds: Sequence[str], count: int) -> None:
    """Pictures, mirrors, clocks ... on the walls between the openings."""
    taken = [(slot.side, slot.along, slot.half) for slot in slots]
    for _ in range(count):
        number = stage.count(0, 3)
        side, kind = room.sides[number], stage.pick(kinds)
        half = {
            "picture": stage.uniform(0.15, 0.6),
            "mirror": stage.uniform(0.2, 0.5),
            "whiteboard": stage.uniform(0.5, 1.1),
        }
        width = min(half.get(kind, 0.2), side.half_length * 0.8)
        along = stage.uniform(-1, 1) * (side.half_length - width)
        if any(wall == number and abs(at - along) < half + width + 0.15 for wall, at, half in taken):
            continue
        taken.append((number, along, width))
        with stage.at(side.x, side.y, yaw_deg=side.yaw_deg), stage.at(0, along):
            _hang_one(stage, kind, width, room.height)


def _hang_one(stage: Stage, kind: str, width: float, height: float) -> None:
    if kind == "picture":
        tall = min(width * stage.uniform(0.6, 1.5), 0.6)
        fixtures.picture(stage, width, tall, min(stage.uniform(1.4, 1.75), height - tall - 0.1))
    elif kind == "mirror":
        tall = stage.uniform(0.4, 0.8)
        fixtures.mirror(stage, width, tall, 1.3)
    elif kind == "whiteboard":
        fixtures.whiteboard(stage, width)
    elif kind == "clock":
        fixtures.wall_clock(stage)
    elif kind == "extinguisher":
        fixtures.fire_extinguisher(stage)
    elif kind == "towel":
        fixtures.towel_rail(stage)
    else:
        fixtures.small_fittings(stage)


def outside(stage: Stage, room: Room, *, floors_up: int) -> None:
    """What windows show: ground, some trees and houses, all around."""
    level = -0.25 - 2.9 * floors_up
    build = stage.build
    green = colors.hsv(stage.uniform(70, 110), stage.uniform(0.3, 0.55), stage.uniform(0.25, 0.45))
    ground = build.material(
        color=green, color_b=colors.shade(green, 0.6), pattern=Pattern.GROUND, scale=1.5, roughness=1.0
    )
    with stage.stuff("grass"):
        build.plane(ground, (0, 0, level))
    reach = max(room.x1, room.y1, -room.x0, -room.y0)
    for side in room.sides:
        for _ in range(stage.count(0, 2)):
            x, y = side.point(-stage.uniform(4, 14) - reach, stage.uniform(-12, 12))
            with stage.at(x, y, level, yaw_deg=stage.uniform(0, 360)):
                nature.tree(stage).draw()
        if stage.chance(0.6):
            wall = colors.hsv(stage.uniform(15, 50), stage.uniform(0.05, 0.4), stage.uniform(0.5, 0.9))
            facade = build.material(
                color=wall, color_b=(0.8, 0.8, 0.8), pattern=Pattern.FACADE, scale=stage.uniform(0.3, 0.45)
            )
            x, y = side.point(-stage.uniform(12, 35) - reach, stage.uniform(-10, 10))
            half_z = stage.uniform(3, 9)
            with stage.at(x, y, level, yaw_deg=side.yaw_deg), stage.stuff("building"):
                build.box((-4, 0, half_z), (4, stage.uniform(5, 14), half_z), facade)
