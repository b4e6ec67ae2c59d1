"""Pictures and labels of whole scenes: reproducible, consistent with each other, free of what must not be."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numba import njit

from vision_banana_ros.core import Camera, DataError
from vision_banana_ros.world.builder import SceneBuilder, turn
from vision_banana_ros.world.render import look, render
from vision_banana_ros.world.scene import Lens, LensKind, Pose, Scene, View
from vision_banana_ros.world.tracing import cpu
from vision_banana_ros.world.tracing.denoise import denoise
from vision_banana_ros.world.tracing.film import empty_film
from vision_banana_ros.world.tracing.layout import ALL_PARTS, BOUNDED
from vision_banana_ros.world.tracing.pack import pack
from vision_banana_ros.world.tracing.resolve import resolve
from vision_banana_ros.world.tracing.trace import trace

Furnished = Callable[..., Scene]


def test_the_same_seed_gives_the_same_bytes_for_any_number_of_threads(furnished: Furnished) -> None:
    one, three = (render(furnished(), seed=5, threads=threads) for threads in (1, 3))
    np.testing.assert_array_equal(one.frame.rgb, three.frame.rgb)
    np.testing.assert_array_equal(one.linear, three.linear)
    assert (one.frame.rgb != render(furnished(), seed=6).frame.rgb).any()


def test_a_picture_has_no_nan_and_its_labels_are_those_of_a_look(furnished: Furnished) -> None:
    rendered, seen = render(furnished()), look(furnished())
    assert np.isfinite(rendered.linear).all()
    assert (rendered.linear >= 0).all()
    assert rendered.linear.max() > 0
    for name in ("depth_m", "normals", "mask", "instances"):
        np.testing.assert_array_equal(getattr(rendered.truth, name), getattr(seen, name))


def test_instances_partition_the_image_and_each_has_one_class(furnished: Furnished) -> None:
    scene = furnished(boxes=40)
    truth = look(scene)
    assert truth.mask is not None
    assert truth.instances is not None
    class_of = {thing.instance_id: thing.class_id for thing in scene.things if thing.instance_id}
    for instance in np.unique(truth.instances):
        classes = np.unique(truth.mask[truth.instances == instance])
        if instance:
            assert classes.tolist() == [class_of[int(instance)]]
        else:
            assert not set(classes.tolist()) & set(class_of.values())


def test_labels_are_those_of_some_ray_and_never_a_mixture(furnished: Furnished) -> None:
    """Whether a border pixel's neighbours are one thing or another, its own class is in the scene."""
    scene = furnished(boxes=40)
    truth = look(scene)
    assert truth.mask is not None
    assert set(np.unique(truth.mask).tolist()) <= {*(thing.class_id for thing in scene.things), scene.sky_id}


def test_sky_is_infinitely_far_its_own_class_and_no_instance(lopsided: Camera) -> None:
    b = SceneBuilder()
    with b.stuff("ground"):
        b.plane(b.material(color=(0.4, 0.4, 0.4)))
    scene = b.build(View(camera=lopsided, pose=Pose(position=(0, 0, 1))))
    truth = render(scene).truth
    assert truth.depth_m is not None
    assert truth.normals is not None
    above = np.arange(lopsided.height) < lopsided.cy
    np.testing.assert_array_equal(np.isinf(truth.depth_m), np.broadcast_to(above[:, None], (20, 32)))
    assert truth.mask is not None
    assert truth.instances is not None
    assert (truth.mask[above] == scene.labels.index("sky")).all()
    assert not truth.instances.any()
    assert np.isnan(truth.normals[above]).all()
    # A plane 1 m below: Z = fy / (y - cy)
    rows = np.arange(lopsided.height)[~above]
    np.testing.assert_allclose(truth.depth_m[~above, 0], lopsided.fy / (rows - lopsided.cy), rtol=1e-5)


def test_the_tree_finds_what_trying_every_part_finds(furnished: Furnished) -> None:
    world = pack(furnished(boxes=150))
    by_hand = world._replace(counts=world.counts.copy())
    by_hand.counts[BOUNDED] = 0
    assert world.counts[BOUNDED] > 150 < by_hand.counts[ALL_PARTS]
    films = [cpu.fill(w, empty_film(20, 32), samples=0, seed=0, denoise_levels=0, threads=1) for w in (world, by_hand)]
    np.testing.assert_array_equal(films[0].ids, films[1].ids)
    np.testing.assert_array_equal(films[0].geometry, films[1].geometry)


def test_glass_is_labelled_by_its_pane_and_shows_what_is_behind(lopsided: Camera) -> None:
    def seen(transparency: float) -> tuple[float, float]:
        b = SceneBuilder()
        pane = b.material(color=(0.9, 0.9, 0.9), transparency=transparency)
        with b.thing("window"):
            b.box((2, 0, 0), (0.01, 5, 5), pane)
        with b.stuff("wall"):
            b.box((4, 0, 0), (0.01, 9, 9), b.material(color=(0.9, 0.05, 0.05)))
        b.lamp((3.3, 0, 1.5), (5, 5, 5))
        b.lamp((0, 0, 1.5), (5, 5, 5))
        rendered = render(b.build(View(camera=lopsided, pose=Pose(position=(0, 0, 0)))))
        assert rendered.truth.depth_m is not None
        red, green, _ = rendered.linear.mean((0, 1))
        return float(rendered.truth.depth_m[10, 16]), float(red / green)

    depth, redness = seen(0.9)
    assert depth == pytest.approx(1.99, rel=1e-4)
    assert redness > 3
    assert seen(0.0)[1] < 1.5


def test_the_denoiser_brings_light_nearer_to_the_truth_and_moves_none_across_borders(furnished: Furnished) -> None:
    scene = furnished(camera=Camera.from_hfov(75, 64, 48))
    exact = render(scene, samples=256, seed=1, denoise=False).linear
    raw, smooth = (render(scene, samples=1, seed=2, denoise=denoise).linear for denoise in (False, True))
    assert np.abs(smooth - exact).mean() < 0.6 * np.abs(raw - exact).mean()
    assert smooth.mean() == pytest.approx(exact.mean(), rel=0.1)


def test_sunlight_falls_where_geometry_says(lopsided: Camera) -> None:
    """A block of half side 1 on the ground, sun from +x at 45 degrees: the shadow ends at x = -1 - height."""
    b = SceneBuilder()
    with b.stuff("ground"):
        b.plane(b.material(color=(0.5, 0.5, 0.5)))
    with b.thing("box"):
        b.box((0, 0, 1), (1, 1, 1), b.material(color=(0.5, 0.5, 0.5)))
    b.sun(elevation_deg=45, azimuth_deg=0, strength=8, radius_deg=0.01)
    b.sky(zenith=(0.1, 0.1, 0.1), horizon=(0.1, 0.1, 0.1))
    down = Pose(position=(-3, 0, 12), yaw_deg=0, pitch_deg=-90)
    camera = Camera(60.0, 60.0, 30.0, 20.0, 61, 41)  # 5 pixels per metre on the ground
    light = render(b.build(View(camera=camera, pose=down))).linear[..., 1]
    top, bottom = 20 - 5 * (-2.6 + 3), 20 - 5 * (-3.4 + 3)  # rows where x = -2.6 (shadow) and x = -3.4 (sun)
    assert light[int(top), 30] < 0.3 * light[int(bottom), 30]
    assert light[20, 5] == pytest.approx(0.5 * (8 * np.sqrt(0.5) + 0.1), rel=0.1)
    assert lopsided.width == 32


@pytest.mark.parametrize("kind", [LensKind.BROWN, LensKind.FISHEYE])
def test_a_lens_bends_directions_as_opencv_does(kind: LensKind) -> None:
    camera = Camera(20.0, 24.0, 14.2, 10.7, 32, 20)
    k = (-0.21, 0.05, 0.003, -0.002, 0.0) if kind is LensKind.BROWN else (-0.05, 0.01, -0.002, 0.001, 0.0)
    b = SceneBuilder()
    with b.stuff("wall"):
        b.box((2.1, 0, 0), (0.1, 99, 99), b.material(color=(0.5, 0.5, 0.5)))
    pose = Pose(position=(0, 0, 0))
    truth = look(b.build(View(camera=camera, pose=pose, lens=Lens(kind=kind, coefficients=k))))
    np.testing.assert_allclose(truth.depth_m, 2, rtol=1e-5)  # depth is along z whatever the lens
    # A ball placed where OpenCV's model of the lens looks from pixel (27, 3) is seen there.
    matrix = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1.0]])
    pixel = np.array([[[27.0, 3.0]]])
    undo = cv2.undistortPoints if kind is LensKind.BROWN else cv2.fisheye.undistortPoints
    u, v = undo(pixel, matrix, np.array(k if kind is LensKind.BROWN else k[:4])).ravel()
    b = SceneBuilder()
    with b.thing("ball"):
        b.sphere(np.array([u, v, 1]) * 5 @ pose.axes, 0.12, b.material(color=(0.5, 0.5, 0.5)))
    seen = look(b.build(View(camera=camera, pose=pose, lens=Lens(kind=kind, coefficients=k))))
    assert seen.instances is not None
    assert np.argwhere(seen.instances).tolist() == [[3, 27]]


def test_every_literal_of_the_tracer_is_float32() -> None:
    """One without F() makes all that it meets float64; a GPU computes that at a fraction of the speed."""
    files = sorted(Path(cpu.__file__).parent.glob("*.py"))
    checked = 0
    for file in files:
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef) or "device" not in map(ast.unparse, function.decorator_list):
                continue
            checked += 1
            nodes = [node for statement in function.body for node in ast.walk(statement)]
            wrapped = {
                id(inner)
                for node in nodes
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "F"
                for inner in ast.walk(node)
            }
            bare = [n for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, float)]
            assert all(id(node) in wrapped for node in bare), f"{file.name}: {function.name}"
            names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
            assert not names & {"float64", "double"}, f"{file.name}: {function.name}"
    assert checked > 100


@pytest.mark.slow
def test_no_kernel_computes_in_float64(furnished: Furnished) -> None:
    """What the literals above cannot tell: the compiled code. It compiles the whole tracer once more."""

    @njit(error_model="numpy", _nrt=False)
    def tracer(world: object, film: object) -> None:
        trace(world, film, 0, 0, 2, 1)
        denoise(world, film, film.light, film.spare, 0, 0, 1)  # type: ignore[attr-defined]
        resolve(world, film, 0, 0)

    tracer(pack(furnished()), empty_film(20, 32))
    (code,) = tracer.inspect_llvm().values()
    assert " float" in code
    assert not re.findall(r"= f(?:add|sub|mul|div|neg)\b[^\n]*double|fpext [^\n]*", code)


def test_impossible_scenes_are_refused_with_what_to_do(furnished: Furnished) -> None:
    b = SceneBuilder()
    grey = b.material(color=(0.5, 0.5, 0.5))
    with pytest.raises(DataError, match="put it inside"):
        b.sphere((0, 0, 0), 1, grey)
    with b.thing("ball"):
        with pytest.raises(DataError, match="material must be a number"):
            b.sphere((0, 0, 0), 1, 7)
        with pytest.raises(DataError, match="finite"):
            b.box((0, 0, 0), (1, float("nan"), 1), grey, turn(yaw_deg=3))
    with pytest.raises(DataError, match="at least one part"):
        b.build(View(camera=Camera.from_hfov(60, 8, 6), pose=Pose(position=(0, 0, 0))))
    with pytest.raises(DataError, match="at least 1 light path"):
        render(furnished(), samples=0)


CUDA_IN_SIMULATION = """
import numpy as np
from vision_banana_ros.core import Camera
from vision_banana_ros.world.builder import SceneBuilder
from vision_banana_ros.world.render import render
from vision_banana_ros.world.scene import Pose, View
from vision_banana_ros.world.tracing import gpu
from vision_banana_ros.world.tracing.pack import pack

scenes = []
for size in (0.4, 0.7):
    b = SceneBuilder(3)
    with b.stuff("floor"):
        b.plane(b.material(color=(0.5, 0.4, 0.3)))
    with b.thing("box"):
        b.box((3, 0, size), (size, size, size), b.material(color=(0.2, 0.4, 0.3)))
    b.sun(elevation_deg=40, azimuth_deg=120)
    scenes.append(b.build(View(camera=Camera.from_hfov(70, 12, 8), pose=Pose(position=(0, 0, 1)))))
batch = gpu.render_batch([pack(s) for s in scenes], 8, 12, samples=1, seed=9, denoise_levels=2, key=0.2)
for b, scene in enumerate(scenes):
    alone = render(scene, samples=1, seed=9 + b, threads=1)
    np.testing.assert_allclose(batch.geometry.copy_to_host()[b, ..., 0], alone.truth.depth_m)
    np.testing.assert_array_equal(batch.ids.copy_to_host()[b, ..., 2], alone.truth.instances)
assert len({batch.rgb.copy_to_host()[b].tobytes() for b in (0, 1)}) == 2
assert batch.rgb.copy_to_host().std() > 10
"""


def test_the_cuda_kernels_put_every_scene_of_a_batch_into_its_own_frame() -> None:
    """In Numba's simulator, as plain Python: the launch, the slices and the offsets, not the device."""
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CUDA_IN_SIMULATION], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
