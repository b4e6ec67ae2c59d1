"""Street furniture: signs, traffic lights, lamps, poles, bollards, cones, barriers, hydrants, shelters, fences."""

from __future__ import annotations

import math

from vision_banana_ros.world import finishes
from vision_banana_ros.world.builder import turn
from vision_banana_ros.world.scene import Pattern
from vision_banana_ros.world.stage import Piece, Stage

_FACING = turn(pitch_deg=90)


def traffic_sign(stage: Stage) -> Piece:
    """Discs, triangles, squares and arrows on a post; the face looks along +x."""
    post, height = finishes.metal(stage, polished=0.3), stage.uniform(1.9, 3.0)
    kind = stage.pick(("disc", "triangle", "square", "stop", "name"))
    face = finishes.painted(
        stage, {"disc": "red", "triangle": "red", "square": "blue", "stop": "red", "name": "white"}[kind], gloss=0.6
    )
    size = stage.uniform(0.22, 0.34)

    def draw() -> None:
        build, white = stage.build, finishes.painted(stage, "white", gloss=0.6).number
        black = finishes.rubber(stage).number
        with stage.thing("traffic sign", face):
            build.cylinder((0, 0, height / 2), 0.03, height / 2, post.number)
            with build.frame((0.045, 0, height)):
                if kind in ("disc", "stop"):
                    build.cylinder((0, 0, 0), size, 0.008, face.number, _FACING)
                    if kind == "disc":
                        build.cylinder((0.004, 0, 0), size * 0.78, 0.008, white, _FACING)
                        build.box((0.014, 0, 0), (0.002, size * 0.3, size * 0.1), black)
                    else:
                        build.box((0.01, 0, 0), (0.002, size * 0.7, size * 0.14), white)
                elif kind == "triangle":
                    # A wedge that lies on its side: half x of the top is 0, so the tip points up.
                    build.taper((0, 0, 0), (0.006, size, size * 0.87), (0.006, 0.001), face.number)
                    build.taper((0.004, 0, -size * 0.1), (0.006, size * 0.68, size * 0.58), (0.006, 0.001), white)
                elif kind == "square":
                    build.box((0, 0, 0), (0.006, size * 0.9, size * 0.9), face.number)
                    build.box((0.004, 0, -size * 0.15), (0.006, size * 0.25, size * 0.5), white)
                else:
                    build.box((0, 0, 0), (0.006, size * 1.8, size * 0.4), face.number)
                    build.box((0.004, 0, 0), (0.004, size * 1.5, size * 0.15), finishes.paper(stage).number)

    return Piece(0.1, size, height + size, draw)


def traffic_light(stage: Stage) -> Piece:
    height, post = stage.uniform(2.4, 3.4), finishes.dark_metal(stage)
    lit = stage.count(0, 2)

    def draw() -> None:
        build, black = stage.build, finishes.rubber(stage).number
        with stage.thing("traffic light", post):
            build.cylinder((0, 0, height / 2), 0.06, height / 2, post.number)
            build.round_box((0.1, 0, height), (0.1, 0.15, 0.42), 0.03, black)
            for i, color in enumerate(((1.0, 0.06, 0.03), (1.0, 0.45, 0.02), (0.05, 0.9, 0.35))):
                dim = (color[0] * 0.08, color[1] * 0.08, color[2] * 0.08)
                lens = finishes.glow(stage, color, 3.0) if i == lit else finishes.glow(stage, dim, 0.3)
                z = height + 0.26 - 0.26 * i
                build.cylinder((0.2, 0, z), 0.1, 0.01, lens.number, _FACING)
                build.tube((0.25, 0, z), 0.115, 0.06, 0.008, black, _FACING)

    return Piece(0.3, 0.16, height + 0.45, draw)


def street_lamp(stage: Stage, *, on: bool = False) -> Piece:
    """An arm over the road (+x) or a lantern on a short post; `on` lights the place."""
    tall, iron = stage.chance(0.65), finishes.dark_metal(stage)
    height = stage.uniform(5.5, 9.0) if tall else stage.uniform(2.8, 4.0)
    head = finishes.glow(stage, (1.0, 0.82, 0.55), 6.0) if on else finishes.painted(stage, "white", gloss=0.8)

    def draw() -> None:
        build = stage.build
        with stage.thing("street lamp", iron):
            build.cylinder((0, 0, height / 2), 0.09, height / 2, iron.number, top_radius=0.05)
            build.cylinder((0, 0, 0.3), 0.13, 0.3, iron.number)
            if tall:
                build.rod((0, 0, height - 0.1), (1.4, 0, height + 0.2), 0.04, iron.number)
                build.round_box((1.6, 0, height + 0.2), (0.35, 0.13, 0.06), 0.05, iron.number)
                build.box((1.6, 0, height + 0.135), (0.28, 0.1, 0.01), head.number)
            else:
                build.cylinder((0, 0, height + 0.25), 0.12, 0.25, head.number, top_radius=0.2)
                build.cylinder((0, 0, height + 0.58), 0.24, 0.08, iron.number, top_radius=0.03)
        if on:
            where = (1.6, 0, height + 0.05) if tall else (0, 0, height + 0.25)
            power = stage.uniform(15, 45) if tall else stage.uniform(6, 14)
            build.lamp(where, (power, power * 0.8, power * 0.55), radius=0.15)

    return Piece(0.15, 0.15, height, draw)


def pole(stage: Stage) -> Piece:
    """Posts of all kinds, up to utility poles with their cross-arm."""
    tall = stage.chance(0.4)
    height, radius = (stage.uniform(6, 9), 0.13) if tall else (stage.uniform(1.0, 3.5), stage.uniform(0.025, 0.07))
    skin = finishes.one_of(stage, finishes.wood, finishes.bark) if tall else finishes.dark_metal(stage)

    def draw() -> None:
        with stage.thing("pole", skin):
            stage.build.cylinder((0, 0, height / 2), radius, height / 2, skin.number, top_radius=radius * 0.8)
            if tall:
                stage.build.box((0, 0, height - 0.6), (0.06, 0.9, 0.06), skin.number)
                for y in (-0.8, -0.4, 0.4, 0.8):
                    stage.build.cylinder((0, y, height - 0.47), 0.05, 0.08, finishes.ceramic(stage, "brown").number)

    return Piece(radius, radius, height, draw)


def bollard(stage: Stage) -> Piece:
    height, radius, skin = (
        stage.uniform(0.6, 1.05),
        stage.uniform(0.04, 0.13),
        finishes.one_of(stage, finishes.dark_metal, finishes.concrete, finishes.painted),
    )

    def draw() -> None:
        build, band = stage.build, finishes.painted(stage, stage.pick(("white", "red", "yellow"))).number
        with stage.thing("bollard", skin):
            build.cylinder((0, 0, height / 2), radius, height / 2, skin.number, top_radius=radius * 0.85)
            build.ellipsoid((0, 0, height), (radius * 0.85, radius * 0.85, radius * 0.6), skin.number)
            build.cylinder((0, 0, height * 0.82), radius * 0.9, 0.05, band, top_radius=radius * 0.89)

    return Piece(radius, radius, height, draw)


def traffic_cone(stage: Stage) -> Piece:
    height = stage.uniform(0.3, 0.8)
    skin = finishes.plastic(stage, "orange")

    def draw() -> None:
        build, white, wide = stage.build, finishes.painted(stage, "white").number, height * 0.24
        with stage.thing("traffic cone", skin):
            build.round_box((0, 0, 0.02), (wide * 1.25, wide * 1.25, 0.02), 0.01, skin.number)
            build.cylinder((0, 0, height / 2), wide, height / 2, skin.number, top_radius=wide * 0.2)
            for z in (0.45, 0.72):
                low, high = wide * (1 - 0.8 * (z - 0.07)) + 0.002, wide * (1 - 0.8 * (z + 0.07)) + 0.002
                build.cylinder((0, 0, height * z), low, height * 0.07, white, top_radius=high)

    return Piece(height * 0.3, height * 0.3, height, draw)


def barrier(stage: Stage) -> Piece:
    """Red and white boards on feet, or a concrete block; it runs along y."""
    half_y, block = stage.uniform(0.6, 1.3), stage.chance(0.3)
    skin = finishes.concrete(stage) if block else finishes.painted(stage, "red", gloss=0.4)

    def draw() -> None:
        build = stage.build
        with stage.thing("barrier", skin):
            if block:
                build.taper((0, 0, 0.4), (0.3, half_y, 0.4), (0.1, half_y), skin.number)
                return
            red, white = (0.55, 0.03, 0.02), (0.8, 0.8, 0.78)
            striped = build.material(color=red, color_b=white, pattern=Pattern.STRIPES, scale=2.5, roughness=0.4)
            for z in (0.9, 0.55):
                build.box((0, 0, z), (0.02, half_y, 0.1), striped)
            for sy in (-1, 1):
                build.box((0, sy * half_y * 0.8, 0.5), (0.025, 0.025, 0.5), skin.number)
                build.round_box((0, sy * half_y * 0.8, 0.05), (0.35, 0.1, 0.05), 0.03, finishes.rubber(stage).number)

    return Piece(0.35, half_y, 1.0, draw)


def fire_hydrant(stage: Stage) -> Piece:
    skin = finishes.painted(stage, stage.pick(("red", "yellow", "blue")), gloss=0.6)

    def draw() -> None:
        build, n = stage.build, skin.number
        with stage.thing("fire hydrant", skin):
            build.cylinder((0, 0, 0.04), 0.17, 0.04, n)
            build.cylinder((0, 0, 0.3), 0.11, 0.3, n)
            build.ellipsoid((0, 0, 0.6), (0.13, 0.13, 0.13), n)
            build.cylinder((0, 0, 0.75), 0.035, 0.04, n)
            build.rod((0, -0.2, 0.47), (0, 0.2, 0.47), 0.06, n)
            build.rod((0, 0, 0.42), (0.2, 0, 0.42), 0.075, n)

    return Piece(0.2, 0.2, 0.8, draw)


def mailbox(stage: Stage) -> Piece:
    skin = finishes.painted(stage, stage.pick(("red", "yellow", "blue")), gloss=0.7)

    def draw() -> None:
        build = stage.build
        with stage.thing("mailbox", skin):
            build.cylinder((0, 0, 0.35), 0.06, 0.35, finishes.metal(stage).number)
            build.round_box((0, 0, 0.98), (0.2, 0.28, 0.36), 0.06, skin.number)
            build.box((0.2, 0, 1.18), (0.012, 0.2, 0.025), finishes.rubber(stage).number)
            build.box((0.2, 0, 0.95), (0.01, 0.12, 0.09), finishes.paper(stage).number)

    return Piece(0.22, 0.3, 1.35, draw)


def bus_stop(stage: Stage) -> Piece:
    """A glass shelter, open towards +x."""
    half_y, iron = stage.uniform(1.3, 2.2), finishes.dark_metal(stage)

    def draw() -> None:
        build, pane = stage.build, finishes.glass(stage, clarity=0.8).number
        with stage.thing("bus stop", iron):
            for sy in (-1, 0, 1):
                build.box((-0.6, sy * half_y, 1.15), (0.035, 0.035, 1.15), iron.number)
            build.box((-0.6, 0, 1.3), (0.008, half_y, 0.85), pane)
            build.box((-0.1, half_y, 1.3), (0.5, 0.008, 0.85), pane)
            build.box((-0.1, -half_y, 1.2), (0.5, 0.05, 0.9), finishes.picture(stage).number)
            build.box((0, 0, 2.35), (0.75, half_y + 0.1, 0.05), iron.number)
            build.box((-0.4, 0, 0.48), (0.16, half_y * 0.6, 0.02), finishes.wood(stage).number)

    return Piece(0.75, half_y + 0.1, 2.4, draw)


def dustbin(stage: Stage) -> Piece:
    """A wheelie bin."""
    skin = finishes.plastic(stage, stage.pick(("black", "green", "blue", "yellow", "brown", "grey")))

    def draw() -> None:
        build, black = stage.build, finishes.rubber(stage).number
        with stage.thing("bin", skin):
            build.taper((0, 0, 0.5), (0.22, 0.22, 0.45), (0.3, 0.28), skin.number)
            build.round_box((0.02, 0, 0.99), (0.33, 0.3, 0.045), 0.04, skin.number, turn(pitch_deg=3))
            build.capsule((-0.33, -0.22, 0.96), (-0.33, 0.22, 0.96), 0.018, black)
            for sy in (-1, 1):
                build.cylinder((-0.2, sy * 0.25, 0.1), 0.1, 0.03, black, turn(roll_deg=90))

    return Piece(0.35, 0.3, 1.05, draw)


def fence(stage: Stage, half_y: float) -> None:
    """Pickets, boards, wire or iron bars along y at the present frame."""
    build, kind = stage.build, stage.pick(("pickets", "boards", "iron", "rails"))
    height = stage.uniform(0.8, 1.8)
    skin = finishes.dark_metal(stage) if kind == "iron" else finishes.one_of(stage, finishes.wood, finishes.painted)
    with stage.stuff("fence"):
        posts = max(2, round(half_y / 1.0))
        for i in range(posts + 1):
            y = half_y * (2 * i / posts - 1)
            build.box((-0.04, y, height / 2), (0.045, 0.045, height / 2 + 0.03), skin.number)
        for z in (0.25, 0.8):
            build.box((-0.02, 0, height * z), (0.02, half_y, 0.035), skin.number)
        if kind == "boards":
            build.box(
                (0.012, 0, height / 2), (0.012, half_y, height / 2 - 0.06), finishes.wood(stage, planks=True).number
            )
        if kind in ("pickets", "iron"):
            step = 0.13 if kind == "iron" else 0.17
            for i in range(int(2 * half_y / step)):
                y = -half_y + step * (i + 0.5)
                if kind == "iron":
                    build.rod((0, y, 0.05), (0, y, height), 0.01, skin.number)
                else:
                    build.box((0.01, y, height / 2), (0.012, 0.045, height / 2 - 0.03), skin.number)


def gate(stage: Stage) -> Piece:
    half_y, skin = stage.uniform(0.5, 1.6), finishes.one_of(stage, finishes.dark_metal, finishes.wood)

    def draw() -> None:
        build = stage.build
        with stage.thing("gate", skin):
            for z in (0.15, 0.6, 1.05):
                build.box((0, 0, z), (0.025, half_y, 0.035), skin.number)
            bars = max(3, round(half_y / 0.12))
            for i in range(bars + 1):
                y = half_y * (2 * i / bars - 1)
                build.box((0, y, 0.62), (0.015, 0.015, 0.55), skin.number)

    return Piece(0.06, half_y, 1.2, draw)


def manhole(stage: Stage) -> None:
    """A cast-iron lid: part of the road."""
    iron = finishes.metal(stage, polished=0.1).number
    with stage.stuff("road"):
        stage.build.cylinder((0, 0, 0.003), 0.33, 0.004, iron)


def ring_of(count: int, radius: float) -> list[tuple[float, float, float]]:
    """Positions and outward yaw of `count` places on a circle: bollards round a square, chairs round a table."""
    places = []
    for i in range(count):
        angle = 2 * math.pi * i / count
        places.append((radius * math.cos(angle), radius * math.sin(angle), math.degrees(angle)))
    return places
