"""What belongs to walls: doors, windows, radiators, curtains, pictures, mirrors, whiteboards, clocks.

Wall frame: the origin lies on the wall's face at floor level, +x points into the room, +y along the wall, z up.
"""

from __future__ import annotations

import math

from vision_banana_ros.world import finishes
from vision_banana_ros.world.builder import turn
from vision_banana_ros.world.stage import Finish, Stage

DOOR_HEIGHT_M = 2.03


def door_frame(stage: Stage, half_y: float, height: float, depth: float, finish: Finish) -> None:
    """The lining of an opening through a wall of `depth`, with an architrave on this side."""
    build, wide = stage.build, stage.uniform(0.03, 0.06)
    with stage.thing("door frame", finish):
        for sy in (-1, 1):
            build.box(
                (-depth / 2, sy * (half_y - 0.012), height / 2), (depth / 2 + 0.008, 0.012, height / 2), finish.number
            )
            build.box((0.006, sy * (half_y + wide / 2), height / 2), (0.008, wide, height / 2 + wide), finish.number)
        build.box((-depth / 2, 0, height - 0.012), (depth / 2 + 0.008, half_y, 0.012), finish.number)
        build.box((0.006, 0, height + wide / 2), (0.008, half_y + wide * 1.4, wide / 2 + 0.01), finish.number)


def door_leaf(stage: Stage, half_y: float, height: float, finish: Finish, *, open_deg: float, hinge: int) -> None:
    """The door itself, hung at y = hinge * half_y on this side of the wall and opening into the room (+x)."""
    build, half = stage.build, half_y - 0.026
    kind = stage.pick(("plain", "panels", "glazed", "boards"), (3, 3, 1.2, 1))
    steel = finishes.metal(stage, polished=0.6).number
    with build.frame((0, hinge * half, 0), yaw_deg=-hinge * open_deg), stage.thing("door", finish):
        middle, z = -hinge * half, height / 2
        if kind == "glazed":
            pane = finishes.glass(stage, clarity=0.8).number
            build.box((-0.02, middle, z + 0.15), (0.004, half - 0.1, z - 0.32), pane)
            for sy in (-1, 1):
                build.box((-0.02, middle + sy * (half - 0.05), z), (0.02, 0.05, z - 0.015), finish.number)
            build.box((-0.02, middle, 0.24), (0.02, half - 0.09, 0.23), finish.number)
            build.box((-0.02, middle, height - 0.1), (0.02, half - 0.09, 0.085), finish.number)
        else:
            build.box((-0.02, middle, z), (0.02, half, z - 0.015), finish.number)
        if kind == "panels":
            for low, high in ((0.12, 0.42), (0.5, 0.94)):
                for sy in (-1, 1):
                    at = (0, middle + sy * half * 0.46, height * (low + high) / 2)
                    build.round_box(at, (0.012, half * 0.34, height * (high - low) / 2), 0.011, finish.number)
        if kind == "boards":
            for i in range(5):
                y = middle + half * (2 * (i + 0.5) / 5 - 1)
                build.box((0.002, y, z), (0.006, half / 5 - 0.004, z - 0.02), finish.number)
        for side in (-1, 1):
            y = middle - hinge * (half - 0.06)
            x = 0.045 if side > 0 else -0.085
            build.capsule((x, y, 1.03), (x, y + hinge * 0.1, 1.03), 0.009, steel)
            build.rod((-0.02, y, 1.03), (x, y, 1.03), 0.008, steel)
            build.box((0.001 if side > 0 else -0.041, y, 0.99), (0.003, 0.02, 0.09), steel)


def window(stage: Stage, half_y: float, bottom: float, top: float, depth: float, finish: Finish) -> None:
    """Frame, sill and panes in an opening of a wall of `depth`; daylight comes in through the portal outside."""
    build, z, half_z = stage.build, (bottom + top) / 2, (top - bottom) / 2
    bar, columns, rows = stage.uniform(0.02, 0.04), stage.count(1, max(1, round(half_y / 0.35))), stage.pick((1, 1, 2))
    pane = finishes.glass(stage).number
    x = -depth * 0.6
    with stage.thing("window", finish):
        for i in range(columns + 1):
            build.box((x, half_y * (2 * i / columns - 1) * 0.985, z), (0.025, bar, half_z), finish.number)
        for i in range(rows + 1):
            build.box((x, 0, z + half_z * (2 * i / rows - 1) * 0.985), (0.024, half_y, bar), finish.number)
        build.box((x, 0, z), (0.004, half_y, half_z), pane)
        build.box((0, 0, bottom - 0.012), (depth * 0.6 + 0.05, half_y + 0.03, 0.014), finish.number)
    build.panel((-depth - 0.02, 0, z), (0, half_y, 0), (0, 0, half_z), portal=True)


def curtains(stage: Stage, half_y: float, top: float, *, closed: float) -> None:
    """Folds of cloth at both sides of a window; `closed` 0..1 says how far they are drawn."""
    build, cloth = stage.build, finishes.fabric(stage, vivid=0.3)
    rail = finishes.metal(stage).number
    bottom = stage.pick((0.02, 0.04, top * 0.35))
    reach = half_y * (0.25 + 0.75 * closed)
    for sy in (-1, 1):
        with stage.thing("curtain", cloth):
            y, fold = sy * (half_y + 0.12), 0.0
            while abs(y) > half_y + 0.1 - reach:
                radius = stage.uniform(0.025, 0.045)
                build.cylinder(
                    (0.09 + 0.02 * math.sin(fold), y, (top + bottom) / 2), radius, (top - bottom) / 2, cloth.number
                )
                y, fold = y - sy * radius * 1.5, fold + 2.0
            build.rod((0.09, sy * (half_y + 0.2), top + 0.02), (0.09, 0, top + 0.02), 0.012, rail)


def blind(stage: Stage, half_y: float, bottom: float, top: float) -> None:
    """A venetian blind, or a roller blind, let down some way."""
    build, skin = stage.build, finishes.painted(stage, stage.pick(("white", "grey", "beige")))
    end = top - (top - bottom) * stage.uniform(0.2, 1.0)
    with stage.thing("blind", skin):
        build.box((0.03, 0, top + 0.02), (0.025, half_y, 0.025), skin.number)
        if stage.chance(0.5):
            build.box((0.03, 0, (end + top) / 2), (0.002, half_y, (top - end) / 2), skin.number)
            return
        tilt, slats = turn(pitch_deg=stage.uniform(-60, 60)), max(2, round((top - end) / 0.055))
        for i in range(slats):
            build.box((0.03, 0, top - 0.055 * i), (0.024, half_y, 0.0015), skin.number, tilt)


def radiator(stage: Stage, half_y: float) -> None:
    build, skin = stage.build, finishes.painted(stage, "white", gloss=0.5)
    height, ribs = stage.uniform(0.4, 0.6), max(4, round(half_y * 2 / stage.uniform(0.05, 0.08)))
    with stage.thing("radiator", skin):
        if stage.chance(0.5):
            build.box((0.07, 0, 0.12 + height / 2), (0.03, half_y, height / 2), skin.number)
            for i in range(ribs):
                y = half_y * (2 * (i + 0.5) / ribs - 1)
                build.box((0.102, y, 0.12 + height / 2), (0.006, half_y / ribs * 0.5, height / 2 - 0.03), skin.number)
        else:
            for i in range(ribs):
                y = half_y * (2 * (i + 0.5) / ribs - 1)
                build.round_box(
                    (0.08, y, 0.12 + height / 2), (0.05, half_y / ribs * 0.8, height / 2), 0.012, skin.number
                )
        build.rod((0.08, half_y, 0.16), (0.0, half_y + 0.06, 0.16), 0.009, skin.number)


def picture(stage: Stage, half_y: float, half_z: float, z: float) -> None:
    build = stage.build
    frame = finishes.one_of(stage, finishes.wood, finishes.painted, finishes.metal)
    with stage.thing("picture", frame):
        build.box((0.01, 0, z), (0.012, half_y, half_z), frame.number)
        mount = stage.uniform(0.7, 0.95)
        build.box((0.0135, 0, z), (0.01, half_y * 0.95, half_z * 0.95), finishes.paper(stage, printed=False).number)
        build.box((0.0145, 0, z), (0.01, half_y * mount, half_z * mount), finishes.picture(stage).number)


def mirror(stage: Stage, half_y: float, half_z: float, z: float) -> None:
    frame = finishes.one_of(stage, finishes.wood, finishes.metal, finishes.dark_metal)
    with stage.thing("mirror", frame):
        stage.build.box((0.008, 0, z), (0.01, half_y, half_z), frame.number)
        stage.build.box((0.011, 0, z), (0.009, half_y * 0.93, half_z * 0.95), finishes.mirror(stage).number)


def whiteboard(stage: Stage, half_y: float) -> None:
    build, frame = stage.build, finishes.metal(stage, polished=0.5)
    white = finishes.painted(stage, "white", gloss=0.9).number
    scribble = finishes.paper(stage).number
    with stage.thing("whiteboard", frame):
        build.box((0.01, 0, 1.5), (0.012, half_y, 0.5), frame.number)
        build.box((0.013, 0, 1.5), (0.011, half_y - 0.02, 0.48), white)
        build.box((0.04, 0, 1.0), (0.03, half_y * 0.8, 0.008), frame.number)
        if stage.chance(0.5):
            build.box((0.0135, stage.uniform(-0.3, 0.3) * half_y, 1.55), (0.011, half_y * 0.3, 0.25), scribble)


def wall_clock(stage: Stage) -> None:
    build, rim, radius = stage.build, finishes.plastic(stage), stage.uniform(0.1, 0.17)
    z, black = stage.uniform(1.7, 2.1), finishes.rubber(stage).number
    with stage.thing("clock", rim):
        lie = turn(pitch_deg=90)
        build.cylinder((0.015, 0, z), radius, 0.015, rim.number, lie)
        build.cylinder((0.026, 0, z), radius * 0.92, 0.006, finishes.paper(stage, printed=False).number, lie)
        for length in (radius * 0.55, radius * 0.8):
            angle = stage.uniform(0, 2 * math.pi)
            tip = (0.034, length * math.sin(angle), z + length * math.cos(angle))
            build.rod((0.034, 0, z), tip, 0.004, black)


def small_fittings(stage: Stage) -> None:
    """A light switch or a socket: not labelled apart from the wall, but every real wall has them."""
    white = finishes.plastic(stage, "white").number
    with stage.stuff("wall"):
        if stage.chance(0.5):
            stage.build.round_box((0.004, 0, 1.08), (0.006, 0.04, 0.04), 0.005, white)
            stage.build.box((0.008, 0, 1.08), (0.005, 0.025, 0.028), white)
        else:
            stage.build.round_box((0.004, 0, 0.3), (0.006, 0.04, 0.04), 0.005, white)
            stage.build.cylinder((0.006, 0, 0.3), 0.02, 0.005, finishes.rubber(stage).number, turn(pitch_deg=90))


def fire_extinguisher(stage: Stage) -> None:
    red = finishes.painted(stage, "red", gloss=0.8)
    with stage.thing("fire extinguisher", red):
        build, black = stage.build, finishes.rubber(stage).number
        build.capsule((0.12, 0, 0.5), (0.12, 0, 0.85), 0.075, red.number)
        build.cylinder((0.12, 0, 0.96), 0.02, 0.04, black)
        build.box((0.13, 0, 1.01), (0.05, 0.012, 0.01), black)
        build.capsule((0.14, 0.03, 0.97), (0.2, 0.06, 0.62), 0.012, black)
        build.cylinder((0.12, 0, 0.65), 0.076, 0.06, finishes.paper(stage).number)


def towel_rail(stage: Stage) -> None:
    build, steel, cloth = stage.build, finishes.metal(stage).number, finishes.fabric(stage, vivid=0.5)
    with stage.thing("towel", cloth):
        build.rod((0.08, -0.25, 1.2), (0.08, 0.25, 1.2), 0.008, steel)
        for x in (0.068, 0.092):
            build.round_box((x, 0, 0.92), (0.008, 0.2, 0.28), 0.007, cloth.number)
        build.capsule((0.08, -0.19, 1.2), (0.08, 0.19, 1.2), 0.016, cloth.number)
