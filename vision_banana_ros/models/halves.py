"""The FP16 graph. Precision lives in the file: TensorRT 11 has no precision flags, its networks are strongly typed.

Which parts are half floats is decided in runtimes/torch.py (`halved`); tracing writes a cast wherever they meet the
rest.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper


def with_full_ranges(graph: bytes) -> bytes:
    """ONNX's Range takes no half floats, though tracing writes such: count in FP32 and cast."""
    model = onnx.load_from_string(graph)
    halves = _half_names(onnx.shape_inference.infer_shapes(model, strict_mode=False))
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Range" and halves.intersection(node.input):
            nodes += _counted_in_full(node)
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())


def _counted_in_full(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    result = node.output[0]
    full = [f"{result}/full_{i}" for i in range(len(node.input))]
    return [
        *(
            helper.make_node("Cast", [name], [cast], to=TensorProto.FLOAT)
            for name, cast in zip(node.input, full, strict=True)
        ),
        helper.make_node("Range", full, [f"{result}/full"], name=node.name),
        helper.make_node("Cast", [f"{result}/full"], [result], to=TensorProto.FLOAT16),
    ]


def _half_names(model: onnx.ModelProto) -> set[str]:
    infos = (*model.graph.value_info, *model.graph.input, *model.graph.output)
    found = {info.name for info in infos if info.type.tensor_type.elem_type == TensorProto.FLOAT16}
    return found | {weight.name for weight in model.graph.initializer if weight.data_type == TensorProto.FLOAT16}
