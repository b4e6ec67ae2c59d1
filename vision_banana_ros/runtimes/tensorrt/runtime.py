"""An engine at work: copies and network in one CUDA graph, on a stream of its own.

For each set of shapes (prompts, paints, image size) buffers are laid out once: page-locked memory on the host, its twin
on the device. The first frame is enqueued call by call, which also lets TensorRT make its lazy allocations; then the
same calls are captured, and every later frame is two memory copies on the host and one launch.

An engine for several images, whose number changes from call to call, keeps the layouts used last, each with an
execution context of its own, since a CUDA graph holds only as long as its context is left alone. Where TensorRT gives
no further context (8.6 wants an optimization profile for each), there is one, laid out anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from vision_banana_ros.core import AnyArray, GeneratorError, UInt8Array
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.runtime import Backend, RuntimeOptions, RuntimeUnfit
from vision_banana_ros.runtimes.session import Feed, Port
from vision_banana_ros.runtimes.tensorrt.bindings import Bindings, Ear, make_logger
from vision_banana_ros.runtimes.tensorrt.cuda import CudaApi
from vision_banana_ros.student.paintbox import CANVAS, IMAGE, PaintBoxes

#: Each context has scratch memory of its own.
_MOST_KEPT = 4
_DTYPES = {"FLOAT": "float32", "HALF": "float16", "INT8": "int8", "INT32": "int32", "INT64": "int64", "BOOL": "bool",
           "UINT8": "uint8"}  # fmt: skip


@dataclass(slots=True, eq=False)
class _Tensor:
    name: str
    host: AnyArray
    device: int
    is_input: bool


@dataclass(slots=True, eq=False)
class _Layout:
    """Buffers for one set of shapes, the context that runs on them, and its CUDA graph once it is captured."""

    context: Any
    tensors: list[_Tensor] = field(default_factory=list)
    graph: int | None = None


class TensorRtRuntime:
    """One engine, and the buffers of the shapes used last."""

    backend = Backend.TENSORRT

    def __init__(
        self,
        bindings: Bindings,
        cuda: CudaApi,
        engine: bytes,
        precision: Precision,
        options: RuntimeOptions,
        sizes: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        """`sizes`: the only shapes of inputs that the engine was built for, where there is one each. Of more than one
        image (`options.images`) as many layouts are kept.
        """
        self.precision = precision
        self._sizes = sizes or {}
        self._trt = bindings.trt
        self._cuda = cuda
        self._tell = options.tell
        self._ear = Ear(options.tell)
        self._logger = make_logger(bindings, self._ear)  # must outlive all that was made with it
        self._runtime = self._trt.Runtime(self._logger)
        self._engine = self._runtime.deserialize_cuda_engine(engine)
        if self._engine is None:
            raise RuntimeUnfit(f"TensorRT {bindings.version} refuses the engine: {self._ear.last_words()}")
        context = self._engine.create_execution_context()
        if context is None:
            raise RuntimeUnfit(f"TensorRT cannot run the engine (memory?): {self._ear.last_words()}")
        self._first = context
        self._idle = [context]
        self._kept = max(1, min(options.images, _MOST_KEPT))
        self._layouts: OrderedDict[tuple[tuple[int, ...], ...], _Layout] = OrderedDict()
        self._stream = cuda.new_stream()
        self.inputs, self.outputs = self._ports(is_input=True), self._ports(is_input=False)

    def _ports(self, *, is_input: bool) -> tuple[Port, ...]:
        names = (self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors))
        wanted = self._trt.TensorIOMode.INPUT
        return tuple(
            Port(name, self._sizes.get(name, ()), self._dtype(name))  # a range of sizes is the profile's affair
            for name in names
            if (self._engine.get_tensor_mode(name) == wanted) is is_input
        )

    def paint(self, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        return cast(UInt8Array, self.run({IMAGE: image, **boxes.arrays()})[CANVAS])

    def run(self, feed: Feed) -> Feed:
        shapes = tuple(array.shape for array in feed.values())
        layout = self._layouts.get(shapes) or self._laid_out(feed, shapes)
        self._layouts.move_to_end(shapes)
        for tensor in layout.tensors:
            if tensor.is_input:
                np.copyto(tensor.host, feed[tensor.name])
        if layout.graph is None:
            self._enqueue(layout)
        else:
            self._cuda.launch(layout.graph, self._stream)
        self._cuda.synchronise(self._stream)
        if layout.graph is None:
            self._capture(layout)
        return {tensor.name: tensor.host for tensor in layout.tensors if not tensor.is_input}

    def close(self) -> None:
        """Give back what the driver would keep until the process ends."""
        self._release(kept=0)

    def _laid_out(self, feed: Feed, shapes: tuple[tuple[int, ...], ...]) -> _Layout:
        self._release(kept=self._kept - 1)
        context = self._idle.pop() if self._idle else self._engine.create_execution_context()
        if context is not None:
            try:
                return self._lay_out(context, feed, shapes)
            except GeneratorError:
                if not self._layouts:
                    raise
        self._release(kept=0)
        self._idle = []
        layout = self._lay_out(self._first, feed, shapes)  # which every TensorRT gives
        self._kept = 1
        self._tell(f"TensorRT keeps one set of shapes at a time: {self._ear.last_words()}")
        return layout

    def _lay_out(self, context: Any, feed: Feed, shapes: tuple[tuple[int, ...], ...]) -> _Layout:
        layout = _Layout(context)
        try:
            self._give_memory(layout, feed)
        except GeneratorError:
            self._free(layout)
            raise
        self._layouts[shapes] = layout
        return layout

    def _give_memory(self, layout: _Layout, feed: Feed) -> None:
        context = layout.context
        for name, array in feed.items():
            if not context.set_input_shape(name, array.shape):
                remedy = f"it takes {self._sizes[name]}" if self._sizes else "ask for fewer prompts or targets at once"
                raise GeneratorError(f"the engine was not built for {name} of shape {array.shape}: {remedy}")
        missing = context.infer_shapes()
        if missing:
            raise GeneratorError(f"the engine also wants {', '.join(missing)}: build it anew from this model")
        for index in range(self._engine.num_io_tensors):
            name = self._engine.get_tensor_name(index)
            is_input = self._engine.get_tensor_mode(name) == self._trt.TensorIOMode.INPUT
            shape = feed[name].shape if is_input else tuple(context.get_tensor_shape(name))
            host = self._cuda.host_array(shape, feed[name].dtype if is_input else self._dtype(name))
            tensor = _Tensor(name, host, self._cuda.allocate(host.nbytes), is_input)
            layout.tensors.append(tensor)
            if not context.set_tensor_address(name, tensor.device):
                raise GeneratorError(f"TensorRT refuses the memory of {name}: {self._ear.last_words()}")

    def _dtype(self, name: str) -> np.dtype[np.generic]:
        kind = self._engine.get_tensor_dtype(name).name
        if kind not in _DTYPES:
            raise GeneratorError(f"the engine gives {name} as {kind}, which has no array type here: export it anew")
        return np.dtype(_DTYPES[kind])

    def _enqueue(self, layout: _Layout) -> None:
        for tensor in layout.tensors:
            if tensor.is_input:
                self._cuda.to_device(tensor.device, tensor.host, self._stream)
        if not layout.context.execute_async_v3(self._stream):
            raise GeneratorError(f"TensorRT failed to run the engine: {self._ear.last_words()}")
        for tensor in layout.tensors:
            if not tensor.is_input:
                self._cuda.to_host(tensor.host, tensor.device, self._stream)

    def _capture(self, layout: _Layout) -> None:
        """Without a graph it works as well, only with more launches; so a failure is told and lived with."""
        try:
            self._cuda.begin_capture(self._stream)
            try:
                self._enqueue(layout)
            finally:
                layout.graph = self._cuda.end_capture(self._stream)
        except GeneratorError as error:
            layout.graph = None
            self._tell(f"no CUDA graph, each frame is enqueued call by call: {error}")

    def _release(self, *, kept: int) -> None:
        """Of all but the layouts used last; their contexts wait for other shapes."""
        while len(self._layouts) > kept:
            self._free(self._layouts.popitem(last=False)[1])

    def _free(self, layout: _Layout) -> None:
        if layout.graph is not None:
            self._cuda.free_graph(layout.graph)
        for tensor in layout.tensors:
            self._cuda.free(tensor.device)
            self._cuda.free_host(tensor.host)
        self._idle.append(layout.context)
