"""What drives: cars, vans, buses, trucks, bicycles, motorcycles. They look along +x."""

from __future__ import annotations

import math

from vision_banana_ros.world import colors, finishes
from vision_banana_ros.world.builder import turn
from vision_banana_ros.world.stage import Finish, Piece, Stage

_ACROSS = turn(roll_deg=90)


def car_paint(stage: Stage) -> Finish:
    """Mostly white, grey and black, as on real roads."""
    name = stage.pick(
        ("white", "grey", "black", "blue", "red", "green", "yellow", "brown", "orange"),
        (5, 5, 4, 3, 2.5, 1, 0.7, 0.8, 0.6),
    )
    albedo = colors.paint(stage.rng, name)
    number = stage.build.material(color=albedo, color_b=albedo, roughness=0.12, specular=0.05)
    return Finish(number, name)


def _wheel(stage: Stage, x: float, y: float, radius: float, half_width: float) -> None:
    build = stage.build
    build.cylinder((x, y, radius), radius, half_width, finishes.rubber(stage).number, _ACROSS)
    build.cylinder(
        (x, y, radius), radius * 0.62, half_width * 1.05, finishes.metal(stage, polished=0.5).number, _ACROSS
    )
    build.cylinder((x, y, radius), radius * 0.15, half_width * 1.2, finishes.rubber(stage).number, _ACROSS)


def _lights(stage: Stage, x: float, half_y: float, z: float, color: str, size: float) -> None:
    skin = finishes.painted(stage, color, gloss=1.0).number
    for sy in (-1, 1):
        stage.build.round_box((x, sy * half_y, z), (0.05, size, size * 0.5), 0.03, skin)


def car(stage: Stage) -> Piece:
    """Hatchbacks, saloons, estates and off-roaders from one set of proportions."""
    kind = stage.pick(("hatchback", "saloon", "estate", "suv"), (4, 3, 2, 3))
    length = {"hatchback": 3.9, "saloon": 4.6, "estate": 4.6, "suv": 4.5}[kind] * stage.uniform(0.94, 1.06)
    half_x, half_y = length / 2, stage.uniform(0.84, 0.93)
    clearance, belt = (0.24, 1.0) if kind == "suv" else (0.17, 0.86)
    roof = belt + stage.uniform(0.5, 0.66)
    paint, tint = car_paint(stage), finishes.screen(stage, on=False).number
    black = finishes.rubber(stage).number

    def draw() -> None:
        build, n = stage.build, paint.number
        with stage.thing("car", paint):
            middle, half_z = (clearance + belt) / 2, (belt - clearance) / 2
            build.round_box((0, 0, middle), (half_x, half_y, half_z), 0.16, n)
            build.box((0, 0, clearance + 0.06), (half_x * 0.94, half_y * 0.97, 0.06), black)
            rear = -half_x * (0.62 if kind == "saloon" else 0.93)
            front = half_x * 0.42
            cabin, shift = (front - rear) / 2, -0.12 if kind == "saloon" else -0.16
            up = roof - belt
            top = (cabin * (0.58 if kind == "saloon" else 0.74), half_y * 0.76)
            center = ((front + rear) / 2, 0, belt + up / 2 - 0.02)
            build.taper(center, (cabin, half_y * 0.93, up / 2), top, tint, shift=shift)
            lid = (center[0] + shift, 0, roof - 0.035)
            build.round_box(lid, (top[0] * 1.04, top[1] * 1.06, 0.045), 0.04, n)
            for sx in (-1, 0.1, 1):  # the pillars between the panes
                for sy in (-1, 1):
                    low = (center[0] + sx * cabin * 0.985, sy * half_y * 0.915, belt - 0.05)
                    high = (center[0] + shift + sx * top[0], sy * top[1], roof - 0.04)
                    build.rod(low, high, 0.035, n)
            _details(stage, half_x, half_y, belt, clearance, n)
            radius, base = stage.uniform(0.3, 0.36), half_x * 0.6
            for sx in (-1, 1):
                for sy in (-1, 1):
                    build.cylinder((sx * base, sy * (half_y - 0.07), radius), radius * 1.13, 0.08, black, _ACROSS)
                    _wheel(stage, sx * base, sy * (half_y - 0.09), radius, 0.11)

    return Piece(half_x + 0.05, half_y + 0.1, roof, draw)


def _details(stage: Stage, half_x: float, half_y: float, belt: float, clearance: float, paint: int) -> None:
    """Lamps, plates, bumpers, mirrors, door gaps and handles."""
    build, black = stage.build, finishes.rubber(stage).number
    plate = finishes.paper(stage).number
    _lights(stage, half_x - 0.06, half_y * 0.72, belt - 0.22, "white", 0.16)
    _lights(stage, -half_x + 0.06, half_y * 0.76, belt - 0.2, "red", 0.13)
    for sx in (-1, 1):
        build.box((sx * (half_x - 0.01), 0, clearance + 0.24), (0.02, 0.26, 0.06), plate)
        build.round_box((sx * (half_x - 0.05), 0, clearance + 0.14), (0.07, half_y * 0.9, 0.07), 0.05, black)
    build.box((half_x - 0.02, 0, belt - 0.24), (0.02, half_y * 0.42, 0.07), black)
    for sy in (-1, 1):
        build.round_box((half_x * 0.36, sy * (half_y + 0.07), belt + 0.06), (0.05, 0.09, 0.06), 0.03, paint)
        for x in (half_x * 0.38, -half_x * 0.12, -half_x * 0.5):
            build.box((x, sy * half_y, (belt + clearance) / 2 + 0.05), (0.006, 0.004, (belt - clearance) * 0.36), black)
        for x in (half_x * 0.02, -half_x * 0.4):
            build.round_box((x, sy * half_y, belt - 0.12), (0.08, 0.018, 0.015), 0.014, paint)


def van(stage: Stage) -> Piece:
    half_x, half_y, roof = stage.uniform(2.4, 3.0), stage.uniform(0.95, 1.05), stage.uniform(1.9, 2.6)
    return _boxy(stage, "van", half_x, half_y, roof, nose=0.9, windows=stage.chance(0.3))


def bus(stage: Stage) -> Piece:
    return _boxy(stage, "bus", stage.uniform(5.0, 6.2), 1.25, stage.uniform(2.9, 3.3), nose=0.12, windows=True)


def _boxy(stage: Stage, name: str, half_x: float, half_y: float, roof: float, *, nose: float, windows: bool) -> Piece:
    paint = car_paint(stage)
    tint, black = finishes.screen(stage, on=False).number, finishes.rubber(stage).number

    def draw() -> None:
        build, n, floor = stage.build, paint.number, 0.28
        with stage.thing(name, paint):
            body = half_x - nose / 2
            build.round_box((-nose / 2, 0, (floor + roof) / 2), (body, half_y, (roof - floor) / 2), 0.12, n)
            if nose > 0.5:
                half_z = (1.05 - floor) / 2
                build.round_box((half_x - nose, 0, floor + half_z), (nose, half_y * 0.98, half_z), 0.12, n)
                slope = (half_x - nose * 1.0, 0, 1.0 + (roof - 1.0) * 0.45)
                build.taper(
                    slope, (nose * 0.8, half_y * 0.94, (roof - 1) * 0.45), (0.15, half_y * 0.85), tint, shift=-0.35
                )
            else:
                build.box((half_x - nose + 0.05, 0, roof * 0.62), (0.02, half_y * 0.9, roof * 0.24), tint)
            low, high = 1.15, roof - 0.25
            end = half_x - nose - 0.4
            if windows:
                panes = max(2, round(end / 0.7))
                for sy in (-1, 1):
                    for i in range(panes):
                        x = end * (2 * (i + 0.5) / panes - 1) - 0.2
                        build.box(
                            (x, sy * half_y, (low + high) / 2), (end / panes * 0.9, 0.006, (high - low) / 2), tint
                        )
            for sy in (-1, 1):
                build.box((half_x - nose - 0.3, sy * half_y, 1.45), (0.4, 0.008, 0.28), tint)
                build.box((half_x - nose * 0.4, sy * (half_y + 0.12), 1.5), (0.05, 0.1, 0.16), black)
            _lights(stage, half_x - 0.04, half_y * 0.75, 0.75, "white", 0.14)
            _lights(stage, -half_x, half_y * 0.85, 0.95, "red", 0.1)
            build.box((-half_x, 0, 0.6), (0.015, 0.26, 0.06), finishes.paper(stage).number)
            radius = 0.36 if name == "van" else 0.48
            for x in (-half_x * 0.6, half_x * 0.6):
                for sy in (-1, 1):
                    _wheel(stage, x, sy * (half_y - 0.1), radius, 0.13)

    return Piece(half_x + 0.05, half_y + 0.15, roof, draw)


def truck(stage: Stage) -> Piece:
    """A cab and a box, a tarpaulin or a flat bed."""
    half_x, half_y, roof = stage.uniform(3.0, 5.0), 1.2, stage.uniform(2.8, 3.7)
    paint, cargo = car_paint(stage), finishes.one_of(stage, car_paint, finishes.packaging)
    flat = stage.chance(0.2)

    def draw() -> None:
        build, black = stage.build, finishes.rubber(stage).number
        tint = finishes.screen(stage, on=False).number
        with stage.thing("truck", paint):
            cab = half_x - 0.85
            build.round_box((cab, 0, 1.55), (0.85, half_y, 1.1), 0.12, paint.number)
            build.box((half_x + 0.0, 0, 1.95), (0.012, half_y * 0.9, 0.42), tint)
            for sy in (-1, 1):
                build.box((cab + 0.25, sy * half_y, 1.95), (0.42, 0.01, 0.36), tint)
                build.box((cab + 0.75, sy * (half_y + 0.15), 1.95), (0.05, 0.1, 0.25), black)
            build.box((0, 0, 0.7), (half_x * 0.97, 0.45, 0.14), black)
            middle, half = -0.95, half_x - 0.95
            if flat:
                build.box((middle, 0, 1.0), (half, half_y, 0.08), cargo.number)
            else:
                build.box((middle, 0, (1.0 + roof) / 2), (half, half_y + 0.03, (roof - 1.0) / 2), cargo.number)
            _lights(stage, half_x, half_y * 0.75, 0.8, "white", 0.14)
            _lights(stage, -half_x, half_y * 0.8, 0.85, "red", 0.12)
            for x in (-half_x * 0.75, -half_x * 0.45, half_x * 0.75):
                for sy in (-1, 1):
                    _wheel(stage, x, sy * (half_y - 0.15), 0.5, 0.15)

    return Piece(half_x + 0.05, half_y + 0.2, roof, draw)


def bicycle(stage: Stage) -> Piece:
    """A diamond frame; leans a little, as on its stand."""
    paint, scale = finishes.painted(stage, vivid=0.7, gloss=0.8), stage.uniform(0.85, 1.05)

    def draw() -> None:
        build, n, black = stage.build, paint.number, finishes.rubber(stage).number
        steel = finishes.metal(stage, polished=0.8).number
        with build.frame(scale=scale, roll_deg=stage.uniform(-9, 9)), stage.thing("bicycle", paint):
            for x in (-0.52, 0.52):
                build.tube((x, 0, 0.34), 0.34, 0.018, 0.03, black, _ACROSS)
                for i in range(8):
                    angle = math.radians(22.5 * i)
                    dx, dz = 0.31 * math.cos(angle), 0.31 * math.sin(angle)
                    build.rod((x - dx, 0, 0.34 - dz), (x + dx, 0, 0.34 + dz), 0.002, steel)
            pedals, saddle, head, hub = (-0.08, 0, 0.3), (-0.2, 0, 0.85), (0.36, 0, 0.85), (-0.52, 0, 0.34)
            for a, b in ((pedals, saddle), (saddle, head), (pedals, head), (hub, pedals), (hub, saddle)):
                build.rod(a, b, 0.016, n)
            build.rod((0.52, 0, 0.34), (0.33, 0, 0.98), 0.015, n)
            build.capsule((0.33, -0.28, 1.02), (0.33, 0.28, 1.02), 0.015, black)
            build.ellipsoid((-0.23, 0, 0.93), (0.13, 0.06, 0.035), black)
            build.cylinder(pedals, 0.09, 0.006, steel, _ACROSS)
            for s in (-1, 1):
                build.rod((-0.08, s * 0.07, 0.3), (-0.08 + s * 0.13, s * 0.09, 0.25), 0.01, steel)
                build.box((-0.08 + s * 0.13, s * 0.14, 0.25), (0.04, 0.05, 0.012), black)
            for x in (-0.52, 0.52):  # mudguards
                build.box((x, 0, 0.7), (0.12, 0.025, 0.006), n)

    return Piece(0.88 * scale, 0.3 * scale, 1.05 * scale, draw)


def motorcycle(stage: Stage) -> Piece:
    paint = finishes.painted(stage, vivid=0.6, gloss=1.0)

    def draw() -> None:
        build, n, black = stage.build, paint.number, finishes.rubber(stage).number
        steel = finishes.metal(stage, polished=0.9).number
        with build.frame(roll_deg=stage.uniform(-8, 8)), stage.thing("motorcycle", paint):
            for x in (-0.68, 0.7):
                build.tube((x, 0, 0.3), 0.3, 0.06, 0.1, black, _ACROSS)
                build.cylinder((x, 0, 0.3), 0.2, 0.02, steel, _ACROSS)
            build.round_box((0, 0, 0.42), (0.3, 0.14, 0.18), 0.05, steel)
            build.ellipsoid((0.15, 0, 0.78), (0.32, 0.16, 0.15), n)
            build.round_box((-0.42, 0, 0.76), (0.36, 0.14, 0.06), 0.05, black)
            build.ellipsoid((0.68, 0, 0.62), (0.2, 0.08, 0.05), n)
            for sy in (-1, 1):
                build.rod((0.7, sy * 0.08, 0.3), (0.48, sy * 0.08, 0.95), 0.025, steel)
                build.capsule((0.45, sy * 0.1, 1.0), (0.38, sy * 0.36, 1.02), 0.017, black)
                build.rod((0.1, sy * 0.18, 0.3), (-0.75, sy * 0.2, 0.38), 0.045, steel)
            build.sphere((0.6, 0, 0.88), 0.09, finishes.painted(stage, "white", gloss=1.0).number)

    return Piece(1.0, 0.38, 1.1, draw)
