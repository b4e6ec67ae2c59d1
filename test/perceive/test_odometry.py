"""Metres from moving: odometry checks the scale of depth, and sets it where nothing else does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from vision_banana_ros.codecs import depth
from vision_banana_ros.core import Canvas, Frame, FrameError, Task
from vision_banana_ros.evaluation.journeys import open_journey
from vision_banana_ros.generators import OracleGenerator
from vision_banana_ros.perceiver import Perceiver, PerceiverSettings, Sight
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks import DecodeSettings
from vision_banana_ros.world.moving import MovingScene

SCENE = MovingScene(count=100, width=192, height=144, rate_hz=15.0)
FRAMES = 48
STEADY = PerceiverSettings(steady=True, decode=DecodeSettings(max_range_m=4.0))


class _Short(OracleGenerator):
    """Paints all depth at `share` of what it is."""

    share = 0.6

    def generate(self, frame: Frame, said: Sequence[Instruction]) -> list[Canvas]:
        painted = super().generate(frame, said)
        return [
            Canvas(depth.encode(depth.decode(canvas.rgb).depth_m * np.float32(self.share)), canvas.instruction)
            for canvas in painted
        ]


def way_m(index: int) -> float:
    journey = open_journey("moving")
    return float(np.linalg.norm(journey.pose(index)[1] - journey.pose(index - 1)[1]))


def walk(settings: PerceiverSettings, factor: float | None = 1.0, frames: int = FRAMES, **more) -> list[Sight]:
    perceiver, sights = Perceiver(_Short(SCENE)), []
    for index in range(frames):
        moved_m = None if factor is None or not index else factor * way_m(index)
        asked = [Instruction(Task.DEPTH)]
        sights.append(perceiver.see(SCENE.frame(index), asked, settings, moved_m=moved_m, **more))
    return sights


@pytest.fixture(scope="module")
def moved() -> list[Sight]:
    return walk(STEADY)


def ratio(sight: Sight, index: int) -> float:
    true_m, seen_m = SCENE.truth(index).depth_m, sight.perception.depth_m
    good = np.isfinite(seen_m)
    return float(np.median(seen_m[good] / true_m[good]))


def test_the_way_makes_metres_right(moved: list[Sight]) -> None:
    assert moved[2].scale is None, "a few steps are too few"
    assert ratio(moved[2], 2) == pytest.approx(0.6, rel=0.05)
    last = moved[-1]
    assert last.scale_source == "odometry"
    assert last.scale == last.odometry_scale
    assert last.scale == pytest.approx(1 / 0.6, rel=0.12)
    assert ratio(last, FRAMES - 1) == pytest.approx(1, rel=0.12)
    assert 0 < last.odometry_spread < 0.3
    assert last.scale_confidence > 0.3


def test_the_range_is_in_true_metres(moved: list[Sight]) -> None:
    true_m, seen_m = SCENE.truth(FRAMES - 1).depth_m, moved[-1].perception.depth_m
    assert np.isinf(seen_m[true_m > 5.0]).mean() > 0.9
    assert np.isfinite(seen_m[true_m < 3.2]).mean() > 0.9


def test_a_known_height_decides_and_odometry_checks_it() -> None:
    height_m = 1.2
    settings = PerceiverSettings(steady=True, camera_height_m=height_m)
    true, wrong = walk(settings), walk(settings, 2.0)
    for sights, expected in ((true, 1.0), (wrong, 2.0)):
        last = sights[-1]
        assert last.scale_source == "camera height"
        assert last.odometry_scale is not None
        assert last.odometry_scale * ratio(last, FRAMES - 1) == pytest.approx(expected, rel=0.15)
    assert true[-1].scale == pytest.approx(wrong[-1].scale)


def test_without_odometry_or_steadiness_nothing_is_scaled() -> None:
    for sights in (walk(STEADY, None, 6), walk(PerceiverSettings(), 1.0, 6)):
        assert sights[-1].scale is None
        assert (sights[-1].scale_source, sights[-1].odometry_scale) == ("", None)
    with pytest.raises(FrameError, match="odometry must give metres at least 0"):
        walk(STEADY, float("nan"), 2)
