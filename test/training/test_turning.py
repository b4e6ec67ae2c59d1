"""A turned frame shows the same walls from the same place: planes stay the planes that they are."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from vision_banana_ros.codecs.curve import curve
from vision_banana_ros.core import UNLABELLED
from vision_banana_ros.training.samples import BEYOND, UNKNOWN, TrainingSample, metres, normals_of
from vision_banana_ros.training.turning import random_turn, turn, turned

WALL = np.array((0.3, -0.2, -0.933), np.float32)  # its normal, towards the camera
DISTANCE_M = 3.0


def rotation(*degrees: float) -> np.ndarray:
    return cv2.Rodrigues(np.radians(degrees))[0].astype(np.float32)


def rays(sample: TrainingSample) -> np.ndarray:
    camera = sample.camera
    v, u = np.mgrid[: camera.height, : camera.width]
    return np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], axis=-1)


@pytest.fixture
def wall(make_sample) -> TrainingSample:
    sample = make_sample(real=True)
    depth = -DISTANCE_M / (rays(sample) @ WALL)
    normals = np.broadcast_to(np.rint(WALL * 127).astype(np.int8), (*depth.shape, 3))
    return replace(sample, position=curve(depth.astype(np.float32)).astype(np.float16), normals=normals.copy())


@pytest.mark.parametrize("degrees", [(0, 12, 0), (-9, 0, 0), (0, 0, 14), (6, -8, 5)])
def test_a_wall_stays_the_wall_that_it_is(wall: TrainingSample, degrees: tuple[float, ...]) -> None:
    turned_by = rotation(*degrees)
    seen = turn(wall, turned_by)
    depth = metres(seen.position)
    known = np.isfinite(depth)
    assert 0.5 < known.mean() < 1
    points = rays(seen)[known] * depth[known][:, None]
    # half floats, and the nearest pixel of the old frame
    assert -(points @ (turned_by @ WALL)) == pytest.approx(DISTANCE_M, rel=0.02)
    assert np.abs(normals_of(seen.normals)[known] - turned_by @ WALL).max() < 0.02
    assert (seen.mask[~known] == UNLABELLED).all()
    assert not seen.instances[~known].any()
    assert not seen.normals[~known].any()


def test_pan_takes_what_is_ahead_to_the_side(wall: TrainingSample) -> None:
    """A point ahead that the rotation moves to the right is seen further right."""
    marked = replace(wall, rgb=np.zeros_like(wall.rgb))
    row, column = round(wall.camera.cy), round(wall.camera.cx)
    marked.rgb[row - 2 : row + 3, column - 2 : column + 3] = 255
    seen = turn(marked, rotation(0, 10, 0))
    columns = np.nonzero(seen.rgb[row, :, 0] > 100)[0]
    assert columns.mean() == pytest.approx(column + wall.camera.fx * np.tan(np.radians(10)), abs=1.0)


def test_not_turned_all_stays(sample: TrainingSample) -> None:
    seen = turn(sample, np.eye(3, dtype=np.float32))
    assert np.array_equal(seen.rgb, sample.rgb)
    assert np.array_equal(seen.position[sample.position == UNKNOWN], sample.position[sample.position == UNKNOWN])
    assert (seen.position[sample.position == BEYOND] == BEYOND).all()
    known = np.isfinite(metres(sample.position))
    assert metres(seen.position)[known] == pytest.approx(metres(sample.position)[known], abs=0.01)
    assert np.abs(seen.normals.astype(int) - sample.normals).max() <= 1
    assert np.array_equal(seen.mask, sample.mask)
    assert np.array_equal(seen.instances, sample.instances)


def test_turns_are_rotations_differ_and_are_moderate() -> None:
    rng = np.random.default_rng(0)
    turns = [random_turn(rng) for _ in range(50)]
    for matrix in turns:
        assert matrix @ matrix.T == pytest.approx(np.eye(3), abs=1e-5)
        assert np.degrees(np.arccos(matrix[2, 2])) < 21
    assert len({matrix.tobytes() for matrix in turns}) == 50


def test_words_about_places_are_not_kept(sample: TrainingSample) -> None:
    """What was leftmost may be out of view."""
    assert turned(sample, np.random.default_rng(0)).referring == ()
