"""Depth and normals of every shape against a slow, independent ray-cast in float64.

The reference knows a shape only as a function that is negative inside: it samples each ray, bisects the first crossing
and differentiates numerically. Bars: depth 1e-4 relative, normals 0.1 degree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import Camera, Truth
from vision_banana_ros.world.builder import SceneBuilder, turn
from vision_banana_ros.world.render import look
from vision_banana_ros.world.scene import Pose, Scene, View

Points = npt.NDArray[np.float64]
Solid = Callable[[Points], Points]
CAMERA = Camera(fx=31.0, fy=37.0, cx=13.2, cy=10.7, width=32, height=20)
DEPTH_RELATIVE, NORMAL_DEG = 1e-4, 0.1


@dataclass(frozen=True)
class Case:
    """A shape in the builder's words and as a function; `reach` bounds it by a ball."""

    add: Callable[[SceneBuilder, int], None]
    solid: Solid
    reach: float


def cone(p: Points, bottom: float, top: float, half: float) -> Points:
    return np.hypot(p[..., 0], p[..., 1]) - ((bottom + top) / 2 + (top - bottom) / (2 * half) * p[..., 2])


def make(kind: str, rng: np.random.Generator) -> Case:
    a, b, c = rng.uniform(0.1, 0.8, 3)
    half, origin = np.array([a, b, c]), (0.0, 0.0, 0.0)
    reach = float(np.linalg.norm(half)) * 1.5
    if kind == "box":
        return Case(lambda s, m: s.box(origin, half, m), lambda p: (np.abs(p) - half).max(-1), reach)
    if kind == "round_box":
        r = float(rng.uniform(0.1, 0.9)) * min(a, b, c)

        def rounded(p: Points) -> Points:
            over = np.abs(p) - (half - r)
            return np.linalg.norm(np.maximum(over, 0), axis=-1) + np.minimum(over.max(-1), 0) - r

        return Case(lambda s, m: s.round_box(origin, half, r, m), rounded, reach)
    if kind == "ellipsoid":
        return Case(lambda s, m: s.ellipsoid(origin, half, m), lambda p: np.linalg.norm(p / half, axis=-1) - 1, reach)
    if kind == "cylinder":
        top = float(rng.choice([a, 0.0, b]))
        solid: Solid = lambda p: np.maximum(cone(p, a, top, c), np.abs(p[..., 2]) - c)  # noqa: E731
        return Case(lambda s, m: s.cylinder(origin, a, c, m, top_radius=top), solid, reach)
    if kind == "tube":
        wall = 0.3 * min(a, b)

        def tube(p: Points) -> Points:
            return np.maximum(np.maximum(cone(p, a, b, c), np.abs(p[..., 2]) - c), -cone(p, a - wall, b - wall, c))

        return Case(lambda s, m: s.tube(origin, a, c, wall, m, top_radius=b), tube, reach)
    if kind == "capsule":

        def capsule(p: Points) -> Points:
            on_axis = np.clip(p[..., 2], -c, c)
            return np.sqrt(p[..., 0] ** 2 + p[..., 1] ** 2 + (p[..., 2] - on_axis) ** 2) - a

        return Case(lambda s, m: s.capsule((0, 0, -c), (0, 0, c), a, m), capsule, reach + a)
    assert kind == "taper"
    top_x, top_y, shift = float(rng.choice([0.0, a])), float(rng.uniform(0, 0.8)), float(rng.uniform(-0.5, 0.5))

    def taper(p: Points) -> Points:
        share = (p[..., 2] + c) / (2 * c)
        in_x = np.abs(p[..., 0] - shift * share) - (a + (top_x - a) * share)
        in_y = np.abs(p[..., 1]) - (b + (top_y - b) * share)
        return np.maximum(np.maximum(in_x, in_y), np.abs(p[..., 2]) - c)

    return Case(lambda s, m: s.taper(origin, half, (top_x, top_y), m, shift=shift), taper, reach + 1.5)


def directions(camera: Camera, pose: Pose) -> Points:
    """World directions with optical z = 1, so that the ray parameter is depth."""
    y, x = np.mgrid[: camera.height, : camera.width]
    optical = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones(x.shape)], -1)
    return optical @ pose.axes


def cast(solid: Solid, origins: Points, rays: Points, near: float, far: float) -> Points:
    """Depth of the first crossing from outside to inside; inf where there is none."""
    depths = np.linspace(near, far, 1500)
    values = solid(origins + depths[:, None, None, None] * rays)
    crossing = (values[:-1] > 0) & (values[1:] <= 0)
    first = crossing.argmax(0)
    low, high = depths[first], depths[np.minimum(first + 1, len(depths) - 1)]
    for _ in range(50):
        middle = (low + high) / 2
        outside = solid(origins + middle[..., None] * rays) > 0
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    return np.where(crossing.any(0), (low + high) / 2, np.inf)


def gradient(solid: Solid, p: Points, step: float) -> Points:
    sides = [solid(p + step * e) - solid(p - step * e) for e in np.eye(3)]
    g = np.stack(sides, -1)
    return g / (np.linalg.norm(g, axis=-1, keepdims=True) + 1e-30)


def angle_deg(a: Points, b: Points) -> Points:
    # asin of half the chord: arccos of a dot product has no accuracy near 0
    return np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=-1) / 2, 0, 1)))


def inner(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Pixels whose neighbours are all set: the reference's samples may miss a grazing chord at an outline."""
    grown = np.pad(mask, 1)
    return np.logical_and.reduce(
        [grown[1 + j : grown.shape[0] - 1 + j, 1 + i : grown.shape[1] - 1 + i] for j in (-1, 0, 1) for i in (-1, 0, 1)]
    )


KINDS = ("box", "round_box", "ellipsoid", "cylinder", "tube", "capsule", "taper")


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=12, deadline=None)
def test_a_shape_is_where_its_formula_says(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = make(kind, rng)
    distance = float(rng.uniform(1.2, 6)) * case.reach
    target = rng.uniform(-40, 40, 3)
    away = rng.normal(size=3)
    position = target + away / np.linalg.norm(away) * distance
    pose = Pose.looking_at(tuple(position), tuple(target), roll_deg=float(rng.uniform(-40, 40)))
    # As large in the image as it fits, so that most pixels tell something.
    zoom = 0.6 * distance / case.reach
    camera = Camera(CAMERA.fx * zoom, CAMERA.fy * zoom, CAMERA.cx, CAMERA.cy, CAMERA.width, CAMERA.height)
    yaw, pitch, roll = rng.uniform(-180, 180, 3)
    b = SceneBuilder()
    with b.frame(target, yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll), b.thing(kind):
        case.add(b, b.material(color=(0.5, 0.5, 0.5)))
    truth = look(b.build(View(camera=camera, pose=pose)), threads=1)

    rotation = turn(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)
    origin, rays = (position - target) @ rotation, directions(camera, pose) @ rotation
    depth = cast(case.solid, origin, rays, distance - case.reach, distance + case.reach)
    assert truth.depth_m is not None
    assert truth.normals is not None
    seen, there = np.isfinite(truth.depth_m), np.isfinite(depth)
    assert not (inner(there) & ~seen).any()
    assert not (inner(~there) & seen).any()
    # The samples may jump over a grazing chord. Then what was seen is nearer, and lies on the surface all the same.
    met = np.where(seen, truth.depth_m, 0.0)
    on_surface = np.abs(case.solid(origin + met[..., None] * rays)) < 1e-5
    nearer = met < np.where(there, depth, 0.0) * (1 - DEPTH_RELATIVE)
    both = seen & there & ~(on_surface & nearer)
    relative = np.abs(truth.depth_m[both] / depth[both] - 1)
    p = origin + depth[both][:, None] * rays[both]
    fine = gradient(case.solid, p, 1e-6)
    smooth = angle_deg(fine, gradient(case.solid, p, 3e-3)) < 0.05  # away from creases, where a normal is not defined
    steep = np.abs((fine * rays[both]).sum(-1)) / np.linalg.norm(rays[both], axis=-1) > 0.05
    assert relative[steep].max(initial=0) < DEPTH_RELATIVE
    world_normals = truth.normals[both].astype(float) @ pose.axes
    off = angle_deg(world_normals @ rotation, fine)[smooth & steep]
    assert off.max(initial=0) < NORMAL_DEG
    assert both.any()


def view_of(scene: SceneBuilder, pose: Pose, camera: Camera = CAMERA) -> Truth:
    return look(scene.build(View(camera=camera, pose=pose)), threads=1)


def test_a_wall_seen_head_on_has_constant_depth_and_the_normal_of_the_convention() -> None:
    b = SceneBuilder()
    with b.stuff("wall"):
        b.box((2.1, 0, 0), (0.1, 9, 9), b.material(color=(0.5, 0.5, 0.5)))
    truth = view_of(b, Pose(position=(0, 0, 0)))
    np.testing.assert_allclose(truth.depth_m, 2.0, rtol=1e-6)
    np.testing.assert_allclose(truth.normals, np.broadcast_to((0, 0, -1), (20, 32, 3)), atol=1e-6)


@given(yaw=st.floats(-180, 180), pitch=st.floats(-60, 60), roll=st.floats(-180, 180))
@settings(max_examples=20, deadline=None)
def test_a_ball_is_seen_where_the_pinhole_projects_it(yaw: float, pitch: float, roll: float) -> None:
    pose = Pose(position=(1, 2, 3), yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)
    x, y = 25, 4  # a pixel off all axes
    at = np.array([(x - CAMERA.cx) / CAMERA.fx, (y - CAMERA.cy) / CAMERA.fy, 1.0]) * 5
    b = SceneBuilder()
    with b.thing("ball"):
        b.sphere(np.array(pose.position) + at @ pose.axes, 0.06, b.material(color=(0.5, 0.5, 0.5)))
    truth = view_of(b, pose)
    assert truth.instances is not None
    assert [(int(row), int(column)) for row, column in np.argwhere(truth.instances)] == [(y, x)]


def test_looking_along_x_left_is_plus_y_and_up_is_plus_z_and_roll_turns_clockwise() -> None:
    def seen_at(position: tuple[float, float, float], roll: float = 0.0) -> npt.NDArray[np.float64]:
        b = SceneBuilder()
        with b.thing("ball"):
            b.sphere(position, 0.25, b.material(color=(0.5, 0.5, 0.5)))
        truth = view_of(b, Pose(position=(0, 0, 0), roll_deg=roll))
        assert truth.instances is not None
        return np.argwhere(truth.instances).mean(0)

    assert seen_at((5, 1, 0))[1] < CAMERA.cx - 3
    assert seen_at((5, 0, 1))[0] < CAMERA.cy - 3
    # A camera that leans to its right sees what was on top further to the left.
    assert seen_at((5, 0, 1), roll=30)[1] < CAMERA.cx - 2


def test_a_bowl_shows_its_inside() -> None:
    b = SceneBuilder()
    with b.thing("bowl"):
        b.bowl((0, 0, 0), (0.5, 0.5, 0.3), b.material(color=(0.5, 0.5, 0.5)))
    truth = view_of(b, Pose(position=(0, 0, 3), pitch_deg=-90), Camera(60.0, 60.0, 15.0, 9.0, 32, 20))
    assert truth.depth_m is not None
    assert truth.normals is not None
    assert truth.depth_m[9, 15] == pytest.approx(3.3, rel=1e-4)
    np.testing.assert_allclose(truth.normals[9, 15], (0, 0, -1), atol=1e-3)


def test_hills_are_met_where_they_are() -> None:
    """The point of every pixel lies on the ground that a vertical ray from far above finds."""
    b = SceneBuilder()
    with b.stuff("ground"):
        b.terrain(b.material(color=(0.5, 0.5, 0.5)), amplitude=0.6, wavelength=5, flat_half_width=1.0)
    pose = Pose(position=(3, 4, 2.5), yaw_deg=30, pitch_deg=-25)
    truth = view_of(b, pose)
    assert truth.depth_m is not None
    assert truth.normals is not None
    ground = np.isfinite(truth.depth_m)
    assert ground.mean() > 0.6
    points = np.array(pose.position) + truth.depth_m[..., None] * directions(CAMERA, pose)
    one = Camera(1e4, 1e4, 0.0, 0.0, 1, 1)
    for row, column in np.argwhere(ground)[::37]:
        x, y, z = points[row, column]
        from_above = view_of(b, Pose(position=(x, y, 30), pitch_deg=-90), one)
        assert from_above.depth_m is not None
        assert from_above.normals is not None
        assert 30 - from_above.depth_m[0, 0] == pytest.approx(z, abs=1e-4 * truth.depth_m[row, column] + 2e-5)
        above_axes = Pose(position=(x, y, 30), pitch_deg=-90).axes
        off = angle_deg(from_above.normals[0, 0] @ above_axes, truth.normals[row, column] @ pose.axes)
        assert off < NORMAL_DEG


def test_far_small_things_keep_their_normals() -> None:
    """A ball of 5 cm at 60 m: without re-centring, float32 would lose its shape."""
    b = SceneBuilder()
    with b.thing("ball"):
        b.sphere((60, 0, 0), 0.05, b.material(color=(0.5, 0.5, 0.5)))
    camera = Camera(9000.0, 9000.0, 12.0, 9.0, 25, 19)
    truth = view_of(b, Pose(position=(0, 0, 0)), camera)
    assert truth.depth_m is not None
    assert truth.normals is not None
    y, x = np.mgrid[: camera.height, : camera.width]
    rays = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones(x.shape)], -1)
    a = (rays**2).sum(-1)
    room = 60.0**2 - a * (60.0**2 - 0.05**2)
    inside = room > 0.3 * room.max()
    exact = (60.0 - np.sqrt(np.maximum(room, 0))) / a
    normals = (exact[..., None] * rays - (0, 0, 60)) / 0.05
    assert inside.sum() > 40
    np.testing.assert_allclose(truth.depth_m[inside], exact[inside], rtol=1e-6)
    assert angle_deg(truth.normals[inside], normals[inside]).max() < NORMAL_DEG


def test_depth_unprojects_into_the_bounds_of_what_the_pixel_names(furnished: Callable[..., Scene]) -> None:
    """Every visible point lies within the bounds of the thing that its pixel names."""
    scene = furnished()
    truth = look(scene)
    assert truth.depth_m is not None
    assert truth.instances is not None
    points = np.array(scene.view.pose.position) + truth.depth_m[..., None] * directions(CAMERA, scene.view.pose)
    for thing in scene.things:
        if thing.instance_id:
            of_it = points[truth.instances == thing.instance_id]
            assert (of_it >= np.array(thing.lower) - 1e-3).all()
            assert (of_it <= np.array(thing.upper) + 1e-3).all()
