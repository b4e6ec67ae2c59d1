"""Staircases: flights with railings indoors, and steps outside a house."""

from __future__ import annotations

from vision_banana_ros.world import finishes, interiors, rooms
from vision_banana_ros.world.furniture import floorware, people, seats, tabletop
from vision_banana_ros.world.grammars.home import scatter_on
from vision_banana_ros.world.layout import FloorPlan, Footprint, Room
from vision_banana_ros.world.lighting import room_light
from vision_banana_ros.world.place import Mount, Place, Stand
from vision_banana_ros.world.stage import Stage


def staircase(stage: Stage) -> Place:
    """A hall with one or two flights to a gallery; cameras stand below, on the steps or above."""
    rise, run, steps = stage.uniform(0.15, 0.19), stage.uniform(0.24, 0.32), stage.count(6, 16)
    wide = stage.uniform(0.45, 0.9)
    upper, reach = rise * steps, run * steps
    room = Room(-2.2, -stage.uniform(1.6, 3.0), reach + 2.2, stage.uniform(1.6, 3.0), upper + stage.uniform(2.3, 2.8))
    plan, slots = _hall(stage, room)
    y = stage.uniform(room.y0 + wide + 0.1, room.y1 - wide - 0.1)
    flight(stage, y, wide, rise, run, steps)
    plan.taken.append(Footprint(reach / 2 + 1.1, y, 0, reach / 2 + 1.1, wide + 0.1))
    landing(stage, room, y, wide, reach, upper)
    for maker in (floorware.plant, seats.bench, floorware.bin_, seats.chair, floorware.box):
        if stage.chance(0.5):
            scatter_on(stage, plan.against_wall(stage, maker), (tabletop.vase, tabletop.book_stack), 0.4)
    for _ in range(stage.pick((0, 1, 1, 2))):
        plan.freely(stage, stage.pick((people.person, floorware.suitcase, floorware.bag)))
    if stage.chance(0.35):
        step = stage.count(1, steps - 1)
        with stage.at((step - 0.5) * run, y, step * rise, yaw_deg=stage.pick((0, 180))):
            people.person(stage).draw()
    rooms.hang(stage, room, slots, ("picture", "picture", "clock", "extinguisher", "fittings"), stage.count(2, 6))
    return _stands(room, y, wide, rise, run, steps)


def _hall(stage: Stage, room: Room) -> tuple[FloorPlan, list[rooms.Slot]]:
    slots: list[rooms.Slot] = []
    for side in (0, 1, 3):
        if stage.chance(0.6):
            door = rooms.door_slot(stage, room, side, open_deg=0.0)
            slots.extend([door] if door and stage.chance(0.5) else rooms.window_slots(stage, room, side))
    plan = FloorPlan(room)
    rooms.build_shell(stage, room, slots, interiors.drawn_look(stage), plan)
    windows = any(slot.kind == "window" for slot in slots)
    if windows:
        rooms.outside(stage, room, floors_up=0)
    room_light(stage, room, windows=windows)
    return plan, slots


def flight(stage: Stage, y: float, wide: float, rise: float, run: float, steps: int) -> None:
    """Closed or open steps from x = 0 upwards along +x, and a railing on both sides."""
    build, tread = stage.build, finishes.one_of(stage, finishes.wood, finishes.stone, finishes.concrete)
    solid, nosing = stage.chance(0.6), stage.chance(0.4)
    edge = finishes.rubber(stage).number
    with stage.thing("stairs", tread):
        for i in range(steps):
            x, top = (i + 0.5) * run, (i + 1) * rise
            if solid:
                build.box((x, y, top / 2), (run / 2, wide, top / 2), tread.number)
            else:
                build.box((x, y, top - 0.02), (run / 2 + 0.015, wide, 0.02), tread.number)
            if nosing:
                build.box((x - run / 2 + 0.02, y, top), (0.015, wide, 0.002), edge)
        if not solid:
            for sy in (-1, 1):
                end = (steps * run, y + sy * wide, steps * rise - 0.12)
                build.rod((0.05, y + sy * wide, 0.02), end, 0.05, tread.number)
    for sy in (-1, 1):
        if stage.chance(0.75):
            railing(
                stage, (0.1, y + sy * (wide - 0.03), rise), (steps * run, y + sy * (wide - 0.03), (steps + 0.5) * rise)
            )


def railing(stage: Stage, start: tuple[float, float, float], end: tuple[float, float, float]) -> None:
    """A handrail with bars between two points of the floor under it."""
    build, iron = stage.build, finishes.one_of(stage, finishes.dark_metal, finishes.wood, finishes.metal)
    (x0, y0, z0), (x1, y1, z1) = start, end
    bars = max(3, round(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 / stage.uniform(0.13, 0.3)))
    with stage.thing("railing", iron):
        build.capsule((x0, y0, z0 + 0.9), (x1, y1, z1 + 0.9), 0.024, iron.number)
        for i in range(bars + 1):
            s = i / bars
            foot = (x0 + s * (x1 - x0), y0 + s * (y1 - y0), z0 + s * (z1 - z0))
            thick = 0.02 if i in (0, bars) else 0.008
            build.rod((foot[0], foot[1], foot[2] - 0.1), (foot[0], foot[1], foot[2] + 0.9), thick, iron.number)


def landing(stage: Stage, room: Room, y: float, wide: float, reach: float, upper: float) -> None:
    """The floor above, from the last step to the wall, with a railing where one could fall."""
    slab = interiors.floor_finish(stage)
    with stage.stuff("floor"):
        stage.build.box(((reach + room.x1) / 2, 0, upper - 0.1), ((room.x1 - reach) / 2, room.y1 + 3, 0.1), slab)
    for low, high in ((room.y0, y - wide), (y + wide, room.y1)):
        if high - low > 0.3:
            railing(stage, (reach + 0.05, low, upper), (reach + 0.05, high, upper))


def _stands(room: Room, y: float, wide: float, rise: float, run: float, steps: int) -> Place:
    below = Stand(room.x0 + 0.2, room.y0 + 0.2, -0.3, room.y1 - 0.2, along_deg=0.0)
    above = Stand(steps * run + 0.4, room.y0 + 0.2, room.x1 - 0.2, room.y1 - 0.2, rise * steps, along_deg=0.0)
    middle = steps // 2
    on_steps = Stand(
        (middle - 0.9) * run, y - wide * 0.6, (middle - 0.1) * run, y + wide * 0.6, rise * middle, along_deg=0.0
    )
    mounts = ((Mount.LOW_ROBOT, 2.0), (Mount.ROBOT, 3.0), (Mount.HEAD, 3.0))
    return Place(stands=(below, below, above, on_steps), mounts=mounts, ceiling_m=room.height)
