"""Which operators a graph uses, whether TensorRT's ONNX parser knows them all, and the oldest ONNX Runtime.

The list is that of onnx-tensorrt (its source stands in the file). Types and attributes are the parser's to judge; a
name that is missing here fails on every robot, and is better found where the model is made. So is a kind of number that
the newest ONNX Runtime of Python 3.10 (Humble, JetPack 6) lacks, while the one that is here has it.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import onnx

_LIST = Path(__file__).parent / "data" / "tensorrt_operators.json"
#: Folded by every parser before operators are looked at.
_CONSTANTS = frozenset({"Constant"})


@dataclass(frozen=True, slots=True)
class Operators:
    """How often each operator stands in a graph, and those that TensorRT does not know."""

    counts: tuple[tuple[str, int], ...]
    unknown_to_tensorrt: tuple[str, ...]
    opset: int


#: ONNX Runtime 1.23's kernels of these operators on a CPU: floats and whole numbers of 32 and 64 bits.
OLDEST_ONNXRUNTIME = "1.23"
_FEW_KINDS = frozenset({"Min", "Max"})
_LACKS = frozenset({"INT8", "UINT8", "INT16", "UINT16"})


@cache
def known_to_tensorrt() -> frozenset[str]:
    return frozenset(json.loads(_LIST.read_text(encoding="utf-8"))["operators"]) | _CONSTANTS


def operators(graph: bytes) -> Operators:
    """Of the whole graph; operators of other domains than ONNX's own count as unknown."""
    model = onnx.load_from_string(graph)
    nodes = list(model.graph.node)
    foreign = {f"{node.domain}.{node.op_type}" for node in nodes if node.domain not in ("", "ai.onnx")}
    counts = Counter(node.op_type for node in nodes)
    unknown = (set(counts) - known_to_tensorrt()) | foreign
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    return Operators(tuple(counts.most_common()), tuple(sorted(unknown)), int(opset))


def missing_in_oldest(graph: bytes) -> tuple[str, ...]:
    """What the oldest supported ONNX Runtime has no kernel for: "Min of uint8" and the like."""
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(graph))
    kinds = {value.name: value.type.tensor_type.elem_type for value in [*model.graph.input, *model.graph.value_info]}
    kinds |= {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    found = set()
    for node in model.graph.node:
        for name in node.input if node.op_type in _FEW_KINDS else ():
            kind = onnx.TensorProto.DataType.Name(kinds.get(name, 0))
            if kind in _LACKS:
                found.add(f"{node.op_type} of {kind.lower()}")
    return tuple(sorted(found))
