"""The moving room: its truth agrees with geometry done another way, its frames are the same at every reading."""

import numpy as np
import pytest

from vision_banana_ros.core import FrameError
from vision_banana_ros.world.moving import BALL, FLOOR, LABELS, SKY, WALL, MovingScene, _solids_at, pose_at

SCENE = MovingScene(count=12, width=161, height=90, hfov_deg=80)


def points(index: int) -> np.ndarray:
    camera, depth = SCENE.camera, SCENE.truth(index).depth_m
    assert depth is not None
    v, u = np.mgrid[: camera.height, : camera.width]
    near = np.where(np.isinf(depth), np.nan, depth)
    return np.stack([(u - camera.cx) / camera.fx * near, (v - camera.cy) / camera.fy * near, near], axis=-1)


def world(index: int) -> np.ndarray:
    pose = pose_at(2 * np.pi * index / len(SCENE))
    return points(index) @ pose.rotation.T.astype(np.float64) + pose.position


@pytest.mark.parametrize("index", [0, 4, 7])
def test_floor_wall_and_balls_lie_where_they_were_put(index: int) -> None:
    truth, xyz = SCENE.truth(index), world(index)
    np.testing.assert_allclose(xyz[truth.mask == FLOOR][:, 1], 1.0, atol=1e-5)
    walls = xyz[truth.mask == WALL]
    off = np.min([abs(abs(walls[:, 0]) - 2.6), abs(walls[:, 2] - 6.4)], axis=0)
    assert off.max() < 1e-5
    for ball in (solid for solid in _solids_at(2 * np.pi * index / len(SCENE)) if solid.class_id == BALL):
        on_ball = xyz[truth.instances == ball.instance_id]
        if len(on_ball):
            np.testing.assert_allclose(np.linalg.norm(on_ball - ball.center, axis=1), ball.radius, rtol=1e-4)


@pytest.mark.parametrize("index", [0, 5])
def test_normals_are_those_of_the_surface_and_face_the_camera(index: int) -> None:
    truth, xyz = SCENE.truth(index), points(index)
    assert truth.normals is not None
    assert truth.mask is not None
    known = truth.mask != SKY
    np.testing.assert_allclose(np.linalg.norm(truth.normals[known], axis=1), 1, atol=1e-5)
    assert (np.sum(truth.normals[known] * xyz[known], axis=1) < 0).all()
    # Neighbours on one flat surface: their difference lies in it.
    flat = (truth.mask[:, 1:] == truth.mask[:, :-1]) & (truth.mask[:, 1:] == FLOOR)
    along = np.diff(xyz, axis=1)[flat]
    assert abs(np.sum(along * truth.normals[:, 1:][flat], axis=1)).max() < 1e-5


def test_the_sky_is_a_class_beyond_range_without_normals() -> None:
    truth = SCENE.truth(3)
    assert truth.depth_m is not None
    assert truth.normals is not None
    sky = truth.mask == SKY
    assert 0.005 < sky.mean() < 0.2
    assert np.array_equal(np.isinf(truth.depth_m), sky)
    assert np.array_equal(np.isnan(truth.normals).all(axis=-1), sky)
    assert not np.isnan(truth.depth_m).any()


def test_it_shows_many_things_several_of_a_kind_and_speaks_of_those_in_view() -> None:
    truth = SCENE.truth(0)
    assert truth.mask is not None
    assert truth.instances is not None
    assert truth.labels == LABELS
    assert len(np.unique(truth.mask)) >= 8
    balls = np.unique(truth.instances[truth.mask == BALL])
    assert len(balls) >= 2
    assert 0 not in balls
    for said in truth.referring:
        assert np.isin(truth.instances, said.instance_ids).any(), said.text


def test_every_reading_is_the_same_and_neighbours_differ() -> None:
    again = MovingScene(count=12, width=161, height=90, hfov_deg=80)
    for index in (2, 7):
        assert np.array_equal(SCENE.frame(index).rgb, again.frame(index).rgb)
        np.testing.assert_array_equal(SCENE.truth(index).depth_m, again.truth(index).depth_m)
    assert not np.array_equal(SCENE.frame(2).rgb, SCENE.frame(3).rgb)
    assert SCENE.frame(3).stamp_ns - SCENE.frame(2).stamp_ns == pytest.approx(1e9 / 30, abs=2)


def test_truths_that_were_dropped_come_again() -> None:
    first = SCENE.truth(0)
    for index in range(len(SCENE)):
        SCENE.truth(index)
    np.testing.assert_array_equal(SCENE.truth(0).depth_m, first.depth_m)


@pytest.mark.filterwarnings("error")
def test_rays_parallel_to_walls_and_boxes_are_no_trouble() -> None:
    scene = MovingScene(count=1, width=161, height=91)  # odd: the middle column looks straight along the room at yaw 0
    truth = scene.truth(0)
    assert truth.depth_m is not None
    assert not np.isnan(truth.depth_m).any()
    assert truth.depth_m.min() > 0.5


@pytest.mark.parametrize("index", [-1, 12])
def test_it_ends_where_it_ends(index: int) -> None:
    with pytest.raises(IndexError, match="scene of 12 frames"):
        SCENE.frame(index)


@pytest.mark.parametrize("wrong", [{"count": 0}, {"rate_hz": 0}, {"hfov_deg": 180}, {"width": 0}])
def test_a_scene_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(FrameError):
        MovingScene(**wrong)  # type: ignore[arg-type]
