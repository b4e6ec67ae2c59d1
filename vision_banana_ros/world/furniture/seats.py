"""What people sit and lie on: chairs, office chairs, stools, armchairs, sofas, beds, benches, pillows."""

from __future__ import annotations

import math
from itertools import pairwise

from vision_banana_ros.world import finishes
from vision_banana_ros.world.builder import turn
from vision_banana_ros.world.stage import Finish, Piece, Stage, Top, swung


def _legs(stage: Stage, reach_x: float, reach_y: float, height: float, material: int, *, splay: float) -> None:
    """Four legs from the floor to `height`; `splay` metres further out at the floor."""
    radius = stage.uniform(0.011, 0.02)
    square = stage.chance(0.4) and splay < 0.01
    for sx in (-1, 1):
        for sy in (-1, 1):
            top = (sx * reach_x, sy * reach_y, height)
            if square:
                stage.build.box((top[0], top[1], height / 2), (radius, radius, height / 2), material)
            else:
                foot = (sx * (reach_x + splay), sy * (reach_y + splay), 0.0)
                stage.build.rod(foot, top, radius * 0.75, material, end_radius=radius)


def _back(stage: Stage, half: float, seat: float, rise: float, body: Finish, cushion: Finish) -> None:
    """A backrest at x = -half: a shell, slats, or a frame with bars, leaning back a little."""
    build, kind = stage.build, stage.pick(("shell", "slats", "bars", "pad"), (3, 3, 2, 3))
    lean = turn(pitch_deg=stage.uniform(4, 14))
    with build.frame((-half, 0, seat)):
        if kind == "shell":
            build.round_box(swung(lean, 0, 0, rise * 0.55), (0.012, half, rise * 0.45), 0.011, body.number, lean)
            return
        if kind == "pad":
            build.round_box(
                swung(lean, 0, 0, rise * 0.68), (0.025, half * 0.95, rise * 0.3), 0.022, cushion.number, lean
            )
        for sy in (-1, 1):
            build.rod(swung(lean, 0, sy * half * 0.9, 0), swung(lean, 0, sy * half * 0.9, rise), 0.013, body.number)
        if kind == "slats":
            slats = stage.count(2, 4)
            for i in range(slats):
                z = rise * (0.35 + 0.6 * i / max(slats - 1, 1))
                build.box(swung(lean, 0, 0, z), (0.008, half * 0.9, rise * 0.06), body.number, lean)
        if kind == "bars":
            bars = stage.count(3, 7)
            for i in range(bars):
                y = half * 0.8 * (2 * i / (bars - 1) - 1)
                build.rod(swung(lean, 0, y, 0), swung(lean, 0, y, rise), 0.007, body.number)
            build.box(swung(lean, 0, 0, rise), (0.012, half * 0.95, 0.025), body.number, lean)


def chair(stage: Stage) -> Piece:
    """A dining chair of wood, plastic or metal, with or without cushion and arms."""
    half, seat, rise = stage.uniform(0.19, 0.25), stage.uniform(0.42, 0.48), stage.uniform(0.3, 0.55)
    body = finishes.one_of(stage, finishes.wood, finishes.painted, finishes.plastic)
    legs = body if stage.chance(0.5) else finishes.one_of(stage, finishes.wood, finishes.dark_metal, finishes.metal)
    cushion = finishes.one_of(stage, finishes.fabric, finishes.leather)
    padded, arms = stage.chance(0.4), stage.chance(0.15)

    def draw() -> None:
        build = stage.build
        with stage.thing("chair", body):
            build.round_box((0, 0, seat - 0.015), (half, half, 0.016), 0.012, body.number)
            if padded:
                build.round_box((0.01, 0, seat + 0.018), (half * 0.93, half * 0.93, 0.024), 0.022, cushion.number)
            if stage.chance(0.12):
                for sy in (-1, 1):  # a sledge of bent steel tube
                    y = sy * half * 0.95
                    corners = ((half, y, seat - 0.03), (half, y, 0.012), (-half, y, 0.012), (-half, y, seat - 0.03))
                    for a, b in pairwise(corners):
                        build.capsule(a, b, 0.011, legs.number)
            else:
                splay = stage.pick((0.0, stage.uniform(0.02, 0.06)))
                _legs(stage, half * 0.88, half * 0.88, seat - 0.03, legs.number, splay=splay)
            _back(stage, half, seat, rise, body, cushion)
            if arms:
                for sy in (-1, 1):
                    build.round_box((0, sy * half, seat + 0.2), (half, 0.02, 0.012), 0.011, body.number)
                    build.rod((half * 0.8, sy * half, seat), (half * 0.8, sy * half, seat + 0.2), 0.012, legs.number)

    return Piece(half + 0.05, half + 0.04, seat + rise, draw)


def office_chair(stage: Stage) -> Piece:
    """A swivel chair on five castors."""
    seat, half, rise = stage.uniform(0.42, 0.54), stage.uniform(0.22, 0.27), stage.uniform(0.35, 0.65)
    cover = finishes.fabric(stage, stage.pick(("black", "black", "grey", "blue", "red", "green", "white")))
    base = finishes.one_of(stage, finishes.rubber, finishes.metal, finishes.dark_metal)

    def draw() -> None:
        build = stage.build
        with stage.thing("office chair", cover):
            for i in range(5):
                angle = math.radians(72 * i + 20)
                tip = (0.29 * math.cos(angle), 0.29 * math.sin(angle), 0.075)
                build.rod((0, 0, 0.1), tip, 0.022, base.number, end_radius=0.014)
                build.sphere((tip[0], tip[1], 0.03), 0.03, finishes.rubber(stage).number)
            build.cylinder((0, 0, (0.1 + seat) / 2), 0.025, (seat - 0.1) / 2, base.number)
            build.round_box((0, 0, seat), (half, half, 0.045), 0.04, cover.number)
            lean = turn(pitch_deg=stage.uniform(4, 16))
            build.round_box(
                (-half - 0.02, 0, seat + 0.08 + rise / 2), (0.035, half * 0.9, rise / 2), 0.03, cover.number, lean
            )
            build.rod((-half * 0.6, 0, seat - 0.03), (-half - 0.06, 0, seat + 0.25), 0.02, base.number)
            if stage.chance(0.7):
                for sy in (-1, 1):
                    y = sy * (half + 0.03)
                    build.rod((0, y, seat), (0, y, seat + 0.2), 0.016, base.number)
                    build.round_box((0, y, seat + 0.21), (0.13, 0.032, 0.015), 0.014, base.number)
            if stage.chance(0.2):
                build.round_box((-half - 0.05, 0, seat + rise + 0.2), (0.03, 0.13, 0.07), 0.028, cover.number)

    return Piece(0.33, 0.33, seat + rise, draw)


def stool(stage: Stage) -> Piece:
    """A stool, low or as high as a bar."""
    seat = stage.pick((stage.uniform(0.4, 0.5), stage.uniform(0.62, 0.8)))
    radius = stage.uniform(0.15, 0.2)
    top = finishes.one_of(stage, finishes.wood, finishes.leather, finishes.painted)
    legs = finishes.one_of(stage, finishes.wood, finishes.dark_metal, finishes.metal)
    pedestal = stage.chance(0.3)

    def draw() -> None:
        build = stage.build
        with stage.thing("stool", top):
            build.cylinder((0, 0, seat - 0.02), radius, 0.02, top.number)
            if pedestal:
                build.cylinder((0, 0, seat / 2), 0.028, seat / 2 - 0.02, legs.number)
                build.cylinder((0, 0, 0.012), radius * 1.1, 0.012, legs.number, top_radius=radius * 0.9)
            else:
                _legs(stage, radius * 0.6, radius * 0.6, seat - 0.04, legs.number, splay=0.05)
                build.tube((0, 0, seat * 0.35), radius * 0.95, 0.008, 0.01, legs.number)

    return Piece(radius + 0.05, radius + 0.05, seat, draw)


def sofa(stage: Stage) -> Piece:
    """A sofa for two to four; see `_upholstered`."""
    return _upholstered(stage, "sofa", stage.uniform(0.6, 1.25))


def armchair(stage: Stage) -> Piece:
    """A seat for one with arms."""
    return _upholstered(stage, "armchair", stage.uniform(0.26, 0.38))


def _upholstered(stage: Stage, name: str, half_width: float) -> Piece:
    """Base, back, arms and cushions of one cover; `half_width` is that of the seat between the arms."""
    depth, seat = stage.uniform(0.38, 0.5), stage.uniform(0.36, 0.46)
    back, arm = stage.uniform(0.68, 0.95), stage.uniform(0.52, 0.66)
    arm_half, soft = stage.uniform(0.05, 0.13), stage.uniform(0.02, 0.07)
    cover = finishes.one_of(stage, finishes.fabric, finishes.fabric, finishes.leather)
    feet = finishes.one_of(stage, finishes.wood, finishes.dark_metal)
    lift = stage.pick((0.03, stage.uniform(0.08, 0.16)))
    half_y = half_width + 2 * arm_half

    def draw() -> None:
        build = stage.build
        with stage.thing(name, cover):
            base_top = seat - 0.12
            build.round_box(
                (0, 0, (lift + base_top) / 2), (depth, half_y, (base_top - lift) / 2), soft * 0.5, cover.number
            )
            build.round_box((-depth + 0.1, 0, (lift + back) / 2), (0.1, half_y, (back - lift) / 2), soft, cover.number)
            for sy in (-1, 1):
                y = sy * (half_width + arm_half)
                build.round_box((0, y, (lift + arm) / 2), (depth, arm_half, (arm - lift) / 2), soft, cover.number)
                for sx in (-1, 1):
                    build.cylinder((sx * depth * 0.85, sy * half_y * 0.9, lift / 2), 0.02, lift / 2, feet.number)
            seats = max(1, round(half_width * 2 / 0.65))
            for i in range(seats):
                y, half = half_width * ((2 * i + 1) / seats - 1), half_width / seats
                build.round_box((0.08, y, seat - 0.06), (depth - 0.1, half * 0.985, 0.075), 0.05, cover.number)
                build.round_box(
                    (-depth + 0.26, y, seat + 0.2), (0.09, half * 0.96, 0.2), 0.075, cover.number, turn(pitch_deg=12)
                )
        for _ in range(stage.count(0, 3) if half_width > 0.5 else stage.count(0, 1)):
            y = stage.uniform(-half_width, half_width) * 0.8
            with build.frame((-depth + 0.42, y, seat + 0.03), pitch_deg=stage.uniform(15, 40)):
                _pillow(stage, stage.uniform(0.17, 0.24), stage.uniform(0.17, 0.24))

    return Piece(depth, half_y, back, draw)


def _pillow(stage: Stage, half_y: float, half_z: float) -> None:
    """A cushion that stands on its edge and leans towards -x."""
    cover = finishes.fabric(stage, vivid=0.6)
    with stage.thing("pillow", cover):
        stage.build.ellipsoid((0, 0, half_z * 0.8), (0.075, half_y, half_z), cover.number)
        stage.build.round_box((0, 0, half_z * 0.8), (0.03, half_y * 0.93, half_z * 0.93), 0.029, cover.number)


def bed(stage: Stage) -> Piece:
    """A bed with its head at -x: frame, mattress, duvet, pillows."""
    half_x, half_y = stage.uniform(0.98, 1.08), stage.pick((0.45, 0.5, 0.7, 0.8, 0.9))
    top = stage.uniform(0.42, 0.62)
    frame = finishes.one_of(stage, finishes.wood, finishes.wood, finishes.fabric, finishes.painted)
    sheet, duvet = finishes.fabric(stage, "white"), finishes.fabric(stage, vivid=0.35)
    head = stage.uniform(0.7, 1.2)

    def draw() -> None:
        build = stage.build
        with stage.thing("bed", duvet):
            build.box((0, 0, top - 0.27), (half_x, half_y, 0.07), frame.number)
            _legs(stage, half_x * 0.93, half_y * 0.9, top - 0.3, frame.number, splay=0.0)
            build.round_box((-half_x, 0, head / 2), (0.03, half_y, head / 2), 0.02, frame.number)
            build.round_box((0, 0, top - 0.1), (half_x - 0.03, half_y - 0.02, 0.11), 0.05, sheet.number)
            fold = stage.uniform(-0.1, 0.45)  # how far the duvet is pulled up
            build.round_box(
                ((half_x - half_x * fold) / 2, 0, top - 0.03),
                ((half_x + half_x * fold) / 2, half_y + 0.03, 0.075),
                0.06,
                duvet.number,
                turn(yaw_deg=stage.uniform(-4, 4)),
            )
            if stage.chance(0.5):  # a heap of crumpled cloth
                for _ in range(stage.count(1, 4)):
                    where = (stage.uniform(0, half_x) * 0.8, stage.uniform(-half_y, half_y) * 0.7, top + 0.03)
                    build.ellipsoid(
                        where,
                        (stage.uniform(0.15, 0.4), stage.uniform(0.12, 0.3), 0.09),
                        duvet.number,
                        turn(yaw_deg=stage.uniform(0, 180)),
                    )
        pillows = 1 if half_y < 0.6 else 2
        for i in range(pillows):
            y = half_y * ((2 * i + 1) / pillows - 1)
            cover = sheet if stage.chance(0.6) else finishes.fabric(stage)
            with stage.thing("pillow", cover):
                lie = turn(pitch_deg=stage.uniform(5, 30), yaw_deg=stage.uniform(-12, 12))
                build.ellipsoid((-half_x + 0.28, y, top + 0.08), (0.22, 0.33, 0.085), cover.number, lie)

    return Piece(half_x + 0.03, half_y + 0.03, head, draw, (Top(0.4, 0, top + 0.05, half_x * 0.4, half_y * 0.7),))


def bench(stage: Stage) -> Piece:
    """A bench as in parks and corridors, with or without a back."""
    half_y, seat = stage.uniform(0.5, 0.95), stage.uniform(0.4, 0.47)
    slat = finishes.one_of(stage, finishes.wood, finishes.painted, finishes.metal)
    iron = finishes.one_of(stage, finishes.dark_metal, finishes.concrete)
    backed = stage.chance(0.65)

    def draw() -> None:
        build = stage.build
        with stage.thing("bench", slat):
            for sy in (-1, 1):
                build.box((0, sy * half_y * 0.8, seat / 2), (0.18, 0.03, seat / 2), iron.number)
                if backed:
                    build.rod((-0.17, sy * half_y * 0.8, seat), (-0.27, sy * half_y * 0.8, 0.85), 0.022, iron.number)
            for i in range(4):
                build.box((-0.16 + 0.107 * i, 0, seat + 0.015), (0.045, half_y, 0.016), slat.number)
            if backed:
                for i in range(3):
                    z = seat + 0.14 + 0.12 * i
                    build.box((-0.19 - 0.03 * i, 0, z), (0.014, half_y, 0.045), slat.number, turn(pitch_deg=14))

    return Piece(0.28, half_y, 0.85 if backed else seat, draw, (Top(0, 0, seat + 0.031, 0.15, half_y * 0.9),))
