"""People: bodies of capsules with clothes, standing, walking or sitting, of all sizes.

Written for a height of 1.75 m and scaled as a whole. The person stands at the origin and looks along +x.
"""

from __future__ import annotations

import math

from vision_banana_ros.world import finishes
from vision_banana_ros.world.stage import Piece, Stage

_STANDING_M = 1.75


def person(stage: Stage) -> Piece:
    """Somebody who stands or walks."""
    return _figure(stage, walking=stage.chance(0.5), seat=None)


def seated_person(stage: Stage) -> Piece:
    """Somebody who sits; the hips are above the origin at the height of a usual seat."""
    return _figure(stage, walking=False, seat=0.46)


def _figure(stage: Stage, *, walking: bool, seat: float | None) -> Piece:
    child = stage.chance(0.12) and seat is None
    height = stage.uniform(1.0, 1.45) if child else stage.uniform(1.52, 1.95)
    scale, stout = height / _STANDING_M, stage.uniform(0.88, 1.25)
    shirt = finishes.fabric(stage, vivid=0.45)

    def draw() -> None:
        with stage.build.frame(scale=scale), stage.thing("person", shirt):
            hips = 0.92 if seat is None else seat / scale + 0.1
            stride = stage.uniform(12, 28) if walking else stage.uniform(0, 4)
            _legs(stage, hips, stride, seated=seat is not None)
            _trunk(stage, hips, stout, shirt.number, stride)
            _head(stage, hips + 0.66)

    tall = height if seat is None else seat + 0.85 * scale
    # Strides, knees and swinging arms reach further than shoulders do.
    reach = 0.5 if walking or seat is not None else 0.28
    return Piece(reach * scale, 0.34 * scale, tall, draw)


def _limb(stage: Stage, joints: list[tuple[float, float, float]], radii: tuple[float, float], skin: int) -> None:
    for start, end, radius in zip(joints[:-1], joints[1:], radii, strict=True):
        stage.build.capsule(start, end, radius, skin)


def _legs(stage: Stage, hips: float, stride: float, *, seated: bool) -> None:
    cloth, shoes = (
        finishes.fabric(stage, stage.pick(("blue", "black", "grey", "brown", "beige"))),
        finishes.leather(stage),
    )
    skirt = stage.chance(0.15) and not seated
    leg = finishes.skin(stage) if skirt or stage.chance(0.1) else cloth
    for side in (-1, 1):
        y = side * 0.095
        if seated:
            knee, ankle = (0.43, y * 1.3, hips), (0.44, y * 1.3, 0.1)
        else:
            swing = math.radians(side * stride)
            knee = (0.43 * math.sin(swing), y, hips - 0.43 * math.cos(swing))
            bend = swing - math.radians(max(0.0, -side * stride) * 1.1)
            ankle = (knee[0] + 0.41 * math.sin(bend), y, knee[2] - 0.41 * math.cos(bend))
        _limb(stage, [(0, y, hips), knee, ankle], (0.082, 0.058), leg.number)
        stage.build.round_box(
            (ankle[0] + 0.06, y, max(ankle[2] - 0.05, 0.035)), (0.13, 0.045, 0.035), 0.03, shoes.number
        )
    if skirt:
        stage.build.tube((0, 0, hips - 0.22), 0.3, 0.26, 0.01, cloth.number, top_radius=0.16)


def _trunk(stage: Stage, hips: float, stout: float, shirt: int, stride: float) -> None:
    build, skin = stage.build, finishes.skin(stage)
    build.round_box((0, 0, hips + 0.04), (0.11 * stout, 0.165 * stout, 0.1), 0.09, shirt)
    build.round_box((0, 0, hips + 0.3), (0.115 * stout, 0.185 * stout, 0.24), 0.105, shirt)
    long_sleeves = stage.chance(0.6)
    for side in (-1, 1):
        y = side * (0.2 * stout + 0.02)
        swing = math.radians(-side * stride + stage.uniform(-8, 8))
        shoulder = (0.0, y, hips + 0.47)
        elbow = (0.28 * math.sin(swing), y + side * 0.05, shoulder[2] - 0.27 * math.cos(swing))
        lift = swing + math.radians(stage.pick((10, 20, 90), (4, 4, 1)))
        wrist = (elbow[0] + 0.25 * math.sin(lift), elbow[1] - side * 0.02, elbow[2] - 0.25 * math.cos(lift))
        build.capsule(shoulder, elbow, 0.05, shirt)
        build.capsule(elbow, wrist, 0.04, shirt if long_sleeves else skin.number)
        hand = tuple(w + 0.25 * (w - e) for w, e in zip(wrist, elbow, strict=True))
        build.ellipsoid(hand, (0.045, 0.03, 0.06), skin.number)
    if stage.chance(0.15):
        build.round_box(
            (-0.19 * stout, 0, hips + 0.3), (0.09, 0.15, 0.2), 0.06, finishes.fabric(stage, vivid=0.6).number
        )


def _head(stage: Stage, base: float) -> None:
    build, skin, hair = stage.build, finishes.skin(stage).number, finishes.hair(stage).number
    build.capsule((0, 0, base - 0.16), (0.01, 0, base - 0.05), 0.055, skin)
    build.ellipsoid((0.015, 0, base + 0.03), (0.095, 0.078, 0.12), skin)
    build.ellipsoid((0.11, 0, base + 0.02), (0.018, 0.014, 0.022), skin)
    cut = stage.pick(("short", "long", "bald", "hat"), (5, 3, 0.7, 1.3))
    if cut == "hat":
        hat = finishes.fabric(stage, vivid=0.6).number
        build.ellipsoid((0.0, 0, base + 0.1), (0.105, 0.09, 0.07), hat)
        build.cylinder((0.03, 0, base + 0.09), 0.12, 0.008, hat)
    elif cut != "bald":
        build.ellipsoid((-0.015, 0, base + 0.065), (0.1, 0.088, 0.1), hair)
    if cut == "long":
        build.round_box((-0.065, 0, base - 0.05), (0.045, 0.08, 0.14), 0.04, hair)
