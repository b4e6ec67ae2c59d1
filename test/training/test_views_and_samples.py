"""Cutting keeps geometry true; samples survive their compact form; streams are seeded and mixed as asked."""

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.codecs.curve import curve, uncurve
from vision_banana_ros.codecs.rays import camera_directions
from vision_banana_ros.core import Camera, DataError
from vision_banana_ros.training.annotations import Annotations
from vision_banana_ros.training.batch import Batch, batches
from vision_banana_ros.training.config import View
from vision_banana_ros.training.samples import BEYOND, UNKNOWN, mixed_stream, normals_of, read_real, real_stream
from vision_banana_ros.training.views import Crop, cut, random_view


def test_compact_samples_keep_their_truth(sample) -> None:
    known = (sample.position >= 0) & (sample.position <= 1)
    assert uncurve(sample.position[known].astype(np.float32)).min() == pytest.approx(1.0, rel=2e-3)
    assert (sample.position[:8, :20] == BEYOND).all()
    assert (sample.position[:8, -6:] == UNKNOWN).all()
    normals = normals_of(sample.normals)
    assert normals[-1, 0] == pytest.approx([0, -1, 0], abs=0.01)
    assert not normals[:8, :20].any()


@settings(max_examples=40, deadline=None)
@given(
    left=st.integers(0, 30),
    top=st.integers(0, 20),
    width=st.integers(40, 60),
    height=st.integers(30, 50),
    mirrored=st.booleans(),
)
def test_pixels_keep_their_viewing_direction(
    make_sample, left: int, top: int, width: int, height: int, mirrored: bool
) -> None:
    """The cut camera sees each picked pixel along the direction in which the whole camera saw it."""
    sample = make_sample()
    view = View(width=64, height=32)
    part = cut(sample, Crop(left, top, width, height), view, mirrored=mirrored)
    whole, seen = camera_directions(sample.camera), camera_directions(part.camera)
    row, column = 13, 50
    old_column = left + (63 - column if mirrored else column) * width / 64
    old_row = top + row * height / 32
    expected = whole[int(old_row + 0.5 * height / 32), int(old_column + 0.5 * width / 64)] * (
        -1 if mirrored else 1,
        1,
        1,
    )
    assert np.degrees(np.arccos(np.clip(seen[row, column] @ expected, -1, 1))) < 1.2  # a pixel is about 0.8 degrees


def test_a_mirrored_view_is_the_mirrored_view(sample) -> None:
    view, whole = View(width=96, height=72), Crop(0, 0, 96, 72)
    plain, mirror = cut(sample, whole, view), cut(sample, whole, view, mirrored=True)
    assert np.array_equal(mirror.rgb, plain.rgb[:, ::-1])
    assert np.array_equal(mirror.position, plain.position[:, ::-1])
    assert np.array_equal(mirror.normals[..., 0], -plain.normals[:, ::-1, 0])
    assert np.array_equal(mirror.instances, plain.instances[:, ::-1])
    assert mirror.camera.cx == pytest.approx(95 - plain.camera.cx)


def test_expressions_that_a_cut_may_falsify_are_dropped(sample) -> None:
    view = View(width=64, height=32)
    assert cut(sample, Crop(0, 0, 90, 72), view).referring == ()
    mirrored = cut(sample, Crop(0, 0, 96, 72), view, mirrored=True).referring
    assert [r.text for r in mirrored] == ["the red chair"]


def test_processes_that_train_together_see_other_samples_of_the_same_sizes(make_sample, text) -> None:
    views = (View(width=64, height=64), View(width=96, height=64), View(width=128, height=64))

    def drawn(seed: int) -> list[Batch]:
        samples = itertools.cycle([make_sample(i) for i in range(4)])
        made = batches(samples, views, batch=1, questions=2, text=text, seed=seed, size_seed=5)
        return list(itertools.islice(made, 12))

    one, other = drawn(1), drawn(2)
    sizes = [tuple(b.image.shape) for b in one]
    assert sizes == [tuple(b.image.shape) for b in other]
    assert len(set(sizes)) == 3
    assert any(not torch.equal(a.image, b.image) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("real", "used"), [(False, 0), (True, 4)])
def test_only_real_frames_get_foregrounds(make_sample, text, real: bool, used: int) -> None:
    lent = [make_sample(9) for _ in range(6)]
    foregrounds = iter(lent)
    made = batches(
        itertools.repeat(make_sample(0, real=real)),
        (View(width=96, height=64),),
        foregrounds=foregrounds,
        paste_share=1.0,
        batch=4,
        questions=2,
        text=text,
        seed=0,
        size_seed=0,
    )
    next(made)
    assert len(lent) - len(list(foregrounds)) == used


@pytest.mark.parametrize("real", [False, True])
def test_only_real_frames_are_turned(make_sample, text, real: bool) -> None:
    """Beyond the edge of a turned frame nothing is known."""
    sample = make_sample(0, real=real)
    sample.position[:] = curve(np.float32(2.0))
    made = batches(
        itertools.repeat(sample),
        (View(width=96, height=64),),
        turn_share=1.0,
        batch=4,
        questions=2,
        text=text,
        seed=0,
        size_seed=0,
    )
    assert bool((next(made).position < 0).any()) == real


def test_labels_are_never_blended(sample) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        part = random_view(sample, View(width=64, height=64), rng)
        assert part.rgb.shape == (64, 64, 3)
        assert set(np.unique(part.mask)) <= set(np.unique(sample.mask))
        assert set(np.unique(part.position)) <= set(np.unique(sample.position))


@pytest.mark.parametrize("view", [View(width=64, height=64), View(width=96, height=32), View(width=32, height=96)])
def test_pixels_stay_about_square_in_views_of_any_shape(sample, view: View) -> None:
    rng = np.random.default_rng(1)
    squareness = sample.camera.fx / sample.camera.fy
    for _ in range(30):
        camera = random_view(sample, view, rng).camera
        assert 0.83 < camera.fx / camera.fy / squareness < 1.2


def test_a_mix_has_its_share_and_needs_a_source(make_sample) -> None:
    a, b = itertools.repeat(make_sample()), itertools.repeat(make_sample(real=True))
    drawn = [s.real for s in itertools.islice(mixed_stream(a, b, 0.4, seed=0), 1000)]
    assert np.mean(drawn) == pytest.approx(0.4, abs=0.05)
    assert all(s.real for s in itertools.islice(mixed_stream(None, b, 0.1, seed=0), 5))
    with pytest.raises(DataError, match="shards, or frames"):
        next(mixed_stream(None, None, 0.5, seed=0))


@pytest.fixture
def frames(tmp_path):
    for kind in ("rgb", "depth"):
        (tmp_path / "set" / kind).mkdir(parents=True)
    for i in range(4):
        cv2.imwrite(str(tmp_path / "set" / "rgb" / f"{i}.png"), np.full((32, 48, 3), 10 * i, np.uint8))
        cv2.imwrite(str(tmp_path / "set" / "depth" / f"{i}.png"), np.full((32, 48), 1000 + i, np.uint16))
    return tmp_path


def test_real_frames_come_in_rounds_with_their_annotations(frames) -> None:
    Annotations(("floor", "wall"), {"2": np.ones((32, 48), np.uint8)}).write(frames / "masks", "set")
    stream = real_stream(read_real((str(frames / "set"),), str(frames / "masks")), seed=1)
    samples = list(itertools.islice(stream, 8))
    seen = [int(s.rgb[0, 0, 0]) // 10 for s in samples]
    assert sorted(seen[:4]) == sorted(seen[4:]) == [0, 1, 2, 3]
    masked = [s for s in samples if s.mask is not None]
    assert len(masked) == 2
    assert masked[0].labels == ("floor", "wall")
    again = real_stream(read_real((str(frames / "set"),), None), seed=1)
    assert [int(s.rgb[0, 0, 0]) // 10 for s in itertools.islice(again, 8)] == seen


def test_annotations_of_another_size_are_refused(frames) -> None:
    Annotations(("floor",), {"2": np.ones((16, 48), np.uint8)}).write(frames / "masks", "set")
    with pytest.raises(DataError, match="annotate the folder again"):
        next(real_stream(read_real((str(frames / "set"),), str(frames / "masks")), seed=1))


@pytest.mark.parametrize(("real", "fewest", "most"), [(True, 18, 42), (False, 8, 29)])
def test_whole_frames_are_shown_as_a_robot_sees_them(make_sample, real: bool, fewest: int, most: int) -> None:
    """Many views show all of the frame on a canvas of about its shape, stretched as little as it takes."""
    sample, rng = make_sample(real=real), np.random.default_rng(6)
    height, width = sample.rgb.shape[:2]
    for view in (View(width=96, height=64), View(width=96, height=72)):
        cameras = [random_view(sample, view, rng).camera for _ in range(60)]
        whole = [
            camera
            for camera in cameras
            if camera.fx == pytest.approx(sample.camera.fx * view.width / width)
            and camera.fy == pytest.approx(sample.camera.fy * view.height / height)
        ]
        assert fewest <= len(whole) <= most
    # a canvas of quite another shape shows a part
    wide = View(width=160, height=32)
    assert all(random_view(sample, wide, rng).camera.fy > sample.camera.fy * 32 / height for _ in range(20))


def test_renders_are_cut_to_the_lenses_that_robots_have(make_sample) -> None:
    wide = replace(make_sample(), camera=Camera.from_hfov(95, 96, 72))
    rng = np.random.default_rng(7)
    seen = np.array([random_view(wide, View(width=96, height=72), rng).camera.hfov_deg for _ in range(300)])
    assert 58 < np.median(seen) < 75
    assert (seen > 90).mean() > 0.2  # and as they are, often enough
    narrow = replace(make_sample(), camera=Camera.from_hfov(40, 96, 72))
    kept = [random_view(narrow, View(width=96, height=72), rng).camera.hfov_deg for _ in range(100)]
    assert min(kept) > 30  # nothing is cut from what is narrow already, but for the canvas's shape
