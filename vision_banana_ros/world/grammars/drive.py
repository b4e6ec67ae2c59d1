"""Roads as cars see them: avenues with many lanes, junctions, country roads, and town streets from the lanes."""

from __future__ import annotations

from dataclasses import replace

from vision_banana_ros.world import colors, finishes
from vision_banana_ros.world.furniture import buildings, nature, street
from vision_banana_ros.world.grammars.open_country import backdrop
from vision_banana_ros.world.grammars.street import DRIVING, city_street
from vision_banana_ros.world.ground import FAR_M, asphalt, dashed_line, earth, grass, gravel, paving
from vision_banana_ros.world.layout import FloorPlan, Room
from vision_banana_ros.world.lighting import Hour, daylight, weather
from vision_banana_ros.world.place import Mount, Place, Stand
from vision_banana_ros.world.scene import Pattern
from vision_banana_ros.world.stage import Maker, Stage

_BY_CAR = ((Mount.CAR, 1.0),)
_TOWN_SHARE = 0.35
_ROADSIDE: tuple[tuple[Maker, float], ...] = (
    (nature.tree, 6.0),
    (nature.bush, 3.0),
    (street.pole, 2.0),
    (street.traffic_sign, 1.5),
    (street.bollard, 1.0),
    (street.bus_stop, 0.3),
    (street.traffic_cone, 0.4),
    (street.barrier, 0.4),
)
_BESIDE = {"grass": grass, "ground": earth, "gravel": gravel, "sidewalk": paving}
#: Length and gap in metres, as countries paint them (US, Germany, France, Italy, China, Japan, UK): with lane and car
#: the measure by which a road tells how large it is.
_DASHES = ((3.05, 9.15), (3, 6), (6, 12), (3, 10), (3, 3.5), (4.5, 7.5), (4, 6), (6, 9), (2, 4), (5, 5), (8, 12))
_CRACKED_SHARE = 0.4
_REACH_M = 110.0  # what lies farther along the road is a pixel or two


def drive(stage: Stage) -> Place:
    """From a lane, along the road, at the height of cars' cameras."""
    if stage.chance(_TOWN_SHARE):
        town = city_street(stage, dashes=_dashes(stage))
        return replace(town, stands=town.stands[:1], mounts=_BY_CAR)
    return _open_road(stage)


def _open_road(stage: Stage) -> Place:
    hour = daylight(stage)
    weather(stage, hour)
    lane, lanes = stage.uniform(2.9, 3.8), stage.pick((1, 1, 2, 2, 3, 4))
    half = lane * lanes + stage.uniform(0, 1.2)
    beside = stage.pick(tuple(_BESIDE), (5, 2, 1, 2))
    with stage.stuff(beside):
        stage.build.plane(_BESIDE[beside](stage), (0, 0, -0.02))
    with stage.stuff("road"):
        stage.build.box((0, 0, -0.15), (FAR_M, half, 0.15), _tarmac(stage))
    crossing = stage.uniform(-40, 40) if stage.chance(0.45) else None
    _lines(stage, lane, lanes, crossing)
    if crossing is not None:
        _side_road(stage, crossing, half, lane * stage.count(1, 3))
    plan = FloorPlan(Room(-FAR_M, -FAR_M, FAR_M, FAR_M, 1e3))
    _traffic(stage, plan, lane, lanes)
    for sy in (-1, 1):
        _verge(stage, plan, sy, half, crossing, lit=hour in (Hour.NIGHT, Hour.DUSK))
        if stage.chance(0.7):
            _skyline(stage, sy, half)
    if stage.chance(0.7):
        backdrop(stage, FAR_M * stage.uniform(0.5, 0.9))
    stand = Stand(-30, -half * 0.85, 30, half * 0.85, along_deg=0.0)
    return Place(stands=(stand,), mounts=_BY_CAR)


def _dashes(stage: Stage) -> tuple[float, float]:
    """Length and gap as one of the countries has them, not always to the letter."""
    length, gap = stage.pick(_DASHES)
    exact = stage.uniform(0.9, 1.1)
    return length * exact, gap * exact


def _tarmac(stage: Stage) -> int:
    """Cracked, or even and of any grain: else the size of cracks would tell how far away the road is."""
    if stage.chance(_CRACKED_SHARE):
        return asphalt(stage)
    grey = colors.hsv(stage.uniform(20, 240), stage.uniform(0, 0.08), stage.uniform(0.25, 0.68))
    pattern = stage.pick((Pattern.PLAIN, Pattern.SPECKLE, Pattern.NOISE))
    return stage.build.material(
        color=grey,
        color_b=colors.shade(grey, stage.uniform(0.75, 0.97)),
        pattern=pattern,
        scale=stage.log_uniform(0.1, 3.0),
        roughness=stage.uniform(0.6, 0.95),
        bump=stage.uniform(0, 0.2),
    )


def _lines(stage: Stage, lane: float, lanes: int, crossing: float | None) -> None:
    """A middle line, dashes between the lanes, edge lines; at a crossing stop lines and stripes to walk on."""
    build = stage.build
    white = finishes.painted(stage, "white", gloss=0.2).number
    middle = finishes.painted(stage, stage.pick(("white", "yellow")), gloss=0.2).number
    wide, (dash, gap) = stage.uniform(0.05, 0.09), _dashes(stage)
    with stage.stuff("lane marking"):
        for s in (-1, 1) if lanes > 1 and stage.chance(0.5) else (0,):
            build.box((0, s * 0.15, 0.001), (FAR_M, wide, 0.002), middle)
        for i in range(1, lanes + 1):
            for sy in (-1, 1):
                y = sy * (lane * i - wide)
                if i == lanes:
                    build.box((0, y, 0.001), (FAR_M, wide, 0.002), white)
                else:
                    dashed_line(stage, y, wide, dash, gap, white)
    if crossing is None or stage.chance(0.3):
        return
    for sx in (-1, 1):
        x = crossing + sx * stage.uniform(9, 14)
        with stage.stuff("lane marking"):
            build.box((x + sx * 3.2, 0, 0.0015), (0.15, lane * lanes, 0.002), white)
        with stage.stuff("crosswalk"):
            for i in range(-int(lane * lanes / 1.1), int(lane * lanes / 1.1) + 1):
                build.box((x, 1.1 * i, 0.0015), (stage.uniform(1.4, 1.6), 0.27, 0.002), white)


def _side_road(stage: Stage, x: float, half: float, side_half: float) -> None:
    """The crossing road, from both sides, with traffic lights at its corners."""
    skin = _tarmac(stage)
    for sy in (-1, 1):
        with stage.stuff("road"):
            stage.build.box((x, sy * (half + FAR_M / 2), -0.151), (side_half, FAR_M / 2, 0.15), skin)
        if stage.chance(0.6):
            for sx in (-1, 1):
                with stage.at(x + sx * (side_half + 2), sy * (half + 0.8), yaw_deg=180.0 if sx < 0 else 0.0):
                    street.traffic_light(stage).draw()


def _traffic(stage: Stage, plan: FloorPlan, lane: float, lanes: int) -> None:
    makers, weights = zip(*DRIVING, strict=True)
    for sy in (-1, 1):
        for i in range(lanes):
            for _ in range(int(stage.rng.poisson(1.3))):
                piece, along = stage.pick(makers, weights)(stage), stage.pick((-1, 1)) * stage.log_uniform(5, _REACH_M)
                y, yaw = sy * (lane * (i + 0.5) + stage.uniform(-0.3, 0.3)), 180.0 if sy > 0 else 0.0
                plan.put(stage, piece, along, y, yaw + stage.uniform(-3, 3))


def _verge(stage: Stage, plan: FloorPlan, sy: int, half: float, crossing: float | None, *, lit: bool) -> None:
    """A railing, hedge or nothing; lamps at equal distances; trees and posts behind."""
    edge = half + stage.uniform(0.4, 3.0)
    fenced = stage.pick((street.fence, nature.hedge, None, None))
    if fenced is not None:
        x = -_REACH_M * 0.7
        while x < _REACH_M * 0.7:
            if crossing is None or abs(x - crossing) > 18:
                with stage.at(x, sy * edge, yaw_deg=-90.0 * sy):
                    fenced(stage, 5.0)
            x += 10.0
    if stage.chance(0.6):
        pitch = stage.uniform(20, 40)
        for i in range(-3, 4):
            plan.put(stage, street.street_lamp(stage, on=lit), i * pitch, sy * (edge + 0.6), -90.0 * sy)
    row = stage.pick((nature.tree, nature.tree, nature.bush, None))
    if row is not None:
        x, pitch, out = -_REACH_M * 0.8, stage.uniform(6, 16), edge + stage.uniform(1.5, 6.0)
        while x < _REACH_M * 0.8:
            plan.put(stage, row(stage), x + stage.uniform(-1, 1), sy * out, stage.uniform(0, 360))
            x += pitch
    makers, weights = zip(*_ROADSIDE, strict=True)
    for _ in range(stage.count(4, 22)):
        piece = stage.pick(makers, weights)(stage)
        along = stage.pick((-1, 1)) * stage.log_uniform(3, _REACH_M)
        plan.put(stage, piece, along, sy * (edge + piece.half_y + stage.log_uniform(0.5, 25)), -90.0 * sy)


def _skyline(stage: Stage, sy: int, half: float) -> None:
    """Large buildings at some distance from the road, as a pattern of windows: nobody comes close."""
    for _ in range(stage.count(1, 7)):
        with stage.at(stage.uniform(-140, 140), sy * (half + stage.log_uniform(25, 120)), yaw_deg=-90.0 * sy):
            buildings.house(stage, stage.uniform(5, 25), detailed=False)
