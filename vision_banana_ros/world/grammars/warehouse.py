"""Warehouses and workshops: rows of racks, pallets, forklifts, barrels, people in the aisles."""

from __future__ import annotations

from vision_banana_ros.world import finishes, interiors, rooms
from vision_banana_ros.world.furniture import floorware, industry, people, storage, street, tabletop
from vision_banana_ros.world.layout import FloorPlan, Room, scatter
from vision_banana_ros.world.lighting import room_light
from vision_banana_ros.world.place import Mount, Place, Stand
from vision_banana_ros.world.stage import Maker, Stage

ON_THE_FLOOR: tuple[Maker, ...] = (
    industry.pallet,
    industry.pallet,
    industry.pallet,
    industry.barrel,
    industry.forklift,
    industry.pallet_jack,
    industry.ladder,
    people.person,
    floorware.box,
    floorware.crate,
    street.traffic_cone,
    street.bollard,
)
MOUNTS = ((Mount.LOW_ROBOT, 2.0), (Mount.ROBOT, 3.5), (Mount.HEAD, 2.5), (Mount.DRONE, 0.7), (Mount.WRIST, 0.4))


def warehouse(stage: Stage) -> Place:
    """A hall with racks in rows and aisles between them."""
    room = Room.drawn(stage, (10.0, 32.0), (8.0, 20.0), (4.5, 8.5))
    plan = _hall(stage, room, levels_lit=stage.chance(0.4))
    levels = max(2, min(4, int((room.height - 0.8) / 1.5)))
    y, aisle = room.y0 + 0.9, stage.uniform(2.2, 4.0)
    stands: list[Stand] = []
    while y < room.y1 - 0.6:
        bays = max(1, int((room.x1 - room.x0 - 4) / 2.7))
        piece = industry.rack(stage, bays, stage.count(2, levels))
        plan.put(stage, piece, stage.uniform(-0.5, 0.5), y, 90, margin=0)
        end = min(y + aisle - 0.2, room.y1 - 0.5)
        if end > y + 0.8 or not stands:
            stands.append(Stand(room.x0 + 0.8, min(y + 0.8, end), room.x1 - 0.8, end, along_deg=0.0))
        y += aisle + 1.2
    _litter(stage, plan, room)
    return Place(stands=tuple(stands), mounts=MOUNTS, ceiling_m=room.height)


def workshop(stage: Stage) -> Place:
    """Benches with tools, shelves, barrels and half-open boxes."""
    room = Room.drawn(stage, (4.0, 11.0), (3.5, 8.0), (2.8, 4.5))
    plan = _hall(stage, room, levels_lit=stage.chance(0.6))
    tools = (*tabletop.TOOLS, tabletop.bottle, tabletop.cup, floorware.box, tabletop.paper_sheet)
    for maker in (storage.desk, storage.desk, storage.table, storage.shelf, storage.shelf, storage.cabinet):
        if stage.chance(0.8):
            spot = plan.against_wall(stage, maker)
            if spot is not None:
                scatter(stage, spot, tools, stage.uniform(0.5, 1.5))
    for _ in range(stage.count(0, 2)):
        spot = plan.freely(stage, storage.table, square=0.9)
        if spot is not None:
            scatter(stage, spot, tools, 1.2)
    _litter(stage, plan, room)
    stand = Stand(room.x0 + 0.4, room.y0 + 0.4, room.x1 - 0.4, room.y1 - 0.4)
    return Place(stands=(stand,), mounts=(*MOUNTS[:3], (Mount.WRIST, 2.5)), ceiling_m=room.height)


def _hall(stage: Stage, room: Room, *, levels_lit: bool) -> FloorPlan:
    """Concrete, sheet metal, roller doors, high windows, fluorescent light."""
    plan, build = FloorPlan(room), stage.build
    walls = finishes.one_of(stage, finishes.concrete, finishes.painted, finishes.stone).number
    floor = finishes.concrete(stage).number
    roof = finishes.painted(stage, stage.pick(("white", "grey"))).number
    look = interiors.Look((walls, walls, walls, walls), floor, roof, None, finishes.dark_metal(stage))
    slots = []
    for side in range(4):
        length = room.sides[side].half_length
        if stage.chance(0.5):
            slots.append(rooms.Slot(side, stage.uniform(-0.5, 0.5) * length, 0.47, 0.0, 2.03, "door", 0.0))
        if levels_lit:
            count = max(1, int(length / 2.5))
            low = room.height - stage.uniform(1.2, 1.6)
            slots.extend(
                rooms.Slot(side, length * ((2 * i + 1) / count - 1), 0.9, low, low + 0.8, "window")
                for i in range(count)
            )
    rooms.build_shell(stage, room, slots, look, plan, lived_in=False)
    if levels_lit:
        rooms.outside(stage, room, floors_up=0)
    room_light(stage, room, windows=levels_lit)
    yellow = finishes.painted(stage, "yellow").number
    with stage.stuff("lane marking"):
        for _ in range(stage.count(0, 4)):
            along = stage.uniform(room.y0 + 1, room.y1 - 1)
            build.box((0, along, 0.001), (room.x1 - 0.5, 0.05, 0.001), yellow)
    for x in (room.x0 + 0.25, room.x1 - 0.25):
        for i in range(int((room.y1 - room.y0) / 5)):
            steel = finishes.dark_metal(stage)
            with stage.thing("pillar", steel):
                build.box((x, room.y0 + 2.5 + 5 * i, room.height / 2), (0.12, 0.12, room.height / 2), steel.number)
    return plan


def _litter(stage: Stage, plan: FloorPlan, room: Room) -> None:
    for _ in range(min(40, int(room.area_m2 * stage.uniform(0.06, 0.25)))):
        spot = plan.freely(stage, stage.pick(ON_THE_FLOOR), square=0.7)
        if spot is not None and spot.tops:
            scatter(stage, spot, (tabletop.bottle, tabletop.can), 1.0)
