"""The weights of an exported model (student.export) back in a network that can learn on.

Most weights keep their names in the file. Where the exporter folds a normalisation into a convolution or turns a matrix
around it makes up a name; but the node that uses such a weight is still named after its module, level by level:
"/context/context.1/steps/steps.0/steps.0.0/Conv" is a node of module "context.1.steps.0.0".

A folded normalisation comes back as one that changes nothing: `settled_norms` then gives it statistics.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vision_banana_ros.core import DataError, FloatArray
from vision_banana_ros.models.manifest import MANIFEST, Precision, Role, read_manifest
from vision_banana_ros.student.blocks import ConvNorm
from vision_banana_ros.student.network import Student

#: `Exported` holds the network under this name.
_PREFIX = "student."
#: Serves training alone, so an exported graph has no trace of it.
_LEFT_OUT = {"glance.lens.weight", "glance.lens.bias"}


def load_exported(student: Student, path: Path) -> None:
    """Fill `student` from a model's folder, or from the ONNX file of an exported student in float32."""
    stored = read_weights(_graph_of(path))
    norms = {name: module for name, module in student.named_modules() if isinstance(module, nn.BatchNorm2d)}
    targets: dict[str, Tensor] = {**dict(student.named_parameters()), **dict(student.named_buffers())}
    for name, module in student.named_modules():
        if isinstance(module, ConvNorm):  # its convolution has no bias of its own
            targets[f"{name}.0.bias"] = norms[f"{name}.1"].bias
    must_be_there = {name for name, _ in student.named_parameters() if name.rpartition(".")[0] not in norms} - _LEFT_OUT
    if missing := sorted(must_be_there - stored.keys()):
        raise DataError(f"{path} must hold a student of this version: nothing in it is {missing[0]}")
    with torch.no_grad():
        for norm in norms.values():
            norm.reset_parameters()
            assert norm.running_var is not None
            norm.running_var.sub_(norm.eps)  # so that the identity is exact
        for name in stored.keys() & targets.keys():
            if tuple(targets[name].shape) != stored[name].shape:
                raise DataError(
                    f"{path} must hold a student of this version: {name} is {stored[name].shape}, "
                    f"expected {tuple(targets[name].shape)}"
                )
            targets[name].copy_(torch.from_numpy(np.array(stored[name], np.float32)))


def read_weights(path: Path) -> dict[str, FloatArray]:
    """Weights by the names of the network's parameters; the bias of a folded normalisation is `<module>.bias`."""
    from onnx import ModelProto, load, numpy_helper

    try:
        model: ModelProto = load(str(path))
    except Exception as error:  # protobuf's own errors share no other base
        raise DataError(f"{path} must be an ONNX file: {error}") from error
    arrays = {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer}
    found = {name.removeprefix(_PREFIX): array for name, array in arrays.items() if name.startswith(_PREFIX)}
    for node in model.graph.node:
        made_up = [name for name in node.input if name in arrays and not name.startswith(_PREFIX)]
        module = _module_of(node.name)
        for name, part in zip(made_up, ("weight", "bias"), strict=False):
            if node.op_type == "Conv":
                found[f"{module}.{part}"] = arrays[name]
            elif node.op_type == "MatMul":
                found[f"{module}.weight"] = arrays[name].T
            elif node.op_type == "Add" and module == "mixer":
                found["mixer.pixel.bias"] = arrays[name].ravel()
    return found


def _graph_of(path: Path) -> Path:
    if path.is_dir():
        file = read_manifest(path / MANIFEST).file(Role.GRAPH, Precision.FP32)
        if file is None:
            raise DataError(f"{path} holds no graph in fp32 to learn on from")
        return path / file.path
    return path


def _module_of(node: str) -> str:
    """ "/a/a.1/b/b.0/Conv" -> "a.1.b.0": a level that repeats its parent's name stands for both."""
    levels: list[str] = []
    for level in node.strip("/").split("/")[:-1]:
        if levels and level.startswith(f"{levels[-1]}."):
            levels[-1] = level
        else:
            levels.append(level)
    return ".".join(levels)
