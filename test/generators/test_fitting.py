"""Sizes on the way into a model and back: what comes out lies on the pixels that went in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_banana_ros.core import GeneratorError
from vision_banana_ros.generators.fitting import Fit, fit_area, fit_aspect, fit_grid
from vision_banana_ros.generators.specialists.specialist import resize_labels

SIDES = st.integers(1, 1500)


def numbered(width: int, height: int) -> np.ndarray:
    """A picture whose every pixel names its column and row."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.stack([x % 256, y % 256, x // 256 * 16 + y // 256], axis=-1).astype(np.uint8)


def test_a_frame_in_whole_cells_goes_through_untouched() -> None:
    fit = fit_grid((640, 480), multiple=16, least_side=64, most_pixels=1024 * 1024)
    assert fit == Fit(scaled_wh=(640, 480), model_wh=(640, 480), canvas_wh=(640, 480))
    assert fit.enter(numbered(640, 480)) is not None
    np.testing.assert_array_equal(fit.leave(fit.enter(numbered(640, 480))), numbered(640, 480))


def test_columns_that_a_pipeline_would_crop_are_padded_and_come_back() -> None:
    fit = fit_grid((425, 239), multiple=16)
    picture = fit.enter(numbered(425, 239))
    assert picture.shape == (240, 432, 3)
    np.testing.assert_array_equal(picture[:239, 425:], np.repeat(picture[:239, 424:425], 7, axis=1))
    np.testing.assert_array_equal(fit.leave(picture), numbered(425, 239))


def test_a_large_frame_is_shrunk_below_the_area_at_which_a_pipeline_shrinks_it_itself() -> None:
    fit = fit_grid((1920, 1080), multiple=16, most_pixels=1024 * 1024)
    assert fit.model_wh[0] * fit.model_wh[1] <= 1024 * 1024
    assert fit.canvas_wh == fit.scaled_wh == (1352, 760)


def test_tiny_and_narrow_frames() -> None:
    assert fit_grid((20, 30), multiple=16, least_side=64) == Fit(
        scaled_wh=(43, 64), model_wh=(64, 64), canvas_wh=(20, 30)
    )
    assert fit_grid((900, 20), multiple=16, least_side=64, most_aspect=8.0).model_wh == (912, 128)


def test_the_size_that_the_user_asked_for_is_the_canvas() -> None:
    fit = fit_grid((640, 480), multiple=16, size_wh=(250, 190))
    assert (fit.scaled_wh, fit.model_wh, fit.canvas_wh) == ((250, 190), (256, 192), (250, 190))


@given(SIDES, SIDES)
def test_every_frame_gets_a_size_that_the_pipeline_leaves_alone(width: int, height: int) -> None:
    fit = fit_grid((width, height), multiple=16, least_side=64, most_pixels=1024 * 1024, most_aspect=8.0)
    assert all(side % 16 == 0 and side >= 64 for side in fit.model_wh)
    assert max(fit.model_wh) <= 8 * min(fit.model_wh)
    assert fit.model_wh[0] * fit.model_wh[1] <= 1024 * 1024
    assert fit.leave(np.zeros((*fit.model_wh[::-1], 3), np.uint8)).shape[1::-1] == fit.canvas_wh


@given(st.integers(100, 1500), st.integers(100, 1500))
def test_an_area_of_the_pipelines_own_is_met_exactly(width: int, height: int) -> None:
    fit = fit_area((width, height), area=1024 * 1024, multiple=32)
    ratio = fit.model_wh[0] / fit.model_wh[1]
    again = (round((1024 * 1024 * ratio) ** 0.5 / 32) * 32, round((1024 * 1024 / ratio) ** 0.5 / 32) * 32)
    assert again == fit.model_wh
    # both sides are whole multiples: the shape is met to one multiple of the shorter side
    assert abs(ratio / (width / height) - 1) < 32 / min(fit.model_wh) + 0.01


def test_a_picture_of_another_size_is_picked_at_the_same_places() -> None:
    fit = fit_grid((60, 40), multiple=16)
    assert fit.model_wh == (64, 48)
    twice = np.repeat(np.repeat(fit.enter(numbered(60, 40)), 2, axis=0), 2, axis=1)
    np.testing.assert_array_equal(fit.leave(twice), numbered(60, 40))


def test_a_picture_of_another_shape_is_refused() -> None:
    with pytest.raises(GeneratorError, match="asked for a picture of 640x480, got 640x640"):
        fit_grid((640, 480), multiple=16).leave(np.zeros((640, 640, 3), np.uint8))


def test_the_shape_that_wastes_least() -> None:
    fit, aspect = fit_aspect((424, 240), [(1, 1), (4, 3), (16, 9)], most_side=1024, size_wh=None)
    assert aspect == (16, 9)
    assert fit.model_wh == (427, 240)
    assert fit.canvas_wh == (424, 240)
    np.testing.assert_array_equal(fit.leave(fit.enter(numbered(424, 240))), numbered(424, 240))


def test_no_size_fits_a_thread() -> None:
    with pytest.raises(GeneratorError, match="too narrow"):
        fit_area((4000, 1), area=1024, multiple=32)


@pytest.mark.parametrize("wh", [(50, 31), (170, 95)])
def test_labels_of_another_size_are_picked_and_never_blended(wh: tuple[int, int]) -> None:
    labels = np.full((60, 80), 3, np.uint8)
    labels[:, 33:], labels[17:41, 5:20] = 40, 200
    assert set(np.unique(resize_labels(labels, wh))) == {3, 40, 200}
