"""A filter that takes what hangs in the air and leaves what is there."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import FrameError, Truth
from vision_banana_ros.geometry import flying_pixels
from vision_banana_ros.world.moving import MovingScene

FAR_M = 80.0  # stands for the sky where depth is blended


def floor(height_m: float, focal_px: float, hw: tuple[int, int], horizon_row: float) -> np.ndarray:
    slope = (np.arange(hw[0]) - horizon_row) / focal_px
    with np.errstate(divide="ignore"):
        column = np.where(slope > 0, height_m / slope, np.inf)
    return np.repeat(column.astype(np.float32)[:, None], hw[1], axis=1)


def step_edge(near_m: float, far_m: float, *, transpose: bool = False) -> np.ndarray:
    depth = np.full((20, 30), far_m, np.float32)
    depth[:, :15] = near_m
    return depth.T.copy() if transpose else depth


@settings(max_examples=40, deadline=None)
@given(near_m=st.floats(0.3, 5), ratio=st.floats(1.3, 20), blend=st.floats(0.25, 0.75), transpose=st.booleans())
def test_a_blended_column_between_two_walls_flies(near_m: float, ratio: float, blend: float, transpose: bool) -> None:
    depth = step_edge(near_m, near_m * ratio)
    depth[:, 15] = near_m * (1 + blend * (ratio - 1))
    expected = np.zeros(depth.shape, bool)
    expected[:, 15] = depth[:, 15] > 1.06 * near_m
    if transpose:
        depth, expected = depth.T.copy(), expected.T
    flying = flying_pixels(depth)
    clear = depth * 1.06 < depth.max()
    np.testing.assert_array_equal(flying[clear], expected[clear])


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("far_m", [1.1, 2.0, 50.0, np.inf, np.nan])
def test_a_clean_edge_is_left_alone(far_m: float, transpose: bool) -> None:
    assert not flying_pixels(step_edge(1.0, far_m, transpose=transpose)).any()


@pytest.mark.parametrize("transpose", [False, True])
def test_it_flies_wherever_it_is_in_a_large_picture(transpose: bool) -> None:
    """The filter goes through a picture in strips."""
    tile = step_edge(1.0, 3.0)
    tile[:, 15] = 2.0
    tile[:, -1] = 1.5  # before the next tile's near wall
    depth = np.tile(tile, (9, 6))
    flying = flying_pixels(depth.T.copy()).T if transpose else flying_pixels(depth)
    expected = np.zeros(depth.shape, bool)
    expected[:, 15::30] = expected[:, 29::30] = True
    np.testing.assert_array_equal(flying[:, :-1], expected[:, :-1])


@pytest.mark.parametrize("width_px", [1, 2, 3])
@pytest.mark.parametrize("transpose", [False, True])
def test_a_thin_pole_is_left_alone(width_px: int, transpose: bool) -> None:
    depth = np.full((20, 30), 6.0, np.float32)
    depth[:, 12 : 12 + width_px] = 2.0
    assert not flying_pixels(depth.T.copy() if transpose else depth).any()


def test_a_thin_pole_behind_a_nearer_thing_is_left_alone() -> None:
    depth = step_edge(1.0, 6.0)
    depth[:, 18] = 2.0
    assert not flying_pixels(depth).any()


@pytest.mark.parametrize("height_m", [0.2, 1.0, 2.0])
def test_a_floor_at_grazing_angles_is_left_alone(height_m: float) -> None:
    depth = floor(height_m, 450.0, (240, 60), horizon_row=39.5)
    assert not flying_pixels(depth).any()
    assert not flying_pixels(depth.T.copy()).any()


def test_a_floor_in_steps_of_the_depth_code_is_left_alone() -> None:
    exact = floor(1.0, 450.0, (480, 60), horizon_row=149.5)
    position = np.round((1 - (1 + exact / 10) ** -2) * 1785) / 1785  # the cube walk at 8 bits
    with np.errstate(divide="ignore"):
        quantised = (10 * ((1 - position) ** -0.5 - 1)).astype(np.float32)
    assert flying_pixels(quantised).mean() < 0.01


def test_clean_truth_is_left_alone() -> None:
    scene = MovingScene(width=640, height=480)
    for index in (0, 60, 110):
        assert flying_pixels(scene.truth(index).depth_m).mean() < 0.01


def test_nine_of_ten_blended_pixels_are_found(room: Truth, small_room: Truth) -> None:
    def finite(depth: np.ndarray) -> np.ndarray:
        return np.where(np.isinf(depth), np.float32(FAR_M), depth)

    blends = {
        "depth": cv2.resize(finite(small_room.depth_m), (640, 480)),
        "inverse depth": 1 / cv2.resize(1 / finite(small_room.depth_m), (640, 480)),
        "blurred": cv2.GaussianBlur(finite(room.depth_m), (0, 0), 1.0),
    }
    for name, blended in blends.items():
        truly = belongs_nowhere(blended, finite(room.depth_m))
        assert truly.mean() > 0.005, name
        flying = flying_pixels(blended)
        assert flying[truly].mean() > 0.9, name
        assert flying[~truly].mean() < 0.01, name


def belongs_nowhere(depth: np.ndarray, truth: np.ndarray, radius: int = 3) -> np.ndarray:
    """Where no true depth of the neighbourhood is within 5 %."""
    nowhere = np.ones(truth.shape, bool)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            moved = np.roll(truth, (dy, dx), axis=(0, 1))
            nowhere &= np.maximum(moved / depth, depth / moved) > 1.05
    return nowhere


def test_a_blend_with_the_sky_flies() -> None:
    depth = step_edge(2.0, np.inf)
    depth[:, 15] = 9.0
    flying = flying_pixels(depth)
    assert flying[:, 15].all()
    assert flying.sum() == 20


def test_holes_and_sky_never_fly_and_the_input_stays(room: Truth) -> None:
    depth = room.depth_m.copy()
    depth[100:120, 200:260] = np.nan
    before = depth.copy()
    flying = flying_pixels(depth)
    assert not flying[~np.isfinite(depth)].any()
    np.testing.assert_array_equal(depth, before)


def test_the_ratio_is_how_clear_of_either_side() -> None:
    depth = step_edge(1.0, 3.0)
    depth[:, 15] = 1.2
    assert flying_pixels(depth, ratio=1.1)[:, 15].all()
    assert not flying_pixels(depth, ratio=1.3).any()


@pytest.mark.parametrize("hw", [(1, 1), (1, 9), (9, 2), (2, 2)])
def test_tiny_images_have_an_answer(hw: tuple[int, int]) -> None:
    assert flying_pixels(np.ones(hw, np.float32)).shape == hw


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth_m": np.ones((4, 4))}, "depth_m must be a float32"),
        ({"ratio": 1.0}, "ratio must be"),
        ({"ratio": float("nan")}, "ratio must be"),
        ({"reach_px": 0}, "reach_px must be"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(FrameError, match=message):
        flying_pixels(**({"depth_m": np.ones((4, 5), np.float32)} | arguments))  # type: ignore[arg-type]
