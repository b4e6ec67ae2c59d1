"""The oracle paints the truth of the frame it recognises, in the colours that the instruction asks for."""

import cv2
import numpy as np
import pytest

from vision_banana_ros.codecs import depth, rays
from vision_banana_ros.core import DEPTH_ENCODINGS, Frame, GeneratorError, Rgb, Target, Task, Truth
from vision_banana_ros.generators import OracleGenerator
from vision_banana_ros.generators.recognition import FrameFinder
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.world.moving import BALL, BOX, FLOOR, MovingScene

SCENE = MovingScene(count=6, width=150, height=90)
RED, BLUE, GREY = (255, 0, 0), (0, 0, 255), (90, 90, 90)


@pytest.fixture
def oracle() -> OracleGenerator:
    return OracleGenerator(SCENE)


def painted(oracle: OracleGenerator, instruction: Instruction, index: int = 2) -> np.ndarray:
    (canvas,) = oracle.generate(Frame(SCENE.frame(index).rgb), [instruction])
    assert canvas.instruction == instruction
    return canvas.rgb


def where(rgb: np.ndarray, color: Rgb) -> np.ndarray:
    return (rgb == color).all(axis=-1)


def test_it_is_a_generator_and_answers_in_order(oracle: OracleGenerator) -> None:
    assert isinstance(oracle, Generator)
    asked = [Instruction(Task.NORMALS), Instruction(Task.DEPTH), Instruction(Task.RAYS)]
    canvases = oracle.generate(SCENE.frame(0), asked)
    assert [canvas.instruction for canvas in canvases] == asked
    assert {canvas.rgb.shape for canvas in canvases} == {(90, 150, 3)}
    assert oracle.generate(SCENE.frame(0), []) == []


@pytest.mark.parametrize("encoding", DEPTH_ENCODINGS)
def test_depth_is_painted_in_every_encoding(oracle: OracleGenerator, encoding: str) -> None:
    rgb = painted(oracle, Instruction(Task.DEPTH, depth_encoding=encoding))
    truth = SCENE.truth(2).depth_m
    assert truth is not None
    found = depth.decode(rgb, encoding).depth_m
    assert np.array_equal(np.isinf(found), np.isinf(truth))
    finite = np.isfinite(truth)
    np.testing.assert_allclose(found[finite], truth[finite], rtol=0.08 if encoding != "cube" else 0.002)


@pytest.mark.parametrize("text", ["ball", "balls", "Ball", "the BALLS", " every ball "])
def test_classes_are_known_in_any_number_and_case(oracle: OracleGenerator, text: str) -> None:
    rgb = painted(oracle, Instruction(Task.SEMANTIC, (Target("floor", BLUE), Target(text, RED)), GREY))
    mask = SCENE.truth(2).mask
    assert np.array_equal(where(rgb, RED), mask == BALL)
    assert np.array_equal(where(rgb, BLUE), mask == FLOOR)
    assert np.array_equal(where(rgb, GREY), ~np.isin(mask, (BALL, FLOOR)))


@pytest.mark.parametrize("text", ["cardboard box", "boxes"])
def test_classes_are_known_by_synonyms(oracle: OracleGenerator, text: str) -> None:
    rgb = painted(oracle, Instruction(Task.SEMANTIC, (Target(text, RED),), GREY))
    assert np.array_equal(where(rgb, RED), SCENE.truth(2).mask == BOX)


def test_what_is_not_there_is_painted_nowhere(oracle: OracleGenerator) -> None:
    rgb = painted(oracle, Instruction(Task.SEMANTIC, (Target("submarine", RED),), GREY))
    assert where(rgb, GREY).all()
    rgb = painted(oracle, Instruction(Task.REFERRING, (Target("the yellow submarine", RED),), GREY))
    assert where(rgb, GREY).all()
    rgb = painted(oracle, Instruction(Task.INSTANCE, (Target("submarine"),), GREY))
    assert where(rgb, GREY).all()


def test_each_instance_has_a_colour_of_its_own(oracle: OracleGenerator) -> None:
    rgb = painted(oracle, Instruction(Task.INSTANCE, (Target("boxes"),), GREY))
    truth = SCENE.truth(2)
    assert truth.instances is not None
    found = set()
    for instance_id in np.unique(truth.instances[truth.mask == BOX]):
        colors = np.unique(rgb[truth.instances == instance_id], axis=0)
        assert len(colors) == 1
        found.add(tuple(colors[0].tolist()))
    assert len(found) == len(np.unique(truth.instances[truth.mask == BOX])) >= 2
    assert GREY not in found
    assert np.array_equal(~where(rgb, GREY), truth.mask == BOX)


def test_a_referring_expression_paints_its_instance_alone(oracle: OracleGenerator) -> None:
    said = SCENE.truth(2).referring[0]
    rgb = painted(oracle, Instruction(Task.REFERRING, (Target(said.text.upper(), RED), Target("floor", BLUE)), GREY))
    assert np.array_equal(where(rgb, RED), np.isin(SCENE.truth(2).instances, said.instance_ids))
    assert np.array_equal(where(rgb, BLUE), SCENE.truth(2).mask == FLOOR)


def test_rays_are_those_of_the_true_camera(oracle: OracleGenerator) -> None:
    rgb = painted(oracle, Instruction(Task.RAYS))
    assert np.array_equal(rgb, rays.encode(SCENE.camera))


def test_a_picture_is_the_frame_itself(oracle: OracleGenerator) -> None:
    assert np.array_equal(painted(oracle, Instruction(Task.IMAGE, text="a cat")), SCENE.frame(2).rgb)


def test_smaller_canvases_hold_values_of_the_truth_only() -> None:
    oracle = OracleGenerator(SCENE, size=(64, 40))
    targets = tuple(Target(label, (25 * i, 255 - 25 * i, 128)) for i, label in enumerate(SCENE.truth(0).labels))
    rgb = painted(oracle, Instruction(Task.SEMANTIC, targets))
    assert rgb.shape == (40, 64, 3)
    assert {tuple(color) for color in rgb.reshape(-1, 3).tolist()} <= {target.color for target in targets}
    full = painted(OracleGenerator(SCENE), Instruction(Task.DEPTH))
    small = painted(oracle, Instruction(Task.DEPTH))
    assert np.isin(depth.decode(small).depth_m, depth.decode(full).depth_m).all()
    # The colour of a small pixel is that of the pixel in which its centre lies.
    assert np.array_equal(small[20, 32], full[int(20.5 * 90 / 40), int(32.5 * 150 / 64)])


@pytest.mark.parametrize("index", range(6))
def test_frames_are_recognised_after_compression_greying_and_resizing(oracle: OracleGenerator, index: int) -> None:
    rgb = SCENE.frame(index).rgb
    jpeg = cv2.imdecode(cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)
    grey = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    small = cv2.resize(rgb, (101, 61), interpolation=cv2.INTER_AREA)
    exact = painted(oracle, Instruction(Task.DEPTH), index)
    for copy in (jpeg, grey):
        (canvas,) = oracle.generate(Frame(np.asarray(copy, np.uint8)), [Instruction(Task.DEPTH)])
        assert np.array_equal(canvas.rgb, exact)
    (canvas,) = oracle.generate(Frame(np.asarray(small, np.uint8)), [Instruction(Task.DEPTH)])
    assert canvas.rgb.shape == (61, 101, 3)


def test_a_resized_copy_is_found_without_drawing_the_rest_of_the_footage() -> None:
    """The first image of a demo took 10 to 20 s on a busy machine: all frames were drawn to find the nearest."""
    scene = MovingScene(40)
    drawn: list[int] = []

    class Counted:
        rate_hz = 30.0

        def __len__(self) -> int:
            return len(scene)

        def frame(self, index: int) -> Frame:
            drawn.append(index)
            return scene.frame(index)

        def truth(self, index: int) -> Truth:
            return scene.truth(index)

    finder = FrameFinder(Counted())
    smaller = cv2.resize(scene.frame(5).rgb, (320, 240), interpolation=cv2.INTER_AREA)
    assert finder.find(smaller) == 5
    assert drawn == [0, 1, 2, 3, 4, 5]
    assert finder.find(scene.frame(3).rgb) == 3
    assert finder.find(smaller) == 5
    assert len(drawn) == 6


def test_frames_from_elsewhere_are_refused(oracle: OracleGenerator) -> None:
    for rgb in (np.zeros((90, 150, 3), np.uint8), SCENE.frame(0).rgb[::-1], 255 - SCENE.frame(0).rgb):
        with pytest.raises(GeneratorError, match=r"knows no such frame: .* play the footage"):
            oracle.generate(Frame(np.ascontiguousarray(rgb)), [Instruction(Task.DEPTH)])


def test_what_was_painted_is_kept_within_bounds_and_cannot_be_spoilt() -> None:
    oracle = OracleGenerator(SCENE, cache_mib=0)
    assert painted(oracle, Instruction(Task.DEPTH)) is not painted(oracle, Instruction(Task.DEPTH))
    oracle = OracleGenerator(SCENE)
    oracle.prepare([Instruction(Task.DEPTH)])
    kept = painted(oracle, Instruction(Task.DEPTH))
    assert kept is painted(oracle, Instruction(Task.DEPTH))
    with pytest.raises(ValueError, match="read-only"):
        kept[0, 0] = 0


def test_a_footage_that_knows_no_depth_says_so() -> None:
    class Unlabelled:
        rate_hz = 10.0

        def __len__(self) -> int:
            return 1

        def frame(self, index: int) -> Frame:
            return SCENE.frame(index)

        def truth(self, index: int) -> Truth:  # noqa: ARG002
            return Truth(camera=SCENE.camera)

    with pytest.raises(GeneratorError, match="the truth of this frame has no depth"):
        OracleGenerator(Unlabelled()).generate(SCENE.frame(0), [Instruction(Task.DEPTH)])
