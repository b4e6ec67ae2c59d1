"""Houses along streets: facades with windows, doors, shop fronts, roofs, balconies, chimneys.

A house stands with its front on x = 0, looking along +x (towards the street), and reaches to both sides along y.
"""

from __future__ import annotations

from vision_banana_ros.world import colors, finishes
from vision_banana_ros.world.builder import turn
from vision_banana_ros.world.scene import Pattern
from vision_banana_ros.world.stage import Stage


def house(stage: Stage, half_y: float, *, detailed: bool) -> None:
    """`detailed` houses have windows and doors as parts; distant ones have them as a pattern."""
    floors, storey, deep = stage.pick((1, 2, 2, 3, 4, 5, 7)), stage.uniform(2.8, 3.4), stage.uniform(3.5, 6.5)
    height = floors * storey + 0.4
    wall = _wall(stage, facade=not detailed)
    with stage.stuff("building"):
        stage.build.box((-deep, 0, height / 2), (deep, half_y, height / 2), wall)
        if detailed:
            _front(stage, half_y, floors, storey)
        _roof(stage, half_y, deep, height, flat=floors > 3 or stage.chance(0.3))


def _wall(stage: Stage, *, facade: bool) -> int:
    base = colors.hsv(stage.uniform(8, 55), stage.uniform(0.02, 0.45), stage.uniform(0.45, 0.92))
    if facade:
        return stage.build.material(
            color=base,
            color_b=(0.75, 0.75, 0.72),
            pattern=Pattern.FACADE,
            scale=stage.uniform(0.3, 0.42),
            roughness=0.8,
        )
    pattern = stage.pick(
        (Pattern.BRICKS, Pattern.SPECKLE, Pattern.PLAIN, Pattern.NOISE, Pattern.PLANKS), (4, 2, 3, 2, 1)
    )
    scale = {Pattern.BRICKS: 4.0, Pattern.SPECKLE: 8.0, Pattern.NOISE: 0.6, Pattern.PLANKS: 4.0}.get(pattern, 1.0)
    return stage.build.material(
        color=base,
        color_b=colors.shade(base, stage.uniform(0.75, 0.92)),
        pattern=pattern,
        scale=scale,
        roughness=0.95,
        bump=0.3,
    )


def _front(stage: Stage, half_y: float, floors: int, storey: float) -> None:
    build = stage.build
    frame = finishes.painted(stage, stage.pick(("white", "white", "brown", "grey", "black")), gloss=0.4).number
    pane, sill = finishes.screen(stage, on=False).number, finishes.concrete(stage).number
    columns = max(1, int(half_y * 2 / stage.uniform(1.9, 3.0)))
    wide, tall = stage.uniform(0.4, 0.75), stage.uniform(0.55, 0.85)
    door, shop = stage.count(0, columns - 1), stage.chance(0.3)
    balconies = stage.chance(0.25)
    for column in range(columns):
        y = half_y * ((2 * column + 1) / columns - 1)
        for floor in range(floors):
            z = floor * storey + 1.65
            if floor == 0 and column == door:
                _house_door(stage, y)
            elif floor == 0 and shop:
                build.box((0.01, y, 1.35), (0.03, half_y / columns * 0.88, 1.05), frame)
                build.box((0.03, y, 1.35), (0.02, half_y / columns * 0.82, 0.98), pane)
            else:
                build.box((0.01, y, z), (0.03, wide, tall), frame)
                for s in (-1, 1):
                    build.box((0.03, y + s * wide * 0.48, z), (0.02, wide * 0.42, tall * 0.9), pane)
                build.box((0.05, y, z - tall - 0.04), (0.07, wide + 0.08, 0.04), sill)
                if balconies and floor > 0:
                    build.box((0.55, y, z - tall - 0.15), (0.55, wide + 0.5, 0.08), sill)
                    build.box((1.07, y, z - tall + 0.4), (0.02, wide + 0.48, 0.5), frame)
    if shop:
        awning = finishes.fabric(stage, vivid=0.8).number
        build.box((0.5, 0, 2.65), (0.5, half_y * 0.95, 0.02), awning, turn(pitch_deg=-18))
        build.box((0.08, 0, 3.0), (0.06, half_y * 0.8, 0.22), finishes.packaging(stage).number)


def _house_door(stage: Stage, y: float) -> None:
    build, leaf = stage.build, finishes.one_of(stage, finishes.wood, finishes.painted)
    stone = finishes.concrete(stage).number
    with stage.thing("door", leaf):
        build.box((0.02, y, 1.1), (0.04, 0.5, 1.1), leaf.number)
        for z in (0.65, 1.6):
            build.round_box((0.06, y, z), (0.015, 0.33, 0.35), 0.012, leaf.number)
        build.sphere((0.09, y + 0.38, 1.0), 0.035, finishes.metal(stage).number)
    build.box((0.25, y, 0.05), (0.25, 0.6, 0.08), stone)


def _roof(stage: Stage, half_y: float, deep: float, height: float, *, flat: bool) -> None:
    build = stage.build
    if flat:
        build.box((-deep, 0, height + 0.1), (deep + 0.15, half_y + 0.05, 0.15), finishes.concrete(stage).number)
        return
    tile = colors.hsv(stage.uniform(5, 25), stage.uniform(0.1, 0.6), stage.uniform(0.3, 0.55))
    tiles = build.material(
        color=tile, color_b=colors.shade(tile, 0.6), pattern=Pattern.BRICKS, scale=3.0, roughness=0.9, bump=0.5
    )
    rise = deep * stage.uniform(0.35, 0.8)
    build.taper((-deep, 0, height + rise / 2), (deep + 0.35, half_y + 0.1, rise / 2), (0.05, half_y + 0.1), tiles)
    if stage.chance(0.6):
        brick = finishes.painted(stage, "brown").number
        build.box((-deep * 0.8, stage.uniform(-0.6, 0.6) * half_y, height + rise), (0.3, 0.3, rise * 0.5), brick)
