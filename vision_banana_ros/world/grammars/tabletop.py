"""Table-tops and shelves seen from 0.15 to 1.5 m: what an arm's camera, a hand or a small robot looks at."""

from __future__ import annotations

from dataclasses import replace

from vision_banana_ros.world.furniture import devices, floorware, storage, tabletop
from vision_banana_ros.world.grammars.home import open_room, scatter_on
from vision_banana_ros.world.layout import Room, strew
from vision_banana_ros.world.place import Mount, Place, Stand
from vision_banana_ros.world.stage import Maker, Stage, Top

THEMES: tuple[tuple[Maker, ...], ...] = (
    tabletop.FOOD,
    tabletop.STATIONERY,
    tabletop.KITCHENWARE,
    tabletop.LIVING,
    tabletop.TOOLS,
    tabletop.EVERYTHING,
    (*tabletop.EVERYTHING, devices.laptop, devices.keyboard, devices.mouse, floorware.plant, devices.lamp),
)
CLOSE: tuple[tuple[Mount, float], ...] = ((Mount.WRIST, 1.0),)
REACHING: tuple[tuple[Mount, float], ...] = ((Mount.GRIPPER, 1.0),)


def table_top(stage: Stage) -> Place:
    """A laden table in some room; the camera is close to one of the things on it."""
    room = Room.drawn(stage, (2.6, 6.0), (2.6, 5.0))
    plan, _ = open_room(stage, room)
    theme = stage.pick(THEMES)
    maker = stage.pick((storage.table, storage.desk, storage.table))
    spot = plan.freely(stage, maker, square=0.8, tries=20) or plan.against_wall(stage, maker, tries=20)
    scatter_on(stage, spot, theme, stage.uniform(0.8, 2.5))
    for other in (storage.cabinet, storage.shelf, storage.cabinet):
        scatter_on(stage, plan.against_wall(stage, other), theme, 0.6)
    if spot is None:  # a room full of doors: use the floor
        strew(stage, _floor(), theme, 1.0)
    return _close(room)


def shelf_front(stage: Stage) -> Place:
    """Before shelves: rows of things at all heights."""
    room = Room.drawn(stage, (2.4, 5.0), (2.4, 4.5))
    plan, _ = open_room(stage, room)
    theme = stage.pick(THEMES)
    for _ in range(stage.count(2, 5)):
        scatter_on(stage, plan.against_wall(stage, storage.shelf), theme, stage.uniform(0.8, 2.5))
    for maker in (storage.table, floorware.open_box, floorware.box):
        scatter_on(stage, plan.freely(stage, maker), theme, 1.0)
    strew(stage, _floor(), theme, 0.3)
    return _close(room)


def in_reach(stage: Stage) -> Place:
    """Either of them, from where an arm is about to take something."""
    return replace(stage.pick((table_top, table_top, shelf_front))(stage), mounts=REACHING)


def _floor() -> Top:
    """The middle of a room's floor, as a place for a few things."""
    return Top(0, 0, 0, 0.5, 0.5)


def _close(room: Room) -> Place:
    stand = Stand(room.x0 + 0.3, room.y0 + 0.3, room.x1 - 0.3, room.y1 - 0.3)
    return Place(stands=(stand,), mounts=CLOSE, ceiling_m=room.height)
