"""Kitchens: rows of units with worktops, wall cupboards, appliances, a table, dishes and food."""

from __future__ import annotations

from vision_banana_ros.world import rooms
from vision_banana_ros.world.furniture import devices, floorware, people, plumbing, storage, tabletop
from vision_banana_ros.world.grammars.home import dining_group, indoor_place, open_room, scatter_on
from vision_banana_ros.world.layout import FloorPlan, Room, Side, scatter
from vision_banana_ros.world.place import Place
from vision_banana_ros.world.stage import Maker, Stage

ON_THE_WORKTOP: tuple[Maker, ...] = (*tabletop.KITCHENWARE, *tabletop.FOOD, devices.microwave, tabletop.vase)


def kitchen(stage: Stage) -> Place:
    """One, two or an L of rows; whatever does not fit is left out."""
    room = Room.drawn(stage, (2.4, 5.5), (2.2, 4.5), (2.3, 2.9))
    plan, slots = open_room(stage, room, floors=("tiles", "tiles", "lino", "parquet", "checker"))
    mess = stage.uniform(0.2, 1.2)
    windows = {slot.side for slot in slots if slot.kind == "window"}
    rows = [int(s) for s in stage.rng.permutation(4)][: stage.pick((1, 2, 2, 3))]
    look = plumbing.KitchenLook.drawn(stage)
    for number in rows:
        kitchen_row(stage, plan, room.sides[number], look, mess, high=number not in windows)
    for maker in (devices.refrigerator, devices.oven, devices.washing_machine, storage.cabinet, storage.shelf):
        if stage.chance(0.6):
            scatter_on(stage, plan.against_wall(stage, maker), ON_THE_WORKTOP, mess)
    dining_group(stage, plan, mess)
    for maker in (floorware.bin_, floorware.crate, floorware.box, floorware.bag):
        if stage.chance(0.35):
            scatter_on(stage, plan.freely(stage, maker), (tabletop.bottle, tabletop.apple, tabletop.orange), 1.5)
    if stage.chance(0.35):
        plan.freely(stage, people.person, square=0)
    rooms.hang(stage, room, slots, ("clock", "picture", "fittings", "towel"), stage.count(1, 4))
    return indoor_place(room)


def kitchen_row(
    stage: Stage, plan: FloorPlan, side: Side, look: plumbing.KitchenLook, mess: float, *, high: bool
) -> None:
    """Units side by side along a wall: worktops with and without a sink, a cooker or a fridge between."""
    along, first = -side.half_length + 0.05, True
    while along < side.half_length - 0.4:
        kind = stage.pick(("plain", "sink", "oven", "fridge", "gap"), (5, 2.5 if first else 0.3, 1.5, 1.0, 0.4))
        width = {
            "plain": stage.uniform(0.4, 1.1),
            "sink": stage.uniform(0.5, 0.9),
            "oven": 0.31,
            "fridge": 0.32,
            "gap": 0.2,
        }[kind]
        middle = along + width
        along += 2 * width
        if middle + width > side.half_length or kind == "gap":
            continue
        first = first and kind != "sink"
        if kind == "oven":
            piece = devices.oven(stage)
        elif kind == "fridge":
            piece = devices.refrigerator(stage)
            if piece.half_y > width or piece.height > plan.room.height:
                continue
        else:
            piece = plumbing.counter(stage, width, look, sink=kind == "sink")
        x, y = side.point(piece.half_x + 0.01, middle)
        spot = plan.put(stage, piece, x, y, side.yaw_deg, margin=-0.01)
        if spot is None:
            continue
        if kind != "fridge":
            scatter(stage, spot, ON_THE_WORKTOP, mess)
            if high and stage.chance(0.6):
                with stage.at(*side.point(0.0, middle), yaw_deg=side.yaw_deg):
                    plumbing.wall_cabinets(stage, width, look)
