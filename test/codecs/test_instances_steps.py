"""The paper's five steps: each step by itself, and beside our own decoding on the same canvases, worse and worse."""

import cv2
import numpy as np
import pytest

from vision_banana_ros.codecs import instances
from vision_banana_ros.codecs.instances_steps import decode_steps
from vision_banana_ros.core import CodecError
from vision_banana_ros.evaluation.mask_metrics import InstanceMatches

BACKGROUND = (88, 50, 82)
HW = (240, 320)


def canvas(*boxes, hw=(60, 80)):
    """(rows, columns, colour) on the background."""
    rgb = np.full((*hw, 3), BACKGROUND, np.uint8)
    for rows, columns, color in boxes:
        rgb[slice(*rows), slice(*columns)] = color
    return rgb


def count(rgb, background=BACKGROUND) -> int:
    return int(decode_steps(rgb, background).max())


def test_what_lies_within_14_of_the_background_is_background() -> None:
    at = [((10, 30), (10, 40), tuple(c + d for c, d in zip(BACKGROUND, offset, strict=True))) for offset in OFFSETS]
    assert [count(canvas(box)) for box in at] == [0, 1]


OFFSETS = [(13, 5, 0), (14, 0, 0)]  # squared distances 194 and 196


def test_a_fill_reaches_as_far_as_its_seed_allows_and_does_not_drift() -> None:
    ramp = canvas(hw=(60, 80))
    for column in range(10, 60):  # a level a column: 50 levels from end to end
        ramp[10:40, column] = (200 - (column - 10), 200, 30)
    found = decode_steps(ramp, BACKGROUND)
    assert len(np.unique(found[20, 10:25])) == 1
    assert found[20, 10] != found[20, 25], "15 levels from the seed is another thing"
    assert found.max() == 3, (
        "the last 5 columns are a fill of their own, 10 levels from the one before: step 5 joins them"
    )


@pytest.mark.parametrize(("gap", "expected"), [(1, 1), (2, 2)])
def test_a_fill_crosses_a_gap_of_one_pixel_by_a_knights_move(gap: int, expected: int) -> None:
    """Two legs of a wide V, whose box is too large for step 5 to join them."""
    rgb = canvas(hw=(120, 220))
    cv2.polylines(rgb, [np.array([[10, 10], [110, 110], [210, 10]])], isClosed=False, color=(250, 200, 0), thickness=5)
    rgb[:, 110 : 110 + gap] = BACKGROUND
    assert count(rgb) == expected


def test_specks_and_rims_are_dropped() -> None:
    thing = ((10, 30), (10, 40), (250, 200, 0))
    assert count(canvas(thing, ((45, 47), (50, 52), (0, 250, 0)), hw=(200, 200))) == 1, "4 pixels of 40,000: under 8"
    assert count(canvas(thing, ((45, 48), (50, 53), (0, 250, 0)), hw=(200, 200))) == 2, "9 pixels, 1 survives erosion"
    assert count(canvas(thing, ((45, 47), (10, 70), (0, 250, 0)))) == 1, "two rows: nothing survives erosion"


@pytest.mark.parametrize(("gap", "expected"), [(10, 1), (59, 1), (61, 2)])
def test_apart_pieces_of_one_colour_are_one_if_their_box_is_small(gap: int, expected: int) -> None:
    # two squares of 15: the box has 15 * (30 + gap) pixels, the limit is 5 * 450; apart by up to 120 columns
    scale = 2
    rgb = canvas(
        ((10, 25), (5, 20), (250, 200, 0)),
        ((10, 25), (20 + gap * scale, 35 + gap * scale), (245, 204, 8)),
        hw=(60, 200),
    )
    assert count(rgb) == expected


def test_apart_pieces_of_other_colours_stay_two() -> None:
    assert count(canvas(((10, 25), (5, 20), (250, 200, 0)), ((10, 25), (22, 37), (250, 215, 0)))) == 2


def test_ids_go_by_size_and_an_unknown_background_is_the_borders() -> None:
    rgb = canvas(((5, 15), (5, 15), (0, 0, 250)), ((20, 50), (20, 60), (250, 250, 0)))
    found = decode_steps(rgb)
    assert (found[30, 40], found[10, 10], found[0, 0]) == (1, 2, 0)
    assert np.array_equal(found, decode_steps(rgb, BACKGROUND))
    assert found.dtype == np.uint16


def test_the_right_and_lower_border_are_not_joined_to_the_left_and_upper_one() -> None:
    rgb = canvas(((0, 60), (0, 8), (250, 0, 0)), ((0, 60), (72, 80), (250, 60, 0)))
    found = decode_steps(rgb, BACKGROUND)
    assert found[30, 2] != found[30, 77]
    assert found.max() == 2


def test_bad_input_is_refused() -> None:
    with pytest.raises(CodecError):
        decode_steps(np.zeros((4, 5), np.uint8))


def scene(seed: int) -> np.ndarray:
    """Twelve ellipses, apart or touching."""
    rng, ids = np.random.default_rng(seed), np.zeros(HW, np.uint16)
    for i in range(12):
        row, column = divmod(i, 4)
        centre = (40 + column * 78 + int(rng.integers(-9, 10)), 40 + row * 78 + int(rng.integers(-9, 10)))
        axes = (int(rng.integers(14, 34)), int(rng.integers(12, 30)))
        cv2.ellipse(ids, centre, axes, float(rng.uniform(0, 180)), 0, 360, i + 1, -1)
    return ids


def degraded(rgb: np.ndarray, blur: float, noise: float, quality: int, seed: int) -> np.ndarray:
    soft = cv2.GaussianBlur(rgb.astype(np.float32), (0, 0), blur) if blur else rgb.astype(np.float32)
    noisy = (soft + np.random.default_rng(seed).normal(0, noise, rgb.shape)).clip(0, 255).round().astype(np.uint8)
    if not quality:
        return noisy
    _, jpeg = cv2.imencode(".jpg", noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1])


@pytest.mark.parametrize(
    ("blur", "noise", "quality", "ours", "steps"),
    [
        (0, 0, 0, 1.0, 1.0),
        (0, 3, 0, 1.0, 1.0),
        (0, 6, 0, 1.0, 0.76),
        (1, 0, 0, 1.0, 0.73),
        (0, 0, 85, 1.0, 0.69),
        (1, 6, 85, 1.0, 0.50),
    ],
)
def test_beside_ours_on_the_same_canvases(blur, noise, quality, ours, steps) -> None:
    """pmF1 over three scenes: equal on clean canvases and a little noise; what the five steps lose is the edges."""
    matches = {"ours": InstanceMatches(), "steps": InstanceMatches()}
    for seed in range(3):
        ids = scene(seed)
        rgb = degraded(instances.encode(ids, background=BACKGROUND), blur, noise, quality, seed)
        matches["ours"].add(instances.decode(rgb, BACKGROUND).instances, ids)
        matches["steps"].add(decode_steps(rgb, BACKGROUND), ids)
    print(f"blur {blur} noise {noise} jpeg {quality}: " + ", ".join(f"{k} {m.pm_f1():.3f}" for k, m in matches.items()))
    assert matches["ours"].pm_f1() == pytest.approx(ours, abs=0.03)
    assert matches["steps"].pm_f1() == pytest.approx(steps, abs=0.05)
