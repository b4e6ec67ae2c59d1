"""A model that is damaged, foreign or wrong: the real node refuses to configure, and says what to do."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from onnx import numpy_helper

from vision_banana_ros.generators.registry import SHIPPED_STUDENT
from vision_banana_ros.models.manifest import MANIFEST, sha256

GRAPH = "student.fp32.onnx"
pytestmark = [
    pytest.mark.ros,
    pytest.mark.skipif(not (SHIPPED_STUDENT / GRAPH).is_file(), reason="no trained student is shipped"),
]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED_STUDENT, tmp_path / "model"))


def flip_a_byte(model: Path) -> None:
    graph = bytearray((model / GRAPH).read_bytes())
    graph[len(graph) // 2] ^= 1
    (model / GRAPH).write_bytes(graph)


def age(model: Path) -> None:
    _edit(model, lambda raw: raw.update(code_version=0, package_version="0.0.1"))


def negate_a_convolution(model: Path) -> None:
    """In every precision, and sign them anew: their hashes are right."""
    for path in model.glob("student.*.onnx"):
        graph = onnx.load(path)
        node = next(node for node in graph.graph.node if node.op_type == "Conv" and "/encoder/" in node.name)
        weight = next(weight for weight in graph.graph.initializer if weight.name == node.input[1])
        weight.CopyFrom(numpy_helper.from_array(np.negative(numpy_helper.to_array(weight)), weight.name))
        onnx.save(graph, path)
        _sign(model, path)


def _sign(model: Path, path: Path) -> None:
    digest = sha256(path.read_bytes())
    _edit(model, lambda raw: [f.update(sha256=digest) for f in raw["files"] if f["path"] == path.name])


def _edit(model: Path, change: Callable[[dict[str, Any]], object]) -> None:
    raw = json.loads((model / MANIFEST).read_text(encoding="utf-8"))
    change(raw)
    (model / MANIFEST).write_text(json.dumps(raw), encoding="utf-8")


def _engine(listener: Any) -> DiagnosticStatus:
    listener.subscribe(DiagnosticArray, "/diagnostics")
    listener.forget("/diagnostics")
    return next(status for status in listener.newest("/diagnostics").status if status.name.endswith("engine"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (flip_a_byte, "is damaged or was changed"),
        (age, "is for code version 0 (package '0.0.1')"),
        (negate_a_convolution, "openvino fp32 failed the self-check: "),
    ],
)
def test_a_model_that_would_paint_wrongly_refuses_to_configure(
    ros: Any, model: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(model)
    process = ros.perception(autostart=False, model=str(model))
    assert not ros.listener.change_state(Transition.TRANSITION_CONFIGURE)
    state = ros.listener.state()
    assert state == State.PRIMARY_STATE_UNCONFIGURED
    engine = _engine(ros.listener)
    assert bytes(engine.level) == DiagnosticStatus.ERROR
    assert said in engine.message
    assert "export" in engine.message
    assert process.signal(signal.SIGINT) == 0
    assert said in process.output


def test_a_cache_directory_that_cannot_be_made_hinders_no_other_runtime(ros: Any, model: Path) -> None:
    blocked = str(model / MANIFEST / "engines")
    ros.perception(autostart=False, model=str(model), engine_cache_dir=blocked)
    assert ros.listener.change_state(Transition.TRANSITION_CONFIGURE)
    values = {value.key: value.value for value in _engine(ros.listener).values}
    assert "self-check passed" in values["runtime"]
    assert "tensorrt" in values["tried"]
