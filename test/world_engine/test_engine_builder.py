"""The builder: frames nest, walls have holes, things know their bounds, labels keep their ids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import Camera
from vision_banana_ros.world.builder import SceneBuilder, turn
from vision_banana_ros.world.openings import Opening, solid_rectangles
from vision_banana_ros.world.scene import Pose, Scene, View
from vision_banana_ros.world.shapes import along

VIEW = View(camera=Camera.from_hfov(60, 8, 6), pose=Pose(position=(0, 0, 1)))
angles = st.floats(-180, 180)


def one_box(build: SceneBuilder, at: tuple[float, float, float] = (0, 0, 0)) -> None:
    with build.thing("box"):
        build.box(at, (0.1, 0.2, 0.3), build.material(color=(0.5, 0.5, 0.5)))


@given(yaw=angles, pitch=angles, roll=angles, scale=st.floats(0.1, 5))
@settings(max_examples=40, deadline=None)
def test_nested_frames_compose(yaw: float, pitch: float, roll: float, scale: float) -> None:
    build = SceneBuilder()
    with build.frame((1, 2, 3), yaw_deg=yaw, scale=scale), build.frame((1, 0, 0), pitch_deg=pitch, roll_deg=roll):
        one_box(build, (0, 0, 0.5))
    parts = build.build(VIEW).parts
    outer, inner = turn(yaw_deg=yaw), turn(pitch_deg=pitch, roll_deg=roll)
    expected = np.array((1, 2, 3)) + scale * outer @ (np.array((1, 0, 0)) + inner @ (0, 0, 0.5))
    np.testing.assert_allclose(parts.centers[0], expected, atol=1e-12)
    np.testing.assert_allclose(parts.axes[0].T, outer @ inner, atol=1e-12)
    np.testing.assert_allclose(parts.sizes[0, :3], scale * np.array((0.1, 0.2, 0.3)))


def test_turns_follow_the_convention() -> None:
    np.testing.assert_allclose(turn(yaw_deg=90) @ (1, 0, 0), (0, 1, 0), atol=1e-12)
    np.testing.assert_allclose(turn(pitch_deg=90) @ (1, 0, 0), (0, 0, 1), atol=1e-12)
    np.testing.assert_allclose(turn(roll_deg=90) @ (0, 1, 0), (0, 0, 1), atol=1e-12)


@given(st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1)).filter(lambda v: np.linalg.norm(v) > 0.01))
@settings(max_examples=40, deadline=None)
def test_along_is_a_rotation_onto_its_direction(direction: tuple[float, float, float]) -> None:
    r = along(direction)
    np.testing.assert_allclose(r @ r.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(r) == pytest.approx(1)
    np.testing.assert_allclose(r[:, 2], np.array(direction) / np.linalg.norm(direction), atol=1e-9)


@given(
    holes=st.lists(
        st.tuples(st.floats(0, 5), st.floats(0.1, 2), st.floats(0, 2), st.floats(0.1, 1)), min_size=0, max_size=4
    ),
    at=st.tuples(st.floats(0.01, 4.99), st.floats(0.01, 2.49)),
)
@settings(max_examples=60, deadline=None)
def test_a_wall_is_there_where_no_opening_is(
    holes: list[tuple[float, float, float, float]], at: tuple[float, float]
) -> None:
    openings = [Opening(left, left + wide, low, low + tall) for left, wide, low, tall in holes]
    pieces = solid_rectangles(5.0, 2.5, openings)
    x, z = at
    in_hole = any(o.left < x < o.right and o.bottom < z < o.top for o in openings)
    on_line = any(x in (o.left, o.right) or z in (o.bottom, o.top) for o in openings)
    covering = sum(left < x < right and bottom < z < top for left, right, bottom, top in pieces)
    assert on_line or covering == (0 if in_hole else 1)


def test_things_know_their_bounds_and_instances_count_up() -> None:
    build = SceneBuilder()
    with build.frame((2, 0, 0), yaw_deg=90), build.thing("rod", color="red", material="steel"):
        build.rod((0, 0, 0), (1, 0, 0), 0.1, build.material(color=(0.5, 0.5, 0.5)))
    one_box(build)
    first, second = build.build(VIEW).things
    np.testing.assert_allclose(first.lower, (1.9, 0, -0.1), atol=1e-9)
    np.testing.assert_allclose(first.upper, (2.1, 1, 0.1), atol=1e-9)
    assert (first.instance_id, second.instance_id, first.color, first.material) == (1, 2, "red", "steel")
    assert first.size_m == pytest.approx((0.2, 1, 0.2))


def test_known_labels_keep_their_ids_and_sky_is_always_one() -> None:
    build = SceneBuilder(labels=("sky", "box", "chair"))
    one_box(build)
    with build.stuff("moss"):
        build.plane(build.material(color=(0.2, 0.4, 0.1)))
    scene: Scene = build.build(VIEW)
    assert scene.labels == ("sky", "box", "chair", "moss")
    assert [thing.class_id for thing in scene.things] == [1, 3]
    assert scene.sky_id == 0
    fresh = SceneBuilder()
    one_box(fresh)
    assert fresh.build(VIEW).labels == ("box", "sky")


@given(yaw=angles, pitch=st.floats(-89, 89), roll=angles)
@settings(max_examples=40, deadline=None)
def test_a_pose_is_a_right_handed_frame_that_looks_where_it_says(yaw: float, pitch: float, roll: float) -> None:
    axes = Pose(position=(0, 0, 0), yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll).axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(np.cross(axes[0], axes[1]), axes[2], atol=1e-9)
    np.testing.assert_allclose(axes[2], turn(yaw_deg=yaw, pitch_deg=pitch) @ (1, 0, 0), atol=1e-9)
