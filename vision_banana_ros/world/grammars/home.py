"""Homes: living rooms, bedrooms, bathrooms, from a tidy den to a large room full of things."""

from __future__ import annotations

from vision_banana_ros.world import interiors, rooms
from vision_banana_ros.world.furniture import devices, fixtures, floorware, people, plumbing, seats, storage, tabletop
from vision_banana_ros.world.layout import FloorPlan, Room, Spot, scatter, strew
from vision_banana_ros.world.lighting import room_light
from vision_banana_ros.world.place import INDOOR_MOUNTS, Place, Stand
from vision_banana_ros.world.rooms import Slot
from vision_banana_ros.world.stage import Maker, Stage, Top

CLUTTER: tuple[Maker, ...] = (
    floorware.box,
    floorware.bag,
    floorware.shoes,
    floorware.shoes,
    floorware.basket,
    floorware.open_box,
    floorware.suitcase,
    floorware.bin_,
    tabletop.toy,
    tabletop.ball,
    tabletop.book_stack,
    tabletop.bottle,
    devices.robot_vacuum,
)


def living_room(stage: Stage) -> Place:
    """A seating group with a television, shelves, maybe a dining table; carpets, plants, people, pets."""
    room = Room.drawn(stage, (3.0, 8.0), (2.6, 6.0))
    plan, slots = open_room(stage, room)
    mess = stage.uniform(0.1, 1.3)
    furnish_living(stage, plan, mess)
    if room.area_m2 > 18 and stage.chance(0.6):
        dining_group(stage, plan, mess)
    dress(stage, room, plan, slots, mess)
    return indoor_place(room)


def furnish_living(stage: Stage, plan: FloorPlan, mess: float) -> None:
    """Sofa, table, television, armchairs, and things along the walls."""
    for _ in range(stage.count(1, 2)):
        sofa = plan.against_wall(stage, seats.sofa) if stage.chance(0.7) else plan.freely(stage, seats.sofa, square=0.9)
        if sofa is None:
            continue
        if stage.chance(0.7):
            low = plan.beside(stage, storage.table, sofa, out=stage.uniform(0.85, 1.1))
            scatter_on(stage, low, tabletop.LIVING, mess)
        if stage.chance(0.3):
            with stage.at(sofa.x, sofa.y, yaw_deg=sofa.yaw_deg), stage.at(0.05, stage.uniform(-0.3, 0.3)):
                people.seated_person(stage).draw()
    if stage.chance(0.7):
        board = plan.against_wall(stage, storage.cabinet)
        if board is not None and board.piece.height < 0.8 and board.piece.half_y > 0.5:
            with stage.at(board.x, board.y, board.piece.height, yaw_deg=board.yaw_deg):
                devices.television(stage).draw()
        else:
            scatter_on(stage, board, tabletop.LIVING, mess)
    for maker in (seats.armchair, storage.shelf, storage.shelf, storage.cabinet, storage.desk, devices.speaker):
        if stage.chance(0.65):
            scatter_on(stage, plan.against_wall(stage, maker), tabletop.LIVING, mess)
    for maker in (seats.armchair, seats.chair, seats.stool, storage.table):
        if stage.chance(0.4):
            scatter_on(stage, plan.freely(stage, maker), tabletop.LIVING, mess)


def dining_group(stage: Stage, plan: FloorPlan, mess: float) -> None:
    """A table with chairs round it, some of them pushed back."""
    spot = plan.freely(stage, storage.table, square=0.8)
    if spot is None:
        return
    scatter_on(stage, spot, (*tabletop.FOOD, *tabletop.LIVING), mess)
    seat = stage.pick((seats.chair, seats.chair, seats.stool))
    for front in (0, 90, 180, 270):
        reach = spot.piece.half_x if front % 180 == 0 else spot.piece.half_y
        turned = Spot(spot.piece, spot.x, spot.y, spot.yaw_deg + front)
        if stage.chance(0.8):
            yaw = 180 + stage.uniform(-25, 25) * (stage.uniform(0, 1) > 0.6)
            plan.beside(
                stage, seat, turned, out=reach + stage.uniform(0.2, 0.5), along=stage.uniform(-0.2, 0.2), yaw_deg=yaw
            )


def bedroom(stage: Stage) -> Place:
    """A bed with its head at the wall, wardrobes, bedside tables, a desk, clothes on the floor."""
    room = Room.drawn(stage, (2.6, 5.2), (2.5, 4.5))
    plan, slots = open_room(stage, room)
    mess = stage.uniform(0.1, 1.3)
    bed = plan.against_wall(stage, seats.bed, tries=14)
    if bed is not None:
        for side in (-1, 1):
            if stage.chance(0.7):
                along = side * (bed.piece.half_y + stage.uniform(0.28, 0.4))
                table = plan.beside(stage, storage.cabinet, bed, out=-bed.piece.half_x + 0.3, along=along, yaw_deg=0)
                scatter_on(stage, table, (devices.lamp, *tabletop.LIVING), mess)
        if stage.chance(0.4):
            scatter_on(stage, bed, (tabletop.book_stack, devices.laptop, tabletop.toy, floorware.bag), mess * 0.2)
    for maker in (storage.wardrobe, storage.wardrobe, storage.cabinet, storage.shelf, storage.coat_rack):
        if stage.chance(0.6):
            scatter_on(stage, plan.against_wall(stage, maker), tabletop.LIVING, mess)
    if stage.chance(0.4):
        workplace(stage, plan, mess)
    dress(stage, room, plan, slots, mess)
    return indoor_place(room)


def workplace(stage: Stage, plan: FloorPlan, mess: float) -> None:
    """A desk at a wall with a computer and somebody's chair."""
    spot = plan.against_wall(stage, storage.desk)
    if spot is None:
        return
    furnish_desk(stage, spot, mess)
    chair = stage.pick((seats.office_chair, seats.office_chair, seats.chair))
    plan.beside(
        stage, chair, spot, out=spot.piece.half_x + stage.uniform(0.15, 0.5), yaw_deg=180 + stage.uniform(-40, 40)
    )


def furnish_desk(stage: Stage, spot: Spot, mess: float) -> None:
    """Screens at the back, keyboard and mouse before them, papers and cups beside."""
    top = spot.piece.tops[0]
    with stage.at(spot.x, spot.y, yaw_deg=spot.yaw_deg):
        screens = stage.pick((0, 1, 1, 2)) if top.half_y > 0.6 else stage.pick((0, 1))
        for i in range(screens):
            y = (i - (screens - 1) / 2) * stage.uniform(0.62, 0.75)
            with stage.at(-top.half_x * 0.45, y, top.z, yaw_deg=-y * 35 + stage.uniform(-8, 8)):
                devices.monitor(stage).draw()
        if screens:
            with stage.at(top.half_x * 0.45, stage.uniform(-0.1, 0.1), top.z, yaw_deg=180 + stage.uniform(-8, 8)):
                devices.keyboard(stage).draw()
            with stage.at(top.half_x * 0.45, -0.33, top.z, yaw_deg=180):
                devices.mouse(stage).draw()
        elif stage.chance(0.7):
            with stage.at(0.05, stage.uniform(-0.1, 0.1), top.z, yaw_deg=stage.uniform(-15, 15)):
                devices.laptop(stage).draw()
        for side in (-1, 1):
            if top.half_y > 0.62:
                corner = Top(0, side * (top.half_y - 0.17), top.z, top.half_x, 0.17)
                strew(stage, corner, (*tabletop.STATIONERY, devices.lamp), mess + 0.3)


def bathroom(stage: Stage) -> Place:
    """Tiles, washbasin with mirror, toilet, bath, washing machine, towels."""
    room = Room.drawn(stage, (2.0, 3.6), (1.9, 3.0), (2.3, 2.7))
    plan, slots = open_room(stage, room, floors=("tiles", "tiles", "stone", "checker"), windowed=0.4)
    for maker in (plumbing.bathtub, plumbing.toilet, plumbing.washbasin):
        spot = plan.against_wall(stage, maker, tries=14)
        if spot is not None and maker is plumbing.washbasin:
            with stage.at(spot.x, spot.y, yaw_deg=spot.yaw_deg), stage.at(-spot.piece.half_x - 0.03, 0):
                fixtures.mirror(stage, stage.uniform(0.2, 0.4), stage.uniform(0.3, 0.45), 1.5)
    for maker in (devices.washing_machine, storage.cabinet, floorware.basket, floorware.bin_):
        if stage.chance(0.6):
            scatter_on(
                stage, plan.against_wall(stage, maker), (tabletop.bottle, tabletop.cup, tabletop.vessel_box), 1.0
            )
    rooms.hang(stage, room, slots, ("towel", "towel", "fittings"), 3)
    if stage.chance(0.5):
        with stage.at(0, 0, yaw_deg=90 * stage.count(0, 1)):
            floorware.rug(stage, stage.uniform(0.2, 0.4), stage.uniform(0.3, 0.6))
    return indoor_place(room)


# What all homes share -----------------------------------------------------------------------------------------------


def open_room(
    stage: Stage,
    room: Room,
    *,
    floors: tuple[str, ...] = ("parquet", "parquet", "tiles", "carpet", "stone", "lino"),
    windowed: float = 0.85,
    lived_in: bool = True,
) -> tuple[FloorPlan, list[Slot]]:
    """Shell, light and outside of a room: one or two doors, windows on the other walls."""
    sides = [int(s) for s in stage.rng.permutation(4)]
    slots: list[Slot] = []
    for side in sides[: stage.count(1, 2)]:
        slot = rooms.door_slot(stage, room, side)
        if slot is not None:
            slots.append(slot)
    if stage.chance(windowed):
        for side in sides[2 : 2 + stage.pick((1, 1, 2))]:
            slots.extend(rooms.window_slots(stage, room, side))
    windows = any(slot.kind == "window" for slot in slots)
    plan = FloorPlan(room)
    rooms.build_shell(stage, room, slots, interiors.drawn_look(stage, floors), plan, lived_in=lived_in)
    for slot in slots:
        if slot.kind == "door" and slot.open_deg > 0:
            rooms.annex(stage, room, slot)
    if windows:
        rooms.outside(stage, room, floors_up=stage.count(0, 3))
    room_light(stage, room, windows=windows)
    return plan, slots


def dress(stage: Stage, room: Room, plan: FloorPlan, slots: list[Slot], mess: float) -> None:
    """Rugs, plants, lamps, pictures, what lies about, who is there."""
    for _ in range(stage.pick((0, 1, 1, 2))):
        reach_x, reach_y = (room.x1 - room.x0) * 0.2, (room.y1 - room.y0) * 0.2
        with stage.at(
            stage.uniform(-reach_x, reach_x), stage.uniform(-reach_y, reach_y), yaw_deg=stage.pick((0, 90, 20))
        ):
            floorware.rug(stage, min(stage.uniform(0.4, 1.4), reach_x * 2), min(stage.uniform(0.4, 1.1), reach_y * 2))
    for maker in (floorware.plant, floorware.plant, devices.lamp, devices.fan):
        if stage.chance(0.4):
            plan.against_wall(stage, maker)
    for _ in range(int(stage.rng.poisson(mess * room.area_m2 * 0.3 + 1))):
        plan.freely(stage, stage.pick(CLUTTER), square=0.2)
    if stage.chance(0.3):
        plan.freely(stage, people.person, square=0)
    if stage.chance(0.15):
        plan.freely(stage, stage.pick((floorware.dog, floorware.cat)), square=0)
    rooms.hang(
        stage,
        room,
        slots,
        ("picture", "picture", "picture", "mirror", "clock", "fittings", "fittings"),
        stage.count(2, 7),
    )


def scatter_on(stage: Stage, spot: Spot | None, makers: tuple[Maker, ...], density: float) -> None:
    """`scatter`, if the piece found a place at all."""
    if spot is not None:
        scatter(stage, spot, makers, density)


def indoor_place(room: Room) -> Place:
    """A robot may stand anywhere in the room that is free."""
    inset = 0.2
    stand = Stand(room.x0 + inset, room.y0 + inset, room.x1 - inset, room.y1 - inset)
    return Place(stands=(stand,), mounts=INDOOR_MOUNTS, ceiling_m=room.height)
