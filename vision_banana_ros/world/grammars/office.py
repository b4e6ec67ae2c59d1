"""Offices, meeting rooms and corridors."""

from __future__ import annotations

from vision_banana_ros.world import interiors, rooms
from vision_banana_ros.world.furniture import devices, floorware, people, seats, storage, tabletop
from vision_banana_ros.world.grammars.home import furnish_desk, indoor_place, open_room, scatter_on
from vision_banana_ros.world.layout import FloorPlan, Room, Spot
from vision_banana_ros.world.lighting import room_light
from vision_banana_ros.world.place import INDOOR_MOUNTS, Place, Stand
from vision_banana_ros.world.stage import Maker, Stage

FLOORS = ("carpet", "carpet", "lino", "parquet", "stone", "tiles")
SHEETS: tuple[Maker, ...] = (
    tabletop.paper_sheet,
    tabletop.book_stack,
    tabletop.cup,
    floorware.plant,
    tabletop.vessel_box,
)


def office(stage: Stage) -> Place:
    """From a cell for one to a hall of desks in rows; or a meeting room."""
    room = Room.drawn(stage, (3.0, 12.0), (2.8, 8.0), (2.5, 3.4))
    plan, slots = open_room(stage, room, floors=FLOORS, lived_in=False)
    mess = stage.uniform(0.1, 1.0)
    if stage.chance(0.25):
        _meeting(stage, plan, mess)
    elif room.area_m2 > 25:
        _desk_rows(stage, room, plan, mess)
    else:
        for _ in range(stage.count(1, 3)):
            _desk(stage, plan, plan.against_wall(stage, storage.desk), mess)
    for maker in (storage.shelf, storage.cabinet, storage.cabinet, storage.shelf, floorware.plant, floorware.bin_):
        if stage.chance(0.65):
            scatter_on(stage, plan.against_wall(stage, maker), SHEETS, mess)
    for maker in (floorware.bin_, floorware.box, floorware.bag, seats.office_chair, people.person, floorware.plant):
        if stage.chance(0.4):
            plan.freely(stage, maker, square=0.3)
    rooms.hang(stage, room, slots, ("whiteboard", "picture", "clock", "fittings", "fittings"), stage.count(2, 6))
    return indoor_place(room)


def _desk(stage: Stage, plan: FloorPlan, spot: Spot | None, mess: float) -> None:
    if spot is None:
        return
    furnish_desk(stage, spot, mess)
    out = spot.piece.half_x + stage.uniform(0.12, 0.5)
    chair = plan.beside(stage, seats.office_chair, spot, out=out, yaw_deg=180 + stage.uniform(-50, 50))
    if chair is not None and stage.chance(0.25):
        with stage.at(chair.x, chair.y, yaw_deg=chair.yaw_deg):
            people.seated_person(stage).draw()


def _desk_rows(stage: Stage, room: Room, plan: FloorPlan, mess: float) -> None:
    """Blocks of two desks face to face, with gangways between."""
    x, pitch = room.x0 + 1.2, stage.uniform(2.6, 3.2)
    while x < room.x1 - 1.2:
        y = room.y0 + 0.9
        while y < room.y1 - 0.9:
            for yaw in (0, 180):
                piece = storage.desk(stage)
                side = 1 if yaw == 0 else -1
                spot = plan.put(stage, piece, x + side * (piece.half_x + 0.02), y, yaw)
                _desk(stage, plan, spot, mess)
            y += stage.uniform(1.9, 2.3)
        x += pitch


def _meeting(stage: Stage, plan: FloorPlan, mess: float) -> None:
    """Chairs along both sides of a long table."""
    spot = plan.freely(stage, storage.desk, square=1.0)
    if spot is None:
        return
    scatter_on(stage, spot, (*tabletop.STATIONERY, devices.laptop, tabletop.bottle), mess + 0.4)
    for front in (0, 180):
        turned = Spot(spot.piece, spot.x, spot.y, spot.yaw_deg + front)
        for along in (-0.55, 0.0, 0.55):
            if stage.chance(0.8) and abs(along) < spot.piece.half_y:
                maker = stage.pick((seats.office_chair, seats.chair))
                out = spot.piece.half_x + stage.uniform(0.15, 0.4)
                plan.beside(stage, maker, turned, out=out, along=along, yaw_deg=180 + stage.uniform(-20, 20))


def corridor(stage: Stage) -> Place:
    """Long and narrow, doors on both sides, benches, extinguishers, people, a trolley."""
    room = Room.drawn(stage, (6.0, 22.0), (1.3, 2.8), (2.3, 3.2))
    slots = []
    for side in (1, 3):
        along = -room.sides[side].half_length + stage.uniform(0.8, 2.0)
        while along < room.sides[side].half_length - 0.8:
            angle = stage.pick((0.0, 0.0, stage.uniform(30, 95)))
            slots.append(rooms.Slot(side, along, stage.uniform(0.4, 0.48), 0.0, 2.03, "door", angle))
            along += stage.uniform(1.5, 4.0)
    for side in (0, 2):
        if stage.chance(0.5):
            slots.extend(rooms.window_slots(stage, room, side))
        elif stage.chance(0.6):
            slots.append(rooms.Slot(side, 0.0, 0.45, 0.0, 2.03, "door", 0.0))
    plan = FloorPlan(room)
    rooms.build_shell(stage, room, slots, interiors.drawn_look(stage, FLOORS), plan, lived_in=False)
    for slot in slots:
        if slot.kind == "door" and slot.open_deg > 0:
            rooms.annex(stage, room, slot)
    windows = any(slot.kind == "window" for slot in slots)
    if windows:
        rooms.outside(stage, room, floors_up=stage.count(0, 3))
    room_light(stage, room, windows=windows and stage.chance(0.3))
    for maker in (
        seats.bench,
        seats.chair,
        floorware.plant,
        floorware.bin_,
        storage.cabinet,
        floorware.box,
        seats.chair,
    ):
        if stage.chance(0.5):
            scatter_on(stage, plan.against_wall(stage, maker), SHEETS, 0.5)
    for _ in range(stage.pick((0, 1, 1, 2, 3))):
        plan.freely(stage, people.person, square=0.3)
    rooms.hang(stage, room, slots, ("picture", "extinguisher", "clock", "fittings", "whiteboard"), stage.count(3, 9))
    stand = Stand(room.x0 + 0.3, room.y0 + 0.3, room.x1 - 0.3, room.y1 - 0.3, along_deg=0.0)
    return Place(stands=(stand,), mounts=INDOOR_MOUNTS[:3], ceiling_m=room.height)
