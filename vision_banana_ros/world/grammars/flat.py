"""A flat: kitchen, hall, living room and bedroom behind doors, and the front garden; with the way a small robot drives.

The rooms' rectangles are two walls apart, so that a door of one is a gap in the other.

        bedroom  | hall | kitchen        y
        ---------|      |-------         ^
        living   |      |                |
                 |_door_|                +--> x
                 garden, street
"""

from __future__ import annotations

from dataclasses import dataclass

from vision_banana_ros.world import interiors, rooms
from vision_banana_ros.world.furniture import devices, floorware, people, plumbing, seats, storage, tabletop, vehicles
from vision_banana_ros.world.furniture.buildings import house
from vision_banana_ros.world.furniture.nature import bush, hedge, tree
from vision_banana_ros.world.furniture.street import dustbin, street_lamp
from vision_banana_ros.world.grammars.home import dining_group, dress, furnish_living, scatter_on
from vision_banana_ros.world.grammars.kitchen import ON_THE_WORKTOP, kitchen_row
from vision_banana_ros.world.ground import Road, draw_road, grass, paving
from vision_banana_ros.world.layout import FloorPlan, Footprint, Room
from vision_banana_ros.world.lighting import Hour, ceiling_lights, daylight
from vision_banana_ros.world.place import INDOOR_MOUNTS, Place, Stand
from vision_banana_ros.world.rooms import WALL_M, Slot
from vision_banana_ros.world.stage import Stage

HEIGHT_M = 2.55
_GAP = 2 * WALL_M
LIVING = Room(0.0, 0.0, 5.4, 4.4, HEIGHT_M)
HALL = Room(5.4 + _GAP, -0.2, 7.5, 6.6, HEIGHT_M)
KITCHEN = Room(7.5 + _GAP, 2.4, 11.3, 6.6, HEIGHT_M)
BEDROOM = Room(0.0, 4.4 + _GAP, 5.4, 8.2, HEIGHT_M)

LIVING_DOOR_Y, KITCHEN_DOOR_Y, FRONT_DOOR_X = 1.3, 3.7, 6.55
#: Where the robot drives: through the kitchen, across the hall, round the living room and out of the front door.
WAY: tuple[tuple[float, float], ...] = (
    (8.3, 2.9),
    (9.2, 3.2),
    (9.9, 4.1),
    (9.4, 4.9),
    (8.5, 4.5),
    (7.62, KITCHEN_DOOR_Y),
    (6.7, 3.2),
    (6.3, 2.0),
    (5.52, LIVING_DOOR_Y),
    (4.4, 1.35),
    (3.2, 1.9),
    (2.6, 2.7),
    (3.3, 3.1),
    (4.2, 2.2),
    (5.52, LIVING_DOOR_Y),
    (6.35, 0.95),
    (FRONT_DOOR_X, -0.3),
    (FRONT_DOOR_X, -2.2),
    (FRONT_DOOR_X + 0.3, -4.4),
)
_ROAD_Y, _DOOR = -11.0, 0.45


@dataclass(frozen=True, slots=True)
class _Opened:
    """A room with its openings and what is left of its floor."""

    room: Room
    slots: list[Slot]
    plan: FloorPlan


def flat(stage: Stage) -> Place:
    """The whole flat; cameras stand in any of its rooms."""
    hour = daylight(stage, (Hour.CLEAR, Hour.CLOUDY, Hour.OVERCAST, Hour.LOW_SUN))
    _garden(stage)
    mess = stage.uniform(0.3, 0.9)
    living, hall, kitchen, bedroom = (_open(stage, room) for room in (LIVING, HALL, KITCHEN, BEDROOM))
    lit = hour is Hour.OVERCAST or stage.chance(0.6)
    for room in (LIVING, HALL, KITCHEN):
        ceiling_lights(stage, room, (1.0, 0.88, 0.72), stage.uniform(0.25, 0.6) if lit else 0.0)
    _furnish_kitchen(stage, kitchen, mess)
    furnish_living(stage, living.plan, mess)
    dining_group(stage, living.plan, mess)
    if stage.chance(0.7):
        living.plan.freely(stage, people.person, square=0)
    dress(stage, living.room, living.plan, living.slots, mess)
    _furnish_hall(stage, hall)
    bedroom.plan.against_wall(stage, seats.bed)
    for _ in range(2):
        bedroom.plan.against_wall(stage, storage.wardrobe)
    stage.build.weather(ambient=0.06)
    stands = tuple(Stand(r.x0 + 0.3, r.y0 + 0.3, r.x1 - 0.3, r.y1 - 0.3) for r in (LIVING, HALL, KITCHEN, BEDROOM))
    return Place(stands=stands, mounts=INDOOR_MOUNTS, ceiling_m=HEIGHT_M)


def _open(stage: Stage, room: Room) -> _Opened:
    """Shell and openings of one room; its doors and the robot's way stay free."""
    slots = _slots(stage, room)
    plan = FloorPlan(room)
    look = interiors.drawn_look(
        stage, ("tiles", "tiles", "lino") if room is KITCHEN else ("parquet", "parquet", "carpet", "stone")
    )
    rooms.build_shell(stage, room, slots, look, plan)
    plan.taken.extend(Footprint(x, y, 45.0, 0.3, 0.3) for x, y in points_on_way(120))
    return _Opened(room, slots, plan)


def _slots(stage: Stage, room: Room) -> list[Slot]:
    """Doors where the plan has them; windows in the outer walls."""

    def gap(side: int, along: float, kind: str, open_deg: float = 0.0) -> Slot:
        return Slot(side, along, _DOOR, 0.0, 2.03, kind, open_deg)

    middle_y = (room.y0 + room.y1) / 2
    if room is LIVING:
        windows = [*rooms.window_slots(stage, room, 0), *rooms.window_slots(stage, room, 1)]
        return [gap(2, middle_y - LIVING_DOOR_Y, "gap"), *windows]
    if room is HALL:
        middle_x = (room.x0 + room.x1) / 2
        return [
            gap(0, LIVING_DOOR_Y - middle_y, "door", 98.0),
            gap(0, 5.6 - middle_y, "door", 0.0),
            gap(2, middle_y - KITCHEN_DOOR_Y, "gap"),
            gap(1, middle_x - FRONT_DOOR_X, "door", 95.0),
        ]
    if room is KITCHEN:
        return [gap(0, KITCHEN_DOOR_Y - middle_y, "door", 95.0), *rooms.window_slots(stage, room, 2)]
    return [gap(2, middle_y - 5.6, "gap"), *rooms.window_slots(stage, room, 0)]


def _furnish_kitchen(stage: Stage, kitchen: _Opened, mess: float) -> None:
    look = plumbing.KitchenLook.drawn(stage)
    kitchen_row(stage, kitchen.plan, KITCHEN.sides[3], look, mess, high=True)
    kitchen_row(stage, kitchen.plan, KITCHEN.sides[2], look, mess, high=False)
    dining_group(stage, kitchen.plan, mess)
    for maker in (devices.refrigerator, storage.shelf, floorware.bin_):
        scatter_on(stage, kitchen.plan.against_wall(stage, maker), ON_THE_WORKTOP, mess)
    rooms.hang(stage, kitchen.room, kitchen.slots, ("clock", "picture", "fittings"), 3)


def _furnish_hall(stage: Stage, hall: _Opened) -> None:
    for maker in (
        storage.coat_rack,
        floorware.shoes,
        floorware.shoes,
        floorware.plant,
        storage.cabinet,
        floorware.suitcase,
    ):
        scatter_on(stage, hall.plan.against_wall(stage, maker), tabletop.LIVING, 0.4)
    rooms.hang(stage, hall.room, hall.slots, ("picture", "mirror", "picture", "fittings"), 6)


def _garden(stage: Stage) -> None:
    """A front garden with a path, a street with parked cars, houses on its other side."""
    with stage.stuff("grass"):
        stage.build.plane(grass(stage), (0, 0, -0.12))
    with stage.stuff("sidewalk"):
        stage.build.box((FRONT_DOOR_X, -4.6, -0.11), (0.75, 4.3, 0.1), paving(stage))
    with stage.build.frame((0, _ROAD_Y, -0.12)):
        draw_road(stage, Road(2.6, 1.6, 0.12))
        for x in (-6.0, 0.5, 10.5, 16.0):
            with stage.at(x, 1.6):
                vehicles.car(stage).draw()
        for i in range(5):
            with stage.at(-30.0 + 15.0 * i, -7.5, yaw_deg=90):
                house(stage, 6.5, detailed=True)
        with stage.at(8.5, 2.9, yaw_deg=-90):
            street_lamp(stage).draw()
    with stage.build.frame((0, 0, -0.12)):
        for x, y in ((3.0, -4.5), (11.0, -5.5), (-4.0, -2.0), (15.0, 1.0)):
            with stage.at(x, y):
                tree(stage).draw()
        for x, y in ((4.6, -1.4), (8.6, -1.3), (9.8, -1.6), (2.4, -1.5)):
            with stage.at(x, y):
                bush(stage).draw()
        with stage.at(8.1, -6.0):
            dustbin(stage).draw()
        with stage.at(5.4, -6.5, yaw_deg=60):
            people.person(stage).draw()
        for x in (2.5, 11.0):
            with stage.at(x, -8.1, yaw_deg=-90):
                hedge(stage, 3.2)


def points_on_way(count: int) -> list[tuple[float, float]]:
    """Equally spaced points along WAY, rounded at its corners (uniform Catmull-Rom)."""
    import numpy as np

    knots = np.array([WAY[0], *WAY, WAY[-1]])
    t = np.linspace(0, 1, 40, endpoint=False)[:, None]
    pieces = []
    for p0, p1, p2, p3 in zip(knots[:-3], knots[1:-2], knots[2:-1], knots[3:], strict=True):
        cubic = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
        pieces.append(cubic / 2)
    curve = np.concatenate([*pieces, knots[-1:]])
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    at = np.linspace(0, way[-1], count)
    return [
        (float(x), float(y))
        for x, y in zip(np.interp(at, way, curve[:, 0]), np.interp(at, way, curve[:, 1]), strict=True)
    ]
