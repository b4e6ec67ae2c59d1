"""A larger image invents nothing: labels stay labels, planes stay planes, and nothing hangs between two surfaces."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vision_banana_ros.core import Camera, Frame, FrameError, Truth
from vision_banana_ros.geometry import unproject, upsample_confidence, upsample_depth, upsample_labels, upsample_normals
from vision_banana_ros.geometry.sampling import axis

HW = (480, 640)
sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))
small = arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)


def source_positions(source: int, target: int) -> np.ndarray:
    return np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)


def around(image: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """(4, H, W, ...): the four samples around every target pixel, found by brute force."""
    rows, cols = (source_positions(s, t) for s, t in zip(image.shape, hw, strict=False))
    pick = [
        image[f(rows).astype(int)][:, g(cols).astype(int)] for f in (np.floor, np.ceil) for g in (np.floor, np.ceil)
    ]
    return np.stack(pick)


def plane_depth(camera: Camera, normal: tuple[float, float, float], distance_m: float) -> np.ndarray:
    rays = unproject(np.ones((camera.height, camera.width), np.float32), camera)
    return (distance_m / (rays @ np.asarray(normal, np.float32))).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(mask=arrays.arrays(np.uint8, small, elements=st.sampled_from([0, 1, 7, 200, 255])), hw=sizes)
def test_every_label_is_one_of_the_four_around_it(mask: np.ndarray, hw: tuple[int, int]) -> None:
    result = upsample_labels(mask, hw)
    assert result.dtype == mask.dtype
    assert result.shape == hw
    assert (around(mask, hw) == result).any(axis=0).all()


# No three of these lie on one line in inverse depth, where they would be a slope and rightly blended.
DEPTHS = [0.5, 1.25, 1.265625, 4.0, 60.0, np.inf, np.nan]


@settings(max_examples=200, deadline=None)
@given(
    depth=arrays.arrays(np.float32, small, elements=st.sampled_from(DEPTHS)),
    hw=sizes,
)
def test_every_depth_is_like_one_of_the_four_around_it(depth: np.ndarray, hw: tuple[int, int]) -> None:
    result = upsample_depth(depth, hw)
    samples = around(depth, hw)
    with np.errstate(invalid="ignore"):
        like = (samples == result) | (np.abs(samples / result - 1) < 0.06) | (np.isnan(samples) & np.isnan(result))
    assert result.dtype == np.float32
    assert like.any(axis=0).all()


@settings(max_examples=60, deadline=None)
@given(source=st.integers(1, 30), target=st.integers(1, 90))
def test_every_target_lies_in_the_cell_that_it_is_found_in(source: int, target: int) -> None:
    cells = axis(source, target)
    low, high = cells.below[cells.occupied], cells.above[cells.occupied]
    for targets in cells.targets[:, cells.occupied]:
        between = low + cells.fraction[targets] * (high - low)
        np.testing.assert_allclose(between, source_positions(source, target)[targets], atol=1e-4)
    np.testing.assert_array_equal(np.unique(cells.targets[:, cells.occupied]), np.arange(target))


def test_no_vote_is_lost_where_there_are_many() -> None:
    """They are counted some at a time; without a picture the nearest sample wins over three of other kinds."""
    mask = np.arange(60 * 80).astype(np.uint16).reshape(60, 80)
    expected = mask.repeat(5, axis=0).repeat(5, axis=1)
    np.testing.assert_array_equal(upsample_labels(mask, (300, 400)), expected)


def test_a_hole_beside_an_edge_does_not_make_it_a_slope() -> None:
    depth = np.tile(np.array([np.nan, 1.0, 1 / 3, 1 / 3], np.float32), (3, 1))  # by steps of 2 if a hole were at -1
    result = upsample_depth(depth, (3, 40))
    np.testing.assert_allclose(result[1, 16:], [1.0] * 4 + [1 / 3] * 20, rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    tilt=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
    distance_m=st.floats(0.3, 30),
    hw=st.tuples(st.integers(64, 150), st.integers(48, 150)),
)
def test_a_slanted_plane_stays_that_plane(tilt: tuple[float, float], distance_m: float, hw: tuple[int, int]) -> None:
    camera = Camera(fx=50.0, fy=60.0, cx=20.0, cy=35.0, width=48, height=64)
    normal = (*tilt, 1.0)
    result = upsample_depth(plane_depth(camera, normal, distance_m), hw)
    exact = plane_depth(camera.scaled_to(hw[1], hw[0]), normal, distance_m)
    inner = tuple(slice(n // s + 1, -n // s - 1) for n, s in zip(hw, (64, 48), strict=True))  # the border is held
    np.testing.assert_allclose(result[inner], exact[inner], rtol=1e-4)


def test_a_grazing_floor_is_a_plane_up_to_its_horizon() -> None:
    camera = Camera(fx=180.0, fy=180.0, cx=127.5, cy=60.0, width=256, height=192)
    big = camera.scaled_to(640, 480)
    rows = slice(165, 470)  # the floor begins at row 152; at row 165 a row of the source spans a fifth of the depth

    def floor(view: Camera) -> np.ndarray:
        slope = ((np.arange(view.height) - view.cy) / view.fy).astype(np.float32)
        column = np.where(slope > 0, 1.2 / np.where(slope > 0, slope, 1), np.inf).astype(np.float32)
        return np.repeat(column[:, None], view.width, axis=1)

    source, result = floor(camera), upsample_depth(floor(camera), HW)
    np.testing.assert_allclose(result[rows], floor(big)[rows], rtol=1e-4)
    assert np.isinf(result[:140]).all()
    assert result[np.isfinite(result)].max() <= 1.0001 * source[np.isfinite(source)].max()  # the sky is not blended in


@pytest.mark.parametrize("guided", [False, True])
def test_no_depth_hangs_between_foreground_and_background(
    room: Truth, room_frame: Frame, small_room: Truth, guided: bool
) -> None:
    result = upsample_depth(small_room.depth_m, HW, room_frame.rgb if guided else None)
    assert near_truth(room.depth_m, result, radius=4).mean() > 0.9998
    bilinear = cv2.resize(small_room.depth_m, HW[::-1])
    assert near_truth(room.depth_m, bilinear, radius=4).mean() < 0.995  # what plain interpolation does


def near_truth(truth: np.ndarray, depth: np.ndarray, *, radius: int) -> np.ndarray:
    """Where `depth` is within 4 % of a true depth in the neighbourhood."""
    real, found = 1 / truth, 1 / depth
    near = np.zeros(truth.shape, bool)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            moved = np.roll(real, (dy, dx), axis=(0, 1))
            near |= np.abs(moved - found) <= 0.04 * np.maximum(moved, found)
    return near


def test_depth_inside_surfaces_is_closer_to_the_truth_than_the_nearest_sample(room: Truth, small_room: Truth) -> None:
    def error(depth: np.ndarray) -> float:
        finite = np.isfinite(depth) & np.isfinite(room.depth_m)
        return float(np.abs(depth[finite] / room.depth_m[finite] - 1).mean())

    nearest = cv2.resize(small_room.depth_m, HW[::-1], interpolation=cv2.INTER_NEAREST)
    assert error(upsample_depth(small_room.depth_m, HW)) < 0.5 * error(nearest)


@pytest.mark.parametrize("layer", ["mask", "instances"])
def test_labels_follow_the_edges_of_the_picture(room: Truth, room_frame: Frame, small_room: Truth, layer: str) -> None:
    truth, coarse = getattr(room, layer), getattr(small_room, layer)
    plain = (upsample_labels(coarse, HW) != truth).mean()
    guided = (upsample_labels(coarse, HW, room_frame.rgb) != truth).mean()
    nearest = (cv2.resize(coarse, HW[::-1], interpolation=cv2.INTER_NEAREST) != truth).mean()
    assert plain < nearest
    assert guided < 0.5 * plain


def test_normals_keep_unit_length_creases_and_holes(room: Truth, small_room: Truth) -> None:
    normals = upsample_normals(small_room.normals, HW)
    known = ~np.isnan(normals).any(axis=2)
    np.testing.assert_allclose(np.linalg.norm(normals[known], axis=1), 1, atol=1e-6)
    assert (known != np.isfinite(room.normals).all(axis=2)).mean() < 0.005
    both = known & np.isfinite(room.normals).all(axis=2)
    cosine = np.clip((normals * room.normals).sum(axis=2)[both], -1, 1)
    assert np.degrees(np.arccos(cosine)).mean() < 1.0


def test_a_crease_has_two_sides_and_nothing_between() -> None:
    normals = np.zeros((6, 8, 3), np.float32)
    normals[:, :4], normals[:, 4:] = (0, 0, -1), (-1, 0, 0)
    result = upsample_normals(normals, (13, 37))
    off_either = np.minimum(np.abs(result - (0, 0, -1)).max(axis=2), np.abs(result - (-1, 0, 0)).max(axis=2))
    assert off_either.max() < 1e-6


def test_confidence_is_bilinear_at_pixel_centres() -> None:
    ramp = np.tile(np.arange(0, 160, 10, dtype=np.uint8), (4, 1))
    result = upsample_confidence(ramp, (8, 40))
    np.testing.assert_allclose(result[3], 10 * source_positions(16, 40), atol=1)


def test_the_middle_of_an_edge_stays_in_the_middle() -> None:
    mask = np.zeros((4, 10), np.uint8)
    mask[:, 5:] = 9
    np.testing.assert_array_equal(upsample_labels(mask, (4, 26))[0], [0] * 13 + [9] * 13)
    np.testing.assert_array_equal(upsample_labels(mask.T.copy(), (30, 4))[:, 0], [0] * 15 + [9] * 15)


LAYERS: list[tuple[Callable[..., np.ndarray], np.ndarray]] = [
    (upsample_depth, np.ones((6, 8), np.float32)),
    (upsample_normals, np.ones((6, 8, 3), np.float32)),
    (upsample_labels, np.ones((6, 8), np.uint16)),
    (upsample_confidence, np.ones((6, 8), np.uint8)),
]


@pytest.mark.parametrize(("upsample", "image"), LAYERS)
def test_the_same_size_is_the_same_array(upsample: Callable[..., np.ndarray], image: np.ndarray) -> None:
    assert upsample(image, (6, 8)) is image


@pytest.mark.parametrize(("upsample", "image"), LAYERS)
@pytest.mark.parametrize("hw", [(0, 8), (8, -1), (8.0, 8), (8,)])
def test_sizes_are_checked(upsample: Callable[..., np.ndarray], image: np.ndarray, hw: tuple[int, int]) -> None:
    with pytest.raises(FrameError, match=r"hw must be \(height, width\)"):
        upsample(image, hw)


@pytest.mark.parametrize(("upsample", "image"), LAYERS)
def test_images_are_checked(upsample: Callable[..., np.ndarray], image: np.ndarray) -> None:
    with pytest.raises(FrameError, match=r"must be a .* array of shape"):
        upsample(image.astype(np.float64), (12, 16))


@pytest.mark.parametrize(("upsample", "image"), LAYERS[:3])
def test_guides_are_checked(upsample: Callable[..., np.ndarray], image: np.ndarray) -> None:
    with pytest.raises(FrameError, match="guide_rgb must be a uint8 array"):
        upsample(image, (12, 16), np.zeros((16, 12, 3), np.uint8))
