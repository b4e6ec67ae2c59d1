"""Streets: a carriageway between footways and houses, parked and moving cars, people, all the furniture of a town."""

from __future__ import annotations

import math

from vision_banana_ros.world.furniture import buildings, floorware, nature, people, seats, street, vehicles
from vision_banana_ros.world.ground import FAR_M, Road, draw_road, grass, paving
from vision_banana_ros.world.layout import FloorPlan, Room
from vision_banana_ros.world.lighting import Hour, daylight, weather
from vision_banana_ros.world.place import Mount, Place, Stand
from vision_banana_ros.world.stage import Maker, Stage

#: What stands at the kerb side of a footway, with how often.
AT_THE_KERB: tuple[tuple[Maker, float], ...] = (
    (street.traffic_sign, 2.0),
    (street.pole, 1.2),
    (street.bollard, 2.5),
    (nature.tree, 3.0),
    (street.dustbin, 1.0),
    (street.fire_hydrant, 0.5),
    (street.mailbox, 0.5),
    (vehicles.bicycle, 1.2),
    (vehicles.motorcycle, 0.4),
    (street.traffic_light, 0.6),
    (street.bus_stop, 0.3),
    (seats.bench, 0.8),
    (street.traffic_cone, 0.5),
    (nature.bush, 0.4),
)
DRIVING: tuple[tuple[Maker, float], ...] = (
    (vehicles.car, 8.0),
    (vehicles.van, 1.5),
    (vehicles.bus, 0.8),
    (vehicles.truck, 1.0),
    (vehicles.motorcycle, 0.6),
    (vehicles.bicycle, 1.0),
)
MOUNTS = (
    (Mount.LOW_ROBOT, 1.0),
    (Mount.ROBOT, 2.5),
    (Mount.HEAD, 2.5),
    (Mount.VEHICLE, 3.0),
    (Mount.DRONE, 1.0),
)


def city_street(stage: Stage, dashes: tuple[float, float] | None = None) -> Place:
    """A straight street, looked along most of the time."""
    hour = daylight(stage)
    weather(stage, hour)
    road = Road(
        stage.uniform(2.3, 6.5),
        stage.pick((0.0, stage.uniform(1.2, 3.5), stage.uniform(1.2, 3.5))),
        stage.uniform(0.08, 0.16),
    )
    with stage.stuff("grass"):
        stage.build.plane(grass(stage), (0, 0, -0.02))
    draw_road(stage, road, dashes)
    dense = stage.uniform(0.2, 1.0)
    for sy in (-1, 1):
        houses(stage, sy, road.edge_m, town=stage.chance(0.65))
    plan = FloorPlan(Room(-FAR_M, -road.edge_m - 6, FAR_M, road.edge_m + 6, 1e3))
    lanterns(stage, plan, road, on=hour in (Hour.NIGHT, Hour.DUSK))
    traffic(stage, plan, road, dense)
    footways(stage, plan, road, dense)
    return Place(stands=_stands(road), mounts=MOUNTS)


def houses(stage: Stage, sy: int, edge: float, *, town: bool) -> None:
    """A closed row of fronts, or villas with gardens and fences; details near the middle of the street only."""
    x, yaw = -110.0, -90.0 * sy
    while x < 110:
        half = stage.uniform(3.0, 9.0)
        back = 0.0 if town else stage.uniform(3.0, 9.0)
        if stage.chance(0.92 if town else 0.7):
            with stage.at(x + half, sy * (edge + 0.05 + back), yaw_deg=yaw):
                buildings.house(stage, half * (0.995 if town else 0.8), detailed=abs(x + half) < 32)
        if not town:
            _garden(stage, x, half, sy, edge, back)
        x += 2 * half + (0.0 if town and stage.chance(0.8) else stage.uniform(0.5, 6.0))


def _garden(stage: Stage, x: float, half: float, sy: int, edge: float, back: float) -> None:
    """A hedge or fence at the footway, a tree or bushes behind it."""
    if abs(x) > 60:
        return
    with stage.at(x + half, sy * (edge + 0.5), yaw_deg=-90.0 * sy):
        if stage.chance(0.35):
            nature.hedge(stage, half * 0.8)
        elif stage.chance(0.6):
            street.fence(stage, half * 0.9)
    for _ in range(stage.count(0, 2)):
        y = sy * (edge + stage.uniform(1.2, max(1.5, back)))
        with stage.at(x + stage.uniform(0, 2 * half), y):
            stage.pick((nature.tree, nature.bush, nature.flowers))(stage).draw()


def lanterns(stage: Stage, plan: FloorPlan, road: Road, *, on: bool) -> None:
    """Street lamps at equal distances; at night they light the street."""
    pitch, side = stage.uniform(14, 30), stage.pick((-1, 1))
    for i in range(-3, 4):
        y = side * (road.half_m + 0.5)
        plan.put(stage, street.street_lamp(stage, on=on), i * pitch, y, -90.0 * side)


def traffic(stage: Stage, plan: FloorPlan, road: Road, dense: float) -> None:
    """Parked along the kerb, driving in the lanes."""
    makers, weights = zip(*DRIVING, strict=True)
    for sy in (-1, 1):
        if road.half_m > 3.2 and stage.chance(0.75):
            x = -60.0 + stage.uniform(0, 6)
            while x < 60:
                if stage.chance(dense * 0.85):
                    piece = stage.pick((vehicles.car, vehicles.car, vehicles.car, vehicles.van))(stage)
                    y = sy * (road.half_m - piece.half_y - 0.12)
                    plan.put(stage, piece, x, y, 180.0 * stage.count(0, 1) + stage.uniform(-2, 2))
                x += stage.uniform(5.0, 7.0)
        for _ in range(int(stage.rng.poisson(2.5 * dense))):
            piece = stage.pick(makers, weights)(stage)
            along = stage.pick((-1, 1)) * stage.log_uniform(5, 90)
            y = sy * min(road.half_m * 0.5, 1.8)
            plan.put(stage, piece, along, y, (180.0 if sy > 0 else 0.0) + stage.uniform(-4, 4))


def footways(stage: Stage, plan: FloorPlan, road: Road, dense: float) -> None:
    """Everything at the kerb, people walking along, some crossing."""
    makers, weights = zip(*AT_THE_KERB, strict=True)
    top = road.kerb_m if road.walk_m > 0 else 0.0
    walk = max(road.walk_m, 1.2)
    with stage.build.frame((0, 0, top - 0.002)):
        for _ in range(int(30 * dense) + 4):
            sy, along = stage.pick((-1, 1)), stage.pick((-1, 1)) * stage.log_uniform(2, 80)
            y = sy * (road.half_m + 0.2 + min(0.45, walk / 3))
            plan.put(stage, stage.pick(makers, weights)(stage), along, y, -90.0 * sy)
        for _ in range(int(stage.rng.poisson(9 * dense))):
            sy, along = stage.pick((-1, 1)), stage.pick((-1, 1)) * stage.log_uniform(2.5, 60)
            y = sy * (road.half_m + 0.15 + stage.uniform(0.3, 0.9) * walk)
            plan.put(stage, people.person(stage), along, y, 180.0 * stage.count(0, 1) + stage.uniform(-30, 30))
    for _ in range(stage.pick((0, 0, 1, 2))):
        plan.put(
            stage,
            people.person(stage),
            stage.uniform(-20, 20),
            stage.uniform(-0.8, 0.8) * road.half_m,
            stage.pick((90, 270)),
        )


def square(stage: Stage) -> Place:
    """An open paved place: benches, trees, people, stalls of boxes, houses all round."""
    hour = daylight(stage)
    weather(stage, hour)
    half = stage.uniform(12, 40)
    with stage.stuff("sidewalk"):
        stage.build.plane(paving(stage))
    for i in range(4):
        with stage.at(0, 0, yaw_deg=90.0 * i):
            _row(stage, half)
    plan = FloorPlan(Room(-half, -half, half, half, 1e3))
    makers: tuple[Maker, ...] = (
        people.person,
        people.person,
        people.person,
        seats.bench,
        nature.tree,
        street.bollard,
        street.dustbin,
        vehicles.bicycle,
        floorware.dog,
        floorware.box,
        street.traffic_sign,
        nature.bush,
        vehicles.van,
    )
    for _ in range(stage.count(12, 45)):
        piece = stage.pick(makers)(stage)
        out, angle = stage.log_uniform(2, half * 0.95), stage.uniform(0, 2 * math.pi)
        plan.put(stage, piece, out * math.cos(angle), out * math.sin(angle), stage.uniform(0, 360))
    if hour in (Hour.NIGHT, Hour.DUSK):
        for x, y, _ in street.ring_of(5, half * 0.4):
            plan.put(stage, street.street_lamp(stage, on=True), x, y, 0)
    stand = Stand(-half * 0.5, -half * 0.5, half * 0.5, half * 0.5)
    return Place(stands=(stand,), mounts=MOUNTS[:3])


def _row(stage: Stage, half: float) -> None:
    """Houses along one side of a square, their fronts towards it."""
    y = -half
    while y < half:
        wide = stage.uniform(3, 8)
        with stage.at(-half, y + wide):
            buildings.house(stage, wide, detailed=True)
        y += 2 * wide + stage.pick((0.0, 0.0, 3.0))


def _stands(road: Road) -> tuple[Stand, ...]:
    lanes = Stand(-30, -road.half_m + 0.8, 30, road.half_m - 0.8, 0.0, along_deg=0.0)
    if road.walk_m < 0.8:
        return (lanes,)
    y0, y1 = road.half_m + 0.3, max(road.half_m + 0.4, road.edge_m - 0.2)
    walks = tuple(Stand(-30, min(s * y0, s * y1), 30, max(s * y0, s * y1), road.kerb_m, along_deg=0.0) for s in (-1, 1))
    return (lanes, *walks)
