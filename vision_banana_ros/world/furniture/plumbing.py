"""Bathrooms and kitchens: what is fixed to the water, and the units around it. Backs to the wall, fronts along +x."""

from __future__ import annotations

from dataclasses import dataclass

from vision_banana_ros.world import finishes
from vision_banana_ros.world.stage import Finish, Piece, Stage, Top


def toilet(stage: Stage) -> Piece:
    """Its tank stands at the wall, the bowl looks into the room."""
    white = finishes.ceramic(stage, "white")

    def draw() -> None:
        build, n = stage.build, white.number
        with stage.thing("toilet", white):
            build.round_box((-0.24, 0, 0.58), (0.08, 0.19, 0.18), 0.03, n)
            build.cylinder((0.02, 0, 0.19), 0.11, 0.19, n, top_radius=0.16)
            build.ellipsoid((0.08, 0, 0.36), (0.25, 0.18, 0.07), n)
            build.round_box((0.06, 0, 0.42), (0.24, 0.18, 0.02), 0.019, n)
            build.cylinder((-0.24, 0, 0.765), 0.025, 0.008, finishes.metal(stage).number)

    return Piece(0.33, 0.2, 0.77, draw)


def washbasin(stage: Stage) -> Piece:
    white = finishes.ceramic(stage, "white")

    def draw() -> None:
        build, n, steel = stage.build, white.number, finishes.metal(stage, polished=0.95).number
        with stage.thing("sink", white):
            build.bowl((0, 0, 0.85), (0.2, 0.26, 0.14), n)
            build.tube((0, 0, 0.845), 0.22, 0.012, 0.03, n)
            build.cylinder((-0.1, 0, 0.36), 0.08, 0.36, n, top_radius=0.1)
            build.box((-0.2, 0, 0.83), (0.03, 0.22, 0.03), n)
            _tap(stage, (-0.19, 0, 0.86), steel)

    return Piece(0.23, 0.27, 0.9, draw)


def _tap(stage: Stage, at: tuple[float, float, float], steel: int) -> None:
    with stage.build.frame(at):
        stage.build.rod((0, 0, 0), (0, 0, 0.16), 0.016, steel)
        stage.build.capsule((0, 0, 0.16), (0.13, 0, 0.18), 0.011, steel)
        stage.build.capsule((0.13, 0, 0.18), (0.14, 0, 0.14), 0.011, steel)
        stage.build.capsule((0, 0, 0.16), (0, 0.07, 0.19), 0.007, steel)


def bathtub(stage: Stage) -> Piece:
    half_y, white = stage.uniform(0.75, 0.88), finishes.ceramic(stage, "white")

    def draw() -> None:
        build, n = stage.build, white.number
        with stage.thing("bathtub", white):
            build.box((0, 0, 0.08), (0.36, half_y, 0.08), n)
            for s in (-1, 1):
                build.round_box((s * 0.34, 0, 0.3), (0.045, half_y, 0.28), 0.03, n)
                build.round_box((0, s * (half_y - 0.05), 0.3), (0.36, 0.06, 0.28), 0.03, n)
            _tap(stage, (-0.3, half_y * 0.5, 0.58), finishes.metal(stage, polished=0.95).number)

    return Piece(0.38, half_y, 0.58, draw)


@dataclass(frozen=True, slots=True)
class KitchenLook:
    """What the units of one kitchen share."""

    front: Finish
    slab: Finish

    @classmethod
    def drawn(cls, stage: Stage) -> KitchenLook:
        front = finishes.one_of(stage, finishes.wood, _sober_paint, _sober_paint)
        return cls(front, finishes.one_of(stage, finishes.wood, finishes.stone, _sober_paint))


def _sober_paint(stage: Stage) -> Finish:
    return finishes.painted(stage, vivid=0.12)


def counter(stage: Stage, half_y: float, look: KitchenLook, *, sink: bool) -> Piece:
    """Base units with a worktop, for kitchens; with a sink and a tap where asked."""
    front, slab = look.front, look.slab
    handle, units = finishes.metal(stage), max(1, round(half_y * 2 / 0.55))

    def draw() -> None:
        build, steel = stage.build, finishes.metal(stage, polished=0.7)
        with stage.thing("cabinet", front):
            build.box((-0.02, 0, 0.48), (0.27, half_y, 0.39), front.number)
            build.box((-0.04, 0, 0.05), (0.24, half_y, 0.05), finishes.rubber(stage).number)
            for i in range(units):
                y, half = half_y * ((2 * i + 1) / units - 1), half_y / units - 0.004
                drawers = stage.pick((1, 1, 3))
                for j in range(drawers):
                    z, tall = 0.1 + 0.76 * (j + 0.5) / drawers, 0.38 / drawers - 0.004
                    build.box((0.26, y, z), (0.012, half, tall), front.number)
                    build.capsule(
                        (0.29, y - half * 0.4, z + tall * 0.7),
                        (0.29, y + half * 0.4, z + tall * 0.7),
                        0.006,
                        handle.number,
                    )
        edges = (-half_y, half_y) if not sink else (-half_y, -0.24, 0.24, half_y)
        with stage.stuff("countertop"):
            for low, high in zip(edges[::2], edges[1::2], strict=True):
                build.box((0, (low + high) / 2, 0.885), (0.3, (high - low) / 2, 0.018), slab.number)
            if sink:
                for x in (-0.24, 0.24):
                    build.box((x, 0, 0.885), (0.06, 0.24, 0.018), slab.number)
        if sink:
            with stage.thing("sink", steel):
                build.box((0, 0, 0.73), (0.18, 0.24, 0.005), steel.number)
                for s in (-1, 1):
                    build.box((s * 0.18, 0, 0.815), (0.004, 0.24, 0.09), steel.number)
                    build.box((0, s * 0.24, 0.815), (0.18, 0.004, 0.09), steel.number)
                _tap(stage, (-0.23, 0, 0.9), steel.number)

    free = Top(-0.02, half_y * 0.45 if sink else 0.0, 0.903, 0.2, half_y * (0.3 if sink else 0.9), 0.45)
    return Piece(0.3, half_y, 0.9, draw, (free,))


def wall_cabinets(stage: Stage, half_y: float, look: KitchenLook) -> None:
    """Cupboards above a kitchen counter."""
    build, front = stage.build, look.front
    handle, units = finishes.metal(stage).number, max(1, round(half_y * 2 / 0.5))
    for i in range(units):
        y, half = half_y * ((2 * i + 1) / units - 1), half_y / units
        if stage.chance(0.15):
            continue
        with stage.thing("cabinet", front):
            build.box((0.16, y, 1.75), (0.16, half, 0.35), front.number)
            build.box((0.325, y, 1.75), (0.01, half - 0.003, 0.347), front.number)
            build.capsule((0.355, y + half * 0.8, 1.45), (0.355, y + half * 0.8, 1.6), 0.006, handle)
