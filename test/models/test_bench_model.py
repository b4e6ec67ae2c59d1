"""The rows of the model's benchmark, and that both sides of a ratio get the same; times are never asserted."""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from seeded_model import export_to

from vision_banana_ros.bench import model as bench
from vision_banana_ros.bench.model_decode import decode, decoding_graph
from vision_banana_ros.bench.model_duel import duel, graph_session
from vision_banana_ros.bench.model_probe import Arguments, Probe, probe
from vision_banana_ros.bench.model_subjects import Size, Way, ask, read_size, ways
from vision_banana_ros.bench.model_work import multiply_adds, shared, student_work
from vision_banana_ros.bench.rows import Row
from vision_banana_ros.cli import main
from vision_banana_ros.core import DataError
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.runtime import Backend

LATENCY = {"median_ms": 10.0, "best_ms": 8.0, "p95_ms": 20.0, "free_ms": None}
PROBE = {
    "load_s": 0.1, "first_frame_ms": 30.0, "check_s": 0.05, "fault": "", "peak_memory_mb": 100.0,
    "latencies": [{"prompts": count, **LATENCY} for count in (1, 3, 6)],
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "model"
    export_to(folder, Precision.FP32, Precision.FP16)
    return folder


def answer(module: str, _model: Path, way: Way, _size: Size, *_more: str) -> dict[str, Any]:
    if module == "model_duel":
        return {"student_ms": 10.0, "other_ms": 55.0, "ratio": 5.5, "turns": 7}
    if way[0].on_gpu:
        return {"unfit": "no CUDA here"}
    return {**PROBE, "fault": "depth: median 41 %"} if way[1] is Precision.BF16 else {**PROBE}


@pytest.fixture
def rows(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    monkeypatch.setattr(bench, "ask", answer)
    monkeypatch.setattr("vision_banana_ros.bench.depth_anything.write_graph", _write_small_graph)
    return list(bench.measure(root, size=["64x32"]))


def _write_small_graph(path: Path, side: int) -> None:
    value = helper.make_tensor_value_info
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2, 3, 3, 3], [0.1] * 54)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["pixels", "w"], ["out"], name="c", pads=[1, 1, 1, 1])], "g",
        [value("pixels", TensorProto.FLOAT, [1, 3, side, side])], [value("out", TensorProto.FLOAT, None)], [weight],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def test_every_figure_is_a_row_of_its_own(rows: list[Row]) -> None:
    names = [
        row.name for row in rows if row.value is not None and "in turns" not in row.name and "decode" not in row.name
    ]
    assert len(names) == len(set(names))
    for figure in (
        *(f"K = {count}, {what}" for count in (1, 3, 6) for what in ("median", "p95")),
        "load", "first frame, K = 3", "self-check", "peak memory of the host", "six prompts / one, best",
    ):  # fmt: skip
        assert f"onnxruntime fp32 64x32, {figure}" in names
        assert f"onnxruntime fp16 64x32, {figure}" in names
    assert all(row.area == "model" for row in rows)
    assert rows[0].against.endswith("seeded")


def test_what_cannot_be_measured_or_paints_something_wrong_says_why_instead(rows: list[Row]) -> None:
    why = {row.name: row.against for row in rows if row.value is None}
    assert why["tensorrt fp32"] == "not measured: no CUDA here"
    assert why["openvino bf16"] == "not measured, it failed the self-check: depth: median 41 %"
    assert not any(row.name.startswith("openvino bf16 64x32") for row in rows)


def test_ratios_say_how_many_times_faster_we_are(rows: list[Row]) -> None:
    ratios = [row for row in rows if "in turns" in row.name and row.ratio is not None]
    assert {row.name.split(" 64x32")[0] for row in ratios} == {"onnxruntime fp32", "openvino fp32"}
    assert {row.ratio for row in ratios} == {5.5}
    assert {row.bar for row in ratios} == {""}, "the bar is about 256x192"
    assert "252x252 (55 ms, 7 turns)" in ratios[0].against
    assert "518x518" in ratios[-1].against


def test_without_transformers_a_row_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "ask", answer)
    monkeypatch.setitem(sys.modules, "transformers", None)
    rows = list(bench.measure(root, backend=["onnxruntime:fp32"], size=["64x32"]))
    (row,) = (row for row in rows if row.name == "Depth-Anything-V2-Small")
    assert row.value is None
    assert "transformers" in row.against
    assert "extras bench and train" in row.against


def test_a_probe_in_a_process_of_its_own_measures_a_real_model(root: Path) -> None:
    raw = ask("model_probe", root, (Backend.ONNX, Precision.FP32), (64, 32))
    assert raw["fault"] == ""
    assert [latency["prompts"] for latency in raw["latencies"]] == [1, 3, 6]
    assert all(0 < latency["best_ms"] <= latency["median_ms"] <= latency["p95_ms"] for latency in raw["latencies"])
    assert min(raw["load_s"], raw["first_frame_ms"], raw["check_s"], raw["peak_memory_mb"]) > 0
    assert "unfit" in ask("model_probe", root, (Backend.ONNX, Precision.BF16), (64, 32))


def test_openvino_tells_what_its_sizes_cost_while_they_are_free(root: Path) -> None:
    found = probe(
        Arguments(model=root, backend=Backend.OPENVINO, precision=Precision.FP32, size_wh=(64, 32), threads=1)
    )
    assert isinstance(found, Probe)
    assert all(latency.free_ms is not None and latency.free_ms > 0 for latency in found.latencies)


def test_turns_alternate_so_that_noise_meets_both() -> None:
    calls: list[str] = []

    def ours() -> None:
        calls.append("a")

    def theirs() -> None:
        calls.append("b")
        time.sleep(0.001)

    found = duel(ours, theirs)
    assert "".join(calls) == "aaabbb" + "ab" * found.turns
    assert found.ratio > 1


@pytest.mark.parametrize("backend", [Backend.ONNX, Backend.OPENVINO])
def test_another_network_runs_on_the_same_runtimes(tmp_path: Path, backend: Backend) -> None:
    _write_small_graph(tmp_path / "g.onnx", 8)
    run = graph_session((tmp_path / "g.onnx").read_bytes(), backend, Precision.FP32, 1)
    pixels = np.ones((1, 3, 8, 8), np.float32)
    (painted,) = list(run(pixels).values()) if backend is Backend.OPENVINO else run(pixels)  # type: ignore[attr-defined, misc]
    assert painted[0, 0, 4, 4] == pytest.approx(2.7)


def test_work_is_counted_by_hand_alike(tmp_path: Path) -> None:
    _write_small_graph(tmp_path / "g.onnx", 8)
    pixels = np.zeros((1, 3, 8, 8), np.float32)
    assert multiply_adds((tmp_path / "g.onnx").read_bytes(), {"pixels": pixels}) == {"c": 2 * 8 * 8 * 3 * 3 * 3}


def test_products_are_counted_along_their_sums() -> None:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["a", "b"], ["c"], name="m"),
         helper.make_node("Gemm", ["c", "d"], ["e"], name="g", transA=1)], "g",
        [value("a", TensorProto.FLOAT, [4, 5]), value("b", TensorProto.FLOAT, [5, 6]),
         value("d", TensorProto.FLOAT, [4, 7])], [value("e", TensorProto.FLOAT, [6, 7])],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    feed = {"a": np.ones((4, 5), np.float32), "b": np.ones((5, 6), np.float32), "d": np.ones((4, 7), np.float32)}
    assert multiply_adds(made, feed) == {"m": 4 * 6 * 5, "g": 6 * 7 * 4}


def test_the_encoder_works_once_whatever_the_number_of_prompts(root: Path) -> None:
    folder = ModelFolder.open(root)
    one, six = (student_work(folder, (64, 32), prompts) for prompts in (1, 6))
    assert shared(one) == shared(six) > 0.5 * sum(one.values())
    assert sum(six.values()) < 3 * sum(one.values())


def test_the_decoding_graph_decodes_as_numpy_does() -> None:
    canvases = np.random.default_rng(1).integers(0, 256, (2, 32, 64, 3), dtype=np.uint8)
    run = graph_session(decoding_graph(canvases), Backend.ONNX, Precision.FP32, 1)
    for found, expected in zip(run(canvases), decode(canvases), strict=True):  # type: ignore[call-overload]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_words_of_the_user_name_what_is_measured(root: Path) -> None:
    folder = ModelFolder.open(root)
    assert ways(folder, ["openvino"]) == [(Backend.OPENVINO, Precision.BF16), (Backend.OPENVINO, Precision.FP32)]
    assert (Backend.TORCH, Precision.FP32) not in ways(folder, []), "there are no weights"
    assert read_size("320x256") == (320, 256)
    with pytest.raises(DataError, match="no file for onnxruntime:int8: export it"):
        ways(folder, ["onnxruntime:int8"])
    for wrong in ("256", "256x", "100x64", "0x0"):
        with pytest.raises(DataError, match="multiples of 32"):
            read_size(wrong)


def test_engine_bench_prints_the_rows_of_one_model(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "ask", answer)
    monkeypatch.setattr(bench, "_YARDSTICK_SIDES", (28, 56))  # two patches across and four: the graphs are real ones
    assert main(["engine", "bench", str(root), "--json", str(tmp_path / "rows.json")]) == 0
    assert "onnxruntime fp32 128x96, K = 3, median" in capsys.readouterr().out
    assert "K = 6, p95" in (tmp_path / "rows.json").read_text(encoding="utf-8")
