"""What outdoor places stand on: asphalt, paving, grass, earth, and roads with kerbs and markings."""

from __future__ import annotations

from dataclasses import dataclass

from vision_banana_ros.world import colors, finishes
from vision_banana_ros.world.furniture.street import manhole
from vision_banana_ros.world.scene import Pattern
from vision_banana_ros.world.stage import Stage

FAR_M = 160.0  # how far streets reach to both sides


def asphalt(stage: Stage) -> int:
    grey = colors.hsv(stage.uniform(20, 240), stage.uniform(0, 0.05), stage.uniform(0.28, 0.52))
    return stage.build.material(
        color=grey, color_b=colors.shade(grey, 0.75), pattern=Pattern.ASPHALT, scale=1.0, roughness=0.9, bump=0.2
    )


def paving(stage: Stage) -> int:
    base = colors.hsv(stage.uniform(15, 50), stage.uniform(0.02, 0.2), stage.uniform(0.5, 0.75))
    return stage.build.material(
        color=base,
        color_b=colors.shade(base, 0.55),
        pattern=stage.pick((Pattern.TILES, Pattern.TILES, Pattern.BRICKS, Pattern.SPECKLE)),
        scale=stage.uniform(1.5, 4),
        roughness=0.9,
        bump=0.3,
    )


def grass(stage: Stage) -> int:
    hue = stage.uniform(60, 100)
    base = colors.hsv(hue, stage.uniform(0.35, 0.6), stage.uniform(0.3, 0.5))
    dry = colors.hsv(hue - stage.uniform(5, 30), stage.uniform(0.3, 0.5), stage.uniform(0.35, 0.55))
    return stage.build.material(
        color=base, color_b=dry, pattern=Pattern.GROUND, scale=stage.uniform(0.8, 2), roughness=1.0, bump=0.8
    )


def earth(stage: Stage) -> int:
    base = colors.hsv(stage.uniform(18, 42), stage.uniform(0.15, 0.5), stage.uniform(0.35, 0.65))
    return stage.build.material(
        color=base,
        color_b=colors.shade(base, 0.7),
        pattern=Pattern.GROUND,
        scale=stage.uniform(0.8, 2),
        roughness=1.0,
        bump=1.0,
    )


def gravel(stage: Stage) -> int:
    base = colors.hsv(stage.uniform(20, 50), stage.uniform(0.02, 0.15), stage.uniform(0.5, 0.75))
    return stage.build.material(
        color=base,
        color_b=colors.shade(base, 0.5),
        pattern=Pattern.SPECKLE,
        scale=stage.uniform(3, 6),
        roughness=1.0,
        bump=0.9,
    )


@dataclass(frozen=True, slots=True)
class Road:
    """A straight road along x: half its width, width of each footway, height of the kerb."""

    half_m: float
    walk_m: float
    kerb_m: float

    @property
    def edge_m(self) -> float:
        """Where the footways end and plots begin."""
        return self.half_m + 0.15 + self.walk_m


def draw_road(stage: Stage, road: Road, dashes: tuple[float, float] | None = None) -> None:
    """Carriageway, markings, kerbs and footways; z = 0 is the carriageway."""
    build, middle = stage.build, 0.0
    with stage.stuff("road"):
        build.box((middle, 0, -0.15), (FAR_M, road.half_m, 0.15), asphalt(stage))
    markings(stage, road, dashes)
    if road.walk_m > 0:
        stone, slabs = finishes.concrete(stage).number, paving(stage)
        for sy in (-1, 1):
            y = sy * (road.half_m + 0.075)
            with stage.stuff("kerb"):
                build.box((middle, y, road.kerb_m / 2 - 0.1), (FAR_M, 0.075, road.kerb_m / 2 + 0.1), stone)
            y = sy * (road.half_m + 0.15 + road.walk_m / 2)
            with stage.stuff("sidewalk"):
                build.box((middle, y, road.kerb_m / 2 - 0.1), (FAR_M, road.walk_m / 2, road.kerb_m / 2 + 0.098), slabs)
    for _ in range(stage.count(0, 3)):
        with stage.at(stage.uniform(-20, 20), stage.uniform(-0.7, 0.7) * road.half_m):
            manhole(stage)


def dashed_line(stage: Stage, y: float, half_width: float, dash: float, gap: float, paint: int) -> None:
    """Along x, as far as dashes can be told apart."""
    x = -70.0
    while x < 70:
        stage.build.box((x + dash / 2, y, 0.001), (dash / 2, half_width, 0.002), paint)
        x += dash + gap


def markings(stage: Stage, road: Road, dashes: tuple[float, float] | None = None) -> None:
    """A middle line, solid or of `dashes` (length, gap), edge lines, a crosswalk somewhere."""
    build, white = stage.build, finishes.painted(stage, "white", gloss=0.2).number
    with stage.stuff("lane marking"):
        if stage.chance(0.75):
            length, gap = dashes or (stage.uniform(1.0, 3.0), stage.uniform(1.5, 5.0))
            if stage.chance(0.2):
                build.box((0, 0, 0.001), (FAR_M, 0.06, 0.002), white)
            else:
                dashed_line(stage, 0, 0.06, length, gap, white)
        if stage.chance(0.4):
            for sy in (-1, 1):
                build.box((0, sy * (road.half_m - 0.25), 0.001), (FAR_M, 0.06, 0.002), white)
    if stage.chance(0.4):
        x = stage.uniform(-15, 15)
        with stage.stuff("crosswalk"):
            stripes = int(road.half_m * 2 / 1.0)
            for i in range(stripes):
                y = road.half_m * (2 * (i + 0.5) / stripes - 1)
                build.box((x, y, 0.0015), (1.5, 0.25, 0.002), white)
