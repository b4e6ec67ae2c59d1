"""How rooms look: the finishes of walls, floors, ceilings and woodwork that go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vision_banana_ros.world import colors, finishes
from vision_banana_ros.world.scene import Pattern
from vision_banana_ros.world.stage import Finish, Stage


@dataclass(frozen=True, slots=True)
class Look:
    """The finishes of a room's shell."""

    walls: tuple[int, int, int, int]
    floor: int
    ceiling: int
    skirting: int | None
    woodwork: Finish


def wall_finish(stage: Stage) -> int:
    """Paint mostly, near white more often than not; wallpaper, tiles, bricks, panels sometimes."""
    kind = stage.pick(
        ("white", "tint", "strong", "paper", "brick", "concrete", "tiles", "panels"), (15, 5, 1, 2, 1, 1, 1, 0.8)
    )
    build = stage.build
    if kind == "white":
        albedo = colors.hsv(stage.uniform(25, 70), stage.uniform(0.0, 0.07), stage.uniform(0.82, 0.95))
    elif kind == "tint":
        albedo = colors.hsv(
            stage.pick((stage.uniform(25, 60), stage.uniform(80, 240))),
            stage.uniform(0.04, 0.2),
            stage.uniform(0.6, 0.9),
        )
    else:
        albedo = colors.hsv(
            stage.pick((stage.uniform(0, 60), stage.uniform(80, 250))), stage.uniform(0.2, 0.6), stage.uniform(0.3, 0.7)
        )
    if kind == "brick":
        brick = colors.hsv(stage.uniform(8, 25), stage.uniform(0.3, 0.6), stage.uniform(0.45, 0.7))
        return build.material(
            color=brick,
            color_b=(0.45, 0.42, 0.38),
            pattern=Pattern.BRICKS,
            scale=stage.uniform(3, 5),
            roughness=0.9,
            bump=0.6,
        )
    if kind == "concrete":
        return finishes.concrete(stage).number
    if kind == "tiles":
        tile = colors.hsv(stage.uniform(0, 360), stage.uniform(0, 0.2), stage.uniform(0.6, 0.93))
        return build.material(
            color=tile,
            color_b=(0.5, 0.5, 0.48),
            pattern=Pattern.TILES,
            scale=stage.uniform(3, 9),
            roughness=0.15,
            specular=0.04,
        )
    if kind == "panels":
        return finishes.wood(stage, planks=True).number
    if kind == "paper":
        pattern = stage.pick((Pattern.STRIPES, Pattern.DOTS, Pattern.NOISE, Pattern.MARBLE))
        pale = colors.hsv(stage.uniform(20, 220), stage.uniform(0.03, 0.25), stage.uniform(0.7, 0.92))
        return build.material(
            color=pale,
            color_b=colors.shade(pale, stage.uniform(0.7, 0.95)),
            pattern=pattern,
            scale=stage.uniform(2, 12),
            roughness=0.9,
        )
    pattern = stage.pick((Pattern.PLAIN, Pattern.SPECKLE, Pattern.NOISE), (5, 3, 2))
    return build.material(
        color=albedo,
        color_b=colors.shade(albedo, stage.uniform(0.88, 0.98)),
        pattern=pattern,
        scale=stage.uniform(15, 50) if pattern is Pattern.SPECKLE else stage.uniform(0.4, 2),
        roughness=stage.uniform(0.7, 1.0),
        bump=stage.uniform(0, 0.15),
    )


def floor_finish(
    stage: Stage, kinds: Sequence[str] = ("parquet", "parquet", "tiles", "carpet", "stone", "lino")
) -> int:
    """Boards, tiles, carpet, stone or linoleum; matt or polished."""
    kind, build = stage.pick(kinds), stage.build
    if kind == "parquet":
        return finishes.wood(stage, planks=True).number
    albedo = colors.hsv(stage.uniform(15, 60), stage.uniform(0.02, 0.3), stage.uniform(0.3, 0.85))
    if kind == "carpet":
        return build.material(
            color=albedo,
            color_b=colors.shade(albedo, 0.7),
            pattern=Pattern.SPECKLE,
            scale=stage.uniform(20, 50),
            roughness=1.0,
            bump=0.4,
        )
    patterns = {"tiles": Pattern.TILES, "stone": Pattern.MARBLE, "lino": Pattern.SPECKLE, "checker": Pattern.CHECKER}
    scale = {
        "tiles": stage.uniform(1.5, 4),
        "stone": stage.uniform(0.5, 2),
        "lino": 12.0,
        "checker": stage.uniform(2, 4),
    }
    return build.material(
        color=albedo,
        color_b=colors.shade(albedo, stage.uniform(0.45, 0.85)),
        pattern=patterns[kind],
        scale=scale[kind],
        roughness=stage.uniform(0.08, 0.6),
        specular=0.0 if kind == "lino" else stage.pick((0.0, 0.03, 0.05)),
    )


def drawn_look(
    stage: Stage, floors: Sequence[str] = ("parquet", "parquet", "tiles", "carpet", "stone", "lino")
) -> Look:
    first = wall_finish(stage)
    accent = wall_finish(stage) if stage.chance(0.35) else first
    walls = [first] * 4
    walls[stage.count(0, 3)] = accent
    woodwork = finishes.one_of(stage, _white_paint, _white_paint, finishes.wood, finishes.painted)
    skirting = woodwork.number if stage.chance(0.7) else None
    return Look(
        (walls[0], walls[1], walls[2], walls[3]), floor_finish(stage, floors), ceiling_finish(stage), skirting, woodwork
    )


def ceiling_finish(stage: Stage) -> int:
    albedo = colors.hsv(45, stage.uniform(0, 0.05), stage.uniform(0.85, 0.96))
    tiled = stage.chance(0.15)
    return stage.build.material(
        color=albedo,
        color_b=colors.shade(albedo, 0.7),
        pattern=Pattern.GRID if tiled else Pattern.PLAIN,
        scale=1.6,
        roughness=1.0,
    )


def _white_paint(stage: Stage) -> Finish:
    return finishes.painted(stage, "white", gloss=0.5)
