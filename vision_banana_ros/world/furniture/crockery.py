"""Dishes, pots, bottles and food: what stands on kitchen and dining tables."""

from __future__ import annotations

import math
from itertools import pairwise

from vision_banana_ros.world import finishes
from vision_banana_ros.world.builder import turn
from vision_banana_ros.world.stage import Piece, Stage


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
