"""INT8: explicit Q/DQ pairs around the convolutions, calibrated on rendered frames.

Symmetric on both sides, because TensorRT takes no zero points; weights per output channel. Reader, mixer and everything
that is no convolution stay as they are: they decide colours, and cost little.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from vision_banana_ros.core import UInt8Array
from vision_banana_ros.student.paintbox import IMAGE, PaintBoxes


class _Frames(CalibrationDataReader):  # type: ignore[misc]
    """Frames at the model's size, one a call, each with the same prompts."""

    def __init__(self, frames: Iterable[UInt8Array], boxes: PaintBoxes) -> None:
        self._feeds: Iterator[dict[str, Any]] = ({IMAGE: frame[None], **boxes.arrays()} for frame in frames)

    def get_next(self) -> dict[str, Any] | None:
        return next(self._feeds, None)


def quantised(graph: bytes, frames: Iterable[UInt8Array], boxes: PaintBoxes) -> bytes:
    """The INT8 graph of an FP32 one; `frames` are (H, W, 3) at a size that the model takes."""
    with tempfile.TemporaryDirectory() as folder:  # the tool works on files alone
        full, prepared, small = (str(Path(folder) / name) for name in ("full.onnx", "prepared.onnx", "small.onnx"))
        Path(full).write_bytes(graph)
        quant_pre_process(full, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            small,
            _Frames(frames, boxes),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv"],
            extra_options={"ActivationSymmetric": True, "WeightSymmetric": True},
        )
        return _without_unused_domains(Path(small).read_bytes())


def _without_unused_domains(graph: bytes) -> bytes:
    """The tool declares every operator set that it knows; a parser might refuse one of those names."""
    model = onnx.load_from_string(graph)
    used = {node.domain for node in model.graph.node}
    kept = [opset for opset in model.opset_import if opset.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    return bytes(model.SerializeToString())
