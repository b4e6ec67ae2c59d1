"""Objects keep to the footprint they announce, stand on their floor and are labelled with words that exist."""

import inspect
from types import ModuleType

import numpy as np
import pytest

from vision_banana_ros.core import Camera
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.world.furniture import (
    crockery,
    devices,
    fixtures,
    floorware,
    industry,
    nature,
    people,
    plumbing,
    seats,
    storage,
    street,
    sundries,
    vehicles,
)
from vision_banana_ros.world.scene import Pose, Scene, View
from vision_banana_ros.world.stage import Maker, Piece, Stage

MODULES = (
    crockery,
    devices,
    fixtures,
    floorware,
    industry,
    nature,
    people,
    plumbing,
    seats,
    storage,
    street,
    sundries,
    vehicles,
)
VIEW = View(camera=Camera.from_hfov(60, 8, 6), pose=Pose(position=(0.0, 0.0, 9.0)))


def makers(module: ModuleType) -> list[Maker]:
    """Public functions of a module that need nothing but a stage and give a piece."""
    found = []
    for _, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ != module.__name__ or function.__name__.startswith("_"):
            continue
        signature = inspect.signature(function, eval_str=True)
        needed = [p for p in signature.parameters.values() if p.default is inspect.Parameter.empty]
        if signature.return_annotation is Piece and len(needed) == 1:
            found.append(function)
    return found


ALL = [pytest.param(maker, id=maker.__name__) for module in MODULES for maker in makers(module)]


def drawn(maker: Maker, seed: int) -> tuple[Piece, Scene]:
    stage = Stage.empty(seed)
    piece = maker(stage)
    piece.draw()
    return piece, stage.build.build(VIEW)


def test_there_is_much_to_draw() -> None:
    assert len(ALL) > 80


@pytest.mark.parametrize("maker", ALL)
def test_pieces_keep_to_their_footprint(maker: Maker) -> None:
    """Leaves, branches and open drawers may reach a little further; crowns of trees and lamps on arms much."""
    reach = 20.0 if maker.__name__ in ("tree", "street_lamp", "pole") else 0.35
    for seed in range(6):
        piece, scene = drawn(maker, seed)
        lower = np.array([thing.lower for thing in scene.things]).min(axis=0)
        upper = np.array([thing.upper for thing in scene.things]).max(axis=0)
        allowed = max(reach * max(piece.half_x, piece.half_y), 0.12)
        assert upper[0] <= piece.half_x + allowed
        assert -lower[0] <= piece.half_x + allowed
        assert upper[1] <= piece.half_y + allowed
        assert -lower[1] <= piece.half_y + allowed
        assert upper[2] > 0.001
        assert lower[2] > -0.6 * max(upper[2], 0.3), "sunk into the floor"


@pytest.mark.parametrize("maker", ALL)
def test_pieces_are_things_with_words(maker: Maker) -> None:
    _, scene = drawn(maker, 1)
    for thing in scene.things:
        assert vocabulary.word(thing.name).is_thing == (thing.instance_id > 0)
        assert thing.class_id == vocabulary.class_id(thing.name)
    assert any(thing.instance_id > 0 for thing in scene.things)


@pytest.mark.parametrize("maker", ALL)
def test_tops_lie_on_the_piece(maker: Maker) -> None:
    for seed in range(4):
        piece, _ = drawn(maker, seed)
        for top in piece.tops:
            assert abs(top.x) + top.half_x <= piece.half_x + 0.03
            assert abs(top.y) + top.half_y <= piece.half_y + 0.03
            assert 0 < top.z <= piece.height + 0.06


def test_the_dice_decide_and_nothing_else() -> None:
    _, first = drawn(seats.chair, 3)
    _, again = drawn(seats.chair, 3)
    _, other = drawn(seats.chair, 4)
    assert np.array_equal(first.parts.sizes, again.parts.sizes)
    assert not (
        first.parts.sizes.shape == other.parts.sizes.shape and np.allclose(first.parts.sizes, other.parts.sizes)
    )


def test_the_world_can_show_most_of_its_words() -> None:
    """Things that some function of the furniture draws, over a few seeds: the rest belongs to walls and grounds."""
    shown: set[str] = set()
    for parameter in ALL:
        for seed in range(8):
            _, scene = drawn(parameter.values[0], seed)
            shown |= {thing.name for thing in scene.things}
    assert len(shown) >= 85
