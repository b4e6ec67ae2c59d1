"""Several images in one call paint what each paints alone; what does not is found out and left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_tensorrt import FakeCuda, FakeTensorRt
from seeded_model import HEIGHT, WIDE, WIDTH, frame, golden_boxes, seeded_student, text_table

from vision_banana_ros.core import Frame, GeneratorError, MissingExtraError, Target, Task
from vision_banana_ros.generators.student import StudentGenerator, TogetherStudent, load
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.golden import load_golden
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.runtimes import onnx, openvino
from vision_banana_ros.runtimes import torch as torch_runtime
from vision_banana_ros.runtimes.runtime import Backend, Runtime, RuntimeOptions
from vision_banana_ros.runtimes.tensorrt import Engines
from vision_banana_ros.runtimes.tensorrt.bindings import Bindings
from vision_banana_ros.runtimes.tensorrt.build import Profile, SeveralProfile
from vision_banana_ros.runtimes.together import (
    ALWAYS,
    AUTO,
    NEVER,
    attempts_together,
    check_together,
    open_together,
)
from vision_banana_ros.runtimes.torch import TorchRuntime
from vision_banana_ros.student.paintbox import PaintBoxes, pack, side_by_side

OPTIONS = RuntimeOptions(threads=1)
THREE = replace(OPTIONS, images=3)
DOOR = (Target("door", (255, 0, 0)),)
#: Of three cameras: another number of prompts, other tasks and other numbers of paints each.
ASKED = (
    (Instruction(Task.DEPTH), Instruction(Task.NORMALS)),
    (Instruction(Task.REFERRING, DOOR),),
    (
        Instruction(Task.DEPTH, hfov_deg=90.0),
        Instruction(Task.SEMANTIC, DOOR, background=(0, 0, 0)),
        Instruction(Task.RAYS),
    ),
)  # fmt: skip
OPENERS: dict[str, Callable[[ModelFolder, Precision, RuntimeOptions], Runtime]] = {
    "onnxruntime": onnx.open_runtime,
    "openvino": openvino.open_runtime,
    "torch": torch_runtime.open_runtime,
}


def check(runtime: Runtime, folder: ModelFolder, images: int = 3) -> Any:
    return check_together(runtime, load_golden(folder), text_table(), folder.manifest.tasks, images)


@pytest.mark.parametrize("backend", OPENERS)
@pytest.mark.parametrize("size_wh", [(WIDTH, HEIGHT), WIDE])
def test_images_in_one_call_are_painted_as_each_alone(
    several: ModelFolder, backend: str, size_wh: tuple[int, int]
) -> None:
    runtime, alone = OPENERS[backend](several, Precision.FP32, THREE), TorchRuntime(seeded_student())
    images = [frame(40 * n, size_wh) for n in range(3)]
    boxes = [pack(instructions, text_table()) for instructions in ASKED]
    for count in (1, 2, 3):
        painted = runtime.paint(np.stack(images[:count]), side_by_side(boxes[:count]))
        wanted = [alone.paint(image[None], box) for image, box in zip(images[:count], boxes, strict=False)]
        assert np.abs(painted.astype(int) - np.concatenate(wanted)).max() <= 1


def test_prompts_of_several_images_stand_in_a_row_and_say_whose_they_are() -> None:
    boxes = [pack(instructions, text_table()) for instructions in ASKED]
    row = side_by_side(boxes)
    assert row.image_of is not None
    assert row.image_of.tolist() == [0, 0, 1, 2, 2, 2]
    assert row.image_of.dtype == np.int32
    assert row.kind.shape == (6, 22, 4)  # a depth code's knots, the rest filled up with absent paints
    assert row.kind[2].any(-1).tolist() == [True] + 21 * [False]
    np.testing.assert_array_equal(row.text[2, 0], boxes[1].text[0, 0])
    np.testing.assert_array_equal(row.lens[3], boxes[2].lens[0])


@pytest.mark.parametrize(
    ("backend", "precision"),
    [("onnxruntime", Precision.FP32), ("onnxruntime", Precision.FP16), ("openvino", Precision.FP32)],
)
def test_the_golden_frames_pass_in_one_call(several: ModelFolder, backend: str, precision: Precision) -> None:
    result = check(OPENERS[backend](several, precision, THREE), several)
    assert result.passed, result.why()
    # each frame's canvases as a pair (3 + 2 prompts) and as three (3 + 2 + 3), with two measures each at least
    assert len(result.deviations) >= 2 * (5 + 8)


def test_the_second_golden_frame_is_another_picture_with_other_prompts(several: ModelFolder) -> None:
    golden = load_golden(several)
    assert golden.second is not None
    assert [i.task for i in golden.second.instructions] == [Task.SEMANTIC, Task.NORMALS]
    assert np.abs(golden.second.image.astype(int) - golden.image).mean() > 2


class Mixing:
    """A runtime that gives each prompt the first image, or paints but the first pair right."""

    backend, precision = Backend.ONNX, Precision.FP32

    def __init__(self, runtime: Runtime, fault: str) -> None:
        self._runtime, self._fault = runtime, fault

    def paint(self, image: Any, boxes: PaintBoxes) -> Any:
        assert boxes.image_of is not None
        if self._fault == "first":
            boxes = replace(boxes, image_of=np.zeros_like(boxes.image_of))
        if self._fault == "three" and len(image) == 3:
            image = image[[0, 1, 1]]
        if self._fault == "raises":
            raise RuntimeError("out of memory")
        painted = self._runtime.paint(image, boxes)
        return painted[:-1] if self._fault == "short" else painted


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("first", "2 images in one call"),
        ("three", "3 images in one call"),
        ("raises", "painting 2 images failed: out of memory"),
        ("short", "canvases must be uint8"),
    ],
)
def test_a_graph_that_mixes_images_fails(several: ModelFolder, fault: str, words: str) -> None:
    result = check(Mixing(OPENERS["onnxruntime"](several, Precision.FP32, THREE), fault), several)
    assert not result.passed
    assert words in result.why()


def test_on_a_cpu_frames_are_painted_one_by_one_unless_asked_for(several: ModelFolder, model: ModelFolder) -> None:
    def opened(folder: ModelFolder, wanted: str, options: RuntimeOptions = THREE) -> tuple[bool, str]:
        found = open_together(folder, text_table(), Backend.ONNX, Precision.FP32, options, wanted)
        return found.runtime is not None, found.words

    assert opened(several, AUTO) == (False, "cameras one by one: on a CPU each would take longer among others")
    assert opened(several, ALWAYS) == (True, "up to 3 cameras in one call")
    assert opened(several, ALWAYS, OPTIONS) == (False, "cameras one by one")
    assert opened(several, NEVER) == (False, "cameras one by one")
    assert opened(model, AUTO) == (False, "cameras one by one")
    with pytest.raises(GeneratorError, match="export it with --several-images"):
        opened(model, ALWAYS)


def test_what_fails_together_is_told_and_left_out(several: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    options = replace(THREE, tell=said.append)
    wrong = Mixing(OPENERS["onnxruntime"](several, Precision.FP32, THREE), "first")
    monkeypatch.setattr("vision_banana_ros.runtimes.together.open_one", lambda *_: wrong)
    monkeypatch.setattr(Backend, "on_gpu", True)
    found = open_together(several, text_table(), Backend.ONNX, Precision.FP32, options, AUTO)
    assert found.runtime is None
    assert "failed the self-check" in found.words
    assert "onnxruntime fp32 failed the self-check: 3 images in one call" in said[0]
    with pytest.raises(GeneratorError, match="together: always, but onnxruntime fp32 failed"):
        open_together(several, text_table(), Backend.ONNX, Precision.FP32, options, ALWAYS)


def test_every_runtime_here_is_checked_together(several: ModelFolder, model: ModelFolder) -> None:
    attempts = {(a.backend.value, a.precision.value): a for a in attempts_together(several, text_table(), THREE)}
    assert attempts["onnxruntime", "fp32"].outcome == attempts["openvino", "fp32"].outcome == "passed"
    assert attempts["onnxruntime", "fp32"].paint_ms
    assert ("tensorrt", "int8") not in attempts  # the model has no such graph
    assert list(attempts_together(model, text_table(), THREE)) == []


# The generator


@pytest.fixture(scope="module")
def student(several: ModelFolder) -> TogetherStudent:
    found = load(several.root, backend="onnxruntime", options=THREE, together=ALWAYS)
    assert isinstance(found, TogetherStudent)
    return found


def seen(number: int, size_wh: tuple[int, int]) -> Frame:
    return Frame(frame(40 * number, size_wh), stamp_ns=number, frame_id="eye")


def levels(painted: list[list[Any]], wanted: list[list[Any]]) -> int:
    """The largest difference; as many canvases of the same instructions for each."""
    assert [[c.instruction for c in one] for one in painted] == [[c.instruction for c in one] for one in wanted]
    pairs = [(a, b) for one, other in zip(painted, wanted, strict=True) for a, b in zip(one, other, strict=True)]
    return max(int(np.abs(a.rgb.astype(int) - b.rgb).max()) for a, b in pairs)


class Counting:
    """A runtime that notes how many images each call has."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime, self.calls = runtime, list[int]()

    def paint(self, image: Any, boxes: PaintBoxes) -> Any:
        self.calls.append(len(image))
        return self._runtime.paint(image, boxes)


@pytest.mark.parametrize(
    ("sizes", "calls"),
    [
        ([(WIDTH, HEIGHT)] * 3, [3]),
        ([(320, 240), (96, 64), (WIDTH, HEIGHT)], [3]),  # other frames, the same canvas
        ([(320, 240), (320, 128), (WIDTH, HEIGHT), WIDE], [2, 2]),
        ([(WIDTH, HEIGHT)] * 5, [3, 2]),
        ([WIDE, (WIDTH, HEIGHT)], []),  # alone in its size: by the graph for one
    ],
)
def test_frames_of_several_cameras_are_painted_as_each_alone(
    student: TogetherStudent, monkeypatch: pytest.MonkeyPatch, sizes: list[tuple[int, int]], calls: list[int]
) -> None:
    counting = Counting(student._together)
    monkeypatch.setattr(student, "_together", counting)
    for name in ("_painted_frames", "_painted_together"):
        monkeypatch.setattr(student, name, 0)
    asked = [(seen(n, size), ASKED[n % 3]) for n, size in enumerate(sizes)]
    painted = student.generate_together(asked)
    assert student.remarks == {"cameras": f"{sum(calls)} of {len(sizes)} frames in calls of several"}
    assert levels(painted, [student.generate(*one) for one in asked]) <= 1
    assert counting.calls == calls


def test_who_asks_for_nothing_gets_nothing(student: TogetherStudent) -> None:
    painted = student.generate_together([(seen(0, WIDE), ()), (seen(1, WIDE), ASKED[0])])
    assert [len(canvases) for canvases in painted] == [0, 2]
    assert student.generate_together([]) == []


def test_a_frame_that_cannot_be_asked_for_costs_no_painting(
    student: TogetherStudent, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting(student._together)
    monkeypatch.setattr(student, "_together", counting)
    monkeypatch.setattr("vision_banana_ros.student.text.minilm", lambda: None)  # which would know every word
    unknown = (Instruction(Task.REFERRING, (Target("zorble", (1, 2, 3)),)),)
    with pytest.raises(MissingExtraError, match="zorble"):
        student.generate_together([(seen(0, WIDE), ASKED[0]), (seen(1, WIDE), unknown)])
    assert counting.calls == []


def test_a_model_without_such_a_graph_or_with_one_camera_has_no_such_method(
    several: ModelFolder, model: ModelFolder
) -> None:
    for folder, options in ((model, THREE), (several, OPTIONS)):
        found = load(folder.root, backend="onnxruntime:fp32", options=options)
        assert type(found) is StudentGenerator
        assert not hasattr(found, "generate_together")


def test_the_report_and_the_self_test_tell_of_it(student: TogetherStudent, several: ModelFolder) -> None:
    assert student.report is not None
    assert student.report.why.endswith("; up to 3 cameras in one call")
    assert student.self_test is not None
    assert "in one call" in student.self_test().why()
    assert student.remarks.keys() == {"cameras"}
    one_by_one = load(several.root, backend="onnxruntime:fp32", options=THREE, together=NEVER)
    assert one_by_one.report is not None
    assert one_by_one.report.why.endswith("; cameras one by one")


# TensorRT, whose stand-in computes by ONNX Runtime


def engine(folder: ModelFolder, cache: Path, trt: FakeTensorRt, cuda: FakeCuda, said: list[str]) -> Any:
    options = RuntimeOptions(cache_dir=cache, images=3, tell=said.append)
    return Engines(Bindings(trt), cuda, options).open(folder, Precision.FP32)


def test_an_engine_for_several_has_a_profile_of_images_and_the_other_key_stays() -> None:
    one = Profile.for_sizes([(256, 192), (320, 128)])
    shapes = SeveralProfile.for_images(one, 3).shapes()
    assert shapes["image"] == ((1, 128, 256, 3), (3, 192, 256, 3), (3, 192, 320, 3))
    assert shapes["task"] == ((1, 7), (9, 7), (24, 7))
    assert shapes["image_of"] == ((1,), (9,), (24,))
    assert set(shapes) == {"image", *side_by_side([golden_boxes()]).arrays()}
    assert "images" not in one.__dataclass_fields__


@pytest.mark.parametrize("version", ["8.6", "10.3"])
def test_an_engine_keeps_a_layout_for_each_number_of_images(several: ModelFolder, tmp_path: Path, version: str) -> None:
    cuda = FakeCuda()
    runtime = engine(several, tmp_path, FakeTensorRt(version), cuda, [])
    result = check(runtime, several)
    assert result.passed, result.why()
    alone = TorchRuntime(seeded_student())
    images, boxes = np.stack([frame(0), frame(40), frame(80)]), [pack(asked, text_table()) for asked in ASKED]
    wanted = np.concatenate([alone.paint(i[None], b) for i, b in zip(images, boxes, strict=True)])
    launches = []
    for _ in range(3):
        for count in (1, 2, 3):
            painted = runtime.paint(images[:count], side_by_side(boxes[:count]))
            assert np.abs(painted.astype(int) - wanted[: len(painted)]).max() <= 1
            launches.append(cuda.launches)
    assert launches == [0, 0, 0, 1, 2, 3, 4, 5, 6]  # each is captured once, and launched from then on
    runtime.close()
    assert not cuda.blocks


def test_where_tensorrt_gives_one_context_it_is_laid_out_anew(
    several: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda, said = FakeCuda(), list[str]()
    runtime = engine(several, tmp_path, FakeTensorRt("8.6"), cuda, said)
    monkeypatch.setattr(runtime._engine, "create_execution_context", lambda: None)
    images, boxes = np.stack([frame(0), frame(40)]), [pack(asked, text_table()) for asked in ASKED[:2]]
    for _ in range(2):
        for count in (1, 2):
            assert len(runtime.paint(images[:count], side_by_side(boxes[:count]))) == count + 1
            assert len(cuda.blocks) == 9
    assert cuda.launches == 0
    assert len(said) == len([line for line in said if "keeps one set of shapes" in line or "building" in line])


def test_too_many_prompts_are_refused_and_other_layouts_live_on(several: ModelFolder, tmp_path: Path) -> None:
    cuda, said = FakeCuda(), list[str]()
    runtime = engine(several, tmp_path, FakeTensorRt("10.3"), cuda, said)
    images, one = np.stack([frame(0)] * 3), pack(ASKED[0], text_table())
    runtime.paint(images, side_by_side([one] * 3))
    many = pack([Instruction(Task.NORMALS)] * 9, text_table())
    with pytest.raises(GeneratorError, match="fewer prompts"):
        runtime.paint(images, side_by_side([many] * 3))
    assert runtime._kept == 3
    assert runtime._idle == [runtime._first]
    runtime.paint(images, side_by_side([one] * 3))
    runtime.paint(images[:2], side_by_side([one] * 2))
    runtime.paint(images, side_by_side([one] * 3))
    assert cuda.launches == 1
