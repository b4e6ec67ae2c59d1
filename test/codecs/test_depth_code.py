"""The depth code: the curve, the walk along the edges of the cube, and a decode that nothing can upset."""

from __future__ import annotations

import warnings

import hilbertmap
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vision_banana_ros.codecs import INVALID_COLOR, cubewalk, depth
from vision_banana_ros.codecs.depth import FARTHEST_M, LEVELS
from vision_banana_ros.core import DEPTH_ENCODINGS, CodecError

NAMED = {
    0.0: (0, 0, 0),
    10 * (np.sqrt(7 / 6) - 1): (255, 0, 0),
    10 * (np.sqrt(7 / 5) - 1): (255, 255, 0),
    10 * (np.sqrt(7 / 4) - 1): (0, 255, 0),
    10 * (np.sqrt(7 / 3) - 1): (0, 255, 255),
    10 * (np.sqrt(7 / 2) - 1): (0, 0, 255),
    10 * (np.sqrt(7 / 1) - 1): (255, 0, 255),
    np.inf: (255, 255, 255),
}


def oracle(rgb):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it divides by zero at the end of the walk
        return hilbertmap.rgb_to_depth(rgb / 255.0)


def assert_agrees_with_oracle(rgb):
    expected, decoded = oracle(rgb), depth.decode(rgb).depth_m
    finite = np.isfinite(expected)
    np.testing.assert_allclose(decoded[finite], expected[finite], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(np.isinf(decoded), (rgb == 255).all(axis=-1))


@given(st.floats(0, 1e6))
def test_uncurve_undoes_curve(metres):
    assert depth.uncurve(depth.curve(metres)) == pytest.approx(metres, rel=1e-3, abs=1e-12)


def test_half_of_the_walk_is_used_up_at_4_14_metres():
    assert depth.curve(10 * (np.sqrt(2) - 1)) == pytest.approx(0.5)
    assert depth.curve(0.0) == 0
    assert depth.curve(np.inf) == 1


@pytest.mark.parametrize(("metres", "color"), NAMED.items())
def test_corners_of_the_cube_stand_at_known_depths(metres, color):
    rgb = depth.encode(np.full((2, 3), metres, np.float32))
    assert rgb[1, 2].tolist() == list(color)
    np.testing.assert_allclose(depth.decode(rgb).depth_m, metres, rtol=1e-6)


def test_walk_changes_one_channel_by_one_level_per_step():
    steps = np.abs(np.diff(cubewalk.colors().astype(int), axis=0))
    assert len(steps) == LEVELS
    assert (steps.sum(axis=1) == 1).all()


def test_depth_strictly_increases_along_the_walk():
    decoded = depth.decode(cubewalk.colors()[None]).depth_m[0]
    assert (np.diff(decoded) > 0).all()
    assert decoded[-2] == np.float32(FARTHEST_M)
    assert np.isinf(decoded[-1])


def test_finite_depth_stays_finite_however_far():
    far = np.array([[500, 1e4, 3e38]], np.float32)
    assert (depth.decode(depth.encode(far)).depth_m == np.float32(FARTHEST_M)).all()


@settings(max_examples=50)
@given(hnp.arrays(np.float32, (3, 5), elements=st.floats(0, 80, width=32)))
def test_round_trip_stays_within_half_a_level(depth_m):
    decoded = depth.decode(depth.encode(depth_m)).depth_m
    error = np.abs(depth.curve(decoded.astype(np.float64)) - depth.curve(depth_m.astype(np.float64))) * LEVELS
    assert error.max() <= 0.5 + 1e-3


def test_round_trip_error_in_metres_at_the_distances_that_are_promised():
    depth_m = np.linspace(0, 80, 7 * 4001, dtype=np.float32).reshape(7, -1)
    error_m = np.abs(depth.decode(depth.encode(depth_m)).depth_m - depth_m)
    for below_m, bound_m in ((1, 0.004), (10, 0.012), (40, 0.18), (80, 1.02)):
        assert error_m[depth_m <= below_m].max() <= bound_m


def test_agrees_with_hilbertmap_on_random_colors(random_canvas):
    assert_agrees_with_oracle(random_canvas)


@pytest.mark.parametrize("plane", ["r = g", "r + g = 255", "r = g = b"])
def test_agrees_with_hilbertmap_where_edges_are_equally_near(plane):
    first, b = np.mgrid[:256, :256]
    second = 255 - first if plane == "r + g = 255" else first
    third = first if plane == "r = g = b" else b
    assert_agrees_with_oracle(np.stack([first, second, third], axis=-1).astype(np.uint8))


@pytest.mark.parametrize("blue", [0, 1, 77, 127, 128, 201, 254, 255])
def test_agrees_with_hilbertmap_on_every_color_of_one_blue(every_color, blue):
    assert_agrees_with_oracle(every_color(blue))


@pytest.mark.slow
def test_agrees_with_hilbertmap_on_all_colors(every_color):
    for blue in range(256):
        assert_agrees_with_oracle(every_color(blue))


@pytest.mark.parametrize("encoding", DEPTH_ENCODINGS)
def test_every_color_gives_a_bounded_depth(every_color, encoding):
    for blue in range(0, 256, 51):
        depth_m = depth.decode(every_color(blue), encoding).depth_m
        assert depth_m.dtype == np.float32
        assert (depth_m >= 0).all()
        assert depth_m[np.isfinite(depth_m)].max() <= np.float32(FARTHEST_M)
        assert np.isinf(depth_m).sum() <= 1


@settings(max_examples=50)
@given(st.integers(0, LEVELS), hnp.arrays(np.int16, 3, elements=st.integers(-2, 2)))
def test_two_levels_of_noise_move_depth_by_at_most_two_levels_between_corners(level, noise):
    if min(level % 255, -level % 255) <= 4:  # a corner, where two edges meet and noise may pick the other one
        return
    rgb = (cubewalk.colors()[level] + noise).clip(0, 255).astype(np.uint8).reshape(1, 1, 3)
    moved = depth.curve(depth.decode(rgb).depth_m.astype(np.float64).item()) * LEVELS - level
    assert abs(moved) <= 2.01


def test_confidence_is_full_on_the_walk_and_falls_with_the_distance_from_it():
    assert (depth.decode(cubewalk.colors()[None]).confidence == 255).all()
    off_black = np.array([[[0, e, e] for e in (0, 1, 20, 40, 62, 63, 90)]], np.uint8)
    confidence = depth.decode(off_black).confidence[0].astype(int)
    np.testing.assert_allclose(confidence, 255 * np.clip(1 - np.array([0, 1, 20, 40, 62, 63, 90]) / 63, 0, 1), atol=2)


def test_confidence_measures_the_worst_channel_off_the_nearest_edge(random_canvas):
    walk = cubewalk.colors()[::3].astype(int)
    pixels = random_canvas.reshape(-1, 3)[:400]
    off = np.abs(pixels[:, None].astype(int) - walk).max(axis=2).min(axis=1)
    confidence = depth.decode(pixels[None]).confidence[0]
    # The walk is sampled every third level here, so its distance is up to one level too large.
    np.testing.assert_allclose(confidence, 255 * np.clip(1 - off / 63, 0, 1), atol=8)


def test_unknown_depth_is_painted_on_request_and_reads_as_invalid():
    rgb = depth.encode(np.array([[1.0, np.nan, 3.0]], np.float32), invalid=INVALID_COLOR)
    assert rgb[0, 1].tolist() == list(INVALID_COLOR)
    assert depth.decode(rgb).confidence[0].tolist() == [255, 0, 255]


@pytest.mark.parametrize("encoding", sorted(set(DEPTH_ENCODINGS) - {"cube"}))
def test_color_maps_come_back_within_two_of_their_steps(encoding):
    depth_m = np.linspace(0, 80, 3 * 2000, dtype=np.float32).reshape(3, -1)
    decoded = depth.decode(depth.encode(depth_m, encoding), encoding)
    error = np.abs(depth.curve(decoded.depth_m.astype(np.float64)) - depth.curve(depth_m.astype(np.float64)))
    assert error.max() <= 2 / 255
    assert decoded.confidence.min() >= 247
    beyond = depth.decode(depth.encode(np.full((1, 2), np.inf, np.float32), encoding), encoding)
    assert np.isinf(beyond.depth_m).all()


def test_confidence_may_be_left_out(random_canvas):
    bare = depth.decode(random_canvas, with_confidence=False)
    assert bare.confidence is None
    np.testing.assert_array_equal(bare.depth_m, depth.decode(random_canvas).depth_m)


def test_layout_of_memory_does_not_matter(random_canvas):
    reversed_channels = random_canvas[..., ::-1]
    expected = depth.decode(np.ascontiguousarray(reversed_channels))
    decoded = depth.decode(reversed_channels)
    np.testing.assert_array_equal(decoded.depth_m, expected.depth_m)
    np.testing.assert_array_equal(decoded.confidence, expected.confidence)
    np.testing.assert_array_equal(
        depth.decode(random_canvas[5:40, ::3]).depth_m, depth.decode(random_canvas).depth_m[5:40, ::3]
    )


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.full((2, 3), -0.5, np.float32), r"6 pixels .* the first at \(0, 0\) is -0.5"),
        (np.array([[1, 2], [np.nan, 3]], np.float32), r"the first at \(1, 0\) is nan"),
        (np.full((2, 3), -np.inf, np.float32), "-inf"),
        (np.ones((2, 3), np.uint16), "must be floats .* got uint16 array"),
        (np.ones(3, np.float32), r"shape \(3,\)"),
        ([[1.0]], "got list"),
    ],
)
def test_encode_refuses_what_is_no_depth_and_says_where(bad, said):
    with pytest.raises(CodecError, match=said):
        depth.encode(bad)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.zeros((2, 3, 3), np.float32), "got float32 array .*; scale to 0..255"),
        (np.zeros((2, 3), np.uint8), r"shape \(2, 3\)"),
        (np.zeros((2, 3, 4), np.uint8), r"shape \(2, 3, 4\)"),
        (np.zeros((0, 3, 3), np.uint8), r"shape \(0, 3, 3\)"),
        (np.zeros((2, 3, 3), np.int8), "got int8"),
        ("canvas.png", "got str 'canvas.png'"),
    ],
)
def test_decode_refuses_what_is_no_canvas(bad, said):
    with pytest.raises(CodecError, match=said):
        depth.decode(bad)


def test_unknown_encodings_are_refused(random_canvas):
    with pytest.raises(CodecError, match=r"encoding must be one of cube, plasma.*got 'jet'"):
        depth.decode(random_canvas, "jet")


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.7])
def test_a_canvas_is_rescaled_and_keeps_its_confidences(random_canvas, factor):
    """Also colours far off the walk; what is no depth at all stays as it is."""
    before, after = depth.decode(random_canvas), depth.decode(depth.rescaled(random_canvas, factor))
    np.testing.assert_array_equal(after.confidence, before.confidence)
    known = (before.confidence > 0) & (before.depth_m * factor < 40)
    assert known.sum() > 500
    level = 0.5 * 2 * (1 + 40 / 10) ** 3 * 10 / 2 / LEVELS  # half of one, where they are the coarsest
    np.testing.assert_allclose(after.depth_m[known], before.depth_m[known] * np.float32(factor), atol=level * 1.01)
    unknown = before.confidence == 0
    np.testing.assert_array_equal(depth.rescaled(random_canvas, factor)[unknown], random_canvas[unknown])


def test_white_stays_white_and_far_stays_finite_when_a_canvas_is_rescaled():
    canvas = depth.encode(np.array([[np.inf, 300.0, 2.0]], np.float32))
    scaled = depth.decode(depth.rescaled(canvas, 3.0)).depth_m
    assert np.isinf(scaled[0, 0])
    assert scaled[0, 1] == np.float32(FARTHEST_M)
    assert scaled[0, 2] == pytest.approx(6.0, abs=0.02)
    with pytest.raises(CodecError, match="positive number"):
        depth.rescaled(canvas, 0.0)
