"""Graphs that the oldest supported ONNX Runtime cannot run are found where they are made, whatever runtime is here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from vision_banana_ros.bench.model_decode import decoding_graph
from vision_banana_ros.core import DataError
from vision_banana_ros.generators.registry import SHIPPED_STUDENT
from vision_banana_ros.models import pack
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Precision, Role
from vision_banana_ros.models.operators import missing_in_oldest


def _graph(kind: int, operator: str = "Min") -> bytes:
    """The smaller of a picture and its own sum with itself, in numbers of that kind."""
    given = helper.make_tensor_value_info("image", TensorProto.UINT8, [2, 3])
    gives = helper.make_tensor_value_info("out", kind, [2, 3])
    nodes = [
        helper.make_node("Cast", ["image"], ["a"], to=kind),
        helper.make_node("Add", ["a", "a"], ["b"]),
        helper.make_node(operator, ["a", "b"], ["out"]),
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "g", [given], [gives]), opset_imports=[helper.make_opsetid("", 18)]
    )
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("kind", "operator", "missing"),
    [
        (TensorProto.UINT8, "Min", ("Min of uint8",)),
        (TensorProto.INT16, "Max", ("Max of int16",)),
        (TensorProto.INT32, "Min", ()),
        (TensorProto.FLOAT, "Max", ()),
        (TensorProto.UINT8, "Add", ()),
    ],
)
def test_minima_of_few_bits_are_found(kind: int, operator: str, missing: tuple[str, ...]) -> None:
    assert missing_in_oldest(_graph(kind, operator)) == missing


def test_what_we_export_has_none() -> None:
    assert missing_in_oldest(ModelFolder.open(SHIPPED_STUDENT).read(Role.GRAPH, Precision.FP32)) == ()
    assert missing_in_oldest(decoding_graph(np.zeros((2, 32, 32, 3), np.uint8))) == ()


def test_such_a_graph_is_not_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "graph_bytes", lambda *_, **__: _graph(TensorProto.UINT8))
    settings = pack.ExportSettings(sizes_wh=((32, 32),))
    with pytest.raises(DataError, match=r"ONNX Runtime 1.23.*has no Min of uint8: compute it in int32"):
        pack._write_graph(None, tmp_path, Role.GRAPH, Precision.FP32, settings, None, None, print)  # type: ignore[arg-type]
