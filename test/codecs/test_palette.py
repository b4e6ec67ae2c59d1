"""Palettes: nearest colour, honest confidence, and colours that can be told apart."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.codecs import Palette
from vision_banana_ros.core import UNLABELLED, CodecError, InstructionError, Target, Task
from vision_banana_ros.prompts import Instruction

BLACK = (0, 0, 0)


def closest_pair(colors):
    return min(math.dist(a, b) for a, b in itertools.combinations(colors, 2))


def brute_force_ids(palette, rgb):
    colors = [*palette.targets] if palette.background is None else [*palette.targets, palette.background]
    ids = np.array([*range(1, len(palette.targets) + 1), 0][: len(colors)])
    squared = ((rgb[..., None, :].astype(int) - np.array(colors)) ** 2).sum(axis=-1)
    return ids[squared.argmin(axis=-1)]


@pytest.mark.parametrize("background", [None, BLACK])
@pytest.mark.parametrize("n", [1, 2, 7, 20, 254])
def test_painted_masks_come_back_with_full_confidence(n, background):
    avoid = () if background is None else (background,)
    palette = Palette(Palette.distinct(n, avoid=avoid).targets, background)
    mask = np.random.default_rng(n).integers(0 if background else 1, n + 1, (61, 83)).astype(np.uint8)
    decoded = palette.decode(palette.encode(mask))
    np.testing.assert_array_equal(decoded.mask, mask)
    assert decoded.confidence.min() == 255


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.booleans(), st.integers(0, 2**32 - 1))
def test_a_pixel_of_any_confidence_has_exactly_its_nearest_color(n, with_background, seed):
    avoid = (BLACK,) if with_background else ()
    palette = Palette(Palette.distinct(n, avoid=avoid).targets, BLACK if with_background else None)
    rgb = np.random.default_rng(seed).integers(0, 256, (40, 70, 3), dtype=np.uint8)
    decoded = palette.decode(rgb, threshold=1)
    sure = decoded.confidence > 0
    assert sure.mean() > 0.1
    np.testing.assert_array_equal(decoded.mask[sure], brute_force_ids(palette, rgb)[sure])
    assert (decoded.mask[~sure] == UNLABELLED).all()


def test_confidence_is_zero_half_way_and_falls_from_full_on_the_color():
    palette = Palette(((200, 0, 0), (0, 0, 0)))
    rgb = np.array([[[200 - 10 * i, 0, 0] for i in range(21)]], np.uint8)
    decoded = palette.decode(rgb)
    confidence = decoded.confidence[0].astype(int)
    assert (confidence[0], confidence[10], confidence[20]) == (255, 0, 255)
    assert (np.diff(confidence[:11]) <= 0).all()
    assert (np.diff(confidence[10:]) >= 0).all()
    assert decoded.mask[0, 10] == UNLABELLED
    assert set(decoded.mask[0, :8].tolist()) == {1}


def test_a_color_far_from_all_is_unlabelled_even_if_one_is_nearest():
    palette = Palette((BLACK,))
    decoded = palette.decode(np.array([[[0, 0, 20], [90, 90, 90]]], np.uint8))
    assert decoded.mask[0].tolist() == [1, UNLABELLED]


def test_without_a_background_color_nothing_is_background(random_canvas):
    assert 0 not in Palette.distinct(5).decode(random_canvas, threshold=0).mask
    assert 0 in Palette(((255, 0, 0),), background=BLACK).decode(random_canvas, threshold=0).mask


def test_threshold_zero_labels_every_pixel_within_the_stated_bound(random_canvas):
    palette = Palette.distinct(12)
    mask = palette.decode(random_canvas, threshold=0).mask
    assert UNLABELLED not in mask
    colors = np.array(palette.targets)
    distance = np.linalg.norm(random_canvas[..., None, :].astype(int) - colors, axis=-1)
    chosen = np.take_along_axis(distance, mask[..., None].astype(int) - 1, axis=-1)[..., 0]
    assert (chosen - distance.min(axis=-1)).max() <= 2 * 1.5 * math.sqrt(3)


def test_unlabelled_pixels_are_painted_so_that_they_come_back_unlabelled():
    palette = Palette(Palette.distinct(6, avoid=(BLACK,)).targets, BLACK)
    mask = np.array([[0, 3, UNLABELLED], [6, UNLABELLED, 1]], np.uint8)
    np.testing.assert_array_equal(palette.decode(palette.encode(mask)).mask, mask)


def test_noise_of_ten_levels_changes_no_label():
    palette = Palette(Palette.distinct(20, avoid=(BLACK,)).targets, BLACK)
    mask = np.random.default_rng(3).integers(0, 21, (60, 90)).astype(np.uint8)
    noisy = palette.encode(mask) + np.random.default_rng(4).normal(0, 10, (60, 90, 3))
    decoded = palette.decode(noisy.clip(0, 255).round().astype(np.uint8))
    np.testing.assert_array_equal(decoded.mask, mask)


def test_ids_follow_the_order_of_the_instruction():
    targets = (Target("floor", (0, 255, 0)), Target("sofa", (200, 160, 255)))
    palette = Palette.from_instruction(Instruction(Task.SEMANTIC, targets, background=(255, 255, 0)))
    rgb = np.array([[(200, 160, 255), (255, 255, 0), (0, 255, 0)]], np.uint8)
    assert palette.decode(rgb).mask.tolist() == [[2, 0, 1]]


def test_colors_that_cannot_be_told_apart_are_refused_with_both_names():
    targets = (Target("cup", (255, 255, 255)), Target("plate", (255, 250, 250)))
    with pytest.raises(InstructionError, match=r"'cup' \(255, 255, 255\) and 'plate' \(255, 250, 250\)"):
        Palette.from_instruction(Instruction(Task.REFERRING, targets))
    near_black = (Target("tyre", (5, 5, 5)),)
    with pytest.raises(InstructionError, match=r"'tyre' .* and the background"):
        Palette.from_instruction(Instruction(Task.SEMANTIC, near_black, background=BLACK))


@pytest.mark.parametrize("n", [0, 255, -1, 2.0, True])
def test_distinct_refuses_impossible_counts(n):
    with pytest.raises(InstructionError, match="1 to 254"):
        Palette.distinct(n)


@pytest.mark.parametrize("colors", [(), ((0, 0, 256),), ((0, 0),), ((0.5, 0, 0),)])
def test_palettes_refuse_what_is_no_color(colors):
    with pytest.raises(InstructionError):
        Palette(colors)


def test_instructions_without_colors_have_no_palette():
    with pytest.raises(InstructionError, match="DEPTH gives no colours"):
        Palette.from_instruction(Instruction(Task.DEPTH))


@pytest.mark.parametrize("mask", [np.array([[4]], np.uint8), np.array([[1]], np.int64), [[1]]])
def test_encode_refuses_ids_that_have_no_color(mask):
    with pytest.raises(CodecError):
        Palette.distinct(3).encode(mask)


@pytest.mark.parametrize("threshold", [-1, 256])
def test_decode_refuses_thresholds_beyond_a_byte(random_canvas, threshold):
    with pytest.raises(CodecError, match="threshold"):
        Palette.distinct(3).decode(random_canvas, threshold=threshold)


@pytest.mark.parametrize(
    ("n", "distance"),
    [(2, 441), (3, 360), (4, 360), (5, 280), (8, 255), (9, 219), (20, 131), (30, 100), (64, 71), (254, 35)],
)
def test_distinct_colors_keep_a_wide_distance(n, distance):
    colors = Palette.distinct(n).targets
    assert len(set(colors)) == n
    assert closest_pair(colors) >= distance


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30), st.lists(st.tuples(*[st.integers(0, 255)] * 3), max_size=3))
def test_distinct_colors_keep_away_from_those_to_avoid(n, avoid):
    colors = Palette.distinct(n, avoid=avoid).targets
    assert len(colors) == n
    assert min(math.dist(color, other) for color in colors for other in [*avoid, (1000, 0, 0)]) >= 80


def test_distinct_colors_are_the_same_in_every_run():
    # Written out, since a second call in this process would only prove that there is a cache.
    assert Palette.distinct(4).targets == ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))
    assert Palette.distinct(1, avoid=(BLACK,)).targets == ((255, 255, 255),)
