"""Plants as tall as people, as offices and winter gardens have them: leaves by the dozen around a few stems."""

from __future__ import annotations

from vision_banana_ros.world import finishes
from vision_banana_ros.world.furniture.floorware import GOLDEN_ANGLE_DEG, blade
from vision_banana_ros.world.stage import Piece, Stage

#: How far the leaves of `blade` reach at scale 1, and how high above its frame they begin.
_LEAF_REACH, _LEAF_FOOT = 0.42, 0.24


def tall_plant(stage: Stage) -> Piece:
    """1.1 to 2.4 m high in a heavy pot; leaves from knee or from breast height to the top."""
    height = stage.uniform(1.1, 2.4)
    reach = height * stage.uniform(0.2, 0.34)
    pot_radius, pot_height = stage.uniform(0.15, 0.28), stage.uniform(0.25, 0.5)
    lowest = stage.uniform(0.3, 0.65)
    curved = stage.chance(0.6)
    pot = finishes.one_of(stage, finishes.ceramic, finishes.plastic, finishes.concrete)

    def draw() -> None:
        build, green, wood = stage.build, finishes.leaf(stage).number, finishes.bark(stage).number
        leaf_scale = reach / _LEAF_REACH
        with stage.thing("plant", pot):
            build.cylinder((0, 0, pot_height / 2), pot_radius, pot_height / 2, pot.number, top_radius=pot_radius * 1.2)
            for stem in range(stage.count(1, 3)):
                x, y = (stage.uniform(-0.5, 0.5) * pot_radius for _ in range(2))
                top = height * (1 - 0.2 * stem) - 0.5 * leaf_scale * _LEAF_REACH
                build.rod((x, y, pot_height), (1.5 * x, 1.5 * y, top), 0.025, wood, end_radius=0.012)
                leaves = stage.count(18, 48)
                for i in range(leaves):
                    z = height * lowest + (top - height * lowest) * i / leaves
                    with build.frame((1.3 * x, 1.3 * y, z - _LEAF_FOOT * leaf_scale), scale=leaf_scale):
                        blade(stage, GOLDEN_ANGLE_DEG * i, green, curved=curved)

    return Piece(reach, reach, height, draw)
