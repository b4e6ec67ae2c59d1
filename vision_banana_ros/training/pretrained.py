"""ImageNet weights for the encoder, out of an 8-bit MobileNetV2 in TFLite form.

A TFLite file stores w = scale * (q - zero_point) per output channel; batch normalisation is folded in. The file lists
the convolutions in the order of the network, which is that of `MobileNetV2.convolutions()`.

`agreement` checks the reading: with the classifier put back on top, the dequantised network and the TFLite
interpreter must name the same class.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vision_banana_ros.core import DataError, FloatArray, MissingExtraError, UInt8Array
from vision_banana_ros.student.encoder import MobileNetV2, normalise

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """weight in torch's order (outputs, inputs / groups, rows, columns)."""

    weight: FloatArray
    bias: FloatArray


def read_convolutions(path: Path) -> list[Convolution]:
    """All convolutions of a quantised TFLite file, dequantised, in the order of the graph."""
    interpreter = open_interpreter(path)
    details = {entry["index"]: entry for entry in interpreter.get_tensor_details()}
    found = []
    for operation in interpreter._get_ops_details():  # the one door to a graph's order that the package has
        if operation["op_name"] in _CONVOLUTIONS:
            weight_id, bias_id = (int(i) for i in operation["inputs"][1:3])
            weight = _dequantise(interpreter.get_tensor(weight_id), details[weight_id])
            bias = _dequantise(interpreter.get_tensor(bias_id), details[bias_id])
            depthwise = operation["op_name"].startswith("DEPTHWISE")
            order = (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)
            found.append(Convolution(np.ascontiguousarray(weight.transpose(order)), bias))
    return found


def load_imagenet(encoder: MobileNetV2, path: Path) -> None:
    """Fill `encoder` from a TFLite MobileNetV2 of width 1.0."""
    convolutions = encoder.convolutions()
    stored = read_convolutions(path)[: len(convolutions)]
    for i, (module, source) in enumerate(zip(convolutions, stored, strict=True)):
        if tuple(module.weight.shape) != source.weight.shape:
            raise DataError(
                f"{path} must hold MobileNetV2 1.0: convolution {i} has {source.weight.shape}, "
                f"expected {tuple(module.weight.shape)}"
            )
        with torch.no_grad():
            module.weight.copy_(torch.from_numpy(source.weight))
            assert module.bias is not None
            module.bias.copy_(torch.from_numpy(source.bias))


@torch.no_grad()
def agreement(path: Path, images: list[UInt8Array]) -> float:
    """Share of 224x224 RGB `images` on which the dequantised network and the interpreter name the same class."""
    encoder = MobileNetV2().eval()
    load_imagenet(encoder, path)
    head, classifier = read_convolutions(path)[len(encoder.convolutions()) :][:2]
    interpreter = open_interpreter(path)
    given, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    same = 0
    for image in images:
        interpreter.set_tensor(given["index"], image[None].astype(given["dtype"]))
        interpreter.invoke()
        scores = interpreter.get_tensor(answer["index"])[0]
        top = _tensorflow_padded(encoder, normalise(torch.from_numpy(image.copy()).permute(2, 0, 1)[None]))
        top = F.relu6(F.conv2d(top, torch.from_numpy(head.weight), torch.from_numpy(head.bias))).mean((2, 3))
        top = top @ torch.from_numpy(classifier.weight[:, :, 0, 0]).T + torch.from_numpy(classifier.bias)
        same += int(top.argmax()) == int(scores.argmax())
    return same / len(images)


def _tensorflow_padded(encoder: MobileNetV2, x: Tensor) -> Tensor:
    """The last feature map as the weights were trained: at stride 2 padded right and below only."""
    hooks = []
    for module in encoder.convolutions():
        if module.stride == (2, 2):
            module.padding = (0, 0)
            hooks.append(module.register_forward_pre_hook(_pad_right_and_below))
    last: Tensor = encoder(x)[-1]
    for hook in hooks:
        hook.remove()
    return last


def _pad_right_and_below(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (F.pad(inputs[0], (0, 1, 0, 1)),)


def _dequantise(stored: Any, detail: dict[str, Any]) -> FloatArray:
    quantisation = detail["quantization_parameters"]
    scale, zero = np.asarray(quantisation["scales"], np.float32), np.asarray(quantisation["zero_points"])
    if scale.size == 0:
        raise DataError(f"tensor {detail['name']} is not quantised: use an 8-bit TFLite file")
    if scale.size > 1:
        shape = [1] * stored.ndim
        shape[quantisation["quantized_dimension"]] = scale.size
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    values: FloatArray = ((stored.astype(np.float32) - zero) * scale).astype(np.float32)
    return values


def open_interpreter(path: Path) -> Any:
    """The TFLite interpreter on a file, plain kernels only, so that every tensor can be looked at."""
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise MissingExtraError(package="ai-edge-litert", extra="train", purpose="Reading a TFLite file") from error
    if not path.exists():
        raise DataError(f"{path} does not exist: give the TFLite file of a MobileNetV2")
    interpreter = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    interpreter.allocate_tensors()
    return interpreter
