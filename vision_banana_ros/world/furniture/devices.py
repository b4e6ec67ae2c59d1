"""Things with a plug: screens, computers, speakers, fans, lamps, household appliances, a robot vacuum."""

from __future__ import annotations

import math

from vision_banana_ros.world import finishes
from vision_banana_ros.world.builder import turn
from vision_banana_ros.world.stage import Piece, Stage, Top, swung


def monitor(stage: Stage) -> Piece:
    """A computer screen on its foot; shows something or is dark."""
    half_y = stage.uniform(0.22, 0.42)
    half_z, stand = half_y * stage.pick((0.56, 0.56, 0.62, 0.43)), stage.uniform(0.08, 0.16)
    case, face = (
        finishes.plastic(stage, stage.pick(("black", "grey", "white"))),
        finishes.screen(stage, on=stage.chance(0.5)),
    )

    def draw() -> None:
        _flat_screen(stage, "monitor", half_y, half_z, stand, case.number, face.number, case.color)

    return Piece(0.1, half_y, stand + 2 * half_z, draw)


def television(stage: Stage) -> Piece:
    half_y = stage.uniform(0.4, 0.75)
    case, face = finishes.plastic(stage, "black"), finishes.screen(stage, on=stage.chance(0.4))

    def draw() -> None:
        _flat_screen(stage, "television", half_y, half_y * 0.56, 0.05, case.number, face.number, "black")

    return Piece(0.12, half_y, 0.05 + 1.12 * half_y, draw)


def _flat_screen(
    stage: Stage, name: str, half_y: float, half_z: float, stand: float, case: int, face: int, color: str
) -> None:
    build = stage.build
    with build.thing(name, color=color, material=""):
        build.box((0, 0, 0.006), (0.09, half_y * 0.4, 0.006), case)
        build.box((-0.03, 0, stand), (0.012, 0.03, stand), case)
        build.box((0, 0, stand + half_z), (0.014, half_y, half_z), case)
        build.box((0.012, 0, stand + half_z), (0.004, half_y - 0.012, half_z - 0.012), face)


def laptop(stage: Stage) -> Piece:
    half_x, half_y = stage.uniform(0.1, 0.125), stage.uniform(0.14, 0.19)
    case, on, opening = finishes.metal(stage, polished=0.3), stage.chance(0.6), stage.uniform(5, 35)
    keys, face = finishes.plastic(stage, stage.pick(("black", "grey"))), finishes.screen(stage, on=on)

    def draw() -> None:
        build = stage.build
        with stage.thing("laptop", case):
            build.round_box((0, 0, 0.009), (half_x, half_y, 0.009), 0.005, case.number)
            for row in range(5):
                for column in range(11):
                    at = (-half_x * 0.75 + row * 0.019, half_y * 0.85 * (2 * (column + 0.5) / 11 - 1), 0.0185)
                    build.box(at, (0.0075, half_y * 0.85 / 11 * 0.82, 0.0015), keys.number)
            lean = turn(pitch_deg=opening)
            with build.frame((-half_x, 0, 0.012)):
                build.box(swung(lean, 0, 0, half_x), (0.004, half_y, half_x), case.number, lean)
                build.box(swung(lean, 0.004, 0, half_x), (0.001, half_y * 0.95, half_x * 0.93), face.number, lean)

    return Piece(half_x + 0.06, half_y, 2 * half_x, draw)


def keyboard(stage: Stage) -> Piece:
    case = finishes.plastic(stage, stage.pick(("black", "white", "grey")))
    keys = case if stage.chance(0.5) else finishes.plastic(stage, stage.pick(("black", "white", "grey")))
    half_y = stage.pick((0.15, 0.22))

    def draw() -> None:
        build = stage.build
        with stage.thing("keyboard", case):
            build.round_box((0, 0, 0.009), (0.07, half_y, 0.009), 0.005, case.number)
            columns = round(half_y * 2 / 0.02)
            for row in range(5):
                wide = 1 if row < 4 else 3  # the space bar's row has fewer, longer keys
                for column in range(columns // wide):
                    y = half_y * 0.95 * (2 * (column + 0.5) * wide / columns - 1)
                    build.box((-0.045 + row * 0.021, y, 0.02), (0.008, 0.0082 * wide, 0.003), keys.number)

    return Piece(0.075, half_y, 0.025, draw)


def mouse(stage: Stage) -> Piece:
    skin = finishes.plastic(stage, stage.pick(("black", "white", "grey", "red")))

    def draw() -> None:
        with stage.thing("mouse", skin):
            stage.build.ellipsoid((0, 0, 0.012), (0.055, 0.031, 0.024), skin.number)

    return Piece(0.06, 0.035, 0.036, draw)


def speaker(stage: Stage) -> Piece:
    half = stage.uniform(0.06, 0.14)
    tall, body = half * stage.uniform(1.4, 4), finishes.one_of(stage, finishes.wood, finishes.painted)

    def draw() -> None:
        build, black = stage.build, finishes.rubber(stage).number
        with stage.thing("speaker", body):
            build.box((0, 0, tall), (half * 1.1, half, tall), body.number)
            for z, radius in ((0.6 * tall, half * 0.75), (1.5 * tall, half * 0.4)):
                build.tube((half * 1.1, 0, z), radius, 0.008, 0.01, finishes.metal(stage).number, turn(pitch_deg=90))
                build.cylinder((half * 1.1, 0, z), radius * 0.9, 0.004, black, turn(pitch_deg=90))

    return Piece(half * 1.2, half, 2 * tall, draw)


def fan(stage: Stage) -> Piece:
    """A pedestal fan: ring, spokes, blades."""
    height, body = stage.uniform(0.5, 1.3), finishes.plastic(stage, stage.pick(("white", "black", "grey")))

    def draw() -> None:
        build = stage.build
        with stage.thing("fan", body):
            build.cylinder((0, 0, 0.02), 0.2, 0.02, body.number, top_radius=0.14)
            build.cylinder((0, 0, height / 2), 0.018, height / 2, body.number)
            build.rod((-0.1, 0, height), (0.04, 0, height), 0.06, body.number)
            face = turn(pitch_deg=90)
            for x in (0.02, 0.1):
                build.tube((x, 0, height), 0.21, 0.006, 0.01, body.number, face)
                for i in range(12):
                    angle = math.radians(30 * i)
                    rim = (x, 0.2 * math.sin(angle), height + 0.2 * math.cos(angle))
                    build.rod((x, 0, height), rim, 0.002, body.number)
            for i in range(3):
                angle = math.radians(120 * i + 20)
                at = (0.06, 0.1 * math.sin(angle), height + 0.1 * math.cos(angle))
                blade = turn(roll_deg=-math.degrees(angle)) @ turn(yaw_deg=25)
                build.ellipsoid(at, (0.004, 0.05, 0.09), body.number, blade)

    return Piece(0.2, 0.21, height + 0.2, draw)


def lamp(stage: Stage) -> Piece:
    """A table, desk or floor lamp; about half of them shine."""
    floor, on = stage.chance(0.45), stage.chance(0.55)
    height = stage.uniform(1.2, 1.7) if floor else stage.uniform(0.28, 0.55)
    radius = stage.uniform(0.13, 0.22) if floor else stage.uniform(0.08, 0.15)
    stand = finishes.one_of(stage, finishes.metal, finishes.wood, finishes.dark_metal, finishes.ceramic)
    warm = (1.0, stage.uniform(0.68, 0.86), stage.uniform(0.4, 0.68))
    shade = finishes.glow(stage, warm, stage.uniform(1.0, 2.5)) if on else finishes.fabric(stage, "white")

    def draw() -> None:
        build = stage.build
        with stage.thing("lamp", stand):
            build.cylinder((0, 0, 0.012), radius * 0.7, 0.012, stand.number)
            build.cylinder((0, 0, height / 2), 0.012 if floor else 0.02, height / 2, stand.number)
            tall = radius * 0.75
            build.tube((0, 0, height - tall * 0.3), radius, tall, 0.003, shade.number, top_radius=radius * 0.65)
        if on:
            power = stage.uniform(0.5, 1.6) * (1.5 if floor else 0.6)
            r, g, b = (power * c for c in warm)
            build.lamp((0, 0, height + radius * 0.6), (r, g, b), radius=0.05)

    return Piece(radius, radius, height + 0.15, draw)


def refrigerator(stage: Stage) -> Piece:
    half_y, height = stage.uniform(0.29, 0.46), stage.uniform(1.4, 2.0)
    body = stage.pick((finishes.painted(stage, "white", gloss=0.6), finishes.metal(stage, polished=0.4)))
    handle = finishes.metal(stage)

    def draw() -> None:
        build, split = stage.build, height * stage.uniform(0.35, 0.7)
        with stage.thing("refrigerator", body):
            build.box((-0.03, 0, height / 2), (0.3, half_y, height / 2), body.number)
            for low, high in ((0.05, split), (split, height)):
                middle, half = (low + high) / 2, (high - low) / 2 - 0.004
                build.round_box((0.29, 0, middle), (0.03, half_y - 0.002, half), 0.012, body.number)
                y = half_y * 0.85
                build.capsule((0.345, y, middle - half * 0.4), (0.345, y, middle + half * 0.4), 0.011, handle.number)

    return Piece(0.35, half_y, height, draw, (Top(-0.03, 0, height, 0.2, half_y * 0.8),))


def oven(stage: Stage) -> Piece:
    """A free-standing cooker with hob."""
    body, black = (
        finishes.painted(stage, stage.pick(("white", "black", "grey")), gloss=0.7),
        finishes.screen(stage, on=False),
    )

    def draw() -> None:
        build, steel = stage.build, finishes.metal(stage).number
        with stage.thing("oven", body):
            build.box((0, 0, 0.44), (0.29, 0.295, 0.44), body.number)
            build.box((0, 0, 0.885), (0.295, 0.298, 0.006), black.number)
            build.box((0.29, 0, 0.42), (0.012, 0.25, 0.22), black.number)
            build.capsule((0.335, -0.24, 0.68), (0.335, 0.24, 0.68), 0.009, steel)
            for i in range(5):
                build.cylinder((0.3, -0.2 + 0.1 * i, 0.8), 0.02, 0.018, steel, turn(pitch_deg=90))
            for sx in (-1, 1):
                for sy in (-1, 1):
                    build.tube((sx * 0.14, sy * 0.14, 0.892), stage.uniform(0.07, 0.1), 0.001, 0.006, steel)

    return Piece(0.33, 0.3, 0.89, draw, (Top(0, 0, 0.893, 0.2, 0.22),))


def microwave(stage: Stage) -> Piece:
    body = finishes.painted(stage, stage.pick(("white", "black", "grey")), gloss=0.6)

    def draw() -> None:
        build, glass = stage.build, finishes.screen(stage, on=False).number
        with stage.thing("microwave", body):
            build.round_box((0, 0, 0.14), (0.18, 0.24, 0.135), 0.01, body.number)
            build.box((0.178, -0.06, 0.14), (0.006, 0.15, 0.1), glass)
            build.capsule((0.2, 0.105, 0.06), (0.2, 0.105, 0.22), 0.008, finishes.metal(stage).number)
            for i in range(3):
                build.cylinder(
                    (0.182, 0.175, 0.07 + 0.07 * i), 0.02, 0.008, finishes.metal(stage).number, turn(pitch_deg=90)
                )

    return Piece(0.2, 0.24, 0.28, draw)


def washing_machine(stage: Stage) -> Piece:
    body = finishes.painted(stage, "white", gloss=0.5)

    def draw() -> None:
        build, steel = stage.build, finishes.metal(stage).number
        with stage.thing("washing machine", body):
            build.round_box((0, 0, 0.425), (0.28, 0.298, 0.425), 0.012, body.number)
            build.tube((0.285, 0, 0.42), 0.17, 0.02, 0.03, steel, turn(pitch_deg=90))
            build.ellipsoid((0.275, 0, 0.42), (0.03, 0.145, 0.145), finishes.screen(stage, on=False).number)
            build.cylinder((0.285, 0.1, 0.77), 0.028, 0.015, steel, turn(pitch_deg=90))
            build.box((0.28, -0.18, 0.77), (0.004, 0.08, 0.03), finishes.plastic(stage, "grey").number)

    return Piece(0.3, 0.3, 0.85, draw, (Top(0, 0, 0.85, 0.2, 0.25),))


def robot_vacuum(stage: Stage) -> Piece:
    skin = finishes.plastic(stage, stage.pick(("black", "white", "grey")))

    def draw() -> None:
        build, black = stage.build, finishes.rubber(stage).number
        with stage.thing("robot vacuum", skin):
            build.cylinder((0, 0, 0.05), 0.17, 0.04, black)
            build.cylinder((0, 0, 0.086), 0.168, 0.006, skin.number, top_radius=0.162)
            build.cylinder((-0.05, 0, 0.1), 0.04, 0.012, skin.number)

    return Piece(0.17, 0.17, 0.11, draw)
