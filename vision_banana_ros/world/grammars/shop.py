"""Shops: gondolas of goods, a till, trolleys, customers."""

from __future__ import annotations

from vision_banana_ros.world import finishes
from vision_banana_ros.world.furniture import floorware, industry, people, tabletop
from vision_banana_ros.world.grammars.home import open_room, scatter_on
from vision_banana_ros.world.layout import Room
from vision_banana_ros.world.place import INDOOR_MOUNTS, Mount, Place, Stand
from vision_banana_ros.world.stage import Finish, Maker, Piece, Stage


def shop(stage: Stage) -> Place:
    """Aisles between shelves full of packets, cans and bottles."""
    room = Room.drawn(stage, (5.0, 14.0), (4.5, 10.0), (2.6, 3.8))
    plan, _ = open_room(stage, room, floors=("tiles", "tiles", "lino", "stone"), windowed=0.5, lived_in=False)
    y, aisle = room.y0 + 0.45, stage.uniform(1.3, 2.2)
    stands: list[Stand] = []
    while y < room.y1 - 0.4:
        half = (room.x1 - room.x0) / 2 - stage.uniform(0.9, 1.5)
        plan.put(stage, gondola(stage, half), stage.uniform(-0.3, 0.3), y, 90, margin=0)
        end = min(y + aisle + 0.3, room.y1 - 0.3)
        if end > y + 0.5 or not stands:
            stands.append(Stand(room.x0 + 0.3, min(y + 0.5, end), room.x1 - 0.3, end, along_deg=0.0))
        y += aisle + 0.8
    scatter_on(stage, plan.against_wall(stage, industry.till), (tabletop.vessel_box, tabletop.bottle), 0.8)
    loose: tuple[Maker, ...] = (
        industry.shopping_cart,
        people.person,
        people.person,
        floorware.crate,
        floorware.box,
        floorware.basket,
        floorware.plant,
    )
    for _ in range(stage.count(2, 8)):
        scatter_on(stage, plan.freely(stage, stage.pick(loose)), (tabletop.apple, tabletop.orange, tabletop.can), 1.5)
    return Place(stands=tuple(stands), mounts=(*INDOOR_MOUNTS, (Mount.WRIST, 1.0)), ceiling_m=room.height)


def gondola(stage: Stage, half_y: float) -> Piece:
    """A shelf with goods on both sides; its back is a wall in the middle, the fronts look along +x and -x."""
    deep, height, levels = stage.uniform(0.28, 0.4), stage.uniform(1.3, 2.0), stage.count(3, 5)
    frame = finishes.painted(stage, stage.pick(("white", "grey", "black", "beige")), gloss=0.4)

    def draw() -> None:
        build, step = stage.build, (height - 0.15) / levels
        with stage.thing("shelf", frame):
            build.box((0, 0, height / 2), (0.015, half_y, height / 2), frame.number)
            build.box((0, 0, 0.06), (deep, half_y, 0.06), frame.number)
            for i in range(1, levels):
                build.box((0, 0, 0.12 + i * step), (deep * 0.92, half_y, 0.012), frame.number)
            for sy in (-1, 1):
                build.box((0, sy * half_y, height / 2), (deep * 0.9, 0.012, height / 2), frame.number)
        for side in (0, 180):
            for i in range(levels):
                with stage.at(0, 0, 0.12 + i * step + 0.013, yaw_deg=side):
                    _goods(stage, deep * 0.85, half_y - 0.03, step - 0.06)

    return Piece(deep, half_y + 0.012, height, draw)


def _goods(stage: Stage, deep: float, half_y: float, room: float) -> None:
    """Blocks of equal goods side by side."""
    y = -half_y
    while y < half_y - 0.1:
        width = min(stage.uniform(0.2, 0.7), half_y - y)
        if not stage.chance(0.08):
            _facing(stage, deep, y, width, room)
        y += width + 0.01


def _facing(stage: Stage, deep: float, y: float, width: float, room: float) -> None:
    build, label = stage.build, finishes.packaging(stage)
    kind = stage.pick(("box", "can", "bottle"), (3, 2, 2))
    half = min(stage.uniform(0.03, 0.1), width / 2)
    tall = min(stage.uniform(0.05, 0.16), room / 2)
    count = max(1, int(width / (2 * half)))
    for i in range(count):
        at = (deep - half - stage.uniform(0, 0.02), y + (2 * i + 1) * half)
        with stage.thing(kind, label):
            if kind == "box":
                build.box((at[0] - half, at[1], tall), (half * 2, half * 0.97, tall), label.number)
            elif kind == "can":
                build.cylinder((*at, tall * 0.6), half * 0.95, tall * 0.6, label.number)
            else:
                _bottle(stage, at, half, tall, label)


def _bottle(stage: Stage, at: tuple[float, float], half: float, tall: float, label: Finish) -> None:
    radius = min(half, tall * 0.4) * 0.95
    stage.build.cylinder((*at, tall * 0.65), radius, tall * 0.65, label.number)
    stage.build.cylinder((*at, tall * 1.45), radius, tall * 0.15, label.number, top_radius=radius * 0.35)
    stage.build.cylinder((*at, tall * 1.75), radius * 0.35, tall * 0.16, label.number)
