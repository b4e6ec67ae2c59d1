"""The same runtime at every start: what was chosen once is taken again, until something that it depends on changes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from seeded_model import text_table

from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import MANIFEST
from vision_banana_ros.runtimes import choice
from vision_banana_ros.runtimes.memory import FILE_NAME, recall
from vision_banana_ros.runtimes.report import Attempt
from vision_banana_ros.runtimes.runtime import Backend, RuntimeOptions

CPU = ("openvino", "onnxruntime")


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> dict[Backend, float]:
    """Milliseconds that each runtime is said to take; the rest of each attempt is real."""
    times = {Backend.OPENVINO: 5.0, Backend.ONNX: 9.0}
    made = choice._checked

    def told(backend: Backend, *rest: object) -> Attempt:
        attempt = made(backend, *rest)  # type: ignore[arg-type]
        return replace(attempt, paint_ms=times.get(backend)) if attempt.paint_ms is not None else attempt

    monkeypatch.setattr(choice, "_checked", told)
    monkeypatch.setitem(choice.NAMES, "auto", tuple(Backend(name) for name in CPU))
    return times


def choose(model: ModelFolder, options: RuntimeOptions) -> choice.Chosen:
    return choice.choose(model, text_table(), "auto", options)


def test_a_start_under_load_chooses_no_other(model: ModelFolder, tmp_path: Path, timed: dict[Backend, float]) -> None:
    options = RuntimeOptions(cache_dir=tmp_path, remembers=True)
    first = choose(model, options).report
    assert first.backend is Backend.OPENVINO
    timed[Backend.OPENVINO] = 50.0
    second = choose(model, options).report
    assert (second.backend, second.precision) == (first.backend, first.precision)
    assert "as at an earlier start" in second.why
    assert str(tmp_path / FILE_NAME) in second.why
    assert [attempt.backend for attempt in second.attempts] == [Backend.OPENVINO], "nothing else is opened"
    (tmp_path / FILE_NAME).unlink()
    assert choose(model, options).report.backend is Backend.ONNX


def test_nothing_is_kept_unless_asked(model: ModelFolder, tmp_path: Path, timed: dict[Backend, float]) -> None:
    choose(model, RuntimeOptions(cache_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []
    timed.clear()


def test_another_model_another_size_or_another_word_is_another_choice(
    model: ModelFolder, tmp_path: Path, timed: dict[Backend, float]
) -> None:
    options = RuntimeOptions(cache_dir=tmp_path, remembers=True)
    choose(model, options)
    assert recall(model, "auto", options) is not None
    assert recall(model, "openvino", options) is None
    assert recall(model, "auto", replace(options, sizes_wh=((64, 64),))) is None
    copied = tmp_path / "copied"
    shutil.copytree(model.root, copied)
    raw = json.loads((copied / MANIFEST).read_text())
    raw["files"][0]["sha256"] = "0" * 64
    (copied / MANIFEST).write_text(json.dumps(raw))
    assert recall(ModelFolder.open(copied), "auto", options) is None
    timed.clear()


@pytest.mark.parametrize("garbage", ["", "[]", "{", '{"x": 1}'])
def test_a_damaged_file_means_choosing_anew(
    model: ModelFolder, tmp_path: Path, timed: dict[Backend, float], garbage: str
) -> None:
    options = RuntimeOptions(cache_dir=tmp_path, remembers=True)
    (tmp_path / FILE_NAME).write_text(garbage)
    assert choose(model, options).report.backend is Backend.OPENVINO
    assert recall(model, "auto", options) is not None
    timed.clear()


def test_what_differs_by_the_moment_is_a_tie_and_the_exact_one_wins(
    model: ModelFolder, tmp_path: Path, timed: dict[Backend, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = choice._checked

    def coarser(backend: Backend, *rest: object) -> Attempt:
        attempt = made(backend, *rest)  # type: ignore[arg-type]
        return replace(attempt, precision=choice.Precision.BF16) if backend is Backend.OPENVINO else attempt

    monkeypatch.setattr(choice, "_checked", coarser)
    timed.update({Backend.OPENVINO: 9.0, Backend.ONNX: 10.0})
    assert choose(model, RuntimeOptions(cache_dir=tmp_path)).report.backend is Backend.ONNX
    timed.update({Backend.OPENVINO: 5.0, Backend.ONNX: 10.0})
    assert choose(model, RuntimeOptions(cache_dir=tmp_path)).report.backend is Backend.OPENVINO


def test_a_place_that_cannot_be_written_is_told_and_no_error(
    model: ModelFolder, tmp_path: Path, timed: dict[Backend, float]
) -> None:
    (tmp_path / "file").write_text("no folder")
    said: list[str] = []
    options = RuntimeOptions(cache_dir=tmp_path / "file" / "cache", remembers=True, tell=said.append)
    assert choose(model, options).report.backend is Backend.OPENVINO
    assert any("cannot be kept" in line for line in said)
    timed.clear()
