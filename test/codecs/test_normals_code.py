"""The normals code: the paper's signs, the optical frame, and what mid grey means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vision_banana_ros.codecs import INVALID_COLOR, normals
from vision_banana_ros.core import CodecError

LEFT, UP, TO_CAMERA = (-1, 0, 0), (0, -1, 0), (0, 0, -1)  # optical frame: x right, y down, z forward


def constant(vector, dtype=np.float32):
    return np.broadcast_to(np.asarray(vector, dtype), (3, 5, 3)).copy()


def angle_deg(a, b):
    cross = np.linalg.norm(np.cross(a.astype(np.float64), b.astype(np.float64)), axis=-1)
    return np.degrees(np.arctan2(cross, np.sum(a * b, axis=-1)))


@pytest.mark.parametrize(
    ("facing", "color"),
    [(LEFT, (255, 128, 128)), (UP, (128, 255, 128)), (TO_CAMERA, (128, 128, 255))],
    ids=["left is pinkish red", "up is light green", "to the camera is light blue"],
)
def test_the_three_colors_that_the_paper_names(facing, color):
    rgb = normals.encode(constant(facing))
    assert rgb[2, 4].tolist() == list(color)
    assert angle_deg(normals.decode(rgb).normals, constant(facing)).max() < 0.4


@settings(max_examples=50)
@given(hnp.arrays(np.float64, (2, 4, 3), elements=st.floats(-1, 1)))
def test_round_trip_stays_within_the_angle_of_half_a_level(vectors):
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    assume(length.min() > 0.05)
    unit = (vectors / length).astype(np.float32)
    decoded = normals.decode(normals.encode(unit))
    bound_deg = np.degrees(np.sqrt(3) * 0.5 / 127.5)
    assert angle_deg(decoded.normals, unit).max() <= bound_deg * 1.01
    assert decoded.confidence.min() >= 247


def test_every_color_gives_a_unit_vector_or_nothing(every_color):
    for blue in range(0, 256, 15):
        decoded = normals.decode(every_color(blue))
        length = np.linalg.norm(decoded.normals.astype(np.float64), axis=-1)
        known = ~np.isnan(length)
        np.testing.assert_allclose(length[known], 1, atol=1e-5)
        assert (decoded.confidence[~known] == 0).all()


def test_unknown_normals_are_mid_grey_and_come_back_unknown():
    painted = constant(UP)
    painted[1, 3] = np.nan
    rgb = normals.encode(painted)
    assert rgb[1, 3].tolist() == list(INVALID_COLOR) == [128, 128, 128]
    decoded = normals.decode(rgb)
    assert np.isnan(decoded.normals[1, 3]).all()
    assert decoded.confidence[1, 3] == 0
    assert np.isnan(decoded.normals).sum() == 3


def test_a_pixel_with_one_unknown_component_is_unknown():
    painted = constant(UP)
    painted[0, 0, 1] = np.nan
    assert normals.encode(painted, invalid=(1, 2, 3))[0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("length", [0.55, 0.75, 1.0, 1.25, 1.45])
def test_confidence_falls_with_the_distance_from_the_unit_sphere(length):
    rgb = np.rint(127.5 * (1 - length * np.array([0.6, -0.8, 0.0]))).clip(0, 255).astype(np.uint8)[None, None]
    painted_length = np.linalg.norm(1 - rgb / 127.5)
    expected = 255 * np.clip(1 - abs(painted_length - 1) * 127.5 / 63, 0, 1)
    assert normals.decode(rgb).confidence.item() == pytest.approx(expected, abs=5)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (constant((0, 0, 0)), r"15 pixels .* \(0, 0\) is \[0.0, 0.0, 0.0\]; give unit vectors"),
        (constant((0, 0, -2)), "give unit vectors"),
        (constant((np.inf, 0, 0)), "give unit vectors"),
        (constant((0, 0, 1), np.int32), "must be floats"),
        (np.ones((3, 5), np.float32), r"shape \(3, 5\)"),
    ],
)
def test_encode_refuses_what_is_no_unit_vector(bad, said):
    with pytest.raises(CodecError, match=said):
        normals.encode(bad)


def test_decode_refuses_floats():
    with pytest.raises(CodecError, match="canvas must be uint8"):
        normals.decode(constant(UP))
