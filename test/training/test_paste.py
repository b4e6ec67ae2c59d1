"""What is pasted stands in front of what it covers, at the depth at which the real lens would see it so large."""

from dataclasses import replace

import numpy as np
import pytest

from vision_banana_ros.codecs.curve import curve, uncurve
from vision_banana_ros.core import UNLABELLED
from vision_banana_ros.training.paste import pasted
from vision_banana_ros.training.samples import UNKNOWN, TrainingSample, metres


def at(sample: TrainingSample, depth_m: float) -> TrainingSample:
    """The sample as a real frame of one flat wall."""
    position = np.full_like(sample.position, np.float16(curve(np.float32(depth_m))))
    return replace(sample, position=position, rgb=np.full_like(sample.rgb, 200), instances=None, real=True)


def changed(before: TrainingSample, after: TrainingSample) -> np.ndarray:
    return before.position != after.position


def test_objects_hide_a_far_wall_and_keep_their_size(make_sample) -> None:
    source = make_sample()
    wall = at(source, 8.0)
    wall = replace(wall, camera=replace(wall.camera, fx=2 * wall.camera.fx))  # a longer lens: twice as far
    for seed in range(5):
        mixed = pasted(wall, source, np.random.default_rng(seed))
        region = changed(wall, mixed)
        assert region.any()
        assert (source.instances[region] > 0).all()
        ratio = uncurve(mixed.position[region].astype(np.float32)) / uncurve(source.position[region].astype(np.float32))
        assert ratio.min() == pytest.approx(ratio.max(), rel=0.02)
        assert 1.2 * 0.99 < ratio.min() <= 2 * 1.01
        assert np.array_equal(mixed.normals[region], source.normals[region])
        assert np.array_equal(mixed.rgb[~near(region)], wall.rgb[~near(region)])
        assert (mixed.mask[region] == UNLABELLED).all()


def test_objects_behind_a_near_wall_are_left_out(make_sample) -> None:
    source = make_sample()
    wall = at(source, 0.3)
    assert pasted(wall, source, np.random.default_rng(0)) is wall


def test_where_nothing_is_known_the_rest_of_the_frame_decides(make_sample) -> None:
    source = make_sample()
    near, far = at(source, 0.3), at(source, 8.0)
    hole = np.s_[10:60, 5:90]
    for frame, fits in ((near, False), (far, True)):
        frame.position[hole] = UNKNOWN
        mixed = pasted(frame, source, np.random.default_rng(1))
        assert bool(changed(frame, mixed).any()) == fits


def test_without_instances_nothing_is_pasted(make_sample) -> None:
    source = make_sample()
    wall = at(source, 8.0)
    assert pasted(wall, replace(source, instances=None), np.random.default_rng(0)) is wall


def test_another_real_frame_lends_what_is_near_in_it(make_sample) -> None:
    lender = make_sample(real=True)
    wall = at(lender, 3.9)
    lent = metres(lender.position)
    shares = []
    for seed in range(6):
        mixed = pasted(wall, lender, np.random.default_rng(seed))
        region = changed(wall, mixed)
        shares.append(region.mean())
        assert (lent[region] < 3.9).all()
        assert metres(mixed.position)[region] == pytest.approx(lent[region], rel=0.01)  # as large as it is
        assert np.array_equal(mixed.normals[region], lender.normals[region])
    assert 0 < min(shares) < max(shares) < 0.7


def near(region: np.ndarray) -> np.ndarray:
    """The region and its neighbours, over which edges are blended."""
    grown = np.pad(region, 1)
    return np.any([grown[i : i + region.shape[0], j : j + region.shape[1]] for i in range(3) for j in range(3)], axis=0)
