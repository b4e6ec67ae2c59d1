"""ONNX Runtime: on every CPU, and on CUDA where the `onnxruntime-gpu` wheel finds its libraries.

The graph comes as checked bytes. Prompts and image have dynamic sizes, so one session serves every number of prompts.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from vision_banana_ros.core import MissingExtraError, UInt8Array
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Precision, Role
from vision_banana_ros.runtimes.runtime import Backend, RuntimeOptions, RuntimeUnfit
from vision_banana_ros.student.paintbox import CANVAS, IMAGE, PaintBoxes

_ERRORS_ONLY = 3
_CUDA = "CUDAExecutionProvider"


class OnnxRuntime:
    """A session on the CPU."""

    backend = Backend.ONNX

    def __init__(self, graph: bytes, precision: Precision, options: RuntimeOptions) -> None:
        self.precision = precision
        self._session = _session(graph, ["CPUExecutionProvider"], options)

    def paint(self, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        feed = {IMAGE: image, **boxes.arrays()}
        return cast(UInt8Array, self._session.run([CANVAS], feed)[0])


class OnnxCudaRuntime:
    """A session on a GPU: inputs are bound, so that each is copied once, and only the canvases come back."""

    backend = Backend.ONNX_CUDA

    def __init__(self, graph: bytes, precision: Precision, options: RuntimeOptions) -> None:
        self.precision = precision
        if _CUDA not in _onnxruntime().get_available_providers():
            raise RuntimeUnfit("this ONNX Runtime has no CUDA provider: install onnxruntime-gpu in its place")
        self._session = _session(graph, [_CUDA, "CPUExecutionProvider"], options)
        if self._session.get_providers()[0] != _CUDA:
            raise RuntimeUnfit("ONNX Runtime could not start CUDA and fell back to the CPU: check its CUDA libraries")
        self._binding = self._session.io_binding()

    def paint(self, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        binding = self._binding
        binding.clear_binding_inputs()
        for name, array in {IMAGE: image, **boxes.arrays()}.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(array))
        binding.bind_output(CANVAS, "cpu")
        self._session.run_with_iobinding(binding)
        return cast(UInt8Array, binding.copy_outputs_to_cpu()[0])


def open_runtime(folder: ModelFolder, precision: Precision, options: RuntimeOptions) -> OnnxRuntime:
    _require_own_file(precision)
    return OnnxRuntime(folder.read(Role.GRAPH, precision), precision, options)


def open_cuda_runtime(folder: ModelFolder, precision: Precision, options: RuntimeOptions) -> OnnxCudaRuntime:
    _require_own_file(precision)
    return OnnxCudaRuntime(folder.read(Role.GRAPH, precision), precision, options)


def _require_own_file(precision: Precision) -> None:
    if precision is Precision.BF16:
        raise RuntimeUnfit("ONNX Runtime computes in the precision of its file, and bf16 has none: use openvino")


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError(package="onnxruntime", extra="cpu", purpose="The ONNX Runtime backend") from error
    return onnxruntime


def _session(graph: bytes, providers: list[str], options: RuntimeOptions) -> Any:
    ort = _onnxruntime()
    settings = ort.SessionOptions()
    settings.log_severity_level = _ERRORS_ONLY
    if options.threads is not None:
        settings.intra_op_num_threads = options.threads
    # Threads that spin between frames would take the cores from decoding and from the rest of the robot.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(graph, settings, providers=providers)
    except Exception as error:  # the bindings have no common base class for their errors
        raise RuntimeUnfit(f"ONNX Runtime {ort.__version__} cannot load the graph: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
