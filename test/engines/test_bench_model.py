"""The rows of the model's benchmark; times themselves are never asserted."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from seeded_model import export_to

from vision_banana_ros.bench import model, model_probe
from vision_banana_ros.generators.manifest import Precision
from vision_banana_ros.generators.runtime import Backend

LATENCY = {"median_ms": 10.0, "best_ms": 8.0, "p95_ms": 20.0}
PROBE = {
    "load_s": 0.1, "first_frame_ms": 30.0, "peak_memory_mb": 100.0,
    "latencies": [{"prompts": count, **LATENCY} for count in (1, 3, 6)],
}  # fmt: skip


def answer(
    _model: Path, _backend: Backend, _precision: Precision, _size: tuple[int, int], *more: str
) -> dict[str, Any]:
    return {"student_ms": 10.0, "other_ms": 55.0} if more else {**PROBE}


@pytest.fixture
def without_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "_ask", answer)
    monkeypatch.setattr(model, "_seeded_model", lambda folder: folder)


@pytest.mark.usefixtures("without_measuring")
def test_without_transformers_the_rows_say_that_it_was_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "transformers" else there(name))
    rows = model.measure()
    assert [row.against for row in rows if "Depth-Anything" in row.name] == [
        "not measured: the package transformers is not installed"
    ] * 2
    names = [row.name for row in rows]
    assert len(names) == len(set(names))
    assert "onnxruntime fp32 256x192, K = 3, p95" in names
    assert "openvino bf16 320x256, peak memory" in names
    assert all(row.area == "model" for row in rows)


@pytest.mark.usefixtures("without_measuring")
def test_ratios_say_how_many_times_faster_we_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: True)
    monkeypatch.setattr("vision_banana_ros.bench.depth_anything.write_graph", lambda _path, _side: None)
    rows = model._yardstick_rows(tmp_path, tmp_path)
    assert {row.ratio for row in rows} == {5.5}
    assert rows[0].bar == ">= 4 x"
    assert "252x252 (55 ms)" in rows[0].against


def test_a_probe_measures_a_real_model(tmp_path: Path) -> None:
    export_to(tmp_path / "model", Precision.FP32)
    probe = model_probe.probe_student(tmp_path / "model", Backend.ONNX, Precision.FP32, (64, 32), 1)
    assert [latency.prompts for latency in probe.latencies] == [1, 3, 6]
    assert all(0 < latency.best_ms <= latency.median_ms <= latency.p95_ms for latency in probe.latencies)
    assert probe.first_frame_ms > 0
