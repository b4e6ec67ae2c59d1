"""Warehouses and shops: pallets, racks, forklifts, barrels, ladders, trolleys, tills."""

from __future__ import annotations

from vision_banana_ros.world import finishes
from vision_banana_ros.world.builder import turn
from vision_banana_ros.world.stage import Piece, Stage, Top


def pallet(stage: Stage) -> Piece:
    """A Euro pallet, empty or loaded with cartons or sacks; maybe wrapped."""
    load, skin = stage.pick(("none", "boxes", "boxes", "block")), finishes.wood(stage)
    rows = stage.count(1, 4)

    def draw() -> None:
        build = stage.build
        with stage.thing("pallet", skin):
            for y in (-0.36, 0, 0.36):
                build.box((0, y, 0.05), (0.6, 0.05, 0.05), skin.number)
            for i in range(7):
                build.box((-0.55 + 0.183 * i, 0, 0.122), (0.06, 0.4, 0.011), skin.number)
        if load == "block":
            wrap = finishes.packaging(stage)
            with stage.thing("box", wrap):
                build.round_box((0, 0, 0.135 + 0.2 * rows), (0.57, 0.38, 0.2 * rows), 0.03, wrap.number)
        elif load == "boxes":
            card = finishes.cardboard(stage)
            for row in range(rows):
                for i in range(6):
                    if row == rows - 1 and stage.chance(0.3):
                        continue
                    at = (-0.39 + 0.39 * (i % 3), -0.195 + 0.39 * (i // 3), 0.135 + 0.16 + 0.32 * row)
                    with stage.thing("box", card):
                        build.box(at, (0.185, 0.185, 0.155), card.number)
                        build.box(at, (0.186, 0.025, 0.156), finishes.paper(stage, printed=False).number)

    tall = 0.14 + (0 if load == "none" else 0.4 * rows)
    return Piece(0.6, 0.4, tall, draw)


def rack(stage: Stage, bays: int, levels: int) -> Piece:
    """A pallet rack along y, open to both sides, with boxes, pallets and barrels on its levels."""
    bay, deep, step = stage.uniform(1.8, 2.7), stage.uniform(0.4, 0.55), stage.uniform(1.2, 1.7)
    uprights = finishes.painted(stage, stage.pick(("blue", "grey", "green")), gloss=0.5)
    beams = finishes.painted(stage, stage.pick(("orange", "orange", "yellow", "grey")), gloss=0.5)
    half_y, height = bays * bay / 2, step * levels

    def draw() -> None:
        build = stage.build
        with stage.thing("rack", uprights):
            for i in range(bays + 1):
                y = -half_y + i * bay
                for sx in (-1, 1):
                    build.box((sx * deep, y, height / 2 + 0.2), (0.05, 0.045, height / 2 + 0.2), uprights.number)
                for j in range(levels):
                    build.rod((-deep, y, j * step + 0.2), (deep, y, (j + 1) * step), 0.015, uprights.number)
            for j in range(1, levels):
                for sx in (-1, 1):
                    build.box((sx * deep, 0, j * step), (0.03, half_y, 0.06), beams.number)
                build.box((0, 0, j * step + 0.05), (deep, half_y, 0.012), finishes.wood(stage, planks=True).number)
        for i in range(bays):
            for j in range(levels):
                with build.frame((0, -half_y + (i + 0.5) * bay, j * step + (0.062 if j else 0))):
                    _rack_load(stage, bay, step)

    return Piece(deep + 0.05, half_y, height + 0.4, draw)


def _rack_load(stage: Stage, bay: float, step: float) -> None:
    kind = stage.pick(("pallets", "cartons", "empty", "crates"), (4, 4, 1.5, 2))
    build = stage.build
    if kind == "pallets":
        for sy in (-1, 1):
            skin, load = finishes.wood(stage), finishes.one_of(stage, finishes.cardboard, finishes.packaging)
            tall = (step - 0.5) / 2 * stage.uniform(0.4, 1.0)
            with build.frame((0, sy * bay * 0.24, 0)):
                with stage.thing("pallet", skin):
                    build.box((0, 0, 0.12), (0.4, bay * 0.2, 0.02), skin.number)
                    for y in (-0.16, 0, 0.16):
                        build.box((0, y * bay, 0.05), (0.4, 0.05, 0.05), skin.number)
                if stage.chance(0.85):
                    with stage.thing("box", load):
                        build.round_box((0, 0, 0.14 + tall), (0.38, bay * 0.19, tall), 0.01, load.number)
    elif kind == "cartons":
        y = -bay / 2 + 0.15
        while y < bay / 2 - 0.2:
            half, tall = stage.uniform(0.1, 0.24), stage.uniform(0.08, (step - 0.35) / 2)
            if y + 2 * half > bay / 2 - 0.05:
                break
            card = finishes.one_of(stage, finishes.cardboard, finishes.cardboard, finishes.packaging)
            with stage.thing("box", card):
                build.box(
                    (stage.uniform(-0.08, 0.08), y + half, tall),
                    (stage.uniform(0.15, 0.33), half * 0.96, tall),
                    card.number,
                )
            y += 2 * half + stage.uniform(0.0, 0.12)
    elif kind == "crates":
        for i in range(int(bay / 0.46)):
            skin = finishes.plastic(stage)
            for level in range(stage.count(0, 3)):
                with stage.thing("crate", skin):
                    at = (0.05, -bay / 2 + 0.3 + 0.45 * i, 0.13 + 0.26 * level)
                    build.round_box(at, (0.28, 0.2, 0.125), 0.02, skin.number)


def forklift(stage: Stage) -> Piece:
    """Its forks look along +x."""
    paint = finishes.painted(stage, stage.pick(("yellow", "orange", "red")), gloss=0.7)

    def draw() -> None:
        build, n, black = stage.build, paint.number, finishes.rubber(stage).number
        steel, lift = finishes.metal(stage, polished=0.3).number, stage.uniform(0.08, 0.9)
        with stage.thing("forklift", paint):
            build.round_box((-0.35, 0, 0.55), (0.75, 0.52, 0.32), 0.1, n)
            build.round_box((-0.85, 0, 0.75), (0.32, 0.53, 0.35), 0.15, black)
            for sx, top in ((-0.75, -0.6), (0.35, 0.15)):
                for sy in (-1, 1):
                    build.rod((sx, sy * 0.45, 0.85), (top, sy * 0.42, 2.05), 0.03, black)
            build.round_box((-0.22, 0, 2.08), (0.48, 0.48, 0.04), 0.03, black)
            build.round_box((-0.45, 0, 0.98), (0.22, 0.22, 0.06), 0.05, black)
            build.round_box((-0.68, 0, 1.25), (0.05, 0.22, 0.25), 0.05, black)
            build.tube((-0.02, 0, 1.2), 0.17, 0.015, 0.025, black, turn(pitch_deg=60))
            for sy in (-1, 1):
                build.box((0.55, sy * 0.25, 1.05), (0.04, 0.05, 1.05), steel)
                build.box((1.15, sy * 0.22, lift), (0.55, 0.06, 0.02), steel)
                build.box((0.62, sy * 0.22, lift + 0.25), (0.02, 0.06, 0.25), steel)
                build.cylinder((0.25, sy * 0.48, 0.3), 0.3, 0.1, black, turn(roll_deg=90))
                build.cylinder((-0.85, sy * 0.45, 0.24), 0.24, 0.09, black, turn(roll_deg=90))
            build.box((0.6, 0, lift + 0.45), (0.03, 0.45, 0.05), steel)

    return Piece(1.7, 0.6, 2.15, draw)


def pallet_jack(stage: Stage) -> Piece:
    paint = finishes.painted(stage, stage.pick(("red", "yellow", "blue")), gloss=0.6)

    def draw() -> None:
        build, n, black = stage.build, paint.number, finishes.rubber(stage).number
        with stage.thing("pallet jack", paint):
            for sy in (-1, 1):
                build.box((0.2, sy * 0.2, 0.09), (0.58, 0.08, 0.03), n)
                build.cylinder((0.68, sy * 0.2, 0.05), 0.045, 0.05, black, turn(roll_deg=90))
            build.round_box((-0.45, 0, 0.25), (0.1, 0.26, 0.2), 0.04, n)
            build.cylinder((-0.48, 0, 0.1), 0.1, 0.06, black, turn(roll_deg=90))
            build.rod((-0.5, 0, 0.35), (-0.78, 0, 1.15), 0.022, n)
            build.capsule((-0.8, -0.15, 1.2), (-0.8, 0.15, 1.2), 0.018, black)

    return Piece(0.85, 0.3, 1.2, draw)


def barrel(stage: Stage) -> Piece:
    skin = finishes.one_of(stage, finishes.painted, finishes.plastic, finishes.metal)
    radius, half = stage.uniform(0.22, 0.3), stage.uniform(0.3, 0.45)

    def draw() -> None:
        build = stage.build
        with stage.thing("barrel", skin):
            build.cylinder((0, 0, half), radius, half, skin.number)
            for z in (0.02, 0.65 * half, 1.35 * half, 2 * half - 0.02):
                build.cylinder((0, 0, z), radius * 1.03, 0.015, skin.number)
            build.cylinder((radius * 0.6, 0, 2 * half + 0.01), 0.035, 0.012, finishes.rubber(stage).number)

    return Piece(radius, radius, 2 * half, draw)


def ladder(stage: Stage) -> Piece:
    """A step ladder, opened."""
    height, skin = stage.uniform(0.8, 2.2), finishes.one_of(stage, finishes.metal, finishes.wood)

    def draw() -> None:
        build, spread = stage.build, height * 0.3
        with stage.thing("ladder", skin):
            for sy in (-1, 1):
                build.rod((spread, sy * 0.24, 0), (0.03, sy * 0.19, height), 0.022, skin.number)
                build.rod((-spread, sy * 0.24, 0), (-0.03, sy * 0.19, height), 0.018, skin.number)
            steps = max(2, round(height / 0.27))
            for i in range(1, steps + 1):
                level = i / steps
                build.box((spread * (1 - level) + 0.03 * level, 0, height * level), (0.05, 0.21, 0.012), skin.number)

    return Piece(height * 0.33, 0.26, height, draw)


def shopping_cart(stage: Stage) -> Piece:
    steel, grip = finishes.metal(stage, polished=0.7), finishes.plastic(stage)

    def draw() -> None:
        build, n = stage.build, steel.number
        with stage.thing("shopping cart", grip):
            for z in (0.5, 0.66, 0.82, 0.98):
                for sy in (-1, 1):
                    build.rod((-0.38, sy * 0.26, z), (0.4, sy * 0.2, z), 0.006, n)
                build.rod((0.4, -0.2, z), (0.4, 0.2, z), 0.006, n)
                build.rod((-0.38, -0.26, z), (-0.38, 0.26, z), 0.006, n)
            for i in range(9):
                x, inward = -0.38 + 0.0975 * i, 0.0075 * i
                for sy in (-1, 1):
                    build.rod((x, sy * (0.26 - inward), 0.48), (x, sy * (0.26 - inward), 0.98), 0.004, n)
                build.rod((x, -0.26 + inward, 0.5), (x, 0.26 - inward, 0.5), 0.004, n)
            for sy in (-1, 1):
                build.rod((-0.42, sy * 0.24, 1.0), (-0.3, sy * 0.24, 0.15), 0.014, n)
                build.rod((-0.38, sy * 0.24, 0.18), (0.45, sy * 0.19, 0.18), 0.014, n)
                for x in (-0.36, 0.42):
                    build.cylinder(
                        (x, sy * 0.22, 0.065), 0.065, 0.018, finishes.rubber(stage).number, turn(roll_deg=90)
                    )
            build.capsule((-0.46, -0.25, 1.02), (-0.46, 0.25, 1.02), 0.02, grip.number)

    return Piece(0.5, 0.3, 1.05, draw, (Top(0, 0, 0.51, 0.3, 0.18, 0.5),))


def till(stage: Stage) -> Piece:
    """A checkout counter with its cash register."""
    half_y, front = stage.uniform(0.7, 1.1), finishes.one_of(stage, finishes.painted, finishes.wood)

    def draw() -> None:
        build, black = stage.build, finishes.rubber(stage)
        with stage.thing("table", front):
            build.box((0, 0, 0.42), (0.3, half_y, 0.42), front.number)
            build.box((0, 0, 0.86), (0.34, half_y + 0.03, 0.02), black.number)
        with stage.thing("cash register", black):
            build.taper((0, half_y * 0.5, 0.95), (0.18, 0.17, 0.07), (0.1, 0.15), black.number, shift=-0.05)
            build.box(
                (-0.02, half_y * 0.5, 1.14),
                (0.012, 0.14, 0.1),
                finishes.screen(stage, on=True).number,
                turn(pitch_deg=15),
            )
            build.box(
                (0.08, half_y * 0.5, 1.02),
                (0.05, 0.1, 0.008),
                finishes.plastic(stage, "grey").number,
                turn(pitch_deg=-25),
            )

    return Piece(0.34, half_y + 0.03, 1.25, draw, (Top(0, -half_y * 0.4, 0.88, 0.25, half_y * 0.5),))
