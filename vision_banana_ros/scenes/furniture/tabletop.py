"""Small things that stand on tables, shelves and floors; every one is a few centimetres to half a metre."""

from __future__ import annotations

import math
from itertools import pairwise

from vision_banana_ros.scenes import finishes
from vision_banana_ros.scenes.builder import turn
from vision_banana_ros.scenes.stage import Maker, Piece, Stage


def bottle(stage: Stage) -> Piece:
    radius, body = stage.uniform(0.028, 0.045), stage.uniform(0.06, 0.1)
    clear = stage.chance(0.5)
    tint = stage.pick(((0.92, 0.95, 0.95), (0.25, 0.5, 0.25), (0.45, 0.25, 0.08), (0.6, 0.8, 0.9)))
    skin = finishes.glass(stage, tint=tint, clarity=0.75) if clear else finishes.plastic(stage)
    cap, label = finishes.plastic(stage), finishes.packaging(stage)

    def draw() -> None:
        build, neck = stage.build, radius * stage.uniform(0.3, 0.45)
        with stage.thing("bottle", skin):
            build.cylinder((0, 0, body), radius, body, skin.number)
            build.cylinder((0, 0, 2 * body + 0.02), radius, 0.02, skin.number, top_radius=neck)
            build.cylinder((0, 0, 2 * body + 0.06), neck, 0.02, skin.number)
            build.cylinder((0, 0, 2 * body + 0.08), neck * 1.2, 0.01, cap.number)
            if stage.chance(0.7):
                build.cylinder((0, 0, body), radius * 1.01, body * 0.45, label.number)

    return Piece(radius, radius, 2 * body + 0.1, draw)


def cup(stage: Stage) -> Piece:
    radius, half = stage.uniform(0.033, 0.047), stage.uniform(0.035, 0.06)
    skin, inside = finishes.ceramic(stage), finishes.painted(stage, stage.pick(("brown", "black", "white")))

    def draw() -> None:
        build = stage.build
        with stage.thing("cup", skin):
            build.tube((0, 0, half), radius * stage.uniform(0.75, 1.0), half, 0.004, skin.number, top_radius=radius)
            build.cylinder(
                (0, 0, half * 0.8), radius * 0.7, half * 0.8 - 0.002, inside.number, top_radius=radius * 0.85
            )
            loop = [
                (radius + 0.024 * math.sin(t), 0, half + half * 0.55 * math.cos(t)) for t in (0.1, 0.9, 1.6, 2.3, 3.0)
            ]
            for a, b in pairwise(loop):
                build.capsule(a, b, 0.005, skin.number)

    return Piece(radius + 0.03, radius, 2 * half, draw)


def drinking_glass(stage: Stage) -> Piece:
    radius, half = stage.uniform(0.028, 0.04), stage.uniform(0.045, 0.08)
    skin, drink = finishes.glass(stage), finishes.painted(stage, stage.pick(("orange", "red", "brown", "white")))
    stem = stage.chance(0.3)

    def draw() -> None:
        build = stage.build
        with stage.thing("glass", skin):
            if stem:
                build.cylinder((0, 0, 0.003), radius, 0.003, skin.number, top_radius=radius * 0.7)
                build.cylinder((0, 0, 0.045), 0.004, 0.042, skin.number)
                build.bowl((0, 0, 0.15), (radius, radius, 0.065), skin.number, cut=0.5)
            else:
                build.tube((0, 0, half), radius * 0.85, half, 0.002, skin.number, top_radius=radius)
                if stage.chance(0.5):
                    build.cylinder(
                        (0, 0, half * 0.7), radius * 0.82, half * 0.66, drink.number, top_radius=radius * 0.88
                    )

    return Piece(radius, radius, 2 * half, draw)


def bowl(stage: Stage) -> Piece:
    radius = stage.uniform(0.06, 0.15)
    deep, skin = radius * stage.uniform(0.5, 0.8), finishes.ceramic(stage)
    fruit = [(apple, orange, banana)[stage.count(0, 2)](stage) for _ in range(stage.count(2, 5) if radius > 0.1 else 0)]

    def draw() -> None:
        build = stage.build
        with stage.thing("bowl", skin):
            build.bowl((0, 0, deep), (radius, radius, deep), skin.number)
            build.cylinder((0, 0, 0.008), radius * 0.4, 0.008, skin.number)
        for i, piece in enumerate(fruit):
            angle = 2.4 * i
            with stage.at(
                radius * 0.45 * math.cos(angle), radius * 0.45 * math.sin(angle), deep * 0.45, yaw_deg=70.0 * i
            ):
                piece.draw()

    return Piece(radius, radius, deep + (0.05 if fruit else 0), draw)


def plate(stage: Stage) -> Piece:
    radius, skin = stage.uniform(0.09, 0.14), finishes.ceramic(stage)

    def draw() -> None:
        with stage.thing("plate", skin):
            stage.build.cylinder((0, 0, 0.008), radius * 0.65, 0.008, skin.number, top_radius=radius)
        if stage.chance(0.4):
            with stage.thing(stage.pick(("fork", "knife", "spoon")), finishes.metal(stage, polished=0.9)):
                _cutlery(stage, radius + 0.03)

    return Piece(radius + 0.04, radius, 0.02, draw)


def _cutlery(stage: Stage, y: float) -> None:
    steel = finishes.metal(stage, polished=0.9).number
    stage.build.box((-0.03, y, 0.003), (0.06, 0.005, 0.002), steel)
    stage.build.ellipsoid((0.06, y, 0.005), (0.035, 0.013, 0.004), steel)


def fork_and_knife(stage: Stage) -> Piece:
    def draw() -> None:
        for name, y in (("fork", -0.03), ("knife", 0.03)):
            steel = finishes.metal(stage, polished=0.9)
            with stage.thing(name, steel):
                stage.build.box((-0.04, y, 0.003), (0.055, 0.005, 0.002), steel.number)
                if name == "knife":
                    stage.build.box((0.05, y, 0.003), (0.05, 0.009, 0.001), steel.number)
                else:
                    stage.build.box((0.03, y, 0.004), (0.02, 0.011, 0.002), steel.number)
                    for i in range(4):
                        stage.build.box((0.07, y - 0.009 + 0.006 * i, 0.005), (0.02, 0.0015, 0.0015), steel.number)

    return Piece(0.11, 0.05, 0.01, draw)


def apple(stage: Stage) -> Piece:
    radius, skin = (
        stage.uniform(0.032, 0.042),
        finishes.painted(stage, stage.pick(("red", "green", "yellow")), gloss=0.6),
    )

    def draw() -> None:
        with stage.thing("apple", skin):
            stage.build.ellipsoid((0, 0, radius * 0.9), (radius, radius, radius * 0.9), skin.number)
            stalk = finishes.bark(stage).number
            stage.build.rod((0, 0, radius * 1.7), (0.004, 0, radius * 2.1), 0.0015, stalk)

    return Piece(radius, radius, 2 * radius, draw)


def orange(stage: Stage) -> Piece:
    radius, skin = stage.uniform(0.033, 0.043), finishes.painted(stage, "orange", gloss=0.4)

    def draw() -> None:
        with stage.thing("orange", skin):
            stage.build.sphere((0, 0, radius), radius, skin.number)

    return Piece(radius, radius, 2 * radius, draw)


def banana(stage: Stage) -> Piece:
    """A bow of capsules, thinner towards the ends."""
    skin = finishes.painted(stage, "yellow", gloss=0.3)

    def draw() -> None:
        for finger in range(stage.count(1, 4)):
            with stage.thing("banana", skin):
                points = []
                for i in range(6):
                    angle = math.radians(-50 + 20 * i)
                    points.append((0.1 * math.sin(angle), 0.105 * math.cos(angle) - 0.085 + 0.03 * finger, 0.018))
                for i, (a, b) in enumerate(pairwise(points)):
                    stage.build.capsule(a, b, 0.017 if 0 < i < 4 else 0.012, skin.number)
                stage.build.capsule(points[-1], (0.1, 0.07 - 0.085 + 0.03 * finger, 0.02), 0.006, skin.number)

    return Piece(0.11, 0.07, 0.04, draw)


def can(stage: Stage) -> Piece:
    radius, half, label = stage.uniform(0.03, 0.05), stage.uniform(0.045, 0.065), finishes.packaging(stage)

    def draw() -> None:
        steel = finishes.metal(stage, polished=0.8).number
        with stage.thing("can", label):
            stage.build.cylinder((0, 0, half), radius, half * 0.93, label.number)
            stage.build.cylinder((0, 0, half), radius * 0.94, half, steel)

    return Piece(radius, radius, 2 * half, draw)


def pot(stage: Stage) -> Piece:
    radius, half, steel = stage.uniform(0.08, 0.13), stage.uniform(0.05, 0.09), finishes.metal(stage)
    lid = stage.chance(0.5)

    def draw() -> None:
        build, black = stage.build, finishes.rubber(stage).number
        with stage.thing("pot", steel):
            build.tube((0, 0, half), radius, half, 0.003, steel.number)
            build.cylinder((0, 0, half * 0.2), radius * 0.98, half * 0.2, steel.number)
            if lid:
                build.bowl((0, 0, 2 * half), (radius, radius, 0.025), steel.number, turn(roll_deg=180))
                build.cylinder((0, 0, 2 * half + 0.035), 0.015, 0.012, black)
            for sy in (-1, 1):
                build.capsule(
                    (-0.03, sy * (radius + 0.02), 1.6 * half), (0.03, sy * (radius + 0.02), 1.6 * half), 0.008, black
                )

    return Piece(radius, radius + 0.03, 2 * half + 0.04, draw)


def pan(stage: Stage) -> Piece:
    radius, black = stage.uniform(0.1, 0.15), finishes.painted(stage, "black", gloss=0.4)

    def draw() -> None:
        build = stage.build
        with stage.thing("pan", black):
            build.tube((0, 0, 0.022), radius * 0.85, 0.02, 0.003, black.number, top_radius=radius)
            build.cylinder((0, 0, 0.005), radius * 0.86, 0.004, black.number)
            build.capsule((radius, 0, 0.035), (radius + 0.17, 0, 0.06), 0.011, black.number)

    return Piece(radius + 0.09, radius, 0.06, draw)


def kettle(stage: Stage) -> Piece:
    body = finishes.one_of(stage, finishes.metal, finishes.plastic)

    def draw() -> None:
        build, black = stage.build, finishes.rubber(stage).number
        with stage.thing("kettle", body):
            build.cylinder((0, 0, 0.01), 0.085, 0.01, black)
            build.cylinder((0, 0, 0.12), 0.08, 0.1, body.number, top_radius=0.06)
            build.cylinder((0, 0, 0.23), 0.055, 0.012, black)
            build.rod((0.05, 0, 0.19), (0.1, 0, 0.22), 0.018, body.number, end_radius=0.01)
            build.capsule((-0.06, 0, 0.22), (-0.12, 0, 0.2), 0.011, black)
            build.capsule((-0.12, 0, 0.2), (-0.11, 0, 0.06), 0.011, black)

    return Piece(0.12, 0.085, 0.25, draw)


def vase(stage: Stage) -> Piece:
    radius, half, skin = stage.uniform(0.04, 0.08), stage.uniform(0.06, 0.14), finishes.ceramic(stage)
    flowers = stage.count(0, 6)

    def draw() -> None:
        build = stage.build
        with stage.thing("vase", skin):
            build.ellipsoid((0, 0, half), (radius, radius, half), skin.number)
            build.tube((0, 0, 1.95 * half), radius * 0.45, half * 0.25, 0.004, skin.number, top_radius=radius * 0.6)
            build.cylinder((0, 0, 0.01), radius * 0.6, 0.01, skin.number)
        green = finishes.leaf(stage).number
        petals = finishes.painted(stage, stage.pick(("red", "yellow", "pink", "white", "purple")))
        for i in range(flowers):
            angle, lean = 2.4 * i, stage.uniform(0.03, 0.12)
            tip = (lean * math.cos(angle), lean * math.sin(angle), 2.2 * half + stage.uniform(0.1, 0.22))
            with stage.thing("flower", petals):
                build.rod((0, 0, 2 * half), tip, 0.003, green)
                build.ellipsoid(tip, (0.022, 0.022, 0.014), petals.number)

    return Piece(radius, radius, 2.2 * half, draw)


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


FOOD: tuple[Maker, ...] = (apple, orange, banana, bowl, plate, cup, drinking_glass, bottle, can, vessel_box)
STATIONERY: tuple[Maker, ...] = (pen, paper_sheet, book_stack, scissors, phone, cup, bottle)
KITCHENWARE: tuple[Maker, ...] = (pot, pan, kettle, cup, plate, bowl, bottle, can, vessel_box, fork_and_knife)
LIVING: tuple[Maker, ...] = (vase, book_stack, remote_control, cup, bowl, phone, clock, toy, bottle, drinking_glass)
TOOLS: tuple[Maker, ...] = (hammer, screwdriver, drill, toolbox, can, vessel_box, scissors)
EVERYTHING: tuple[Maker, ...] = tuple(dict.fromkeys((*FOOD, *STATIONERY, *KITCHENWARE, *LIVING, *TOOLS, ball)))
