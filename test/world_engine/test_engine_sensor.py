"""The camera's effects: each does its own, none touches labels, and a perfect camera changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import DataError, FloatArray
from vision_banana_ros.world.render import Rendered, render
from vision_banana_ros.world.scene import Scene
from vision_banana_ros.world.sensor import SensorSettings, expose, photograph

PERFECT = SensorSettings()


@pytest.fixture(scope="module")
def rendered(furnished: Callable[..., Scene]) -> Rendered:
    return render(furnished())


@pytest.fixture
def grey() -> FloatArray:
    return np.full((40, 60, 3), 0.18, np.float32)


def test_a_perfect_camera_develops_as_render_does(rendered: Rendered) -> None:
    again = expose(rendered.linear, rendered.gain, PERFECT).astype(int)
    assert np.abs(again - rendered.frame.rgb).max() <= 1


def test_strength_zero_draws_the_perfect_camera() -> None:
    assert SensorSettings.drawn(7, strength=0) == PERFECT


@given(seed=st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_every_drawn_camera_is_valid_and_gives_the_same_picture_twice(seed: int) -> None:
    light = np.linspace(0, 3, 24 * 32 * 3, dtype=np.float32).reshape(24, 32, 3)
    camera = SensorSettings.drawn(seed)
    first, second = (expose(light, 0.7, camera, seed=seed) for _ in range(2))
    assert first.dtype == np.uint8
    assert first.shape == light.shape
    np.testing.assert_array_equal(first, second)


def test_a_stop_more_doubles_the_light(grey: FloatArray) -> None:
    np.testing.assert_array_equal(expose(grey, 1, SensorSettings(exposure_ev=1)), expose(grey * 2, 1, PERFECT))


def test_noise_has_the_variance_of_the_convention(grey: FloatArray) -> None:
    noisy = SensorSettings(shot_noise=1e-3, read_noise=0.01)
    rgb = np.stack([expose(grey, 1, noisy, seed=seed) for seed in range(30)]).astype(float)
    slope = 255 * 1.055 / 2.4 * 0.18 ** (1 / 2.4 - 1)  # of the sRGB curve at middle grey
    assert rgb.std() == pytest.approx(slope * np.sqrt(1e-3 * 0.18 + 1e-4), rel=0.05)


def test_vignetting_darkens_corners_only(grey: FloatArray) -> None:
    rgb = expose(grey, 1, SensorSettings(vignetting=0.5)).astype(int)
    assert rgb[0, 0, 0] < 0.8 * rgb[20, 30, 0]
    assert rgb[20, 30, 0] == expose(grey, 1, PERFECT)[20, 30, 0]


def test_motion_smears_along_its_direction_only(grey: FloatArray) -> None:
    grey[:, 30:] = 0.6
    across = expose(grey, 1, SensorSettings(motion_px=(8, 0)))[20, :, 0].astype(int)
    assert len(np.unique(across)) > 5
    np.testing.assert_array_equal(expose(grey, 1, SensorSettings(motion_px=(0, 8))), expose(grey, 1, PERFECT))


def test_warm_light_is_redder(grey: FloatArray) -> None:
    red, _, blue = expose(grey, 1, SensorSettings(white_balance=(1.2, 1, 0.8))).astype(int)[0, 0]
    assert red > blue + 20


def test_jpeg_loses_little_and_something(rendered: Rendered) -> None:
    plain = rendered.frame.rgb.astype(int)
    packed = expose(rendered.linear, rendered.gain, SensorSettings(jpeg_quality=60)).astype(int)
    assert 0 < np.abs(packed - plain).mean() < 12


def test_labels_stay_as_they_are_unless_the_shutter_rolls(rendered: Rendered) -> None:
    taken = photograph(rendered, replace(SensorSettings.drawn(3), shutter_px=0.0), seed=3)
    assert taken.truth is rendered.truth


def test_a_rolling_shutter_moves_labels_with_the_picture(rendered: Rendered) -> None:
    rolled = photograph(rendered, SensorSettings(shutter_px=6))
    for before, after in (
        (rendered.frame.rgb, rolled.frame.rgb),
        (rendered.truth.instances, rolled.truth.instances),
        (rendered.truth.depth_m, rolled.truth.depth_m),
    ):
        assert before is not None
        assert after is not None
        np.testing.assert_allclose(after[-1, :-3], before[-1, 3:], atol=1)
        np.testing.assert_allclose(after[0, 3:], before[0, :-3], atol=1)


@pytest.mark.parametrize("wrong", [{"jpeg_quality": 0}, {"vignetting": 1.0}, {"blur_px": -1.0}, {"read_noise": np.nan}])
def test_impossible_settings_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(DataError, match=next(iter(wrong))):
        SensorSettings(**wrong)  # type: ignore[arg-type]
