"""What an ONNX graph computes: multiply-adds of its convolutions and matrix products, node by node.

    convolution  output pixels x channels out x channels in per group x kernel
    product      output numbers x length of the sums

Shapes are those of a real run, so graphs of free sizes are counted as they are used. The rest (activations, resizing,
normalisation) touches each number once and is left out, as is usual.
"""

from __future__ import annotations

import io
import re
from math import prod
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from vision_banana_ros.bench.model_probe import boxes_of
from vision_banana_ros.core import AnyArray
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Role
from vision_banana_ros.student.paintbox import IMAGE
from vision_banana_ros.student.text import TextTable

#: Parts of the student that do not know the prompts; the others work once per prompt.
_SHARED = re.compile(r"/(encoder|context|trunk)/")


def student_work(folder: ModelFolder, size_wh: tuple[int, int], prompts: int) -> dict[str, int]:
    text = TextTable.read(io.BytesIO(folder.read(Role.TEXT)), name=str(folder.root))
    image = np.zeros((1, size_wh[1], size_wh[0], 3), np.uint8)
    return multiply_adds(folder.read(Role.GRAPH), {IMAGE: image, **boxes_of(prompts, text).arrays()})


def multiply_adds(graph: bytes, feed: dict[str, AnyArray]) -> dict[str, int]:
    """By the node's name, for one run of `feed`."""
    model = onnx.load_from_string(graph)
    nodes = [node for node in model.graph.node if node.op_type in ("Conv", "ConvTranspose", "MatMul", "Gemm")]
    shapes = _shapes(model, sorted({name for node in nodes for name in (*node.input[:2], node.output[0])}), feed)
    return {node.name: _work(node, shapes) for node in nodes}


def shared(work: dict[str, int]) -> int:
    """Of the student: what is done once per frame, if it is done once per frame."""
    return sum(count for name, count in work.items() if _SHARED.search(name))


def _shapes(model: onnx.ModelProto, names: list[str], feed: dict[str, AnyArray]) -> dict[str, tuple[int, ...]]:
    """A Shape node beside each tensor tells its size without keeping its numbers."""
    told = {name: f"shape of {index}" for index, name in enumerate(names)}
    model.graph.node.extend(helper.make_node("Shape", [name], [output]) for name, output in told.items())
    model.graph.output.extend(helper.make_tensor_value_info(o, onnx.TensorProto.INT64, None) for o in told.values())
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    found = session.run(list(told.values()), feed)
    return {name: tuple(int(side) for side in shape) for name, shape in zip(told, found, strict=True)}


def _work(node: Any, shapes: dict[str, tuple[int, ...]]) -> int:
    first, second, out = (shapes[name] for name in (*node.input[:2], node.output[0]))
    if node.op_type == "Conv":
        return prod(out) * prod(second[1:])
    if node.op_type == "ConvTranspose":
        return prod(first) * prod(second[1:])
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return prod(out) * first[0 if transposed else -1]
