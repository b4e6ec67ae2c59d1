"""The files that an export writes: whole, of few operators, one encoder pass for all prompts, honest about INT8."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper
from seeded_model import WIDTH, WORDS, export_to, frame, golden_boxes, seeded_student, text_table, traced_for_all

from vision_banana_ros.bench.model_work import multiply_adds
from vision_banana_ros.cli import main
from vision_banana_ros.core import DataError, Task
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.golden import load_golden
from vision_banana_ros.models.halves import with_full_ranges
from vision_banana_ros.models.manifest import Precision, Role, sha256
from vision_banana_ros.models.operators import known_to_tensorrt, operators
from vision_banana_ros.models.pack import ExportSettings, graph_bytes, write_model
from vision_banana_ros.models.quantise import quantised
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.runtimes.choice import choose
from vision_banana_ros.runtimes.onnx import OnnxRuntime
from vision_banana_ros.runtimes.runtime import RuntimeOptions
from vision_banana_ros.runtimes.selfcheck import check
from vision_banana_ros.student.paintbox import pack
from vision_banana_ros.world.moving import MovingScene

FILES = (Precision.FP32, Precision.FP16, Precision.INT8)


@pytest.mark.parametrize("precision", FILES)
def test_a_graph_is_valid_of_opset_17_and_of_operators_that_tensorrt_reads(
    graphs: dict[Precision, bytes], precision: Precision
) -> None:
    onnx.checker.check_model(onnx.load_from_string(graphs[precision]))
    found = operators(graphs[precision])
    assert found.opset == 17
    assert found.unknown_to_tensorrt == ()
    assert dict(found.counts)["Conv"] > 50


def test_an_operator_that_tensorrt_does_not_know_is_named() -> None:
    node = onnx.helper.make_node("BitShift", ["a", "a"], ["b"], direction="LEFT")
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node], "g", [value("a", TensorProto.UINT8, [1])], [value("b", TensorProto.UINT8, [1])]
    )
    assert operators(onnx.helper.make_model(graph).SerializeToString()).unknown_to_tensorrt == ("BitShift",)
    assert {"Conv", "Resize", "QuantizeLinear"} <= known_to_tensorrt()


@pytest.mark.parametrize("precision", FILES)
def test_inputs_and_output_are_those_of_the_paint_boxes(graphs: dict[Precision, bytes], precision: Precision) -> None:
    graph = onnx.load_from_string(graphs[precision]).graph
    assert [entry.name for entry in graph.input] == ["image", *golden_boxes().arrays()]
    assert [entry.name for entry in graph.output] == ["canvas"]
    assert graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8
    assert graph.output[0].type.tensor_type.elem_type == TensorProto.UINT8


def test_the_encoder_runs_once_whatever_the_number_of_prompts(graphs: dict[Precision, bytes]) -> None:
    """Multiplications of the convolutions: those of the encoder stay, those of the painter grow with K."""
    image = frame(0)[None]
    boxes = {count: pack([Instruction(Task.NORMALS)] * count, text_table()) for count in (2, 6)}
    macs = {count: multiply_adds(graphs[Precision.FP32], {"image": image, **boxes[count].arrays()}) for count in (2, 6)}
    encoder = {name for name in macs[2] if "/encoder/" in name or "/context/" in name or "/trunk/" in name}
    painter = {name for name in macs[2] if "/painter/work" in name}
    assert len(encoder) > 50
    assert len(painter) >= 8
    assert all(macs[6][name] == macs[2][name] for name in encoder)
    assert all(macs[6][name] == 3 * macs[2][name] for name in painter)
    assert sum(macs[2][name] for name in encoder) > 0.3 * sum(macs[2].values())


def test_half_precision_holds_half_floats_but_for_the_mixer(graphs: dict[Precision, bytes]) -> None:
    model = onnx.load_from_string(graphs[Precision.FP16])
    types = {weight.name: weight.data_type for weight in model.graph.initializer}
    assert len(graphs[Precision.FP16]) < 0.6 * len(graphs[Precision.FP32])
    for name, data_type in types.items():
        if "mixer" in name or "reader" in name:
            assert data_type != TensorProto.FLOAT16, name
    heavy = [node for node in model.graph.node if node.op_type == "Conv" and "/encoder/" in node.name]
    assert heavy
    assert all(types.get(node.input[1]) == TensorProto.FLOAT16 for node in heavy)


def test_ranges_of_half_floats_are_counted_in_full() -> None:
    start, limit, step = (
        onnx.helper.make_tensor(n, TensorProto.FLOAT16, [], [v]) for n, v in (("a", 0), ("b", 4), ("c", 1))
    )
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Range", ["a", "b", "c"], ["r"])],
        "g",
        [],
        [onnx.helper.make_tensor_value_info("r", TensorProto.FLOAT16, [4])],
        [start, limit, step],
    )
    opsets = [onnx.helper.make_opsetid("", 17)]
    mended = with_full_ranges(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    session = onnxruntime.InferenceSession(mended, providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(session.run(None, {})[0], np.arange(4, dtype=np.float16))


def test_int8_has_symmetric_pairs_around_the_convolutions(graphs: dict[Precision, bytes]) -> None:
    """TensorRT reads no zero point but 0."""
    model = onnx.load_from_string(graphs[Precision.INT8])
    constants = {weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer}
    pairs = [node for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    zero_points = [constants[node.input[2]] for node in pairs if constants[node.input[2]].dtype == np.int8]
    assert len(zero_points) > 100
    assert all((zero_point == 0).all() for zero_point in zero_points)
    assert all(entry.domain in ("", "ai.onnx") for entry in model.opset_import)
    assert len(graphs[Precision.INT8]) < 0.4 * len(graphs[Precision.FP32])


def test_an_int8_file_that_lost_too_much_is_never_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever quantising did to this network, what runs passes: INT8 within its limits, or FP32 after it."""
    monkeypatch.setattr("vision_banana_ros.models.pack._CALIBRATION_FRAMES", 3)  # each costs a third of a second
    export_to(tmp_path / "model", Precision.FP32, Precision.INT8)
    folder = ModelFolder.open(tmp_path / "model")
    chosen = choose(folder, text_table(), "onnxruntime", RuntimeOptions(threads=1))
    assert chosen.report.precision is Precision.FP32
    int8 = OnnxRuntime(folder.read(Role.GRAPH, Precision.INT8), Precision.INT8, RuntimeOptions(threads=1))
    result = check(int8, load_golden(folder), golden_boxes())
    assert result.deviations, result.fault  # it runs and is judged
    assert result.passed == all(deviation.within for deviation in result.deviations)


def test_int8_needs_frames_to_calibrate_on(graphs: dict[Precision, bytes]) -> None:
    with pytest.raises(ValueError, match="No data"):
        quantised(graphs[Precision.FP32], [], golden_boxes())


def test_bf16_has_no_file() -> None:
    with pytest.raises(ValueError, match="computed from the fp32 graph"):
        graph_bytes(seeded_student(), Precision.BF16, [], golden_boxes())


def test_an_export_replaces_a_model_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    export_to(folder, Precision.FP32, Precision.FP16)
    (folder / "left over").write_text("from before")
    export_to(folder, Precision.FP32)
    assert sorted(path.name for path in folder.iterdir()) == [
        "golden.npz", "manifest.json", "student.fp32.onnx", "text.npz",
    ]  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    manifest = ModelFolder.open(folder).manifest
    assert manifest.vocabulary == WORDS
    assert manifest.sizes_wh[0][0] == WIDTH
    assert manifest.training.summary == "seeded"


def test_graphs_for_several_images_are_files_of_their_own(tmp_path: Path, graphs: dict[Precision, bytes]) -> None:
    export_to(tmp_path / "model", Precision.FP32, Precision.INT8, several_images=True)
    folder = ModelFolder.open(tmp_path / "model")
    folder.verify()
    assert folder.manifest.precisions() == (Precision.FP32, Precision.INT8)
    assert folder.read(Role.GRAPH, Precision.FP32) == graphs[Precision.FP32], "that for one image is as without"
    for precision in (Precision.FP32, Precision.INT8):
        data = folder.read(Role.SEVERAL, precision)
        assert operators(data).unknown_to_tensorrt == ()
        graph = onnx.load_from_string(data).graph
        assert [entry.name for entry in graph.input] == ["image", *golden_boxes().arrays(), "image_of"]
        assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == "images"
        assert graph.input[-1].type.tensor_type.elem_type == TensorProto.INT32


def test_a_graph_for_several_images_needs_a_second_golden_frame(tmp_path: Path) -> None:
    export_to(tmp_path / "model", Precision.FP32, several_images=True)
    path = tmp_path / "model" / "golden.npz"
    with np.load(path) as arrays:
        first = {name: arrays[name] for name in ("image", "canvases")}
    np.savez_compressed(path, **first)
    manifest = tmp_path / "model" / "manifest.json"
    raw = json.loads(manifest.read_text(encoding="utf-8"))
    for file in raw["files"]:
        if file["path"] == path.name:
            file["sha256"] = sha256(path.read_bytes())
    manifest.write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(DataError, match="no second frame"):
        load_golden(ModelFolder.open(tmp_path / "model"))


def test_a_model_without_it_names_the_option(tmp_path: Path) -> None:
    export_to(tmp_path / "model", Precision.FP32)
    with pytest.raises(DataError, match="vision-banana export --several-images"):
        ModelFolder.open(tmp_path / "model").read(Role.SEVERAL, Precision.FP32)


def test_an_export_that_fails_leaves_the_old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "model"
    export_to(folder, Precision.FP32)
    before = (folder / "manifest.json").read_bytes()

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vision_banana_ros.models.golden.Golden.save", full)
    with pytest.raises(OSError, match="No space"):
        export_to(folder, Precision.FP16)
    assert (folder / "manifest.json").read_bytes() == before
    ModelFolder.open(folder).verify()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("command", [["export", "nowhere", "--out", "x"], ["engine", "info", "nowhere"]])
def test_a_folder_that_holds_no_model_is_told_so(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 2
    assert "nowhere" in capsys.readouterr().err


def test_an_operator_that_tensorrt_does_not_know_is_told_at_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vision_banana_ros.models.operators.known_to_tensorrt", lambda: frozenset({"Constant"}))
    said: list[str] = []
    with traced_for_all():
        write_model(
            seeded_student(), text_table(), tmp_path / "model", ExportSettings(sizes_wh=((96, 64),)),
            footage=MovingScene(), vocabulary=WORDS, tell=said.append,
        )  # fmt: skip
    assert "student.fp32.onnx: TensorRT does not know " in said[1]
    assert "Conv" in said[1]
