"""What grows and lies outdoors: trees, bushes, hedges, flowers, rocks, logs."""

from __future__ import annotations

import math

from vision_banana_ros.world import finishes
from vision_banana_ros.world.builder import turn
from vision_banana_ros.world.stage import Piece, Stage


def tree(stage: Stage, *, autumn: float = 0.1) -> Piece:
    """Broadleaf, conifer, poplar, birch, or bare in winter."""
    kind = stage.pick(("broadleaf", "conifer", "poplar", "birch", "bare"), (5, 2.5, 1, 1.5, 1))
    height = stage.uniform(3.5, 11)

    def draw() -> None:
        skin = finishes.leaf(stage, autumn=autumn)
        with stage.thing("tree", skin):
            if kind == "conifer":
                _conifer(stage, height, skin.number)
            elif kind == "bare":
                _branches(stage, height, finishes.bark(stage).number)
            else:
                _crown(stage, height, skin.number, slim=kind == "poplar", pale=kind == "birch")

    return Piece(0.3, 0.3, height, draw)


def _crown(stage: Stage, height: float, leaves: int, *, slim: bool, pale: bool) -> None:
    build = stage.build
    trunk = finishes.painted(stage, "white").number if pale else finishes.bark(stage).number
    bare, radius = height * stage.uniform(0.2, 0.4), height * stage.uniform(0.018, 0.032)
    top = (stage.uniform(-0.3, 0.3), stage.uniform(-0.3, 0.3), height * 0.75)
    build.rod((0, 0, -0.1), top, radius, trunk, end_radius=radius * 0.4)
    wide = height * (0.1 if slim else stage.uniform(0.18, 0.3))
    # Many small clumps of uneven size: a few large ones would look like balls.
    clumps = stage.count(9, 16)
    fine = stage.uniform(0.05, 0.1) * (height / 6) ** 0.5
    for i in range(clumps):
        angle, level = 2.4 * i, (i + 0.5) / clumps
        out = 0 if slim else wide * math.sin(math.pi * min(level + 0.12, 1)) ** 0.7 * stage.uniform(0.35, 1.0)
        at = (out * math.cos(angle), out * math.sin(angle), bare + (height - bare) * (0.1 + 0.8 * level))
        size = wide * stage.uniform(0.28, 0.6)
        half = (size, size * stage.uniform(0.7, 1.2), size * (1.6 if slim else stage.uniform(0.5, 0.85)))
        build.foliage(at, half, leaves, cell=fine, fill=stage.uniform(0.42, 0.6))
        build.foliage(at, (half[0] * 0.75, half[1] * 0.75, half[2] * 0.75), leaves, cell=fine * 1.4, fill=0.7)
        if i % 2 == 0:
            build.rod((top[0] * 0.4, top[1] * 0.4, bare), at, radius * 0.4, trunk, end_radius=radius * 0.12)


def _conifer(stage: Stage, height: float, needles: int) -> None:
    build, tiers = stage.build, stage.count(4, 7)
    build.cylinder((0, 0, height * 0.2), height * 0.02, height * 0.22, finishes.bark(stage).number)
    for i in range(tiers):
        level = i / tiers
        wide = height * 0.22 * (1 - level) + 0.1
        at = (0, 0, height * (0.2 + 0.78 * level))
        build.foliage(at, (wide, wide, height / tiers * 0.85), needles, cell=0.09, fill=0.62)
        build.cylinder(at, wide * 0.75, height / tiers * 0.7, needles, top_radius=wide * 0.12)


def _branches(stage: Stage, height: float, bark: int) -> None:
    build, radius = stage.build, height * 0.022
    build.rod((0, 0, -0.1), (0.1, 0, height * 0.55), radius, bark, end_radius=radius * 0.6)
    for i in range(stage.count(6, 10)):
        angle, level = 2.4 * i, stage.uniform(0.25, 0.55)
        start = (0.1 * level, 0, height * level)
        out = height * stage.uniform(0.12, 0.26)
        knee = (out * math.cos(angle), out * math.sin(angle), height * (level + stage.uniform(0.12, 0.25)))
        build.rod(start, knee, radius * 0.45, bark, end_radius=radius * 0.22)
        for turn_deg in (-40, 35):
            away = angle + math.radians(turn_deg)
            tip = (knee[0] + out * 0.6 * math.cos(away), knee[1] + out * 0.6 * math.sin(away), knee[2] + height * 0.14)
            build.rod(knee, tip, radius * 0.2, bark, end_radius=radius * 0.06)


def bush(stage: Stage) -> Piece:
    wide, high = stage.uniform(0.25, 1.0), stage.uniform(0.3, 1.1)

    def draw() -> None:
        leaves = finishes.leaf(stage, autumn=0.08)
        with stage.thing("bush", leaves):
            for _ in range(stage.count(2, 5)):
                at = (
                    stage.uniform(-0.35, 0.35) * wide,
                    stage.uniform(-0.35, 0.35) * wide,
                    high * stage.uniform(0.35, 0.6),
                )
                half = (wide * 0.7, wide * 0.7, high * 0.5)
                stage.build.foliage(
                    at, half, leaves.number, cell=stage.uniform(0.05, 0.1), fill=stage.uniform(0.5, 0.65)
                )
                inner = (half[0] * 0.75, half[1] * 0.75, half[2] * 0.75)
                stage.build.foliage(at, inner, leaves.number, cell=0.08, fill=0.75)

    return Piece(wide, wide, high, draw)


def hedge(stage: Stage, half_y: float) -> None:
    """A trimmed hedge along y at the present frame."""
    leaves, high, deep = finishes.leaf(stage).number, stage.uniform(0.35, 0.9), stage.uniform(0.25, 0.45)
    with stage.stuff("hedge"):
        stage.build.round_box((0, 0, high), (deep * 0.9, half_y * 0.99, high * 0.97), 0.1, leaves)
        for i in range(max(1, round(half_y / 0.6))):
            y = half_y * (2 * (i + 0.5) / max(1, round(half_y / 0.6)) - 1)
            stage.build.foliage((0, y, high), (deep * 1.25, 0.75, high * 1.1), leaves, cell=0.07, fill=0.5)


def flowers(stage: Stage) -> Piece:
    """A clump of flowers, as in beds and meadows."""
    count, petals = (
        stage.count(4, 12),
        finishes.painted(stage, stage.pick(("red", "yellow", "pink", "white", "purple", "orange"))),
    )

    def draw() -> None:
        build, green = stage.build, finishes.leaf(stage).number
        with stage.thing("flower", petals):
            for i in range(count):
                out, angle = 0.05 * math.sqrt(i), 2.4 * i
                x, y, z = out * math.cos(angle), out * math.sin(angle), stage.uniform(0.15, 0.4)
                build.rod((x * 0.6, y * 0.6, 0), (x, y, z), 0.004, green)
                build.ellipsoid((x, y, z), (0.03, 0.03, 0.015), petals.number)
            build.foliage((0, 0, 0.08), (0.16, 0.16, 0.1), green, cell=0.03, fill=0.4)

    return Piece(0.2, 0.2, 0.4, draw)


def grass_tuft(stage: Stage, green: int) -> None:
    """Long blades of grass around the present frame: part of the ground."""
    with stage.stuff("grass"):
        for i in range(stage.count(5, 11)):
            angle, lean = 2.4 * i, stage.uniform(0.02, 0.12)
            out = 0.03 * math.sqrt(i)
            foot = (out * math.cos(angle), out * math.sin(angle), -0.02)
            tip = (foot[0] + lean * math.cos(angle), foot[1] + lean * math.sin(angle), stage.uniform(0.1, 0.3))
            stage.build.rod(foot, tip, 0.006, green, end_radius=0.001)


def rock(stage: Stage) -> Piece:
    """Two or three overlapping lumps."""
    size, skin = stage.log_uniform(0.08, 1.0), finishes.stone(stage)

    def draw() -> None:
        with stage.thing("rock", skin):
            for i in range(stage.count(2, 4)):
                half = (size * stage.uniform(0.6, 1), size * stage.uniform(0.5, 0.9), size * stage.uniform(0.35, 0.7))
                at = (
                    stage.uniform(-0.3, 0.3) * size * (i > 0),
                    stage.uniform(-0.3, 0.3) * size * (i > 0),
                    half[2] * 0.4,
                )
                spin = turn(yaw_deg=stage.uniform(0, 180), pitch_deg=stage.uniform(-25, 25))
                if stage.chance(0.4):
                    stage.build.round_box(at, half, min(half) * 0.4, skin.number, spin)
                else:
                    stage.build.ellipsoid(at, half, skin.number, spin)

    return Piece(size * 1.25, size * 1.25, size * 0.8, draw)


def log(stage: Stage) -> Piece:
    half_y, radius = stage.uniform(0.6, 2.2), stage.uniform(0.1, 0.3)

    def draw() -> None:
        bark = finishes.bark(stage)
        ends = finishes.wood(stage).number
        with stage.thing("log", bark):
            stage.build.rod(
                (0, -half_y, radius), (0, half_y, radius * 0.9), radius, bark.number, end_radius=radius * 0.85
            )
            stage.build.rod((0, -half_y - 0.004, radius), (0, -half_y, radius), radius * 0.93, ends)
            for _ in range(stage.count(0, 3)):
                y = stage.uniform(-0.8, 0.8) * half_y
                tip = (stage.uniform(-0.4, 0.4), y + 0.2, radius * 2 + stage.uniform(0.1, 0.4))
                stage.build.rod((0, y, radius), tip, radius * 0.25, bark.number, end_radius=radius * 0.12)

    return Piece(radius, half_y, 2 * radius, draw)
