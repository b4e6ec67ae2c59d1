"""Where the perceiver's numbers and waits begin and end: whole degrees, sizes, points, what rests, what failed."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from vision_banana_ros import perceiver as module
from vision_banana_ros.codecs import depth, normals
from vision_banana_ros.core import Camera, Canvas, Frame, GeneratorError, Task
from vision_banana_ros.perceiver import Perceiver, PerceiverSettings, Sight
from vision_banana_ros.prompts import Instruction

CAMERA = Camera(150.0, 152.0, 78.0, 63.0, 160, 122)
RGB = np.random.default_rng(4).integers(0, 256, (122, 160, 3), dtype=np.uint8)
FRAME = Frame(RGB, camera=CAMERA)
BOTH = (Instruction(Task.DEPTH), Instruction(Task.NORMALS))


class Wall:
    """Two metres everywhere, head-on. What is in `refused` fails."""

    def __init__(self) -> None:
        self.calls: list[list[Task]] = []
        self.hfov_deg: list[float | None] = []
        self.refused: set[Task] = set()

    def generate(self, frame: Frame, said: Sequence[Instruction]) -> list[Canvas]:
        self.calls.append([instruction.task for instruction in said])
        self.hfov_deg.append(said[0].hfov_deg)
        for instruction in said:
            if instruction.task in self.refused:
                raise GeneratorError(f"no {instruction.task} today")
        painted = {
            Task.DEPTH: depth.encode(np.full(frame.hw, 2.0, np.float32)),
            Task.NORMALS: normals.encode(np.broadcast_to(np.float32((0, 0, -1)), (*frame.hw, 3))),
        }
        return [Canvas(painted[instruction.task], instruction) for instruction in said]


def see(frame: Frame = FRAME, wall: Wall | None = None, said: Sequence[Instruction] = BOTH, **settings: float) -> Sight:
    return Perceiver(wall or Wall()).see(frame, said, PerceiverSettings(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(("hfov_deg", "told"), [(63.4, 63.0), (63.6, 64.0), (0.4, 1.0), (179.7, 179.0)])
def test_the_field_of_view_is_told_in_whole_degrees(hfov_deg: float, told: float) -> None:
    f = 80 / math.tan(math.radians(hfov_deg / 2))
    frame = replace(FRAME, camera=Camera(f, f, 79.5, 60.5, 160, 122))
    assert module._told(frame, PerceiverSettings()) == told


def test_smaller_outputs_are_means_of_squares_and_their_height_is_rounded() -> None:
    half = see(output_width=80).frame
    assert half.rgb == pytest.approx(RGB.reshape(61, 2, 80, 2, 3).mean((1, 3)), abs=1)
    assert half.camera == CAMERA.scaled_to(80, 61)
    odd = see(output_width=90)
    assert odd.perception.hw == (69, 90)  # 68.6 rows
    assert odd.perception.depth_m is not None
    assert odd.perception.depth_m.shape == (69, 90)


def measured() -> np.ndarray:
    """Points of a wall three metres ahead."""
    v, u = np.mgrid[5:117:7, 5:155:7].reshape(2, -1)
    points = 3 * np.stack([(u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy, np.ones(len(u))], axis=1)
    return points.astype(np.float32)


def test_points_decide_where_odometry_is_heard_too() -> None:
    steady = PerceiverSettings(steady=True)
    sight = Perceiver(Wall()).see(FRAME, BOTH, steady, points=measured(), moved_m=0.1)
    assert sight.scale_source == "points"
    assert sight.perception.depth_m == pytest.approx(3.0, rel=0.02)


def test_measured_points_set_the_scale_and_keep_it() -> None:
    """The wall is painted at two metres and measured at three; a known height says less than what was measured."""
    perceiver = Perceiver(Wall())
    high = PerceiverSettings(camera_height_m=1.0)
    first = perceiver.see(FRAME, BOTH, high, points=measured())
    later = perceiver.see(FRAME, BOTH, PerceiverSettings())
    for sight in (first, later):
        assert sight.scale_source == "points"
        assert sight.scale == pytest.approx(1.5, rel=0.01)
        assert sight.perception.depth_m is not None
        assert sight.perception.depth_m == pytest.approx(3.0, rel=0.02)
    assert (first.scale_confidence or 0) > 0.5
    assert later.scale_confidence == 0.0
    assert see(camera_height_m=1.0).scale_source == "camera height"
    plain = see()
    assert (plain.scale, plain.scale_confidence, plain.scale_source) == (None, None, "")
    assert plain.perception.depth_m == pytest.approx(2.0, rel=0.01)


def test_what_a_generator_lets_rest_is_not_asked_and_told() -> None:
    class Resting(Wall):
        def resting(self, _frame: Frame, said: Sequence[Instruction]) -> frozenset[Task]:
            return frozenset({Task.NORMALS}) if len(said) > 1 else frozenset()

    wall = Resting()
    sight = see(wall=wall)
    assert wall.calls == [[Task.DEPTH]]
    assert sight.resting == {Task.NORMALS}
    assert sight.perception.normals is None
    assert sight.perception.unanswered == ()
    assert see(wall=wall, said=BOTH[1:]).resting == frozenset()


def test_what_failed_is_tried_again_after_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], perf_counter=time.perf_counter)
    monkeypatch.setattr(module, "time", clock)
    wall = Wall()
    wall.refused = {Task.NORMALS}
    perceiver = Perceiver(wall)
    first = perceiver.see(FRAME, BOTH, PerceiverSettings())
    assert [(u.instruction.task, u.why) for u in first.perception.unanswered] == [(Task.NORMALS, "no normals today")]
    assert first.perception.depth_m is not None
    wall.refused, wall.calls = set(), []
    now[0] = 110.0  # ten seconds, and not more
    waiting = perceiver.see(FRAME, BOTH, PerceiverSettings())
    assert [u.why for u in waiting.perception.unanswered] == ["no normals today"]
    assert wall.calls == [[Task.DEPTH]]
    now[0] = 110.5
    again = perceiver.see(FRAME, BOTH, PerceiverSettings())
    assert wall.calls[1:] == [[Task.DEPTH, Task.NORMALS]]
    assert again.perception.unanswered == ()
    assert again.perception.normals is not None
    assert [answer.instruction.task for answer in again.perception.answers] == [Task.DEPTH, Task.NORMALS]
