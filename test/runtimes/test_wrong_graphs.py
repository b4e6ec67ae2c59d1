"""A graph that was changed and signed anew: whole by its hash, wrong by its picture. Real runtimes must not use it."""

import io
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from seeded_model import text_table

from vision_banana_ros.cli import main
from vision_banana_ros.core import AnyArray, DataError, GeneratorError, UInt8Array
from vision_banana_ros.generators.registry import SHIPPED_STUDENT, load_generator
from vision_banana_ros.generators.student import load
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.golden import load_golden
from vision_banana_ros.models.manifest import MANIFEST, Precision, Role, sha256
from vision_banana_ros.runtimes import openvino
from vision_banana_ros.runtimes.choice import open_one
from vision_banana_ros.runtimes.report import FAILED, PASSED
from vision_banana_ros.runtimes.runtime import Backend, RuntimeOptions
from vision_banana_ros.runtimes.selfcheck import check
from vision_banana_ros.student.paintbox import PaintBoxes, pack
from vision_banana_ros.student.text import TextTable

FULL, HALF = "student.fp32.onnx", "student.fp16.onnx"
Change = Callable[[AnyArray], AnyArray]


def sign(folder: Path, name: str) -> None:
    """The manifest's hash of this file as it is now: what somebody does who means to get past the hash."""
    raw = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    for file in raw["files"]:
        if file["path"] == name:
            file["sha256"] = sha256((folder / name).read_bytes())
    (folder / MANIFEST).write_text(json.dumps(raw), encoding="utf-8")


def change_a_convolution(folder: Path, part: str, change: Change, file: str = FULL) -> None:
    """Of the weights of the first convolution of that part of the network."""
    graph = onnx.load(folder / file)
    node = next(node for node in graph.graph.node if node.op_type == "Conv" and part in node.name)
    weight = next(weight for weight in graph.graph.initializer if weight.name == node.input[1])
    weight.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(weight)).copy(), weight.name))
    onnx.save(graph, folder / file)
    sign(folder, file)


def negated(weights: AnyArray) -> AnyArray:
    return -weights


def bgr(weights: AnyArray) -> AnyArray:
    return weights[:, ::-1]


def transposed(weights: AnyArray) -> AnyArray:
    """Kernels read column by column."""
    return np.swapaxes(weights, 2, 3)


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A trained model: what the seeded one paints depends too little on the image to show that its encoder is wrong."""
    if not (SHIPPED_STUDENT / MANIFEST).is_file():
        pytest.skip("no trained student is shipped")
    return Path(shutil.copytree(SHIPPED_STUDENT, tmp_path / "shipped"))


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("change", [negated, bgr, transposed])
def test_a_runtime_refuses_a_graph_of_changed_weights(shipped: Path, backend: str, change: Change) -> None:
    change_a_convolution(shipped, "/encoder/", change)
    ModelFolder.open(shipped).verify()  # by its hashes it is whole
    with pytest.raises(GeneratorError, match=rf"{backend} fp32 failed the self-check: \w+: .* \(at most"):
        load(shipped, backend=f"{backend}:fp32", options=RuntimeOptions(threads=1))  # its other files are right


@pytest.mark.parametrize(
    ("files", "runs"),
    [
        ([FULL], (Backend.ONNX, Precision.FP16)),  # the next precision
        ([FULL, HALF], (Backend.TORCH, Precision.FP32)),  # the next runtime, which paints from the weights
    ],
)
def test_the_next_precision_or_runtime_that_paints_right_takes_over(
    copied: Path, files: list[str], runs: tuple[Backend, Precision]
) -> None:
    for file in files:
        change_a_convolution(copied, "/painter/work", negated, file)
    said: list[str] = []
    report = load_generator(str(copied), tell=said.append).report  # type: ignore[attr-defined]
    assert (report.backend, report.precision) == runs
    failed = [(attempt.backend, attempt.precision) for attempt in report.attempts if attempt.outcome == FAILED]
    assert failed[-len(files) - 1 :] == [
        (Backend.OPENVINO, Precision.FP32),
        *((Backend.ONNX, precision) for precision in (Precision.FP32, Precision.FP16)[: len(files)]),
    ]
    assert report.attempts[-1].outcome == PASSED
    assert said == [str(attempt) for attempt in report.failures]
    assert all("at most" in line for line in said)


def test_the_node_reports_it_as_an_error_that_says_what_differed(copied: Path) -> None:
    diagnostic_msgs = pytest.importorskip("diagnostic_msgs.msg")
    from std_msgs.msg import Header

    from vision_banana_ros.ros.diagnostics import Condition, about_engine, diagnostic_array
    from vision_banana_ros.ros.params import Settings
    from vision_banana_ros.ros.statistics import FrameStatistics

    change_a_convolution(copied, "/painter/work", negated)
    condition = Condition(name="/perception", engine="loaded", about=about_engine(load_generator(str(copied))))
    seen = [(condition, FrameStatistics().summary(), Settings())]
    engine = diagnostic_array(Header(), condition.name, seen).status[-1]
    assert bytes(engine.level) == diagnostic_msgs.DiagnosticStatus.ERROR
    assert "openvino fp32 failed the self-check: " in engine.message
    assert "(at most" in engine.message
    values = {value.key: value.value for value in engine.values}
    assert "onnxruntime fp16, self-check passed" in values["runtime"]
    assert "tensorrt" in values["tried"]


def test_the_command_line_fails_and_says_what_differed(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change_a_convolution(copied, "/painter/work", negated)
    assert main(["engine", "check", str(copied)]) == 1
    assert "openvino          fp32  failed the self-check" in capsys.readouterr().out


@pytest.mark.parametrize("elsewhere", ["weights.bin", "/tmp/weights.bin"])
def test_a_graph_that_keeps_weights_outside_of_itself_is_refused(copied: Path, elsewhere: str) -> None:
    """OpenVINO follows even absolute paths."""
    graph = onnx.load(copied / FULL)
    weight = graph.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=elsewhere)
    (copied / FULL).write_bytes(graph.SerializeToString())
    sign(copied, FULL)
    for open_it in (lambda: load(copied), lambda: ModelFolder.open(copied).read(Role.GRAPH, Precision.FP32)):
        with pytest.raises(DataError, match="outside of itself, unchecked: export the model anew"):
            open_it()


class Stuck:
    """Keeps painting its first picture, as a captured graph does that reads other memory than is written."""

    backend, precision = Backend.TORCH_CUDA, Precision.FP32

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._first: dict[int, UInt8Array] = {}

    def paint(self, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        return self._first.setdefault(len(boxes.task), self._inner.paint(image, boxes).copy())


class Batched:
    """Paints one prompt as black: right for the usual number of prompts alone."""

    backend, precision = Backend.TENSORRT, Precision.FP32

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def paint(self, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        painted: UInt8Array = self._inner.paint(image, boxes)
        return painted if len(boxes.task) == 3 else np.zeros_like(painted)


@pytest.mark.parametrize(("wrap", "said"), [(Stuck, "depth"), (Batched, "when asked alone")])
def test_what_is_right_only_once_or_only_for_three_prompts_fails(
    shipped: Path, wrap: Callable[[Any], Any], said: str
) -> None:
    model = ModelFolder.open(shipped)
    golden = load_golden(model)
    boxes = pack(golden.instructions, TextTable.read(io.BytesIO(model.read(Role.TEXT)), name="shipped"))
    inner = openvino.open_runtime(model, Precision.FP32, RuntimeOptions(threads=1))
    assert check(inner, golden, boxes).passed
    result = check(wrap(inner), golden, boxes)
    assert not result.passed
    assert said in result.why()


@pytest.mark.parametrize("backend", [Backend.ONNX, Backend.OPENVINO])
def test_the_check_takes_less_than_half_a_second(model: ModelFolder, backend: Backend) -> None:
    """Of processor time: other processes may have the cores."""
    golden = load_golden(model)
    runtime = open_one(model, backend, Precision.FP32, RuntimeOptions(threads=1))
    start = time.process_time()
    result = check(runtime, golden, pack(golden.instructions, text_table()))
    assert time.process_time() - start < 0.5
    assert result.passed
    assert result.seconds > 0
