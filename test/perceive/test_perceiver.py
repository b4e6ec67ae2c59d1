"""What is asked of the generator for which wishes, and what becomes of the answers from frame to frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from vision_banana_ros.codecs import depth, normals, rays
from vision_banana_ros.core import About, Camera, Canvas, Frame, GeneratorError, Target, Task
from vision_banana_ros.generators import OracleGenerator
from vision_banana_ros.perceiver import Perceiver, PerceiverSettings, Sight
from vision_banana_ros.prompts import Instruction, read_request
from vision_banana_ros.tasks import DecodeSettings, Wishes
from vision_banana_ros.world.moving import MovingScene

SCENE = MovingScene(2, 160, 122)
FRAME = SCENE.frame(0)
BLIND = replace(FRAME, camera=None)
CLASSES = (Target("floor", (0, 200, 0)), Target("ball", (200, 0, 0)))
WISHES = Wishes(classes=CLASSES, background=(0, 0, 0))
CLOUD = frozenset({Task.DEPTH, Task.NORMALS, Task.SEMANTIC})
DEPTH = frozenset({Task.DEPTH})


class Asked:
    """The oracle, which keeps what it was asked."""

    def __init__(self, paint: Callable[[Frame, Sequence[Instruction]], list[Canvas]] | None = None) -> None:
        self.calls: list[list[Instruction]] = []
        self._paint = paint or OracleGenerator(SCENE).generate

    def generate(self, frame: Frame, asked: Sequence[Instruction]) -> list[Canvas]:
        self.calls.append(list(asked))
        return self._paint(frame, asked)


def see(
    frame: Frame = FRAME,
    settings: PerceiverSettings | None = None,
    *,
    wishes: Wishes = WISHES,
    tasks: frozenset[Task] = CLOUD,
    wants_camera: bool = True,
    perceiver: Perceiver | None = None,
) -> Sight:
    perceiver = perceiver or Perceiver(OracleGenerator(SCENE))
    return perceiver.see(frame, wishes, settings or PerceiverSettings(), tasks=tasks, wants_camera=wants_camera)


def asked(frame: Frame, tasks: frozenset[Task], settings: PerceiverSettings | None = None, **more) -> list[Instruction]:
    generator = Asked()
    see(frame, settings, tasks=tasks, perceiver=Perceiver(generator), **more)
    return generator.calls[0] if generator.calls else []


def test_only_what_is_wanted_is_asked() -> None:
    assert asked(FRAME, frozenset()) == []
    assert [i.task for i in asked(FRAME, frozenset({Task.NORMALS}))] == [Task.NORMALS]
    assert [i.task for i in asked(FRAME, CLOUD)] == [Task.DEPTH, Task.NORMALS, Task.SEMANTIC]


def test_rays_are_asked_for_when_a_camera_is_needed_and_not_known() -> None:
    assert [i.task for i in asked(BLIND, CLOUD)] == [Task.DEPTH, Task.NORMALS, Task.RAYS, Task.SEMANTIC]
    assert Task.RAYS not in [i.task for i in asked(BLIND, CLOUD, wants_camera=False)]
    assert Task.RAYS not in [i.task for i in asked(BLIND, CLOUD, PerceiverSettings(recovers_camera=False))]
    scaled = PerceiverSettings(camera_height_m=1.0)
    assert [i.task for i in asked(BLIND, DEPTH, scaled, wants_camera=False)] == [Task.DEPTH, Task.RAYS]


def test_instances_and_regions_need_words() -> None:
    both = frozenset({Task.INSTANCE, Task.REFERRING})
    assert asked(FRAME, both) == []
    prompt = read_request("the red ball")
    assert prompt is not None
    wishes = Wishes(instance_classes=("box", "ball"), prompts=(prompt,))
    said = asked(FRAME, both, wishes=wishes)
    assert [(i.task, i.targets[0].text) for i in said] == [
        (Task.INSTANCE, "box"),
        (Task.INSTANCE, "ball"),
        (Task.REFERRING, "the red ball"),
    ]


def test_a_prompt_takes_the_place_of_the_usual_instruction_of_its_task() -> None:
    prompt = Instruction(Task.SEMANTIC, (Target("ceiling", (9, 9, 200)),))
    said = asked(FRAME, CLOUD, wishes=replace(WISHES, prompts=(prompt,)))
    assert [i.task for i in said] == [Task.DEPTH, Task.NORMALS, Task.SEMANTIC]
    assert said[2] == prompt


def test_a_known_field_of_view_is_told_unless_forbidden() -> None:
    assert asked(FRAME, DEPTH)[0].hfov_deg == 70.0
    assert asked(FRAME, DEPTH, PerceiverSettings(hint_hfov=False))[0].hfov_deg is None
    assert asked(BLIND, DEPTH)[0].hfov_deg is None


def test_the_camera_is_the_given_one_else_the_set_one_else_the_recovered_one() -> None:
    for frame, settings, source, tolerance in (
        (FRAME, PerceiverSettings(hfov_deg=120.0), "given", 0.0),
        (BLIND, PerceiverSettings(hfov_deg=70.0), "from hfov_deg", 0.0),
        (BLIND, PerceiverSettings(), "recovered", 0.02),
    ):
        sight = see(frame, settings)
        assert sight.camera_source == source
        assert sight.perception.camera is not None
        assert sight.perception.camera.fx == pytest.approx(SCENE.camera.fx, rel=tolerance or 1e-9)


def test_a_recovered_camera_is_smoothed_over_frames() -> None:
    factors = iter([1.01, 0.99] * 6)

    def breathing(_frame: Frame, said: Sequence[Instruction]) -> list[Canvas]:
        factor = next(factors)
        camera = replace(SCENE.camera, fx=SCENE.camera.fx * factor, fy=SCENE.camera.fy * factor)
        return [Canvas(rays.encode(camera), instruction) for instruction in said]

    perceiver = Perceiver(Asked(breathing))
    seen = [see(BLIND, tasks=frozenset({Task.RAYS}), perceiver=perceiver).perception.camera for _ in range(12)]
    late = [camera.fx for camera in seen[-4:] if camera is not None]
    assert max(late) - min(late) < 0.005 * SCENE.camera.fx


def test_outputs_of_another_width_keep_aspect_and_camera() -> None:
    sight = see(settings=PerceiverSettings(output_width=80))
    assert sight.perception.hw == (61, 80)
    assert sight.frame.rgb.shape == (61, 80, 3)
    assert sight.perception.camera == SCENE.camera.scaled_to(80, 61)


@pytest.mark.parametrize("share", [0.01, 0.3])
def test_depth_beyond_and_before_the_range(share: float) -> None:
    """Also where the nearest depth is below a metre; what lies within the range stays what it was."""
    plain = see().perception.depth_m
    assert plain is not None
    nearest = float(np.quantile(plain[np.isfinite(plain)], share))
    sight = see(settings=PerceiverSettings(decode=DecodeSettings(max_range_m=4.0), min_range_m=nearest))
    depth_m = sight.perception.depth_m
    assert depth_m is not None
    inside = (plain >= nearest) & (plain <= 4.0)
    assert np.array_equal(depth_m[inside], plain[inside])
    assert np.isnan(depth_m[plain < nearest]).all()
    assert np.isposinf(depth_m[plain > 4.0]).all()


@pytest.mark.parametrize("height_m", [10.0, 0.25])
def test_the_range_is_in_scaled_metres_and_its_ends_belong_to_it(height_m: float) -> None:
    """The scene's camera is about a metre high, so one scale is well above 1 and the other well below."""
    seen = see(settings=PerceiverSettings(camera_height_m=height_m))
    unlimited = seen.perception.depth_m
    assert unlimited is not None
    assert seen.scale is not None
    assert abs(np.log(seen.scale)) > np.log(3)
    ordered = np.sort(unlimited[np.isfinite(unlimited)])
    nearest, farthest = (float(ordered[int(share * len(ordered))]) for share in (0.2, 0.8))
    limits = PerceiverSettings(
        decode=DecodeSettings(max_range_m=farthest), min_range_m=nearest, camera_height_m=height_m
    )
    depth_m = see(settings=limits).perception.depth_m
    assert depth_m is not None
    inside = (unlimited >= nearest) & (unlimited <= farthest)
    assert np.array_equal(depth_m[inside], unlimited[inside])
    assert 0.05 < inside.mean() < 0.95
    assert np.isnan(depth_m[unlimited < nearest]).all()
    assert np.isposinf(depth_m[unlimited > farthest]).all()


def _halved(_frame: Frame, said: Sequence[Instruction]) -> list[Canvas]:
    """Everything half as far away as it is."""
    near = SCENE.truth(0).depth_m
    assert near is not None
    return [Canvas(depth.encode(near / 2, instruction.depth_encoding), instruction) for instruction in said]


def test_the_known_height_of_the_camera_mends_the_scale() -> None:
    settings = PerceiverSettings(camera_height_m=1.0)
    plain = see(settings=settings, tasks=DEPTH)
    halved = see(settings=settings, tasks=DEPTH, perceiver=Perceiver(Asked(_halved)))
    assert halved.scale == pytest.approx(2 * (plain.scale or 0.0), rel=0.05)
    assert halved.scale_confidence is not None
    assert halved.scale_confidence > 0.3


def test_another_height_starts_the_scale_anew() -> None:
    perceiver = Perceiver(OracleGenerator(SCENE))
    for _ in range(20):
        low = see(settings=PerceiverSettings(camera_height_m=1.0), tasks=DEPTH, perceiver=perceiver)
    high = see(settings=PerceiverSettings(camera_height_m=1.2), tasks=DEPTH, perceiver=perceiver)
    assert high.scale == pytest.approx(1.2 * (low.scale or 0.0), rel=1e-3)


def test_painted_normals_say_where_the_floor_is() -> None:
    """Depth alone would find it too; when nothing faces up, there is none."""

    def upright(frame: Frame, said: Sequence[Instruction]) -> list[Canvas]:
        canvases = OracleGenerator(SCENE).generate(frame, said)
        facing = normals.encode(np.broadcast_to(np.float32((0, 0, -1)), (*frame.hw, 3)))
        return [Canvas(facing, c.instruction) if c.instruction.task is Task.NORMALS else c for c in canvases]

    both = frozenset({Task.DEPTH, Task.NORMALS})
    sight = see(settings=PerceiverSettings(camera_height_m=1.0), tasks=both, perceiver=Perceiver(Asked(upright)))
    assert sight.scale_confidence == 0.0
    assert sight.scale == 1.0


def test_a_known_height_needs_no_depth() -> None:
    sight = see(settings=PerceiverSettings(camera_height_m=1.0), tasks=frozenset({Task.NORMALS}))
    assert sight.perception.normals is not None
    assert sight.scale is None


def test_nobody_needs_a_camera_unless_told_so() -> None:
    generator = Asked()
    Perceiver(generator).see(BLIND, WISHES, PerceiverSettings(), tasks=DEPTH)
    assert [i.task for i in generator.calls[0]] == [Task.DEPTH]


def test_a_settled_camera_is_held_and_its_rays_are_asked_for_no_longer() -> None:
    generator = Asked()
    perceiver = Perceiver(generator)
    sights = []
    for number in range(14):
        frame = replace(SCENE.frame(number % 2), camera=None)
        sights.append(see(frame, PerceiverSettings(steady=True), tasks=DEPTH, perceiver=perceiver))
    first, last = sights[0], sights[-1]
    assert (first.camera_source, last.camera_source) == ("recovered", "held")
    assert [Task.RAYS in [i.task for i in call] for call in generator.calls].count(False) > 1
    assert Task.RAYS not in [i.task for i in generator.calls[-1]]
    assert last.perception.camera_recovered
    assert last.perception.camera is not None
    assert last.perception.camera.fx == pytest.approx(SCENE.camera.fx, rel=0.02)
    assert last.steady_s > 0
    small = see(frame, PerceiverSettings(steady=True, output_width=80), tasks=DEPTH, perceiver=perceiver)
    assert small.perception.camera == last.perception.camera.scaled_to(80, 61)
    given = see(SCENE.frame(1), PerceiverSettings(steady=True), tasks=DEPTH, perceiver=perceiver)
    assert given.camera_source == "given"
    assert given.perception.camera == SCENE.camera
    plain = see(frame, PerceiverSettings(), tasks=DEPTH, perceiver=perceiver)
    assert (plain.camera_source, plain.steady_s, plain.tracks) == ("recovered", 0.0, ())


class Half:
    """Paints depth alone."""

    tasks = frozenset({Task.DEPTH})

    def generate(self, frame: Frame, said: Sequence[Instruction]) -> list[Canvas]:
        assert all(instruction.task is Task.DEPTH for instruction in said)
        return OracleGenerator(SCENE).generate(frame, said)


def test_what_a_generator_does_not_paint_is_left_out_and_said() -> None:
    sight = see(perceiver=Perceiver(Half()))
    assert sight.perception.depth_m is not None
    assert sight.perception.normals is None
    assert [(u.instruction.task, "does not paint" in u.why) for u in sight.perception.unanswered] == [
        (Task.NORMALS, True),
        (Task.SEMANTIC, True),
    ]


def test_one_failing_instruction_never_takes_the_others_with_it() -> None:
    oracle = OracleGenerator(SCENE)

    def picky(frame: Frame, said: Sequence[Instruction]) -> list[Canvas]:
        for instruction in said:
            if any(target.text == "zorble" for target in instruction.targets):
                raise GeneratorError("nobody knows 'zorble'")
        return oracle.generate(frame, said)

    generator = Asked(picky)
    perceiver = Perceiver(generator)
    wishes = replace(WISHES, classes=(*CLASSES, Target("zorble", (0, 0, 200))))
    first = see(wishes=wishes, perceiver=perceiver).perception
    assert first.depth_m is not None
    assert first.normals is not None
    assert first.mask is None
    assert [u.why for u in first.unanswered] == ["nobody knows 'zorble'"]
    calls = len(generator.calls)
    second = see(wishes=wishes, perceiver=perceiver).perception
    assert second.depth_m is not None
    assert [u.why for u in second.unanswered] == ["nobody knows 'zorble'"]
    assert len(generator.calls) == calls + 1, "what failed is not asked again with every frame"
    assert see(perceiver=perceiver).perception.mask is not None, "other words are asked at once"


def test_what_fails_whatever_is_asked_is_an_error() -> None:
    def broken(_frame: Frame, _said: Sequence[Instruction]) -> list[Canvas]:
        raise GeneratorError("the GPU is gone")

    with pytest.raises(GeneratorError, match="GPU is gone"):
        see(perceiver=Perceiver(Asked(broken)))


def test_a_sight_says_of_which_frame_and_of_whose_camera_it_is() -> None:
    frame = replace(BLIND, stamp_ns=123, frame_id="left_eye")
    perception = see(frame).perception
    assert (perception.stamp_ns, perception.frame_id) == (123, "left_eye")
    assert perception.camera_recovered
    assert not see().perception.camera_recovered
    assert [answer.instruction.task for answer in perception.answers] == [
        Task.DEPTH, Task.NORMALS, Task.RAYS, Task.SEMANTIC,
    ]  # fmt: skip


def test_the_time_of_generating_is_told_apart() -> None:
    assert see().generate_s > 0


def test_a_smaller_copy_of_known_footage_is_still_seen() -> None:
    small = Frame(cv2.resize(FRAME.rgb, (80, 60), interpolation=cv2.INTER_AREA), camera=Camera.from_hfov(70.0, 80, 60))
    assert see(small).perception.hw == (60, 80)


def test_depth_that_is_no_metres_is_never_published_as_metres() -> None:
    class Relative(OracleGenerator):
        about = About(name="near and far", licence="MIT", metric=False)  # type: ignore[assignment]

    relative = Perceiver(Relative(SCENE))
    seen = see(perceiver=relative).perception
    assert seen.depth_m is None
    assert seen.normals is not None
    assert "no metres" in seen.unanswered[0].why
    believing = PerceiverSettings(decode=DecodeSettings(believes_unmetric=True))
    assert see(settings=believing, perceiver=relative).perception.depth_m is not None
