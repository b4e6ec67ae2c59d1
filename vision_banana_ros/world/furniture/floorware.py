"""What stands or lies about on floors: bins, boxes, bags, suitcases, shoes, baskets, plants, rugs, pets."""

from __future__ import annotations

import math

from vision_banana_ros.world import finishes
from vision_banana_ros.world.builder import turn
from vision_banana_ros.world.stage import Piece, Stage, Top, swung

#: From one leaf to the next, as plants grow them: none stands right above another.
GOLDEN_ANGLE_DEG = 137.5


def bin_(stage: Stage) -> Piece:
    """A waste bin, open, with a lid, or a wheelie bin's little brother."""
    radius, height = stage.uniform(0.1, 0.2), stage.uniform(0.25, 0.65)
    skin = finishes.one_of(stage, finishes.plastic, finishes.metal, finishes.dark_metal)
    lidded, square = stage.chance(0.4), stage.chance(0.3)

    def draw() -> None:
        build = stage.build
        with stage.thing("bin", skin):
            if square:
                build.taper(
                    (0, 0, height / 2), (radius * 0.8, radius * 0.7, height / 2), (radius, radius * 0.9), skin.number
                )
                build.round_box((0, 0, height + 0.015), (radius * 1.03, radius * 0.93, 0.02), 0.015, skin.number)
                return
            build.tube((0, 0, height / 2), radius * 0.82, height / 2, 0.004, skin.number, top_radius=radius)
            build.cylinder((0, 0, 0.01), radius * 0.81, 0.01, skin.number)
            if lidded:
                build.bowl((0, 0, height), (radius * 1.02, radius * 1.02, 0.06), skin.number, turn(roll_deg=180))
            elif stage.chance(0.6):
                build.cylinder((0, 0, height * 0.35), radius * 0.83, height * 0.3, finishes.paper(stage).number)

    return Piece(radius, radius, height, draw)


def box(stage: Stage) -> Piece:
    """One to three cartons on each other."""
    half = (stage.uniform(0.1, 0.3), stage.uniform(0.1, 0.3))
    heights = [stage.uniform(0.07, 0.24) for _ in range(stage.pick((1, 1, 2, 3)))]
    printed = stage.chance(0.25)

    def draw() -> None:
        z = 0.0
        for i, high in enumerate(heights):
            skin = finishes.packaging(stage) if printed else finishes.cardboard(stage)
            shrink = 1 - 0.12 * i
            with stage.thing("box", skin), stage.at(0, 0, z + high, yaw_deg=stage.uniform(-14, 14) * (i > 0)):
                stage.build.box((0, 0, 0), (half[0] * shrink, half[1] * shrink, high), skin.number)
                if not printed:
                    tape = (
                        finishes.packaging(stage).number
                        if stage.chance(0.2)
                        else finishes.paper(stage, printed=False).number
                    )
                    stage.build.box((0, 0, 0), (half[0] * shrink + 0.001, 0.025, high + 0.001), tape)
            z += 2 * high

    return Piece(max(half), max(half), 2 * sum(heights), draw)


def open_box(stage: Stage) -> Piece:
    """A carton with its flaps up, something inside."""
    hx, hy, high = stage.uniform(0.15, 0.28), stage.uniform(0.15, 0.28), stage.uniform(0.1, 0.2)
    skin = finishes.cardboard(stage)

    def draw() -> None:
        build, wall = stage.build, 0.003
        with stage.thing("box", skin):
            build.box((0, 0, 0.005), (hx, hy, 0.005), skin.number)
            for s in (-1, 1):
                build.box((s * hx, 0, high), (wall, hy, high), skin.number)
                build.box((0, s * hy, high), (hx, wall, high), skin.number)
                tilt = turn(pitch_deg=-s * stage.uniform(20, 100))
                edge = (s * hx, 0, 2 * high)
                with build.frame(edge):
                    build.box(swung(tilt, 0, 0, hx * 0.5), (wall, hy, hx * 0.5), skin.number, tilt)
        for _ in range(stage.count(0, 4)):
            inside = finishes.packaging(stage)
            with stage.thing("box", inside), stage.at(stage.uniform(-0.4, 0.4) * hx, stage.uniform(-0.4, 0.4) * hy):
                build.box((0, 0, 0.1), (hx * 0.3, hy * 0.3, 0.09), inside.number)

    return Piece(hx * 1.6, hy, 2 * high, draw)


def bag(stage: Stage) -> Piece:
    """A backpack that stands, or a handbag."""
    cloth = finishes.one_of(stage, finishes.fabric, finishes.leather)
    half = (stage.uniform(0.07, 0.13), stage.uniform(0.12, 0.19), stage.uniform(0.13, 0.25))

    def draw() -> None:
        build = stage.build
        with stage.thing("bag", cloth):
            build.round_box((0, 0, half[2]), half, 0.065, cloth.number, turn(pitch_deg=stage.uniform(-6, 8)))
            build.round_box((half[0], 0, half[2] * 0.65), (0.05, half[1] * 0.75, half[2] * 0.5), 0.04, cloth.number)
            for sy in (-1, 1):
                y = sy * half[1] * 0.4
                build.capsule((-half[0], y, half[2] * 1.9), (-half[0] - 0.05, y, half[2] * 1.3), 0.014, cloth.number)
                build.capsule((-half[0] - 0.05, y, half[2] * 1.3), (-half[0], y, half[2] * 0.5), 0.014, cloth.number)
            build.capsule((0, -0.04, 2 * half[2] + 0.03), (0, 0.04, 2 * half[2] + 0.03), 0.011, cloth.number)

    return Piece(half[0] + 0.06, half[1], 2 * half[2], draw)


def suitcase(stage: Stage) -> Piece:
    half = (stage.uniform(0.1, 0.15), stage.uniform(0.17, 0.26), stage.uniform(0.25, 0.38))
    shell = finishes.plastic(stage)

    def draw() -> None:
        build, black = stage.build, finishes.rubber(stage).number
        with stage.thing("suitcase", shell):
            build.round_box((0, 0, half[2] + 0.05), half, 0.05, shell.number)
            for i in range(4):
                y = half[1] * (-0.6 + 0.4 * i)
                build.round_box((half[0], y, half[2] + 0.05), (0.008, 0.012, half[2] * 0.8), 0.007, shell.number)
            for sx in (-1, 1):
                for sy in (-1, 1):
                    build.sphere((sx * half[0] * 0.7, sy * half[1] * 0.8, 0.028), 0.028, black)
            steel, top = finishes.metal(stage).number, 2 * half[2] + 0.05
            for sy in (-1, 1):
                build.rod((-half[0] * 0.8, sy * 0.07, top), (-half[0] * 0.8, sy * 0.07, top + 0.3), 0.007, steel)
            build.capsule((-half[0] * 0.8, -0.07, top + 0.3), (-half[0] * 0.8, 0.07, top + 0.3), 0.014, black)

    return Piece(half[0] + 0.01, half[1], 2 * half[2] + 0.1, draw)


def shoes(stage: Stage) -> Piece:
    """A pair, more or less side by side."""
    upper, sole = (
        finishes.one_of(stage, finishes.leather, finishes.fabric),
        finishes.painted(stage, stage.pick(("black", "white"))),
    )
    boots = stage.chance(0.25)

    def draw() -> None:
        build = stage.build
        for sy in (-1, 1):
            place = stage.at(stage.uniform(-0.06, 0.06), sy * 0.075, yaw_deg=stage.uniform(-20, 20))
            with place, stage.thing("shoe", upper):
                build.round_box((0, 0, 0.014), (0.14, 0.045, 0.014), 0.013, sole.number)
                build.ellipsoid((0.06, 0, 0.03), (0.08, 0.043, 0.045), upper.number)
                build.ellipsoid((-0.05, 0, 0.035), (0.085, 0.041, 0.06), upper.number)
                if boots:
                    build.capsule((-0.07, 0, 0.06), (-0.07, 0, 0.22), 0.048, upper.number)
                else:
                    build.tube((-0.06, 0, 0.085), 0.038, 0.016, 0.006, upper.number)

    return Piece(0.18, 0.15, 0.12, draw)


def basket(stage: Stage) -> Piece:
    radius, height = stage.uniform(0.16, 0.26), stage.uniform(0.2, 0.45)
    weave = finishes.fabric(stage, stage.pick(("beige", "brown", "grey", "white")))

    def draw() -> None:
        with stage.thing("basket", weave):
            stage.build.tube((0, 0, height / 2), radius * 0.85, height / 2, 0.01, weave.number, top_radius=radius)
            stage.build.cylinder((0, 0, 0.01), radius * 0.84, 0.01, weave.number)
        for i in range(stage.count(1, 4)):
            cloth = finishes.fabric(stage)
            with stage.thing("towel", cloth):
                at = (0.05 * math.cos(2.1 * i), 0.05 * math.sin(2.1 * i), height * 0.8 + 0.02 * i)
                stage.build.ellipsoid(at, (radius * 0.65, radius * 0.5, 0.08), cloth.number, turn(yaw_deg=70.0 * i))

    return Piece(radius, radius, height, draw)


def plant(stage: Stage) -> Piece:
    """A potted plant: long leaves, a small tree, or a bushy one; from desk size to man-high."""
    scale = stage.log_uniform(0.35, 1.5)
    pot = finishes.one_of(stage, finishes.ceramic, finishes.plastic, finishes.concrete)
    kind = stage.pick(("blades", "bush", "tree", "fronds"))

    def draw() -> None:
        build, green = stage.build, finishes.leaf(stage).number
        with build.frame(scale=scale), stage.thing("plant", pot):
            build.tube((0, 0, 0.14), 0.11, 0.14, 0.01, pot.number, top_radius=0.15)
            build.cylinder((0, 0, 0.12), 0.11, 0.12, finishes.bark(stage).number, top_radius=0.14)
            if kind == "bush":
                for _ in range(stage.count(3, 6)):
                    at = (stage.uniform(-0.12, 0.12), stage.uniform(-0.12, 0.12), stage.uniform(0.4, 0.65))
                    build.foliage(at, (0.2, 0.2, 0.18), green, cell=0.05, fill=stage.uniform(0.45, 0.6))
            elif kind == "tree":
                build.rod((0, 0, 0.2), (0.02, 0, 0.75), 0.02, finishes.bark(stage).number, end_radius=0.014)
                for _ in range(stage.count(3, 6)):
                    at = (stage.uniform(-0.15, 0.15), stage.uniform(-0.15, 0.15), stage.uniform(0.75, 1.05))
                    build.foliage(at, (0.2, 0.2, 0.15), green, cell=0.06, fill=stage.uniform(0.4, 0.6))
            else:
                for i in range(stage.count(7, 15)):
                    blade(stage, GOLDEN_ANGLE_DEG * i, green, curved=kind == "fronds")

    return Piece(0.33 * scale, 0.33 * scale, scale, draw)


def blade(stage: Stage, yaw_deg: float, green: int, *, curved: bool) -> None:
    """One long leaf from the pot outwards; curved ones bend over in two pieces."""
    build, lean, length = stage.build, stage.uniform(8, 50), stage.uniform(0.14, 0.27)
    wide = stage.uniform(0.018, 0.045)
    with build.frame((0, 0, 0.24), yaw_deg=yaw_deg):
        tilt = turn(pitch_deg=-lean)
        build.ellipsoid(swung(tilt, 0, 0, length), (0.004, wide, length), green, tilt)
        if curved:
            over = turn(pitch_deg=-lean - 60)
            knee = swung(tilt, 0, 0, 1.8 * length)
            build.ellipsoid(
                tuple(a + b for a, b in zip(knee, swung(over, 0, 0, length * 0.6), strict=True)),
                (0.004, wide, length * 0.65),
                green,
                over,
            )


def rug(stage: Stage, half_x: float, half_y: float) -> None:
    """A carpet of the given half size at the present frame; stuff, so it needs no place of its own."""
    weave = finishes.fabric(stage, vivid=0.4)
    with stage.stuff("rug"):
        if stage.chance(0.25):
            stage.build.cylinder((0, 0, 0.005), min(half_x, half_y), 0.005, weave.number)
            return
        stage.build.box((0, 0, 0.005), (half_x, half_y, 0.005), weave.number)
        if stage.chance(0.5):
            inner = finishes.fabric(stage, vivid=0.4).number
            stage.build.box((0, 0, 0.0055), (half_x * 0.85, half_y * 0.8, 0.005), inner)


def dog(stage: Stage) -> Piece:
    return _animal(stage, "dog", stage.uniform(0.55, 1.15))


def cat(stage: Stage) -> Piece:
    return _animal(stage, "cat", stage.uniform(0.4, 0.5))


def _animal(stage: Stage, name: str, scale: float) -> Piece:
    """A four-legged body, standing; written at the size of a big dog."""
    fur = finishes.fabric(stage, stage.pick(("brown", "black", "white", "grey", "beige")))

    def draw() -> None:
        build, coat = stage.build, fur.number
        with build.frame(scale=scale), stage.thing(name, fur):
            build.capsule((-0.22, 0, 0.45), (0.2, 0, 0.48), 0.13, coat)
            build.ellipsoid((0.2, 0, 0.46), (0.15, 0.13, 0.17), coat)
            build.capsule((0.25, 0, 0.52), (0.36, 0, 0.66), 0.075, coat)
            build.ellipsoid((0.4, 0, 0.7), (0.11, 0.085, 0.09), coat)
            muzzle = 0.52 if name == "dog" else 0.47
            build.capsule((0.42, 0, 0.67), (muzzle, 0, 0.65), 0.045, coat)
            build.sphere((muzzle + 0.035, 0, 0.665), 0.018, finishes.rubber(stage).number)
            for sy in (-1, 1):
                build.ellipsoid((0.36, sy * 0.07, 0.77), (0.03, 0.02, 0.06), coat)
                for x in (-0.24, 0.22):
                    step = stage.uniform(-0.08, 0.08)
                    build.rod((x + step, sy * 0.08, 0.03), (x, sy * 0.08, 0.42), 0.032, coat, end_radius=0.055)
                    build.ellipsoid((x + step + 0.02, sy * 0.08, 0.03), (0.055, 0.035, 0.03), coat)
            build.capsule((-0.33, 0, 0.5), (-0.5, 0.05, stage.uniform(0.45, 0.75)), 0.025, coat)

    return Piece(0.55 * scale, 0.17 * scale, 0.8 * scale, draw)


def crate(stage: Stage) -> Piece:
    """A plastic crate with bottles or fruit, or empty."""
    half, skin = (0.15, 0.2), finishes.plastic(stage)
    high = stage.uniform(0.1, 0.16)

    def draw() -> None:
        build = stage.build
        with stage.thing("crate", skin):
            build.box((0, 0, 0.006), (*half, 0.006), skin.number)
            for s in (-1, 1):
                for z in (0.35, 1.05, 1.75):
                    build.box((s * half[0], 0, z * high), (0.006, half[1], high * 0.24), skin.number)
                    build.box((0, s * half[1], z * high), (half[0], 0.006, high * 0.24), skin.number)
            for sx in (-1, 1):
                for sy in (-1, 1):
                    build.box((sx * half[0], sy * half[1], high), (0.012, 0.012, high), skin.number)

    return Piece(half[0], half[1], 2 * high, draw, (Top(0, 0, 0.013, half[0] * 0.8, half[1] * 0.85, 0.4),))
