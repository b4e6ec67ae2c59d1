"""What is asked of the generator for which subscribers, and what becomes of the answer; without ROS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from vision_banana_ros.core import Camera, Canvas, Frame, Instruction, Task
from vision_banana_ros.generators import OracleGenerator
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.pipeline import Pipeline, Request, instructions
from vision_banana_ros.ros.wording import read_prompt
from vision_banana_ros.world.moving import MovingScene

SCENE = MovingScene(2, 160, 122)
FRAME = SCENE.frame(0)
BLIND = replace(FRAME, camera=None)
CLOUD = Request(tasks=frozenset({Task.DEPTH, Task.NORMALS, Task.SEMANTIC}), camera=True)


def _asked(frame: Frame, request: Request, settings: Settings | None = None, prompt: str = "") -> list[Task]:
    return [i.task for i in instructions(frame, request, settings or Settings(), read_prompt(prompt))]


def test_only_what_is_wanted_is_asked() -> None:
    assert _asked(FRAME, Request(tasks=frozenset(), camera=False)) == []
    assert _asked(FRAME, Request(tasks=frozenset({Task.NORMALS}), camera=False)) == [Task.NORMALS]
    assert _asked(FRAME, CLOUD) == [Task.DEPTH, Task.NORMALS, Task.SEMANTIC]


def test_rays_are_asked_for_when_a_camera_is_needed_and_not_known() -> None:
    assert _asked(BLIND, CLOUD) == [Task.DEPTH, Task.NORMALS, Task.RAYS, Task.SEMANTIC]
    assert Task.RAYS not in _asked(BLIND, replace(CLOUD, camera=False))
    assert Task.RAYS not in _asked(BLIND, CLOUD, Settings(tasks=("depth",)))
    scaled = Settings(camera_height_m=1.0)
    assert _asked(BLIND, Request(tasks=frozenset({Task.DEPTH}), camera=False), scaled) == [Task.DEPTH, Task.RAYS]


def test_instances_and_regions_need_words() -> None:
    both = Request(tasks=frozenset({Task.INSTANCE, Task.REFERRING}), camera=False)
    assert _asked(FRAME, both) == []
    assert _asked(FRAME, both, Settings(instance_class="box"), "the lamp") == [Task.INSTANCE, Task.REFERRING]


def test_a_known_field_of_view_is_told_unless_forbidden() -> None:
    depth = Request(tasks=frozenset({Task.DEPTH}), camera=False)
    assert instructions(FRAME, depth, Settings(), None)[0].hfov_deg == 70.0
    assert instructions(FRAME, depth, Settings(hint_hfov=False), None)[0].hfov_deg is None
    assert instructions(BLIND, depth, Settings(), None)[0].hfov_deg is None


def test_the_camera_is_the_given_one_else_the_set_one_else_the_recovered_one() -> None:
    truth = SCENE.camera
    for frame, settings, source, tolerance in (
        (FRAME, Settings(hfov_deg=120.0), "given", 0.0),
        (BLIND, Settings(hfov_deg=70.0), "from hfov_deg", 0.0),
        (BLIND, Settings(), "recovered", 0.02),
    ):
        sight = Pipeline(OracleGenerator(SCENE)).see(frame, CLOUD, settings, None)
        assert sight.camera_source == source
        assert sight.perception.camera is not None
        assert sight.perception.camera.fx == pytest.approx(truth.fx, rel=tolerance or 1e-9)


def test_a_recovered_camera_is_smoothed_over_frames() -> None:
    class Jitter:
        """The oracle, with rays of a camera that breathes by a per cent."""

        def __init__(self) -> None:
            self.factor = 1.0

        def generate(self, _frame: Frame, asked: Sequence[Instruction]) -> list[Canvas]:
            from vision_banana_ros.codecs import rays

            self.factor = 2.0 - self.factor if self.factor != 1.0 else 1.01
            camera = replace(SCENE.camera, fx=SCENE.camera.fx * self.factor, fy=SCENE.camera.fy * self.factor)
            return [Canvas(rays.encode(camera), instruction) for instruction in asked]

    pipeline = Pipeline(Jitter())
    request = Request(tasks=frozenset({Task.RAYS}), camera=True)
    seen = [pipeline.see(BLIND, request, Settings(), None).perception.camera for _ in range(12)]
    late = [camera.fx for camera in seen[-4:] if camera is not None]
    assert max(late) - min(late) < 0.005 * SCENE.camera.fx


def test_outputs_of_another_width_keep_aspect_and_camera() -> None:
    sight = Pipeline(OracleGenerator(SCENE)).see(FRAME, CLOUD, Settings(output_width=80), None)
    assert sight.perception.hw == (61, 80)
    assert sight.frame.rgb.shape == (61, 80, 3)
    assert sight.perception.camera == SCENE.camera.scaled_to(80, 61)


def test_depth_beyond_and_before_the_range() -> None:
    sight = Pipeline(OracleGenerator(SCENE)).see(FRAME, CLOUD, Settings(max_range_m=4.0, min_range_m=2.5), None)
    depth = sight.perception.depth_m
    assert depth is not None
    finite = depth[np.isfinite(depth)]
    assert finite.min() >= 2.5
    assert finite.max() <= 4.0
    assert np.isposinf(depth).any()


def test_the_range_is_in_scaled_metres() -> None:
    settings = Settings(camera_height_m=10.0, max_range_m=30.0, min_range_m=5.0)
    sight = Pipeline(OracleGenerator(SCENE)).see(FRAME, CLOUD, settings, None)
    depth = sight.perception.depth_m
    assert depth is not None
    assert sight.scale is not None
    assert sight.scale > 3, "the scene's camera is about a metre high"
    finite = depth[np.isfinite(depth)]
    assert finite.min() >= 5.0
    assert 10.0 < finite.max() <= 30.0


def test_the_known_height_of_the_camera_mends_the_scale() -> None:
    class Halved:
        """The oracle, but everything half as far away."""

        def generate(self, _frame: Frame, asked: Sequence[Instruction]) -> list[Canvas]:
            from vision_banana_ros.codecs import depth

            near = SCENE.truth(0).depth_m
            assert near is not None
            return [Canvas(depth.encode(near / 2, instruction.depth_encoding), instruction) for instruction in asked]

    request = Request(tasks=frozenset({Task.DEPTH}), camera=False)
    plain = Pipeline(OracleGenerator(SCENE)).see(FRAME, request, Settings(camera_height_m=1.0), None)
    halved = Pipeline(Halved()).see(FRAME, request, Settings(camera_height_m=1.0), None)
    assert halved.scale == pytest.approx(2 * (plain.scale or 0.0), rel=0.05)
    assert halved.scale_confidence is not None
    assert halved.scale_confidence > 0.3


def test_the_time_of_generating_is_told_apart() -> None:
    sight = Pipeline(OracleGenerator(SCENE)).see(FRAME, CLOUD, Settings(), None)
    assert sight.generate_s > 0


def test_a_smaller_copy_of_known_footage_is_still_seen() -> None:
    small = Frame(cv2.resize(FRAME.rgb, (80, 60), interpolation=cv2.INTER_AREA), camera=Camera.from_hfov(70.0, 80, 60))
    assert Pipeline(OracleGenerator(SCENE)).see(small, CLOUD, Settings(), None).perception.hw == (60, 80)
