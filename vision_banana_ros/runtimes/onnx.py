"""ONNX Runtime: on every CPU, on CUDA where the `onnxruntime-gpu` wheel finds its libraries, and on TensorRT-RTX.

The graph comes as checked bytes. Prompts and image have dynamic sizes, so one session serves every number of prompts.

TensorRT-RTX is a plug-in of the plain ONNX Runtime (1.24 and newer): its wheel carries the builder, so neither
JetPack nor the vendor's index is needed. It compiles for the GPU that it meets and keeps what it compiled.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np

from vision_banana_ros.core import MissingExtraError, UInt8Array
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.runtime import Backend, RuntimeOptions, RuntimeUnfit, default_directory, graph_for
from vision_banana_ros.runtimes.session import Feed, Graph, Port, Probe
from vision_banana_ros.student.paintbox import CANVAS, IMAGE, PaintBoxes

_ERRORS_ONLY = 3
_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
#: The plug-in's package, from the wheel onnxruntime-ep-nv-tensorrt-rtx-cu13 (or -cu12).
_RTX_MODULE = "onnxruntime_ep_nv_tensorrt_rtx"
_DTYPES = {"float": "float32", "double": "float64"}


class OnnxSession:
    """A graph on the CPU or on a GPU; there inputs are bound, so that each is copied once."""

    def __init__(
        self, graph: Graph, precision: Precision, options: RuntimeOptions, backend: Backend = Backend.ONNX
    ) -> None:
        self.backend = backend
        self.precision = precision
        if backend is Backend.ONNX_CUDA and _CUDA not in _onnxruntime().get_available_providers():
            raise RuntimeUnfit("this ONNX Runtime has no CUDA provider: install onnxruntime-gpu in its place")
        self._session = _session(graph, backend, options)
        if backend is Backend.ONNX_CUDA and self._session.get_providers()[0] != _CUDA:
            raise RuntimeUnfit("ONNX Runtime could not start CUDA and fell back to the CPU: check its CUDA libraries")
        self.inputs = tuple(_port(tensor) for tensor in self._session.get_inputs())
        self.outputs = tuple(_port(tensor) for tensor in self._session.get_outputs())
        self._names = [port.name for port in self.outputs]
        self._binding = self._session.io_binding() if backend.on_gpu else None

    def run(self, feed: Feed) -> Feed:
        if self._binding is None:
            return dict(zip(self._names, self._session.run(self._names, feed), strict=True))
        binding = self._binding
        binding.clear_binding_inputs()
        for name, array in feed.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(array))
        for name in self._names:
            binding.bind_output(name, "cpu")
        self._session.run_with_iobinding(binding)
        return dict(zip(self._names, binding.copy_outputs_to_cpu(), strict=True))


class OnnxRuntime:
    """The student's painting by a session."""

    def __init__(
        self, graph: bytes, precision: Precision, options: RuntimeOptions, backend: Backend = Backend.ONNX
    ) -> None:
        self.backend = backend
        self.precision = precision
        self._session = OnnxSession(graph, precision, options, backend)

    def paint(self, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        return cast(UInt8Array, self._session.run({IMAGE: image, **boxes.arrays()})[CANVAS])


def open_runtime(folder: ModelFolder, precision: Precision, options: RuntimeOptions) -> OnnxRuntime:
    return _open(folder, precision, options, Backend.ONNX)


def open_cuda_runtime(folder: ModelFolder, precision: Precision, options: RuntimeOptions) -> OnnxRuntime:
    return _open(folder, precision, options, Backend.ONNX_CUDA)


def open_rtx_runtime(folder: ModelFolder, precision: Precision, options: RuntimeOptions) -> OnnxRuntime:
    return _open(folder, precision, options, Backend.TENSORRT_RTX)


def _open(folder: ModelFolder, precision: Precision, options: RuntimeOptions, backend: Backend) -> OnnxRuntime:
    if precision is Precision.BF16:
        raise RuntimeUnfit("ONNX Runtime computes in the precision of its file, and bf16 has none: use openvino")
    return OnnxRuntime(graph_for(folder, precision, options), precision, options, backend)


def open_graph(path: Path, precision: Precision, options: RuntimeOptions, _probe: Probe) -> OnnxSession:
    return OnnxSession(path, precision, options, Backend.ONNX)


def open_cuda_graph(path: Path, precision: Precision, options: RuntimeOptions, _probe: Probe) -> OnnxSession:
    return OnnxSession(path, precision, options, Backend.ONNX_CUDA)


def open_rtx_graph(path: Path, precision: Precision, options: RuntimeOptions, _probe: Probe) -> OnnxSession:
    return OnnxSession(path, precision, options, Backend.TENSORRT_RTX)


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError(package="onnxruntime", extra="cpu", purpose="The ONNX Runtime backend") from error
    return onnxruntime


def _session(graph: Graph, backend: Backend, options: RuntimeOptions) -> Any:
    ort = _onnxruntime()
    settings = ort.SessionOptions()
    settings.log_severity_level = _ERRORS_ONLY
    if options.threads is not None:
        settings.intra_op_num_threads = options.threads
    # Threads that spin between frames would take the cores from decoding and from the rest of the robot.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    places: dict[str, object] = {"providers": [_CUDA, _CPU] if backend is Backend.ONNX_CUDA else [_CPU]}
    if backend is Backend.TENSORRT_RTX:
        places = {}
        _add_rtx(ort, settings, options)
    source = str(graph) if isinstance(graph, Path) else graph
    try:
        return ort.InferenceSession(source, settings, **places)
    except Exception as error:  # the bindings have no common base class for their errors
        raise RuntimeUnfit(f"ONNX Runtime {ort.__version__} cannot load the graph: {_first_line(error)}") from error


def _add_rtx(ort: Any, settings: Any, options: RuntimeOptions) -> None:
    """Put the plug-in's devices into the session's settings; every way in which that fails has words of its own."""
    if find_spec(_RTX_MODULE) is None:
        raise MissingExtraError(package=_RTX_MODULE, extra="tensorrt-rtx", purpose="The TensorRT-RTX backend")
    if not hasattr(ort, "register_execution_provider_library"):
        raise RuntimeUnfit(f"ONNX Runtime {ort.__version__} takes no plug-ins: TensorRT-RTX needs 1.24 or newer")
    plugin = __import__(_RTX_MODULE)  # only now: importing it changes LD_LIBRARY_PATH of the process
    name = plugin.get_ep_name()
    try:
        if not any(device.ep_name == name for device in ort.get_ep_devices()):
            ort.register_execution_provider_library(name, plugin.get_library_path())
        devices = [device for device in ort.get_ep_devices() if device.ep_name == name]
    except Exception as error:
        raise RuntimeUnfit(
            f"TensorRT-RTX cannot start: {_first_line(error)}; it needs NVIDIA's driver (libcuda)"
        ) from error
    if not devices:
        raise RuntimeUnfit(
            "TensorRT-RTX finds no GPU that it runs on (GeForce RTX 20 and newer, GB10; "
            "not A100, H100 or Jetson Orin, which TensorRT itself serves)"
        )
    directory = (options.cache_dir or default_directory()) / "tensorrt-rtx"
    directory.mkdir(parents=True, exist_ok=True)
    options.tell("TensorRT-RTX compiles the model for this GPU: seconds to minutes, once")
    settings.add_provider_for_devices(devices, {"nv_runtime_cache_path": str(directory)})


def _port(tensor: Any) -> Port:
    kind = tensor.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(n if isinstance(n, int) and n > 0 else None for n in tensor.shape)
    return Port(tensor.name, shape, np.dtype(_DTYPES.get(kind, kind)))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
