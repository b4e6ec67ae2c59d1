"""Parks, fields and rough ground: paths, trees, bushes, rocks, logs, fences, hills."""

from __future__ import annotations

import math

from vision_banana_ros.world import finishes
from vision_banana_ros.world.furniture import floorware, nature, people, seats, street, vehicles
from vision_banana_ros.world.ground import FAR_M, earth, grass, gravel
from vision_banana_ros.world.layout import FloorPlan, Room
from vision_banana_ros.world.lighting import Hour, daylight, weather
from vision_banana_ros.world.place import OUTDOOR_MOUNTS, Place, Stand
from vision_banana_ros.world.stage import Maker, Stage

DAYTIME = (Hour.CLEAR, Hour.CLOUDY, Hour.OVERCAST, Hour.LOW_SUN)


def park(stage: Stage) -> Place:
    """Lawn with a path, benches, flower beds, walkers, dogs, trees that get denser in the distance."""
    hour = daylight(stage)
    weather(stage, hour)
    with stage.stuff("grass"):
        stage.build.plane(grass(stage), (0, 0, -0.01))
    half = stage.uniform(0.7, 2.2)
    with stage.stuff("gravel" if stage.chance(0.6) else "sidewalk"):
        stage.build.box((0, 0, -0.1), (FAR_M, half, 0.1), gravel(stage))
    plan = FloorPlan(Room(-FAR_M, -FAR_M, FAR_M, FAR_M, 1e3))
    for _ in range(stage.count(4, 14)):
        side, along = stage.pick((-1, 1)), stage.pick((-1, 1)) * stage.log_uniform(2, 50)
        maker: Maker = stage.pick(
            (seats.bench, seats.bench, street.dustbin, street.street_lamp, nature.flowers, street.bollard)
        )
        plan.put(stage, maker(stage), along, side * (half + stage.uniform(0.5, 1.0)), -90.0 * side)
    for _ in range(stage.count(1, 8)):
        maker = stage.pick((people.person, people.person, floorware.dog, vehicles.bicycle, people.person))
        along = stage.pick((-1, 1)) * stage.log_uniform(2, 40)
        plan.put(
            stage,
            maker(stage),
            along,
            stage.uniform(-1.3, 1.3) * half,
            180.0 * stage.count(0, 1) + stage.uniform(-30, 30),
        )
    wild(
        stage,
        plan,
        half + 1.0,
        (nature.tree, nature.tree, nature.bush, nature.flowers, nature.tree),
        stage.count(25, 70),
    )
    tufts(stage, half + 0.3)
    backdrop(stage, FAR_M * 0.55)
    return Place(stands=(Stand(-25, -half * 3, 25, half * 3, along_deg=0.0),), mounts=OUTDOOR_MOUNTS)


def field(stage: Stage) -> Place:
    """Hills of grass or earth with rocks, logs, bushes, fences, single trees; sometimes a track."""
    weather(stage, daylight(stage, DAYTIME))
    kind = stage.pick(("grass", "ground", "gravel"), (4, 3, 1))
    skin = {"grass": grass, "ground": earth, "gravel": gravel}[kind](stage)
    hilly = stage.uniform(0.05, 0.9)
    with stage.stuff(kind):
        stage.build.terrain(
            skin,
            amplitude=hilly,
            wavelength=stage.uniform(7, 20),
            fine_amplitude=stage.uniform(0.0, 0.09),
            fine_wavelength=stage.uniform(0.4, 1.2),
            flat_half_width=stage.pick((0.0, stage.uniform(1.0, 2.0))),
        )
    plan = FloorPlan(Room(-FAR_M, -FAR_M, FAR_M, FAR_M, 1e3))
    rough: tuple[Maker, ...] = (
        nature.rock,
        nature.rock,
        nature.bush,
        nature.log,
        nature.tree,
        nature.rock,
        nature.flowers,
    )
    # Things stand a little low, so that none floats over a hollow.
    with stage.build.frame((0, 0, -hilly * 0.35)):
        wild(stage, plan, 0.0, rough, stage.count(20, 70))
        for _ in range(stage.pick((0, 0, 1, 2))):
            plan.put(stage, people.person(stage), stage.uniform(-15, 15), stage.uniform(-15, 15), stage.uniform(0, 360))
        if stage.chance(0.4):
            with stage.at(
                stage.uniform(-6, 6), stage.pick((-1, 1)) * stage.uniform(4, 12), yaw_deg=stage.uniform(60, 120)
            ):
                street.fence(stage, stage.uniform(4, 12))
        if stage.chance(0.2):
            plan.put(stage, street.gate(stage), stage.uniform(3, 12), stage.uniform(-4, 4), stage.uniform(-40, 40))
    if kind == "grass":
        tufts(stage, 0.5)
    backdrop(stage, 70)
    stand = Stand(-10, -10, 10, 10, hilly + 0.05)
    return Place(stands=(stand,), mounts=OUTDOOR_MOUNTS)


def yard(stage: Stage) -> Place:
    """Behind buildings: gravel or concrete with vehicles, barrels, pallets, bins, cones."""
    from vision_banana_ros.world.furniture import buildings, industry

    hour = daylight(stage)
    weather(stage, hour)
    with stage.stuff(stage.pick(("gravel", "ground"))):
        stage.build.plane(stage.pick((gravel, earth))(stage))
    half = stage.uniform(9, 22)
    for i in range(4):
        if stage.chance(0.7):
            with stage.at(0, 0, yaw_deg=90.0 * i), stage.at(-half, 0):
                if stage.chance(0.5):
                    buildings.house(stage, half * stage.uniform(0.4, 0.9), detailed=True)
                else:
                    street.fence(stage, half)
    plan = FloorPlan(Room(-half + 1, -half + 1, half - 1, half - 1, 1e3))
    makers: tuple[Maker, ...] = (
        vehicles.car,
        vehicles.van,
        vehicles.truck,
        industry.barrel,
        industry.pallet,
        street.dustbin,
        street.traffic_cone,
        industry.forklift,
        street.barrier,
        floorware.crate,
        nature.bush,
        people.person,
        nature.log,
        vehicles.bicycle,
    )
    for _ in range(stage.count(10, 40)):
        piece = stage.pick(makers)(stage)
        out, angle = stage.log_uniform(1.5, half), stage.uniform(0, 2 * math.pi)
        plan.put(stage, piece, out * math.cos(angle), out * math.sin(angle), stage.uniform(0, 360))
    if hour in (Hour.NIGHT, Hour.DUSK):
        plan.put(stage, street.street_lamp(stage, on=True), 3, 3, 0)
        plan.put(stage, street.street_lamp(stage, on=True), -5, -4, 0)
    return Place(stands=(Stand(-half * 0.6, -half * 0.6, half * 0.6, half * 0.6),), mounts=OUTDOOR_MOUNTS)


def wild(stage: Stage, plan: FloorPlan, clear: float, makers: tuple[Maker, ...], count: int) -> None:
    """Plants and rocks at all distances, outside the strip |y| < clear."""
    for _ in range(count):
        out, angle = stage.log_uniform(2.0, 75), stage.uniform(0, 2 * math.pi)
        x, y = out * math.cos(angle), out * math.sin(angle)
        piece = stage.pick(makers)(stage)
        if abs(y) > clear + piece.half_y:
            plan.put(stage, piece, x, y, stage.uniform(0, 360))


def tufts(stage: Stage, clear: float) -> None:
    """Blades of grass close to the camera's ways."""
    green = finishes.leaf(stage).number
    for _ in range(stage.count(0, 25)):
        x, y = stage.uniform(-8, 8), stage.uniform(-8, 8)
        if abs(y) > clear:
            with stage.at(x, y):
                nature.grass_tuft(stage, green)


def backdrop(stage: Stage, distance: float) -> None:
    """Woods on the horizon: a ragged belt of crowns with gaps."""
    leaves = [finishes.leaf(stage, autumn=0.1).number for _ in range(4)]
    start = stage.uniform(0, 2 * math.pi)
    gaps = [stage.chance(0.25) for _ in range(12)]
    steps = 90
    for i in range(steps):
        if gaps[i * 12 // steps]:
            continue
        angle = start + 2 * math.pi * (i + stage.uniform(-0.4, 0.4)) / steps
        out, tall = distance * stage.uniform(0.95, 1.2), stage.uniform(3, 7)
        wide, skin = stage.uniform(2.5, 5.5), stage.pick(leaves)
        with stage.at(out * math.cos(angle), out * math.sin(angle), yaw_deg=math.degrees(angle)), stage.thing("tree"):
            stage.build.ellipsoid((0, 0, tall * 0.7), (2.0, wide * 0.8, tall * 0.8), skin)
            stage.build.foliage((0, 0, tall * 0.85), (2.6, wide, tall), skin, cell=0.35, fill=0.6)
