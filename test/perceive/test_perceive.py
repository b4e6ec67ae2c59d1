"""The whole way is exact: what the oracle paints comes back as the truth, within the 8 bits of a canvas."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from vision_banana_ros.codecs import depth
from vision_banana_ros.codecs.depth import LEVELS, curve, uncurve
from vision_banana_ros.core import (
    DEPTH_ENCODINGS,
    UNLABELLED,
    Camera,
    Canvas,
    Frame,
    FrameError,
    GeneratorError,
    Perception,
    Target,
    Task,
)
from vision_banana_ros.generators import OracleGenerator
from vision_banana_ros.perceive import PerceiveSettings, perceive
from vision_banana_ros.prompts import Instruction, parse_classes
from vision_banana_ros.world.moving import BALL, LABELS, MovingScene

SCENE = MovingScene(count=4, width=640, height=480)
TRUTH = SCENE.truth(1)
FRAME = Frame(SCENE.frame(1).rgb, stamp_ns=123, frame_id="camera_optical_frame")
CLASSES = Instruction(Task.SEMANTIC, parse_classes(", ".join(LABELS)))
DEPTH, NORMALS, RAYS = Instruction(Task.DEPTH), Instruction(Task.NORMALS), Instruction(Task.RAYS)
RED_BALL = Instruction(Task.REFERRING, (Target("the red ball", (255, 255, 255)),), (0, 0, 0))
BALLS = Instruction(Task.INSTANCE, (Target("balls"),), (0, 0, 0))
AS_PAINTED = PerceiveSettings(filter_flying_pixels=False)


@pytest.fixture(scope="module")
def full() -> Perception:
    return perceive(FRAME, OracleGenerator(SCENE), [DEPTH, NORMALS, CLASSES, RAYS, RED_BALL, BALLS], AS_PAINTED)


@pytest.fixture(scope="module")
def small() -> Perception:
    return perceive(FRAME, OracleGenerator(SCENE, size=(256, 192)), [DEPTH, NORMALS, CLASSES, RAYS, RED_BALL, BALLS])


def test_the_header_goes_with_the_values(full: Perception) -> None:
    assert (full.stamp_ns, full.frame_id, full.hw) == (123, "camera_optical_frame", (480, 640))
    assert [canvas.instruction.task for canvas in full.canvases] == [
        Task.DEPTH, Task.NORMALS, Task.SEMANTIC, Task.RAYS, Task.REFERRING, Task.INSTANCE
    ]  # fmt: skip


def test_depth_is_the_truth_within_half_a_level(full: Perception) -> None:
    assert TRUTH.depth_m is not None
    assert full.depth_m is not None
    assert np.array_equal(np.isinf(full.depth_m), np.isinf(TRUTH.depth_m))
    finite = np.isfinite(TRUTH.depth_m)
    position = curve(TRUTH.depth_m[finite].astype(np.float64))
    low, high = uncurve(position - 0.51 / LEVELS), uncurve(position + 0.51 / LEVELS)
    assert ((full.depth_m[finite] >= low) & (full.depth_m[finite] <= high)).all()
    assert full.depth_confidence is not None
    assert (full.depth_confidence == 255).all()


def test_normals_are_the_truth_within_a_level(full: Perception) -> None:
    assert TRUTH.normals is not None
    assert full.normals is not None
    assert np.array_equal(np.isnan(full.normals), np.isnan(TRUTH.normals))
    cosine = np.nansum(full.normals * TRUTH.normals, axis=-1)[TRUTH.mask != LABELS.index("sky")]
    assert np.degrees(np.arccos(cosine.clip(-1, 1))).max() < 0.5


def test_labels_are_exact(full: Perception) -> None:
    assert TRUTH.mask is not None
    assert full.labels == ("background", *LABELS)
    assert np.array_equal(full.mask, TRUTH.mask + 1)  # no background here: ids start at 1
    assert full.referring_labels == ("background", "the red ball")
    assert np.array_equal(full.referring == 1, TRUTH.instances == 8)


def test_every_instance_is_found_once(full: Perception) -> None:
    assert full.instances is not None
    assert TRUTH.instances is not None
    assert set(full.instance_labels) == {"balls"}
    balls = np.unique(TRUTH.instances[TRUTH.mask == BALL])
    areas = [np.count_nonzero(TRUTH.instances == ball) for ball in balls]
    large = balls[np.array(areas) > 200]
    assert full.instances.max() >= len(large) >= 2
    for ball in large:
        region = TRUTH.instances == ball
        found = np.bincount(full.instances[region]).argmax()
        both = np.count_nonzero(region & (full.instances == found))
        assert both / np.count_nonzero(region | (full.instances == found)) > 0.9


@pytest.mark.parametrize("size", [None, (256, 192), (320, 256)])
def test_the_camera_comes_back_from_its_rays_unless_it_is_known(size: tuple[int, int] | None) -> None:
    oracle = OracleGenerator(SCENE, size=size)
    seen = perceive(FRAME, oracle, [RAYS])
    assert seen.camera is not None
    assert seen.camera_recovered
    assert seen.camera.fx == pytest.approx(SCENE.camera.fx, rel=0.005)
    assert seen.camera.fy == pytest.approx(SCENE.camera.fy, rel=0.005)
    assert seen.camera.cx == pytest.approx(SCENE.camera.cx, abs=1)
    assert seen.camera.cy == pytest.approx(SCENE.camera.cy, abs=1)
    given = Camera.from_hfov(50, 640, 480)
    seen = perceive(Frame(FRAME.rgb, camera=given), oracle, [RAYS])
    assert seen.camera is given
    assert not seen.camera_recovered


def test_from_a_smaller_canvas_labels_are_never_blended(small: Perception) -> None:
    assert small.mask is not None
    assert TRUTH.mask is not None
    assert set(np.unique(small.mask)) <= set(np.unique(TRUTH.mask) + 1)
    assert (small.mask == TRUTH.mask + 1).mean() > 0.98
    assert small.instances is not None
    assert small.instances.max() <= 3


def test_from_a_smaller_canvas_no_depth_lies_between_a_thing_and_what_is_behind_it(small: Perception) -> None:
    """Every depth is within the range of true depths of one surface in its neighbourhood of 2.5 canvas pixels."""
    assert small.depth_m is not None
    assert TRUTH.depth_m is not None
    assert TRUTH.instances is not None
    surfaces = TRUTH.instances.astype(np.int32) * 16 + TRUTH.mask
    explained = ~np.isfinite(small.depth_m)
    reach = 6
    for surface in np.unique(surfaces):
        inside = surfaces == surface
        low = np.where(inside & np.isfinite(TRUTH.depth_m), TRUTH.depth_m, np.inf)
        high = np.where(inside & np.isfinite(TRUTH.depth_m), TRUTH.depth_m, -np.inf)
        for axis in (0, 1):
            shifts = range(-reach, reach + 1)
            low = np.min([np.roll(low, shift, axis) for shift in shifts], axis=0)
            high = np.max([np.roll(high, shift, axis) for shift in shifts], axis=0)
        explained |= (small.depth_m >= low * 0.99) & (small.depth_m <= high * 1.01)
    assert explained.mean() > 0.9995
    assert np.isnan(small.depth_m).mean() < 0.02


def test_only_what_is_asked_is_decoded() -> None:
    seen = perceive(FRAME, OracleGenerator(SCENE), [NORMALS])
    assert seen.normals is not None
    assert (seen.depth_m, seen.mask, seen.instances, seen.referring, seen.camera) == (None,) * 5
    seen = perceive(FRAME, OracleGenerator(SCENE), [Instruction(Task.IMAGE, text="a cat")])
    assert np.array_equal(seen.canvases[0].rgb, FRAME.rgb)
    assert seen.normals is None


@pytest.mark.parametrize("encoding", DEPTH_ENCODINGS)
def test_depth_is_decoded_by_the_code_that_was_asked_for(encoding: str) -> None:
    seen = perceive(FRAME, OracleGenerator(SCENE), [Instruction(Task.DEPTH, depth_encoding=encoding)], AS_PAINTED)
    finite = np.isfinite(TRUTH.depth_m)
    assert seen.depth_m is not None
    np.testing.assert_allclose(seen.depth_m[finite], TRUTH.depth_m[finite], rtol=0.08)  # type: ignore[index]


class Painter:
    """A generator that paints given canvases, whatever is asked."""

    def __init__(self, *canvases: Canvas) -> None:
        self.canvases = canvases
        self.calls = 0

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:  # noqa: ARG002
        self.calls += 1
        return list(self.canvases)


def flat(color: tuple[int, int, int], hw: tuple[int, int] = (12, 16)) -> np.ndarray:
    return np.full((*hw, 3), color, np.uint8)


def test_nothing_asked_is_nothing_generated() -> None:
    painter = Painter()
    assert perceive(FRAME, painter, []).canvases == ()
    assert painter.calls == 0


def test_depth_beyond_the_range_is_infinite() -> None:
    seen = perceive(FRAME, OracleGenerator(SCENE), [DEPTH], PerceiveSettings(max_range_m=4, filter_flying_pixels=False))
    assert seen.depth_m is not None
    assert TRUTH.depth_m is not None
    assert seen.depth_m[np.isfinite(seen.depth_m)].max() <= 4
    assert np.isinf(seen.depth_m[TRUTH.depth_m > 4.02]).all()


def test_on_a_small_canvas_blends_fly_and_a_floor_painted_at_half_size_stays() -> None:
    rows = np.arange(32, 64, dtype=np.float32)[:, None] - 28
    rough = np.random.default_rng(5).normal(1, 0.03, (32, 96)).astype(np.float32)
    half = np.full((64, 96), 6, np.float32)
    half[32:] = 24 / rows * rough  # a floor under a wall, in a network's hand
    floor = np.asarray(cv2.resize(half, (192, 128)), np.float32)  # 6 % would fly if blur reached 6 of these pixels
    blended = np.full((128, 192), 4, np.float32)
    blended[:, :96], blended[:, 96] = 1, 2
    small = Frame(np.zeros((128, 192, 3), np.uint8))

    def seen(depth_m: np.ndarray) -> np.ndarray:
        painted = Canvas(depth.encode(depth_m, "cube"), DEPTH)
        found = perceive(small, Painter(painted), [DEPTH]).depth_m
        assert found is not None
        return found

    assert np.isnan(seen(floor)).mean() < 0.005
    assert np.isnan(seen(blended)[:, 96]).all()
    assert not np.isnan(np.delete(seen(blended), 96, axis=1)).any()


def test_colours_that_are_no_code_have_no_confidence_and_no_value() -> None:
    grey = flat((128, 128, 128))
    two = Instruction(Task.SEMANTIC, (Target("a", (255, 0, 0)), Target("b", (0, 0, 255))))
    seen = perceive(
        FRAME, Painter(Canvas(grey, DEPTH), Canvas(grey, NORMALS), Canvas(grey, two)), [DEPTH, NORMALS, two]
    )
    assert np.isnan(seen.depth_m).all()  # type: ignore[arg-type]
    assert np.isnan(seen.normals).all()  # type: ignore[arg-type]
    assert (seen.mask == UNLABELLED).all()
    assert seen.depth_confidence is not None
    assert seen.mask_confidence is not None
    assert not seen.depth_confidence.any()
    assert not seen.mask_confidence.any()


def test_thresholds_and_confidence_can_be_turned_off() -> None:
    grey = flat((128, 128, 128))
    trusting = PerceiveSettings(min_depth_confidence=0, with_confidence=False, filter_flying_pixels=False)
    seen = perceive(FRAME, Painter(Canvas(grey, DEPTH)), [DEPTH], trusting)
    assert np.isfinite(seen.depth_m).all()  # type: ignore[arg-type]
    assert seen.depth_confidence is None


def test_rays_that_fit_no_camera_cost_the_camera_and_nothing_else() -> None:
    seen = perceive(FRAME, Painter(Canvas(flat((9, 200, 30)), RAYS), Canvas(flat((0, 0, 0)), DEPTH)), [RAYS, DEPTH])
    assert seen.camera is None
    assert not seen.camera_recovered
    assert seen.depth_m is not None


def test_instances_of_several_classes_are_numbered_on() -> None:
    boxes = Instruction(Task.INSTANCE, (Target("box"),), (0, 0, 0))
    asked: list[int] = []

    class Once(OracleGenerator):
        def generate(self, frame, instructions):  # type: ignore[no-untyped-def]
            asked.append(len(instructions))
            return super().generate(frame, instructions)

    both = perceive(FRAME, Once(SCENE), [BALLS, boxes])
    assert asked == [2], "one batched call"
    alone = [perceive(FRAME, OracleGenerator(SCENE), [i]) for i in (BALLS, boxes)]
    counts = [len(seen.instance_labels) for seen in alone]
    assert min(counts) >= 1
    assert both.instance_labels == ("balls",) * counts[0] + ("box",) * counts[1]
    assert both.instances is not None
    balls, cartons = alone[0].instances, alone[1].instances
    assert balls is not None
    assert cartons is not None
    assert np.array_equal(both.instances, np.where(balls > 0, balls, np.where(cartons > 0, cartons + counts[0], 0)))
    assert [a.layers["instance_labels"] for a in both.answers] == [seen.instance_labels for seen in alone]


def test_of_two_depths_the_first_is_the_layer_and_both_are_answers() -> None:
    viridis = Instruction(Task.DEPTH, depth_encoding="viridis")
    seen = perceive(FRAME, OracleGenerator(SCENE), [DEPTH, NORMALS, viridis], AS_PAINTED)
    assert seen.depth_m is seen.answers[0].layers["depth_m"]
    other = seen.answers[2].layers["depth_m"]
    finite = np.isfinite(seen.depth_m) & np.isfinite(other)
    assert not np.array_equal(seen.depth_m, other)
    assert np.median(np.abs(seen.depth_m[finite] - other[finite])) < 0.2


def test_regions_of_several_prompts_are_numbered_on() -> None:
    floor = Instruction(Task.REFERRING, (Target("the floor", (255, 255, 255)),), (0, 0, 0))
    seen = perceive(FRAME, OracleGenerator(SCENE), [RED_BALL, floor], AS_PAINTED)
    assert seen.referring_labels == ("background", "the red ball", "the floor")
    assert TRUTH.mask is not None
    assert np.array_equal(seen.referring == 1, TRUTH.instances == 8)
    assert np.array_equal(seen.referring == 2, TRUTH.mask == LABELS.index("floor"))


@pytest.mark.parametrize(
    ("painter", "complaint"),
    [
        (Painter(), r"Painter must paint \['DEPTH', 'NORMALS'\] in that order, it painted \[\]"),
        (Painter(Canvas(flat((0, 0, 0)), NORMALS), Canvas(flat((0, 0, 0)), DEPTH)), "in that order"),
        (Painter(*[Canvas(flat((0, 0, 0)), i) for i in (DEPTH, NORMALS, RAYS)]), "in that order"),
        (Painter(Canvas(flat((0, 0, 0)), DEPTH), Canvas(flat((0, 0, 0), (9, 9)), NORMALS)), "canvases of one size"),
    ],
)
def test_generators_that_break_their_promise_are_named(painter: Painter, complaint: str) -> None:
    with pytest.raises(GeneratorError, match=complaint):
        perceive(FRAME, painter, [DEPTH, NORMALS])


@pytest.mark.parametrize(
    "wrong", [{"max_range_m": 0}, {"max_range_m": -1.0}, {"min_depth_confidence": 256}, {"min_mask_confidence": 0.5}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(FrameError, match=next(iter(wrong))):
        PerceiveSettings(**wrong)  # type: ignore[arg-type]
