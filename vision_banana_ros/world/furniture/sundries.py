"""Books, paper, stationery, gadgets, tools and toys: the small things of homes and workshops."""

from __future__ import annotations

from vision_banana_ros.world import finishes
from vision_banana_ros.world.builder import turn
from vision_banana_ros.world.stage import Piece, Stage


def book_stack(stage: Stage) -> Piece:
    """One to five books lying on each other, each turned a little."""

    def draw() -> None:
        z = 0.0
        for _ in range(stage.count(1, 5)):
            cover, pages = finishes.book_cover(stage), finishes.paper(stage, printed=False)
            half = (stage.uniform(0.08, 0.14), stage.uniform(0.06, 0.1), stage.uniform(0.006, 0.02))
            with stage.thing("book", cover), stage.at(0, 0, z + half[2], yaw_deg=stage.uniform(-25, 25)):
                stage.build.box((0.002, 0, 0), (half[0] * 0.98, half[1] * 0.97, half[2] * 0.8), pages.number)
                for sz in (-1, 1):
                    stage.build.box((0, 0, sz * half[2] * 0.9), (half[0], half[1], half[2] * 0.1), cover.number)
                stage.build.box((-half[0], 0, 0), (0.002, half[1], half[2]), cover.number)
            z += 2 * half[2]

    return Piece(0.15, 0.12, 0.12, draw)


def paper_sheet(stage: Stage) -> Piece:
    def draw() -> None:
        z = 0.001
        for _ in range(stage.count(1, 4)):
            sheet = finishes.paper(stage)
            with stage.thing("paper", sheet), stage.at(0, 0, z, yaw_deg=stage.uniform(-40, 40)):
                stage.build.box((0, 0, 0), (0.148, 0.105, 0.0008), sheet.number)
            z += 0.0018

    return Piece(0.16, 0.13, 0.01, draw)


def pen(stage: Stage) -> Piece:
    skin = finishes.plastic(stage)

    def draw() -> None:
        with stage.thing("pen", skin):
            stage.build.rod((-0.06, 0, 0.006), (0.06, 0, 0.006), 0.005, skin.number)
            stage.build.rod((0.06, 0, 0.006), (0.075, 0, 0.006), 0.005, skin.number, end_radius=0.001)

    return Piece(0.08, 0.01, 0.012, draw)


def scissors(stage: Stage) -> Piece:
    grip = finishes.plastic(stage)

    def draw() -> None:
        steel = finishes.metal(stage, polished=0.8).number
        with stage.thing("scissors", grip):
            for sy in (-1, 1):
                stage.build.box((0.05, sy * 0.006, 0.004), (0.05, 0.006, 0.001), steel, turn(yaw_deg=sy * 5))
                stage.build.tube((-0.035, sy * 0.022, 0.005), 0.022, 0.005, 0.006, grip.number)

    return Piece(0.1, 0.04, 0.01, draw)


def vessel_box(stage: Stage) -> Piece:
    """A packet: cereals, tea, medicine; stands or lies."""
    half = sorted((stage.uniform(0.02, 0.05), stage.uniform(0.03, 0.1), stage.uniform(0.05, 0.15)))
    hx, hy, hz = half if stage.chance(0.7) else (half[2], half[1], half[0])
    label = finishes.packaging(stage)

    def draw() -> None:
        with stage.thing("box", label):
            stage.build.box((0, 0, hz), (hx, hy, hz), label.number)

    return Piece(hx, hy, 2 * hz, draw)


def phone(stage: Stage) -> Piece:
    case, glass = finishes.plastic(stage), finishes.screen(stage, on=stage.chance(0.3))

    def draw() -> None:
        with stage.thing("phone", case):
            stage.build.round_box((0, 0, 0.005), (0.075, 0.037, 0.005), 0.004, case.number)
            stage.build.box((0, 0, 0.0095), (0.071, 0.034, 0.001), glass.number)

    return Piece(0.08, 0.04, 0.012, draw)


def remote_control(stage: Stage) -> Piece:
    body = finishes.plastic(stage, stage.pick(("black", "grey", "white")))

    def draw() -> None:
        keys = finishes.plastic(stage, stage.pick(("grey", "white", "red"))).number
        with stage.thing("remote control", body):
            stage.build.round_box((0, 0, 0.01), (0.09, 0.022, 0.01), 0.008, body.number)
            for i in range(5):
                for y in (-0.01, 0.0, 0.01):
                    stage.build.box((-0.05 + 0.025 * i, y, 0.02), (0.004, 0.003, 0.002), keys)

    return Piece(0.09, 0.025, 0.022, draw)


def hammer(stage: Stage) -> Piece:
    handle = finishes.one_of(stage, finishes.wood, finishes.plastic)

    def draw() -> None:
        steel = finishes.metal(stage, polished=0.4).number
        with stage.thing("hammer", handle):
            stage.build.rod((-0.14, 0, 0.016), (0.13, 0, 0.016), 0.014, handle.number, end_radius=0.011)
            stage.build.box((0.14, 0.01, 0.016), (0.013, 0.045, 0.013), steel)
            stage.build.rod((0.14, -0.06, 0.016), (0.14, -0.03, 0.016), 0.016, steel)

    return Piece(0.16, 0.06, 0.035, draw)


def screwdriver(stage: Stage) -> Piece:
    handle = finishes.plastic(stage)

    def draw() -> None:
        with stage.thing("screwdriver", handle):
            stage.build.capsule((-0.09, 0, 0.014), (-0.02, 0, 0.014), 0.014, handle.number)
            stage.build.rod((-0.02, 0, 0.014), (0.1, 0, 0.014), 0.003, finishes.metal(stage, polished=0.8).number)

    return Piece(0.11, 0.015, 0.03, draw)


def drill(stage: Stage) -> Piece:
    """A cordless drill that stands on its battery."""
    body = finishes.plastic(stage, stage.pick(("yellow", "blue", "green", "red", "orange")))

    def draw() -> None:
        build, black = stage.build, finishes.rubber(stage).number
        with stage.thing("drill", body):
            build.round_box((0, 0, 0.03), (0.055, 0.038, 0.03), 0.01, black)
            build.round_box((0, 0, 0.1), (0.024, 0.02, 0.055), 0.016, body.number, turn(pitch_deg=-8))
            build.rod((-0.07, 0, 0.18), (0.06, 0, 0.18), 0.034, body.number, end_radius=0.028)
            build.rod((0.06, 0, 0.18), (0.11, 0, 0.18), 0.02, black, end_radius=0.012)
            build.rod((0.11, 0, 0.18), (0.17, 0, 0.18), 0.003, finishes.metal(stage).number)

    return Piece(0.14, 0.04, 0.22, draw)


def toolbox(stage: Stage) -> Piece:
    body = finishes.plastic(stage, stage.pick(("red", "blue", "black", "yellow", "grey")))
    half = (stage.uniform(0.1, 0.14), stage.uniform(0.18, 0.27), stage.uniform(0.07, 0.11))

    def draw() -> None:
        build, black = stage.build, finishes.rubber(stage).number
        with stage.thing("toolbox", body):
            build.round_box((0, 0, half[2]), half, 0.02, body.number)
            build.box((0, 0, 1.4 * half[2]), (half[0] + 0.002, half[1] + 0.002, 0.006), black)
            for sy in (-1, 1):
                build.rod(
                    (0, sy * half[1] * 0.5, 2 * half[2]), (0, sy * half[1] * 0.45, 2 * half[2] + 0.05), 0.008, black
                )
            build.capsule(
                (0, -half[1] * 0.45, 2 * half[2] + 0.05), (0, half[1] * 0.45, 2 * half[2] + 0.05), 0.011, black
            )

    return Piece(half[0], half[1], 2 * half[2] + 0.06, draw)


def toy(stage: Stage) -> Piece:
    """Blocks, a bear, a small car or a ring tower."""
    kind, paint = stage.pick(("blocks", "bear", "car", "rings")), finishes.plastic(stage)

    def draw() -> None:
        build = stage.build
        if kind == "blocks":
            for i in range(stage.count(1, 5)):
                block, half = finishes.plastic(stage), stage.uniform(0.018, 0.035)
                with stage.thing("toy", block), stage.at(0.07 * (i % 2), 0.08 * (i // 2) - 0.06, yaw_deg=37.0 * i):
                    build.round_box((0, 0, half), (half, half, half), 0.004, block.number)
        elif kind == "bear":
            fur = finishes.fabric(stage, stage.pick(("brown", "beige", "pink", "white"))).number
            with stage.thing("toy", paint):
                build.ellipsoid((0, 0, 0.09), (0.06, 0.07, 0.09), fur)
                build.sphere((0.01, 0, 0.22), 0.06, fur)
                build.sphere((0.06, 0, 0.21), 0.025, fur)
                for sy in (-1, 1):
                    build.sphere((0, sy * 0.05, 0.27), 0.022, fur)
                    build.capsule((0.02, sy * 0.06, 0.14), (0.08, sy * 0.09, 0.08), 0.022, fur)
                    build.capsule((0.02, sy * 0.05, 0.03), (0.11, sy * 0.07, 0.03), 0.027, fur)
        elif kind == "car":
            with stage.thing("toy", paint):
                build.round_box((0, 0, 0.045), (0.09, 0.04, 0.025), 0.012, paint.number)
                build.round_box((-0.01, 0, 0.08), (0.045, 0.034, 0.02), 0.012, finishes.glass(stage).number)
                for sx in (-1, 1):
                    for sy in (-1, 1):
                        at = (sx * 0.055, sy * 0.038, 0.022)
                        build.cylinder(at, 0.022, 0.008, finishes.rubber(stage).number, turn(roll_deg=90))
        else:
            with stage.thing("toy", paint):
                for i in range(5):
                    ring = finishes.plastic(stage).number
                    build.cylinder((0, 0, 0.015 + 0.028 * i), 0.07 - 0.009 * i, 0.013, ring)

    return Piece(0.11, 0.1, 0.25, draw)


def ball(stage: Stage) -> Piece:
    radius, skin = stage.pick((0.033, stage.uniform(0.06, 0.12), 0.11)), finishes.plastic(stage)

    def draw() -> None:
        with stage.thing("ball", skin):
            stage.build.sphere((0, 0, radius), radius, skin.number)

    return Piece(radius, radius, 2 * radius, draw)


def clock(stage: Stage) -> Piece:
    """An alarm clock."""
    body = finishes.plastic(stage)

    def draw() -> None:
        face = finishes.paper(stage, printed=False).number
        with stage.thing("clock", body):
            lie = turn(pitch_deg=90)
            stage.build.cylinder((0, 0, 0.055), 0.05, 0.02, body.number, lie)
            stage.build.cylinder((0.02, 0, 0.055), 0.044, 0.002, face, lie)
            black = finishes.rubber(stage).number
            stage.build.box((0.024, 0, 0.07), (0.001, 0.002, 0.015), black)
            stage.build.box((0.024, 0.01, 0.055), (0.001, 0.012, 0.002), black)

    return Piece(0.03, 0.05, 0.11, draw)
