"""Views keep geometry true, whatever is cut off, mirrored, turned or made larger; labels are never blended."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_frames import make_frame, seen_whole, stack_of

from vision_banana_ros.codecs.rays import camera_directions
from vision_banana_ros.core import Camera, Frame, Truth
from vision_banana_ros.training.config import View
from vision_banana_ros.training.look import look
from vision_banana_ros.training.views import cut, draw

VIEW = View(width=64, height=32)


def plane(camera: Camera) -> tuple[Frame, Truth]:
    """A slanted plane n . x = -2, whose depth and normal are known everywhere; red and green tell the pixel."""
    normal = np.array((0.3, -0.4, -0.866))
    rays = camera_directions(camera).astype(np.float64)
    depth = (-2 / (rays @ normal) * rays[..., 2]).astype(np.float32)
    normals = np.broadcast_to(normal / np.linalg.norm(normal), (*depth.shape, 3)).astype(np.float32)
    v, u = np.mgrid[: camera.height, : camera.width]
    rgb = np.stack([u * 2, v * 2, 0 * u], axis=-1).astype(np.uint8)
    return Frame(rgb, camera=camera), Truth(camera=camera, depth_m=depth, normals=normals)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    turned=st.booleans(),
)
def test_depth_and_normals_of_a_plane_stay_those_of_the_plane(seed: int, turned: bool) -> None:
    camera = Camera(80.0, 84.0, 50.0, 35.0, 96, 72)
    stack = stack_of(plane(camera))
    sizes = np.array([[96.0, 72.0]])
    rng = np.random.default_rng(seed)
    views = draw(stack.camera.astype(np.float64), sizes, np.array([False]), VIEW, rng, turn_share=float(turned))
    seen = look(stack, torch.tensor([0]), views, VIEW)
    fx, fy, cx, cy = views.camera[0]
    v, u = np.mgrid[:32, :64]
    rays = np.stack([(u - cx) / fx, (v - cy) / fy, np.ones(u.shape)], axis=-1)
    normal = views.rotation[0] @ (np.array((0.3, -0.4, -0.866)) / np.linalg.norm((0.3, -0.4, -0.866)))
    expected = -2 / np.linalg.norm((0.3, -0.4, -0.866)) / (rays @ normal)
    depth = seen.depth[0].numpy()
    known = depth > 0
    assert known.mean() > 0.3
    assert np.abs(depth[known] / expected[known] - 1).max() < 0.05  # a pixel's worth
    assert np.degrees(np.arccos((seen.normals[0].numpy()[:, known].T @ normal).clip(-1, 1))).max() < 1.5


def test_a_mirrored_view_is_the_mirrored_view() -> None:
    stack = stack_of(make_frame())
    view = View(width=96, height=64)
    (plain, at), (mirror, other) = seen_whole(stack, view), seen_whole(stack, view, mirrored=True)
    torch.testing.assert_close(mirror.image, plain.image.flip(-1), atol=0.02, rtol=0)
    assert torch.equal(mirror.depth, plain.depth.flip(-1))
    assert torch.equal(mirror.instances, plain.instances.flip(-1))
    torch.testing.assert_close(mirror.normals[:, 0], -plain.normals[:, 0].flip(-1))
    assert other.camera[0, 2] == pytest.approx(95 - at.camera[0, 2])


def test_what_is_known_is_kept_and_what_is_not_stays_unknown() -> None:
    frame, truth = make_frame()
    seen, _ = seen_whole(stack_of((frame, truth)), View(width=96, height=64))
    inner = np.s_[4:68]
    assert torch.isinf(seen.depth[0, :8, :20]).all()
    assert (seen.depth[0, :8, -6:] == 0).all()
    assert (seen.classes[0].numpy() == truth.mask[inner]).all()
    known = np.isfinite(truth.depth_m[inner])
    assert seen.depth[0].numpy()[known] == pytest.approx(truth.depth_m[inner][known], rel=2e-4)
    assert not seen.normals[0, :, :8, :20].any()
    assert seen.image[0].permute(1, 2, 0).numpy() == pytest.approx(frame.rgb[inner].astype(np.float32), abs=0.05)


def test_pixels_are_square_in_views_of_any_shape_and_close_ones_teach_no_lens() -> None:
    rng = np.random.default_rng(1)
    cameras, sizes = np.tile([80.0, 84.0, 48, 36], (400, 1)), np.tile([96.0, 72.0], (400, 1))
    for view in (View(width=64, height=64), View(width=96, height=32), View(width=32, height=96)):
        views = draw(cameras, sizes, np.arange(400) % 2 == 0, view, rng, turn_share=0.0)
        assert views.camera[:, 0] / views.camera[:, 1] == pytest.approx(80 / 84)
        across = view.width / views.camera[:, 0] * 80
        inside = min(96.0, 72 * view.width / view.height)
        assert across.min() > 0.34 * inside
        assert 0.3 < views.usual.mean() < 0.7
        assert across[~views.usual].mean() < across[views.usual].mean()


def test_a_real_frame_through_a_long_lens_teaches_no_lens() -> None:
    cameras, sizes = np.tile([200.0, 200, 48, 36], (200, 1)), np.tile([96.0, 72.0], (200, 1))
    for real in (True, False):
        flags = np.full(200, real)
        views = draw(cameras, sizes, flags, View(width=64, height=64), np.random.default_rng(0), turn_share=0.0)
        assert views.usual.any() != real


def test_beyond_a_frame_of_another_shape_nothing_is_known_but_the_picture_goes_on() -> None:
    stack = stack_of(plane(Camera(80.0, 84.0, 50.0, 35.0, 96, 72)))
    view = View(width=96, height=64)
    full = np.array([108.0])
    views = cut(
        stack.camera.astype(np.float64), (96 - full) / 2, 0 * full, full, view, np.eye(3)[None], np.array([False])
    )
    seen = look(stack, torch.tensor([0]), views, view)
    assert (seen.depth[0, :, :5] == 0).all()
    assert (seen.depth[0, :, 8:-8] > 0).all()
    assert seen.image[0, 0, 30, 0] > seen.image[0, 0, 30, 5]  # the mirror image of what lies beside it


def drawn(count: int = 600):
    """Frames of four shapes, pixels that are not square, half of them real."""
    sizes = np.tile([[96.0, 72.0], [100.0, 48.0], [60.0, 90.0], [90.0, 48.0]], (count // 4, 1))
    cameras = np.stack([0.9 * sizes[:, 0], sizes[:, 0], sizes[:, 0] / 2 - 3, sizes[:, 1] / 2 + 2], axis=1)
    real = np.arange(count) // 4 % 2 == 1
    return draw(cameras, sizes, real, VIEW, np.random.default_rng(3), turn_share=0.6), cameras, sizes, real


def test_views_are_whole_close_or_usual_and_mirrored_half_of_the_time() -> None:
    views, cameras, sizes, real = drawn()
    across = VIEW.width * cameras[:, 0] / views.camera[:, 0]
    inside = np.minimum(sizes[:, 0], 2 * sizes[:, 1])
    padded = np.maximum(sizes[:, 0], 2 * sizes[:, 1])
    assert np.mean(views.mirrored) == pytest.approx(0.5, abs=0.06)
    assert np.mean(views.whole) == pytest.approx(0.3 * 0.4, abs=0.04)
    near_shape = np.tile([False, True, False, True], 150)  # of about 2:1 are shown whole, the others are cut
    assert across[views.whole & near_shape] == pytest.approx(padded[views.whole & near_shape])
    assert across[views.whole & ~near_shape] == pytest.approx(inside[views.whole & ~near_shape])
    assert (across <= np.where(near_shape, padded, inside) + 1e-9).all()
    assert (across >= 0.35 * inside - 1e-9).all()
    usual_real = views.usual & real
    assert (across[usual_real] >= 0.75 * inside[usual_real] - 1e-9).all()
    turned = np.abs(np.abs(views.rotation[:, 0, 0]) - 1) > 1e-12
    assert np.mean(turned) == pytest.approx(0.6, abs=0.06)


def test_the_same_dice_draw_the_same_views() -> None:
    """Pinned: what a sample shows is part of the recipe."""
    views, *_ = drawn()
    figures = [*views.camera.mean(0), np.abs(views.matrix).mean(), np.abs(views.rotation).mean(), views.zoom.mean()]
    counts = [int(flags.sum()) for flags in (views.usual, views.whole, views.mirrored)]
    expected = [77.2722044, 85.8580048, 31.275958, 18.5270614, 6.865731, 0.3673059, 1.1251601]
    assert figures == pytest.approx(expected, rel=1e-6)
    assert counts == [361, 55, 271]
