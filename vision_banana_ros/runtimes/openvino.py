"""OpenVINO on the CPU: BF16 where the processor computes in it, which halves the time, else FP32.

BF16 keeps the FP32 graph and its range and rounds to 8 bits of mantissa: 1/256, as fine as the canvases themselves.

A model of free sizes paints at once whatever is asked, but a fifth slower than one of fixed sizes. So shapes that keep
coming are compiled for in the background, compared with what the free model paints, and used from then on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np

from vision_banana_ros.core import MissingExtraError, UInt8Array
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.openvino_maps import in_few_channels
from vision_banana_ros.runtimes.runtime import Backend, RuntimeOptions, RuntimeUnfit, graph_for
from vision_banana_ros.runtimes.selfcheck import CANVAS_LEVELS
from vision_banana_ros.runtimes.session import Feed, Graph, Port, Probe, disagreement
from vision_banana_ros.student.paintbox import CANVAS, IMAGE, PaintBoxes

_DEVICE = "CPU"
#: The file that each precision is run from, and what OpenVINO is told to compute in.
_FILE_AND_HINT = {
    Precision.FP32: (Precision.FP32, "f32"),
    Precision.BF16: (Precision.FP32, "bf16"),
    Precision.INT8: (Precision.INT8, "f32"),
}
#: A command that paints a few images ends before compiling would pay; a camera is past this in half a second.
FRAMES_BEFORE_FIXING = 15
_MOST_FIXED = 6

_Shapes: TypeAlias = tuple[tuple[int, ...], ...]


class OpenVinoSession:
    """A graph (ONNX or TFLite) of free sizes, and graphs of fixed sizes for the shapes in use.

    `disagreement` says how two answers differ, "" where they do not: a graph compiled anew is believed only then.
    `few_channels` is for the student's own maps.
    """

    backend = Backend.OPENVINO

    def __init__(
        self,
        graph: Graph,
        precision: Precision,
        hint: str,
        options: RuntimeOptions,
        *,
        disagreement: Callable[[Feed, Feed], str],
        few_channels: bool = False,
    ) -> None:
        self.precision = precision
        self._openvino = _openvino()
        self._core = self._openvino.Core()
        self._graph = graph
        self._tell = options.tell
        self._disagreement = disagreement
        self._few_channels = few_channels
        can_do = self._core.get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")
        if precision is Precision.BF16 and "BF16" not in can_do:
            raise RuntimeUnfit(f"this processor has no bf16 arithmetic, OpenVINO names {', '.join(can_do)}")
        self._settings: dict[str, object] = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
        if options.threads is not None:
            self._settings["INFERENCE_NUM_THREADS"] = options.threads
        self._free = self._compile(None)
        compiled = self._free.get_compiled_model()
        self.inputs = tuple(_port(port) for port in compiled.inputs)
        self.outputs = tuple(_port(port) for port in compiled.outputs)
        self._is_free = any(None in port.shape for port in self.inputs)
        self._fixed: dict[_Shapes, Any] = {}
        self._seen: dict[_Shapes, int] = {}
        self._compiling: threading.Thread | None = None

    def run(self, feed: Feed) -> Feed:
        # inputs are read in place, hence contiguous copies of what is not
        feed = {name: np.ascontiguousarray(array) for name, array in feed.items()}
        shapes = tuple(array.shape for array in feed.values())
        fixed = self._fixed.get(shapes)
        answer = self._infer(fixed or self._free, feed)
        if fixed is None and self._is_free:
            self._count(shapes, feed, answer)
        return answer

    def settle(self) -> None:
        """Wait for what is being compiled: before a measurement, never in a robot's loop."""
        if self._compiling is not None:
            self._compiling.join()

    def _infer(self, request: Any, feed: Feed) -> Feed:
        answer = request.infer(feed, share_inputs=True)
        return {port.name: answer[port.name] for port in self.outputs}

    def _count(self, shapes: _Shapes, feed: Feed, answer: Feed) -> None:
        self._seen[shapes] = self._seen.get(shapes, 0) + 1
        busy = self._compiling is not None and self._compiling.is_alive()
        if self._seen[shapes] < FRAMES_BEFORE_FIXING or busy or len(self._fixed) >= _MOST_FIXED:
            return
        self._seen[shapes] = -(10**9)  # once: what failed to agree would fail again
        copies = {name: array.copy() for name, array in feed.items()}
        wanted = {name: array.copy() for name, array in answer.items()}
        self._compiling = threading.Thread(target=self._fix, args=(shapes, copies, wanted))
        self._compiling.start()

    def _fix(self, shapes: _Shapes, feed: Feed, wanted: Feed) -> None:
        """Another compilation is another chance to paint nonsense: it must agree with the one that was checked."""
        try:
            request = self._compile({name: list(array.shape) for name, array in feed.items()})
            off = self._disagreement(self._infer(request, feed), wanted)
        except RuntimeError as error:
            self._tell(f"OpenVINO cannot fix the sizes {shapes[0]}, it goes on with free ones: {error}")
            return
        if off:
            self._tell(f"OpenVINO paints {off} off with fixed sizes: it goes on with free ones")
            return
        self._fixed[shapes] = request

    def _compile(self, shapes: dict[str, list[int]] | None) -> Any:
        try:
            if isinstance(self._graph, Path):
                model = self._core.read_model(self._graph)
            else:
                model = self._core.read_model(self._graph, b"")
            if shapes is not None:
                model.reshape(shapes)
            if self._few_channels and self.precision is Precision.FP32:  # BF16 turns maps around fast as it is
                in_few_channels(model, self._openvino)
            return self._core.compile_model(model, _DEVICE, self._settings).create_infer_request()
        except RuntimeError as error:
            reason = (str(error).strip().splitlines() or ["no reason given"])[-1]
            raise RuntimeUnfit(f"OpenVINO {self._openvino.__version__} cannot compile the graph: {reason}") from error


class OpenVinoRuntime(OpenVinoSession):
    """The student's painting."""

    def __init__(self, graph: bytes, precision: Precision, hint: str, options: RuntimeOptions) -> None:
        limit = CANVAS_LEVELS[precision]

        def disagreement(got: Feed, wanted: Feed) -> str:
            off = float(np.abs(got[CANVAS].astype(np.int16) - wanted[CANVAS]).mean())
            return f"{off:.1f} levels" if off > limit else ""

        super().__init__(graph, precision, hint, options, disagreement=disagreement, few_channels=True)

    def paint(self, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        return cast(UInt8Array, self.run({IMAGE: image, **boxes.arrays()})[CANVAS])


def open_runtime(folder: ModelFolder, precision: Precision, options: RuntimeOptions) -> OpenVinoRuntime:
    if precision not in _FILE_AND_HINT:
        raise RuntimeUnfit(f"OpenVINO runs {', '.join(p.value for p in _FILE_AND_HINT)} here, not {precision.value}")
    file, hint = _FILE_AND_HINT[precision]
    return OpenVinoRuntime(graph_for(folder, file, options), precision, hint, options)


def _port(port: Any) -> Port:
    shape = tuple(n.get_length() if n.is_static else None for n in port.get_partial_shape())
    return Port(port.get_any_name(), shape, np.dtype(port.get_element_type().to_dtype()))


def _openvino() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise MissingExtraError(package="openvino", extra="cpu", purpose="The OpenVINO backend") from error
    return openvino


def open_graph(path: Path, precision: Precision, options: RuntimeOptions, _probe: Probe) -> OpenVinoSession:
    hint = "bf16" if precision is Precision.BF16 else "f32"
    return OpenVinoSession(path, precision, hint, options, disagreement=disagreement)
