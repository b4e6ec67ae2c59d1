"""Which operators a graph uses, and whether TensorRT's ONNX parser knows them all.

The list is that of onnx-tensorrt (its source stands in the file). Types and attributes are the parser's to judge; a
name that is missing here fails on every robot, and is better found where the model is made.
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
