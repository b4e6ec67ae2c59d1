"""A folder is whole and fits this code, or it is refused in one line that says what to do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import DataError, Task
from vision_banana_ros.generators.student import load
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.golden import load_golden
from vision_banana_ros.models.manifest import MANIFEST, Manifest, Precision, Role, Score, read_manifest
from vision_banana_ros.models.records import from_json
from vision_banana_ros.models.weights import load_student


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / MANIFEST
    raw = json.loads(path.read_text(encoding="utf-8"))
    change(raw)
    path.write_text(json.dumps(raw), encoding="utf-8")


def test_a_manifest_is_read_as_it_was_written(exported: Path, tmp_path: Path) -> None:
    manifest = read_manifest(exported / MANIFEST)
    manifest.write(tmp_path)
    assert read_manifest(tmp_path / MANIFEST) == manifest
    assert manifest.precisions() == (Precision.FP32, Precision.FP16)
    assert manifest.training.sources[0].licence == "none"
    assert manifest.scores[0].baseline == 0.4


def test_a_model_paints_what_its_manifest_says_whatever_tasks_there_are(exported: Path, tmp_path: Path) -> None:
    copied = tmp_path / "model"
    shutil.copytree(exported, copied)
    assert {"depth", "image"} < load(copied, backend="onnxruntime").tasks
    assert "panoptic" not in load(copied, backend="onnxruntime").tasks
    edit(copied, lambda raw: raw.pop("tasks"))  # as the first students were written
    assert Task.SEMANTIC in load(copied, backend="onnxruntime").tasks
    edit(
        copied, lambda raw: raw.update(tasks=["depth", "normals", "flow", "semantic", "instance", "referring", "image"])
    )
    assert load(copied, backend="onnxruntime").tasks == {
        Task.DEPTH, Task.NORMALS, Task.SEMANTIC, Task.INSTANCE, Task.REFERRING, Task.IMAGE
    }  # fmt: skip


def test_a_whole_folder_verifies(model: ModelFolder) -> None:
    model.verify()
    for file in model.manifest.files:
        assert (model.root / file.path).stat().st_size == file.size_bytes


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_single_changed_byte_anywhere_is_found(model: ModelFolder, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(model.manifest.files))
    path = model.root / file.path
    whole = path.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    broken = bytearray(whole)
    broken[position] ^= data.draw(st.integers(1, 255))
    try:
        path.write_bytes(broken)
        with pytest.raises(DataError, match="damaged or was changed"):
            model.verify()
    finally:
        path.write_bytes(whole)


def test_a_damaged_model_stops_loading_whatever_the_backend(copied: Path) -> None:
    graph = copied / "student.fp16.onnx"  # not even needed on a CPU
    graph.write_bytes(graph.read_bytes()[:-1])
    for backend in ("auto", "onnxruntime"):
        with pytest.raises(DataError, match="copy the whole folder again"):
            load(copied, backend=backend)


def test_a_missing_file_is_named(copied: Path) -> None:
    (copied / "text.npz").unlink()
    with pytest.raises(DataError, match=r"text\.npz cannot be read"):
        ModelFolder.open(copied).verify()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw.update(code_version=99), "decoded wrongly; export the model with this version"),
        (lambda raw: raw.update(format=2), "has format 2, this package reads 1"),
        (lambda raw: raw.update(colour="red"), "Manifest has no colour"),
        (lambda raw: raw.pop("files"), "no manifest of format 1"),
        (lambda raw: raw.update(name=3), "name must be str"),
        (lambda raw: raw["files"][0].update(role="virus"), "'virus' is not a valid Role"),
        (lambda raw: raw["files"][0].update(path="../x"), "in the model's folder itself"),
        (lambda raw: raw["files"][0].update(path=".."), "in the model's folder itself"),
        (lambda raw: raw.update(sizes_wh=[[100, 64]]), "multiples of 32"),
        (lambda raw: raw.update(sizes_wh=[]), "no canvas size"),
        (lambda raw: raw.update(golden_prompts=[]), "no engine could be checked"),
        (lambda raw: raw.update(files=[f for f in raw["files"] if f["role"] != "golden"]), "names no golden file"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    copied: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    edit(copied, change)
    with pytest.raises(DataError, match=message) as refusal:
        load(copied)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_manifest_that_is_no_json_object_is_refused(copied: Path, text: str) -> None:
    (copied / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="JSON"):
        read_manifest(copied / MANIFEST)


def test_no_manifest_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a model is a folder with a manifest"):
        ModelFolder.open(tmp_path)


def test_pickles_are_never_loaded(copied: Path) -> None:
    """A text table, golden frame or weights file that needs a pickle is refused even with the right hash."""
    for name, load_it in (
        ("golden.npz", lambda: load_golden(ModelFolder.open(copied))),
        ("weights.npz", lambda: load_student(ModelFolder.open(copied))),
        ("text.npz", lambda: load(copied)),
    ):
        poisoned: dict[str, Any] = {
            key: np.array([object()]) for key in ("image", "canvases", "config", "texts", "vectors")
        }
        np.savez(copied / name, **poisoned)
        digest = __import__("hashlib").sha256((copied / name).read_bytes()).hexdigest()
        edit(copied, lambda raw, n=name, d=digest: [f.update(sha256=d) for f in raw["files"] if f["path"] == n])
        with pytest.raises(DataError):
            load_it()


def test_golden_canvases_of_another_size_are_refused(copied: Path) -> None:
    edit(copied, lambda raw: raw.update(sizes_wh=[[128, 64]]))
    with pytest.raises(DataError, match=r"golden image .* must be uint8 of shape \(64, 128, 3\)"):
        load_golden(ModelFolder.open(copied))


def test_a_role_without_a_file_says_how_to_get_one(model: ModelFolder) -> None:
    with pytest.raises(DataError, match="no int8 graph file: export it"):
        model.read(Role.GRAPH, Precision.INT8)


@given(value=st.floats(0, 1), baseline=st.none() | st.floats(0, 1), name=st.text(max_size=10))
@settings(max_examples=30)
def test_records_come_back_from_json(value: float, baseline: float | None, name: str) -> None:
    score = Score(frames=name, metric="delta1", value=value, baseline=baseline)
    raw = {"frames": name, "metric": "delta1", "value": value, "baseline": baseline, "precision": "fp32"}
    assert from_json(Score, json.loads(json.dumps(raw))) == score


@pytest.mark.parametrize("raw", [{"frames": 1}, {"value": "1"}, {"value": True}, 3, {"precision": 5}])
def test_records_of_the_wrong_type_are_refused(raw: object) -> None:
    whole = {"frames": "a", "metric": "b", "value": 1.0}
    with pytest.raises((TypeError, ValueError)):
        from_json(Score, {**whole, **raw} if isinstance(raw, dict) else raw)


def test_the_manifest_is_immutable(model: ModelFolder) -> None:
    with pytest.raises(AttributeError):
        model.manifest.name = "other"  # type: ignore[misc]
    assert isinstance(model.manifest, Manifest)
