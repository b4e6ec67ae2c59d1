"""The camera that painted the rays comes back, whatever else is on the canvas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.codecs import rays
from vision_banana_ros.core import Camera, FrameError
from vision_banana_ros.geometry import CameraFilter, RecoveredCamera, camera_from_rays, unproject


@st.composite
def pinholes(draw: st.DrawFn, width: int = 320, height: int = 256) -> Camera:
    """60 to 120 degrees wide, pixels up to 10 % from square, centre up to 5 % off."""
    plain = Camera.from_hfov(draw(st.floats(60, 120)), width, height)
    return Camera(
        fx=plain.fx,
        fy=plain.fy * draw(st.floats(0.9, 1.1)),
        cx=plain.cx + draw(st.floats(-0.05, 0.05)) * width,
        cy=plain.cy + draw(st.floats(-0.05, 0.05)) * height,
        width=width,
        height=height,
    )


def directions(camera: Camera) -> np.ndarray:
    return unproject(np.ones((camera.height, camera.width), np.float32), camera)


def recovered_from(canvas: np.ndarray, width: int = 320, height: int = 256, **options: bool) -> RecoveredCamera:
    decoded = rays.decode(canvas)
    return camera_from_rays(decoded.directions, decoded.confidence, width=width, height=height, **options)


def assert_close(found: Camera, true: Camera, *, focal: float, centre_px: float) -> None:
    assert (found.width, found.height) == (true.width, true.height)
    assert found.fx == pytest.approx(true.fx, rel=focal)
    assert found.fy == pytest.approx(true.fy, rel=focal)
    assert found.cx == pytest.approx(true.cx, abs=centre_px)
    assert found.cy == pytest.approx(true.cy, abs=centre_px)


def noisy(canvas: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, canvas.shape)
    return np.clip(np.round(canvas + noise), 0, 255).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(camera=pinholes(width=60, height=44), square_pixels=st.booleans())
def test_exact_rays_give_the_exact_camera(camera: Camera, square_pixels: bool) -> None:
    if square_pixels:
        camera = Camera(camera.fx, camera.fx, camera.cx, camera.cy, camera.width, camera.height)
    found = camera_from_rays(directions(camera), width=60, height=44, square_pixels=square_pixels)
    assert_close(found.camera, camera, focal=1e-5, centre_px=1e-3)
    assert found.inlier_fraction == 1.0
    assert found.residual_px < 1e-3


@settings(max_examples=15, deadline=None)
@given(camera=pinholes(), seed=st.integers(0, 999))
def test_a_noisy_8_bit_canvas_gives_the_camera(camera: Camera, seed: int) -> None:
    found = recovered_from(noisy(rays.encode(camera), 4, seed))
    assert_close(found.camera, camera, focal=0.005, centre_px=1.0)
    assert found.inlier_fraction > 0.97


@settings(max_examples=10, deadline=None)
@given(camera=pinholes(), seed=st.integers(0, 999))
def test_a_fifth_of_random_colours_changes_nothing(camera: Camera, seed: int) -> None:
    rng = np.random.default_rng(seed)
    canvas = noisy(rays.encode(camera), 4, seed)
    wrong = rng.random((256, 320)) < 0.2
    canvas[wrong] = rng.integers(0, 256, (int(wrong.sum()), 3))
    found = recovered_from(canvas)
    assert_close(found.camera, camera, focal=0.005, centre_px=1.0)
    assert 0.75 < found.inlier_fraction < 0.9


@settings(max_examples=10, deadline=None)
@given(camera=pinholes(), seed=st.integers(0, 999))
def test_a_fifth_painted_with_one_wrong_ray_changes_nothing(camera: Camera, seed: int) -> None:
    canvas = noisy(rays.encode(camera), 4, seed)
    canvas[100:215, 150:295] = rays.encode(np.full((1, 1, 3), (0.5, 0.3, 0.8), np.float32))[0, 0]
    assert_close(recovered_from(canvas).camera, camera, focal=0.005, centre_px=1.0)


def test_a_canvas_of_another_size_and_aspect_gives_the_camera_of_the_frame() -> None:
    frame_camera = Camera(fx=520.0, fy=520.0, cx=300.0, cy=260.0, width=640, height=480)
    canvas = rays.encode(frame_camera.scaled_to(320, 256))
    for square_pixels in (False, True):
        found = recovered_from(canvas, 640, 480, square_pixels=square_pixels)
        assert_close(found.camera, frame_camera, focal=0.003, centre_px=0.5)
    assert found.camera.fx == found.camera.fy


def test_noise_does_not_shrink_the_focal_length() -> None:
    """Fitting pixels over slopes would: sigma 8 on a 60-degree view is 6 % of the slopes' variance."""
    camera = Camera.from_hfov(60, 320, 256)
    found = [recovered_from(noisy(rays.encode(camera), 8, seed)).camera.fx for seed in range(6)]
    assert np.mean(found) == pytest.approx(camera.fx, rel=0.002)


def test_pixels_without_a_ray_are_ignored() -> None:
    camera = Camera(fx=70.0, fy=50.0, cx=30.0, cy=25.0, width=80, height=60)
    view = directions(camera)
    view[:20] = np.nan
    view[20:25] *= -1  # behind
    confidence = np.full((60, 80), 255, np.uint8)
    confidence[:, 60:] = 0
    view[:, 60:] = (0.5, 0.5, 0.7)
    found = camera_from_rays(view, confidence, width=80, height=60)
    assert_close(found.camera, camera, focal=1e-4, centre_px=0.01)
    assert found.inlier_fraction == pytest.approx(35 * 60 / (60 * 80))


def random_rays() -> np.ndarray:
    return np.random.default_rng(0).uniform((-1, -1, 0.05), 1, (40, 60, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (np.full((40, 60, 3), np.nan, np.float32), "at least 10% of the pixels, got 0.0%"),
        (np.full((40, 60, 3), (0.1, 0.1, 1), np.float32), "must turn right"),
        (directions(Camera(50, 50, 30, 20, 60, 40))[:, ::-1].copy(), "must turn right"),
        (directions(Camera(50, 50, 30, 20, 60, 40))[::-1].copy(), "down with the rows"),
        (directions(Camera(5000, 5000, 30, 20, 60, 40)), "span 0.7 degrees"),
        (random_rays(), "is this a canvas of rays"),
        (np.zeros((40, 60, 2), np.float32), "directions must be"),
        (np.zeros((1, 60, 3), np.float32), "at least 2 rows"),
    ],
)
def test_what_is_no_canvas_of_rays_is_refused(view: np.ndarray, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        camera_from_rays(view, width=60, height=40)


def test_one_column_of_rays_is_refused() -> None:
    view = np.full((40, 8, 3), np.nan, np.float32)
    view[:, 3] = directions(Camera(50, 50, 3, 20, 8, 40))[:, 3]
    with pytest.raises(FrameError, match="two columns and two rows"):
        camera_from_rays(view, width=8, height=40)


STEADY = Camera(fx=500.0, fy=510.0, cx=320.0, cy=240.0, width=640, height=480)


def shaken(camera: Camera, rng: np.random.Generator) -> Camera:
    by = rng.normal(0, (2, 2, 1, 1))
    return Camera(camera.fx + by[0], camera.fy + by[1], camera.cx + by[2], camera.cy + by[3], 640, 480)


def test_a_filter_is_steadier_than_what_it_is_fed() -> None:
    rng = np.random.default_rng(1)
    steady = CameraFilter()
    for _ in range(60):
        steady = steady.updated(shaken(STEADY, rng))
    assert steady.camera is not None
    assert_close(steady.camera, STEADY, focal=0.002, centre_px=0.6)


def test_a_stray_changes_nothing_but_a_zoom_is_followed() -> None:
    steady = CameraFilter(patience=3).updated(STEADY)
    zoomed = Camera(700.0, 714.0, 320.0, 240.0, 640, 480)
    for _ in range(2):
        steady = steady.updated(zoomed)
        assert steady.camera == STEADY
    assert steady.updated(STEADY).strays == 0
    assert steady.updated(zoomed).camera == zoomed


def test_another_image_size_starts_anew_at_once() -> None:
    small = STEADY.scaled_to(320, 240)
    assert CameraFilter().updated(STEADY).updated(small).camera == small


def test_a_filter_is_never_changed_in_place() -> None:
    first = CameraFilter()
    first.updated(STEADY)
    assert first.camera is None
