"""The live world: endless, repeatable, frame and truth of the same view, never into a thing."""

import numpy as np
import pytest

from vision_banana_ros.core import DataError
from vision_banana_ros.world import live
from vision_banana_ros.world.poses import clearance_m
from vision_banana_ros.world.sample import sample_scene


def world() -> live.LiveWorld:
    return live.LiveWorld(seed=3, width=40, height=30, rate_hz=2.0, samples=1)


def test_a_frame_is_the_same_at_every_reading() -> None:
    first, second = world(), world()
    a, b = first.frame(5), second.frame(5)
    assert np.array_equal(a.rgb, b.rgb)
    assert a.stamp_ns == 2_500_000_000
    assert a.camera == first.truth(5).camera


def test_it_moves_and_changes_places() -> None:
    footage = world()
    assert not np.array_equal(footage.truth(0).instances, footage.truth(6).instances)
    assert len(footage) > 100_000
    assert footage.frame(16).camera is not None  # the next place: 8 s at 2 Hz


@pytest.mark.parametrize("seed", range(5))
def test_it_keeps_away_from_things(seed: int) -> None:
    scene = sample_scene(seed, width=40, height=30)
    start = clearance_m(scene.parts, scene.view.pose.position)
    for seconds in (0.0, 2.0, 7.5):
        pose = live.rolled_on(scene, seconds)
        assert clearance_m(scene.parts, pose.position) >= min(start, live.KEEP_AWAY_M) - 1e-9
        assert np.hypot(*np.subtract(pose.position, scene.view.pose.position)[:2]) <= live.SPEED_M_S * seconds + 1e-9


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="asked is -1"):
        world().frame(-1)
    with pytest.raises(DataError, match="rate_hz"):
        live.LiveWorld(rate_hz=0)
