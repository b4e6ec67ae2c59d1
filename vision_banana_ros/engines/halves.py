"""The network in half precision, as a graph that every runtime reads.

Precision lives in the file, since TensorRT 11 has no precision flags (strongly typed networks only). Encoder, context,
trunk and painter hold half floats; reader and mixer stay FP32, because the mixer's exponentials reach exp(20), far
beyond the largest half float, 65504. Casts stand where the parts meet.
"""

from __future__ import annotations

import copy
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from vision_banana_ros.student.network import Student

_HALF_PARTS = ("encoder", "context", "trunk", "painter")
_FULL_PARTS = ("mixer",)


def halved(student: Student) -> Student:
    """A copy that computes in FP16 where that is safe."""
    half = copy.deepcopy(student).eval()
    for names, dtype in ((_HALF_PARTS, torch.float16), (_FULL_PARTS, torch.float32)):
        for name in names:
            part = half.get_submodule(name).to(dtype)
            part.register_forward_pre_hook(_casting(dtype))
    return half


def with_full_ranges(graph: bytes) -> bytes:
    """ONNX's Range takes no half floats, though tracing writes such: count in FP32 and cast."""
    model = onnx.load_from_string(graph)
    types = _float16_names(onnx.shape_inference.infer_shapes(model, strict_mode=False))
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Range" and any(name in types for name in node.input):
            full = [f"{node.output[0]}/full_{i}" for i in range(len(node.input))]
            nodes += [
                helper.make_node("Cast", [name], [cast], to=TensorProto.FLOAT)
                for name, cast in zip(node.input, full, strict=True)
            ]
            counted = f"{node.output[0]}/full"
            nodes.append(helper.make_node("Range", full, [counted], name=node.name))
            nodes.append(helper.make_node("Cast", [counted], list(node.output), to=TensorProto.FLOAT16))
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())


def _float16_names(model: onnx.ModelProto) -> set[str]:
    infos = (*model.graph.value_info, *model.graph.input, *model.graph.output)
    found = {info.name for info in infos if info.type.tensor_type.elem_type == TensorProto.FLOAT16}
    return found | {weight.name for weight in model.graph.initializer if weight.data_type == TensorProto.FLOAT16}


def _casting(dtype: torch.dtype) -> Any:
    def hook(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(_cast(value, dtype) for value in inputs)

    return hook


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor):
        return value.to(dtype)
    return [_cast(item, dtype) for item in value] if isinstance(value, list) else value
