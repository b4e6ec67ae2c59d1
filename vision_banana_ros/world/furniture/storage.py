"""Tables, desks and what holds things: cabinets, wardrobes, shelves with books, racks of boards."""

from __future__ import annotations

import math

from vision_banana_ros.world import finishes
from vision_banana_ros.world.builder import turn
from vision_banana_ros.world.stage import Finish, Piece, Stage, Top


def table(stage: Stage) -> Piece:
    """Dining, coffee and side tables, round or square."""
    low = stage.chance(0.35)
    height = stage.uniform(0.34, 0.52) if low else stage.uniform(0.7, 0.78)
    if stage.chance(0.3):
        return _round_table(stage, height, stage.uniform(0.25, 0.45) if low else stage.uniform(0.3, 0.65))
    half_x = stage.uniform(0.22, 0.4) if low else stage.uniform(0.35, 0.5)
    return _square_table(stage, "table", half_x, half_x * stage.uniform(1.0, 2.4), height)


def desk(stage: Stage) -> Piece:
    """A desk; its user sits at +x."""
    return _square_table(stage, "desk", stage.uniform(0.3, 0.42), stage.uniform(0.5, 0.95), stage.uniform(0.7, 0.78))


def _square_table(stage: Stage, name: str, half_x: float, half_y: float, height: float) -> Piece:
    board = finishes.one_of(stage, finishes.wood, finishes.wood, finishes.painted)
    legs = board if stage.chance(0.5) else finishes.one_of(stage, finishes.dark_metal, finishes.metal, finishes.wood)
    thick, kind = stage.uniform(0.01, 0.028), stage.pick(("legs", "panels", "trestle", "drawers"), (5, 1.5, 1, 1.5))

    def draw() -> None:
        build, under = stage.build, height - 2 * thick
        with stage.thing(name, board):
            build.round_box((0, 0, height - thick), (half_x, half_y, thick), stage.uniform(0.001, thick), board.number)
            if kind == "panels":
                for sy in (-1, 1):
                    build.box((0, sy * (half_y - 0.03), under / 2), (half_x * 0.95, 0.015, under / 2), legs.number)
                build.box((-half_x * 0.8, 0, under * 0.7), (0.01, half_y - 0.04, under * 0.25), legs.number)
            elif kind == "trestle":
                for sy in (-1, 1):
                    y = sy * half_y * 0.8
                    build.rod((-half_x * 0.8, y, 0), (0.02, y, under), 0.02, legs.number)
                    build.rod((half_x * 0.8, y, 0), (-0.02, y, under), 0.02, legs.number)
            else:
                thin = stage.uniform(0.014, 0.035)
                for sx in (-1, 1):
                    for sy in (-1, 1):
                        at = (sx * (half_x - thin * 1.6), sy * (half_y - thin * 1.6))
                        build.box((*at, under / 2), (thin, thin, under / 2), legs.number)
                apron = stage.uniform(0.02, 0.05)
                for sy in (-1, 1):
                    build.box((0, sy * (half_y - 0.05), under - apron), (half_x - 0.06, 0.01, apron), legs.number)
            if kind == "drawers":
                _drawers(stage, (0, half_y - 0.22, under * 0.55), (half_x * 0.85, 0.19, under * 0.45), board, 3)

    return Piece(half_x, half_y, height, draw, (Top(0, 0, height, half_x * 0.92, half_y * 0.95),))


def _round_table(stage: Stage, height: float, radius: float) -> Piece:
    board = finishes.one_of(stage, finishes.wood, finishes.painted, finishes.wood)
    legs = finishes.one_of(stage, finishes.dark_metal, finishes.metal, finishes.wood)
    thick, pedestal = stage.uniform(0.01, 0.025), stage.chance(0.6)

    def draw() -> None:
        build = stage.build
        with stage.thing("table", board):
            build.cylinder((0, 0, height - thick), radius, thick, board.number)
            if pedestal:
                build.cylinder((0, 0, height / 2), 0.04, height / 2 - thick, legs.number, top_radius=0.03)
                build.cylinder((0, 0, 0.015), radius * 0.6, 0.015, legs.number, top_radius=radius * 0.5)
            else:
                for i in range(3 + stage.count(0, 1)):
                    angle = math.radians(90 * i + 30)
                    c, s = math.cos(angle), math.sin(angle)
                    foot = (radius * 0.85 * c, radius * 0.85 * s, 0)
                    build.rod(foot, (radius * 0.5 * c, radius * 0.5 * s, height - thick), 0.018, legs.number)

    side = radius * 0.7
    return Piece(radius, radius, height, draw, (Top(0, 0, height, side, side),))


def _drawers(
    stage: Stage,
    center: tuple[float, float, float],
    half: tuple[float, float, float],
    front: Finish,
    rows: int,
    columns: int = 1,
) -> None:
    """A carcass with fronts at +x, a gap around each, and handles."""
    build, (hx, hy, hz) = stage.build, half
    handle = finishes.one_of(stage, finishes.metal, finishes.dark_metal)
    style = stage.pick(("knob", "bar", "none", "vertical"))
    with build.frame(center):
        build.box((-0.01, 0, 0), (hx - 0.01, hy, hz), front.number)
        for row in range(rows):
            for column in range(columns):
                y, z = hy * ((2 * column + 1) / columns - 1), hz * ((2 * row + 1) / rows - 1)
                build.box((hx - 0.008, y, z), (0.01, hy / columns - 0.003, hz / rows - 0.003), front.number)
                if style == "knob":
                    build.sphere((hx + 0.015, y, z), 0.014, handle.number)
                elif style == "bar":
                    build.capsule(
                        (hx + 0.022, y - 0.05, z + hz / rows * 0.5),
                        (hx + 0.022, y + 0.05, z + hz / rows * 0.5),
                        0.006,
                        handle.number,
                    )
                elif style == "vertical":
                    side = y + (hy / columns - 0.04) * (1 if column % 2 == 0 else -1)
                    build.capsule((hx + 0.022, side, z - 0.07), (hx + 0.022, side, z + 0.07), 0.006, handle.number)


def cabinet(stage: Stage) -> Piece:
    """Chests of drawers, sideboards, bedside tables, filing cabinets."""
    half_x, half_y = stage.uniform(0.18, 0.3), stage.log_uniform(0.2, 0.9)
    height = stage.uniform(0.4, 0.6) if half_y < 0.3 or stage.chance(0.3) else stage.uniform(0.6, 1.4)
    body = finishes.one_of(stage, finishes.wood, finishes.wood, finishes.painted)
    rows, columns = stage.count(1, 5), max(1, round(half_y / stage.uniform(0.2, 0.4)))
    lift = stage.pick((0.0, 0.05, 0.15))

    def draw() -> None:
        with stage.thing("cabinet", body):
            _drawers(stage, (0, 0, (height + lift) / 2), (half_x, half_y, (height - lift) / 2), body, rows, columns)
            stage.build.box((0, 0, height - 0.01), (half_x + 0.008, half_y + 0.008, 0.012), body.number)
            for sx in (-1, 1):
                for sy in (-1, 1):
                    at = (sx * half_x * 0.85, sy * half_y * 0.92, lift / 2)
                    stage.build.cylinder(at, 0.016, lift / 2 + 0.001, body.number)

    return Piece(half_x + 0.03, half_y + 0.01, height, draw, (Top(0, 0, height + 0.002, half_x * 0.85, half_y * 0.92),))


def wardrobe(stage: Stage) -> Piece:
    half_x, half_y, height = stage.uniform(0.26, 0.33), stage.uniform(0.4, 1.2), stage.uniform(1.75, 2.3)
    body = finishes.one_of(stage, finishes.wood, finishes.painted)

    def draw() -> None:
        with stage.thing("wardrobe", body):
            half = (half_x, half_y, height / 2)
            _drawers(stage, (0, 0, height / 2), half, body, 1, max(2, round(half_y / 0.27)))

    return Piece(half_x + 0.03, half_y, height, draw)


def shelf(stage: Stage) -> Piece:
    """Bookshelves with tops for whatever the grammar puts there besides the books."""
    half_x, half_y = stage.uniform(0.11, 0.2), stage.uniform(0.25, 0.65)
    height, boards = stage.uniform(0.7, 2.2), 0
    boards = max(2, round(height / stage.uniform(0.28, 0.4)))
    body = finishes.one_of(stage, finishes.wood, finishes.wood, finishes.painted)
    closed, wall = stage.chance(0.6), 0.01
    levels = [0.03 + (height - 0.05) * i / boards for i in range(boards + 1)]
    gap = levels[1] - levels[0] - 2 * wall
    books = [stage.chance(0.6) for _ in levels[:-1]]

    def draw() -> None:
        build = stage.build
        with stage.thing("shelf", body):
            for sy in (-1, 1):
                build.box((0, sy * half_y, height / 2), (half_x, wall, height / 2), body.number)
            if closed:
                build.box((-half_x, 0, height / 2), (0.005, half_y, height / 2), body.number)
            for z in levels:
                build.box((0, 0, z), (half_x, half_y, wall), body.number)
        for z, full in zip(levels[:-1], books, strict=True):
            if full:
                book_row(stage, half_x, half_y - 2 * wall, z + wall, gap)

    tops = tuple(
        Top(0, 0, z + wall, half_x * 0.8, half_y * 0.85, gap)
        for z, full in zip(levels[:-1], books, strict=True)
        if not full
    )
    crown = Top(0, 0, height - 0.01, half_x * 0.8, half_y * 0.85) if height < 1.5 else None
    return Piece(half_x, half_y + wall, height, draw, (*tops, crown) if crown else tops)


def book_row(stage: Stage, half_x: float, half_y: float, z: float, room: float) -> None:
    """Books side by side along y on the board at `z`, each an instance, as far as the dice let them reach."""
    build = stage.build
    covers = [finishes.book_cover(stage) for _ in range(stage.count(3, 7))]
    y, end = -half_y + 0.01, half_y * stage.uniform(-0.2, 0.98)
    while y < end:
        thick = stage.uniform(0.008, 0.03)
        if y + 2 * thick > half_y:
            break
        tall = room / 2 * stage.uniform(0.55, 0.93)
        cover = stage.pick(covers)
        with stage.thing("book", cover):
            deep = half_x * stage.uniform(0.6, 0.85)
            tilt = turn(roll_deg=stage.uniform(-12, -6)) if stage.chance(0.04) else None
            build.box((half_x - deep - 0.01, y + thick, z + tall), (deep, thick * 0.97, tall), cover.number, tilt)
        y += 2 * thick + (stage.uniform(0.02, 0.1) if stage.chance(0.06) else 0.0)


def coat_rack(stage: Stage) -> Piece:
    """A board with hooks and coats; stands against a wall."""
    board = finishes.wood(stage)
    half_y = stage.uniform(0.3, 0.6)

    def draw() -> None:
        build = stage.build
        with stage.thing("shelf", board):
            build.box((0, 0, 1.65), (0.02, half_y, 0.05), board.number)
        for i in range(stage.count(1, 4)):
            coat = finishes.fabric(stage)
            y = half_y * (0.4 * i - 0.7)
            with stage.thing("bag" if stage.chance(0.3) else "coat", coat):
                build.round_box((0.08, y, 1.25), (0.06, 0.13, 0.38), 0.055, coat.number)

    return Piece(0.18, half_y, 1.7, draw)
