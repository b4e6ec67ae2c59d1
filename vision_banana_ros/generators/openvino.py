"""OpenVINO on the CPU: BF16 where the processor computes in it, which halves the time, else FP32.

BF16 keeps the FP32 graph and its range and rounds to 8 bits of mantissa: 1/256, as fine as the canvases themselves.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from vision_banana_ros.core import MissingExtraError, UInt8Array
from vision_banana_ros.generators.folder import ModelFolder
from vision_banana_ros.generators.manifest import Precision, Role
from vision_banana_ros.generators.runtime import CANVAS, IMAGE, Backend, RuntimeOptions, RuntimeUnfit
from vision_banana_ros.student.paintbox import PaintBoxes

_DEVICE = "CPU"
#: The file that each precision is run from, and what OpenVINO is told to compute in.
_FILE_AND_HINT = {
    Precision.FP32: (Precision.FP32, "f32"),
    Precision.BF16: (Precision.FP32, "bf16"),
    Precision.INT8: (Precision.INT8, "f32"),
}


class OpenVinoRuntime:
    """One request of a model compiled for latency; sizes are dynamic."""

    backend = Backend.OPENVINO

    def __init__(self, graph: bytes, precision: Precision, hint: str, options: RuntimeOptions) -> None:
        self.precision = precision
        openvino = _openvino()
        core = openvino.Core()
        can_do = core.get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")
        if precision is Precision.BF16 and "BF16" not in can_do:
            raise RuntimeUnfit(f"this processor has no bf16 arithmetic, OpenVINO names {', '.join(can_do)}")
        settings: dict[str, object] = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
        if options.threads is not None:
            settings["INFERENCE_NUM_THREADS"] = options.threads
        try:
            model = core.compile_model(core.read_model(graph, b""), _DEVICE, settings)
        except RuntimeError as error:
            raise RuntimeUnfit(
                f"OpenVINO {openvino.__version__} cannot compile the graph: {str(error).strip().splitlines()[-1]}"
            ) from error
        self._request = model.create_infer_request()
        self._output = model.output(CANVAS)

    def paint(self, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        # inputs are read in place, hence contiguous copies of what is not
        feed = {IMAGE: image, **boxes.arrays()}
        results = self._request.infer({name: np.ascontiguousarray(a) for name, a in feed.items()}, share_inputs=True)
        return cast(UInt8Array, results[self._output])


def open_runtime(folder: ModelFolder, precision: Precision, options: RuntimeOptions) -> OpenVinoRuntime:
    if precision not in _FILE_AND_HINT:
        raise RuntimeUnfit(f"OpenVINO runs {', '.join(p.value for p in _FILE_AND_HINT)} here, not {precision.value}")
    file, hint = _FILE_AND_HINT[precision]
    return OpenVinoRuntime(folder.read(Role.GRAPH, file), precision, hint, options)


def _openvino() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise MissingExtraError(package="openvino", extra="cpu", purpose="The OpenVINO backend") from error
    return openvino
