"""Pictures are chosen as a person would: sharp, different, all of what was seen."""

from __future__ import annotations

import io
from collections.abc import Iterable

import cv2
import numpy as np

from vision_banana_ros.data.recording import Glance
from vision_banana_ros.labelling.selection import Moments, Selection, SelectionSettings, select, sharpness_of

SECOND = 10**9


def place(number: int) -> np.ndarray:
    """Something to see: a texture with edges of its own."""
    rng = np.random.default_rng(number)
    rgb = np.full((192, 256, 3), rng.integers(40, 200, 3), np.uint8)
    for _ in range(40):
        x, y, w, h = rng.integers(0, 220), rng.integers(0, 160), rng.integers(8, 60), rng.integers(8, 60)
        rgb[y : y + h, x : x + w] = rng.integers(0, 256, 3)
    return rgb


def choose(frames: Iterable[tuple[float, np.ndarray]], **settings: object) -> Selection:
    wanted = SelectionSettings(**settings)  # type: ignore[arg-type]
    moments = Moments(0, wanted, io.BytesIO())
    for at, (seconds, rgb) in enumerate(frames):
        moments.add(Glance(at=at, stamp_ns=round(seconds * SECOND), hw=(192, 256), small=rgb))
    return select(moments.found(), wanted, seen=moments.seen)


def blurred(rgb: np.ndarray) -> np.ndarray:
    return cv2.blur(rgb, (15, 1))  # a camera that turned


def test_blur_is_told_from_contrast_and_from_noise() -> None:
    sharp = place(1)
    noise = np.random.default_rng(2).normal(0, 4, sharp.shape)
    assert sharpness_of(sharp) - sharpness_of(blurred(sharp)) > 0.6
    assert abs(sharpness_of(sharp) - sharpness_of((sharp // 2 + 60).astype(np.uint8))) < 0.3
    dull = blurred(sharp)
    assert abs(sharpness_of(np.clip(dull + noise, 0, 255).astype(np.uint8)) - sharpness_of(dull)) < 0.5


def test_of_each_moment_the_sharpest_is_taken() -> None:
    frames = []
    for moment in range(6):
        for step in range(5):
            rgb = place(moment)
            frames.append((moment * 0.5 + step * 0.1, rgb if step == 3 else blurred(rgb)))
    assert [c.at for c in choose(frames).chosen] == [3, 8, 13, 18, 23, 28]


def test_a_robot_that_stands_still_gives_one_picture_and_one_that_returns_no_second() -> None:
    noise = np.random.default_rng(0)

    def noisy(rgb: np.ndarray) -> np.ndarray:
        return np.clip(rgb + noise.normal(0, 3, rgb.shape), 0, 255).astype(np.uint8)

    route = [0] * 20 + [1, 2, 3] + [0] * 5
    selection = choose((i * 1.0, noisy(place(p))) for i, p in enumerate(route))
    assert len(selection.chosen) == 4
    assert sorted({route[c.at] for c in selection.chosen}) == [0, 1, 2, 3]


def test_few_pictures_cover_all_that_was_seen() -> None:
    """Ninety pictures of one place, one of each of five others: six are asked for."""
    rng = np.random.default_rng(3)
    route = [0] * 90 + [1, 2, 3, 4, 5]
    frames = [
        (i * 1.0, np.clip(place(p) + rng.normal(0, 8, (192, 256, 3)), 0, 255).astype(np.uint8))
        for i, p in enumerate(route)
    ]
    chosen = choose(frames, most=6).chosen
    assert sorted({route[c.at] for c in chosen}) == [0, 1, 2, 3, 4, 5]


def test_what_is_dark_burnt_out_or_blurred_is_left_out_and_counted() -> None:
    frames = [(float(i), place(i)) for i in range(12)]
    frames[4] = (4.0, np.full((192, 256, 3), 3, np.uint8))
    frames[5] = (5.0, np.full((192, 256, 3), 255, np.uint8))
    frames[8] = (8.0, cv2.blur(place(8), (31, 31)))
    selection = choose(frames)
    assert [c.at for c in selection.chosen] == [0, 1, 2, 3, 6, 7, 9, 10, 11]
    assert selection.left_out == {"black, burnt out or blank": 2, "blurred beside its neighbours": 1}
    assert selection.seen == 12


def test_the_very_same_picture_is_chosen_once_even_when_each_is_asked_for() -> None:
    selection = choose([(0.0, place(0)), (1.0, place(1)), (2.0, place(0))], every=1)
    assert [c.at for c in selection.chosen] == [0, 1]
    assert selection.left_out == {"the very same picture": 1}


def test_previews_lie_in_the_file_and_each_is_its_own() -> None:
    chosen = choose([(0.5 * i, place(i)) for i in range(5)]).chosen
    assert len(chosen) == 5
    smaller = [cv2.resize(place(i), (160, 120), interpolation=cv2.INTER_AREA)[..., ::-1].astype(int) for i in range(5)]
    for candidate in chosen:
        preview = cv2.imdecode(np.frombuffer(candidate.preview.read(), np.uint8), cv2.IMREAD_COLOR)
        assert np.argmin([np.abs(preview - one).mean() for one in smaller]) == candidate.at
