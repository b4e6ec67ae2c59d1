"""TensorRT and CUDA in NumPy: the real signatures of each version, ONNX Runtime in place of a GPU.

Every class admits only the members that the version's bindings have (tensorrt_signatures.json), with their parameters;
anything else raises. An "engine" is the graph itself with a mark; running it reads and writes the "device" addresses.
"""

# ruff: noqa: ARG002 -- the signatures are those of the bindings

from __future__ import annotations

import ctypes
import enum
import inspect
import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

_RECORD = Path(__file__).with_name("tensorrt_signatures.json")
ENGINE_MARK = b"fake engine "
VERSIONS = ("8.6", "10.3", "10.16", "11.4")


@cache
def recorded() -> dict[str, Any]:
    record: dict[str, Any] = json.loads(_RECORD.read_text(encoding="utf-8"))
    return record


def signature(text: str) -> inspect.Signature:
    """`name(self: A, b: int = 0) -> C` as a signature without self."""
    inside = re.sub(r"<[^>]*>", "None", text[text.index("(") + 1 : text.rindex(") ->")])
    names = [part.split(":")[0].strip() for part in inside.split(", ")][1:]
    defaults = ["=" in part for part in inside.split(", ")][1:]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [
            inspect.Parameter(name, kind, default=None if default else inspect.Parameter.empty)
            for name, default in zip(names, defaults, strict=True)
        ]
    )


class Strict:
    """Lets through what the recorded class has, called as it is recorded."""

    def __init__(self, fake: FakeTensorRt, owner: str, body: object) -> None:
        object.__setattr__(self, "_parts", (fake, owner, body))

    def __getattr__(self, name: str) -> Any:
        fake, owner, body = object.__getattribute__(self, "_parts")
        overloads = fake.require(owner, name)
        value = getattr(body, name)
        return checked(overloads, value, f"{owner}.{name}") if callable(value) else value

    def __setattr__(self, name: str, value: object) -> None:
        fake, owner, body = object.__getattribute__(self, "_parts")
        fake.require(owner, name)
        setattr(body, name, value)

    def __bytes__(self) -> bytes:
        return bytes(object.__getattribute__(self, "_parts")[2])

    def inner(self) -> Any:
        return object.__getattribute__(self, "_parts")[2]


def checked(overloads: list[str], function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        for overload in overloads:
            try:
                signature(overload).bind(*arguments, **named)
                break
            except TypeError:
                continue
        else:
            raise TypeError(f"{name} cannot be called so: {overloads}")
        return function(*arguments, **named)

    return call


class FakeTensorRt:
    """The module `tensorrt` of one version. `refuses` names a step that fails as the real one does: by its result."""

    def __init__(self, version: str, *, refuses: str = "") -> None:
        self.__version__ = f"{version}.0"
        self.version = version
        self.refuses = refuses
        self.builds = 0
        self.flags: list[str] = []
        self.network_flags = 0
        self.called: set[str] = set()
        for name, members in recorded()[version]["enums"].items():
            setattr(self, name, enum.IntEnum(name, members))
        self.ILogger = type("ILogger", (), {"__init__": lambda _self: None})
        if self.has("IProgressMonitor", "phase_start"):
            self.IProgressMonitor = type("IProgressMonitor", (), {"__init__": lambda _self: None})

    def has(self, owner: str, member: str) -> bool:
        return f"{owner}.{member}" in recorded()[self.version]["signatures"]

    def require(self, owner: str, member: str) -> list[str]:
        if not self.has(owner, member):
            raise AttributeError(f"TensorRT {self.version} has no {owner}.{member}, or it was never recorded")
        self.called.add(f"{owner}.{member}")
        return list(recorded()[self.version]["signatures"][f"{owner}.{member}"])

    def strict(self, owner: str, body: object) -> Strict:
        return Strict(self, owner, body)

    def Builder(self, logger: Any) -> Strict:  # noqa: N802
        assert isinstance(logger, self.ILogger)
        return self.strict("Builder", _Builder(self, logger))

    def OnnxParser(self, network: Strict, logger: Any) -> Strict:  # noqa: N802
        return self.strict("OnnxParser", _Parser(self, network.inner(), logger))

    def Runtime(self, logger: Any) -> Strict:  # noqa: N802
        return self.strict("Runtime", _Runtime(self, logger))


class _Builder:
    def __init__(self, trt: FakeTensorRt, logger: Any) -> None:
        self.trt, self.logger = trt, logger

    def create_network(self, flags: int = 0) -> Strict:
        self.trt.network_flags = flags
        return self.trt.strict("INetworkDefinition", _Network(self.trt))

    def create_builder_config(self) -> Strict:
        return self.trt.strict("IBuilderConfig", _Config(self.trt))

    def create_optimization_profile(self) -> Strict:
        return self.trt.strict("IOptimizationProfile", _Profile())

    def build_serialized_network(self, network: Strict, config: Strict) -> bytes | None:
        self.trt.builds += 1
        monitor = config.inner().progress_monitor
        if monitor is not None:
            monitor.phase_start("Building Engine", None, 2)
            monitor.phase_start("Tactics", "Building Engine", 1)
            assert monitor.step_complete("Tactics", 0) is True
            monitor.phase_finish("Tactics")
            assert monitor.step_complete("Building Engine", 0) is True
            monitor.phase_finish("Building Engine")
        if self.trt.refuses == "build":
            self.logger.log(self.trt_severity("ERROR"), "no tactic found")
            return None
        assert config.inner().profiles, "dynamic inputs need a profile"
        return ENGINE_MARK + network.inner().graph

    def trt_severity(self, name: str) -> Any:
        return enum.Enum("Severity", ["INTERNAL_ERROR", "ERROR", "WARNING", "INFO", "VERBOSE"])[name]


class _Network:
    def __init__(self, trt: FakeTensorRt) -> None:
        self.trt = trt
        self.graph = b""

    @property
    def num_inputs(self) -> int:
        return len(onnx.load_from_string(self.graph).graph.input)

    def get_input(self, index: int) -> Strict:
        name = onnx.load_from_string(self.graph).graph.input[index].name
        return self.trt.strict("ITensor", type("Tensor", (), {"name": name})())


class _Parser:
    def __init__(self, trt: FakeTensorRt, network: _Network, logger: Any) -> None:
        self.trt, self.network, self.logger = trt, network, logger
        self.num_errors = 1 if trt.refuses == "parse" else 0

    def parse(self, model: bytes, path: str | None = None) -> bool:
        # as TensorRT, it finds weights that lie outside the graph only when it is told where the graph lies
        self.network.graph = model if path is None else onnx.load(path).SerializeToString()
        return self.trt.refuses != "parse"

    def get_error(self, index: int) -> Strict:
        return self.trt.strict("ParserError", type("Error", (), {"desc": lambda _self: f"node {index} unsupported"})())


class _Config:
    def __init__(self, trt: FakeTensorRt) -> None:
        self.trt = trt
        self.progress_monitor = None
        self.profiles: list[Any] = []
        self.cache: Any = None

    def set_memory_pool_limit(self, pool: Any, pool_size: int) -> None:
        assert isinstance(pool, self.trt.MemoryPoolType)
        assert pool_size > 0

    def set_flag(self, flag: Any) -> None:
        assert isinstance(flag, self.trt.BuilderFlag)
        self.trt.flags.append(flag.name)

    def add_optimization_profile(self, profile: Strict) -> int:
        self.profiles.append(profile.inner())
        return len(self.profiles) - 1

    def create_timing_cache(self, serialized_timing_cache: bytes) -> Strict | None:
        if serialized_timing_cache == b"damaged":
            return None
        return self.trt.strict("ITimingCache", _Timings(serialized_timing_cache))

    def set_timing_cache(self, cache: Strict, ignore_mismatch: bool) -> bool:
        self.cache = cache
        return cache.inner().data in (b"", b"timings")

    def get_timing_cache(self) -> Any:
        self.cache.inner().data = b"timings"
        return self.cache


class _Timings:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def serialize(self) -> bytes:
        return self.data


class _Profile:
    def __init__(self) -> None:
        self.shapes: dict[str, tuple[Any, ...]] = {}

    def set_shape(self, input: str, min: Any, opt: Any, max: Any) -> None:  # noqa: A002
        assert all(a <= b <= c for a, b, c in zip(min, opt, max, strict=True))
        self.shapes[input] = (min, opt, max)


class _Runtime:
    def __init__(self, trt: FakeTensorRt, logger: Any) -> None:
        self.trt, self.logger = trt, logger

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> Strict | None:
        if not serialized_engine.startswith(ENGINE_MARK) or self.trt.refuses == "deserialise":
            return None
        return self.trt.strict("ICudaEngine", _Engine(self.trt, serialized_engine[len(ENGINE_MARK) :]))


_KINDS: dict[str, tuple[str, Any]] = {
    "tensor(uint8)": ("UINT8", np.uint8), "tensor(float)": ("FLOAT", np.float32), "tensor(int64)": ("INT64", np.int64),
    "tensor(int32)": ("INT32", np.int32),
}  # fmt: skip


class _Engine:
    def __init__(self, trt: FakeTensorRt, graph: bytes) -> None:
        self.trt = trt
        self.session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        self.inputs = [tensor.name for tensor in self.session.get_inputs()]
        self.outputs = [tensor.name for tensor in self.session.get_outputs()]
        self.kinds = {t.name: t.type for t in (*self.session.get_inputs(), *self.session.get_outputs())}
        self.num_io_tensors = len(self.inputs) + len(self.outputs)

    def get_tensor_name(self, index: int) -> str:
        return (self.inputs + self.outputs)[index]

    def get_tensor_mode(self, name: str) -> Any:
        return self.trt.TensorIOMode.INPUT if name in self.inputs else self.trt.TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> Any:
        return getattr(self.trt.DataType, _KINDS[self.kinds[name]][0])

    def create_execution_context(self) -> Strict:
        return self.trt.strict("IExecutionContext", _Context(self))


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self.engine = engine
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        if name == "task" and shape[0] > (24 if "image_of" in self.engine.inputs else 8):
            return False
        self.shapes[name] = tuple(shape)
        return True

    def infer_shapes(self) -> list[str]:
        return [name for name in self.engine.inputs if name not in self.shapes]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if name in self.shapes:
            return self.shapes[name]
        if "task" in self.shapes:  # the student
            _, height, width, _ = self.shapes["image"]
            return (self.shapes["task"][0], 3, height, width)
        feed = {n: np.zeros(s, _KINDS[self.engine.kinds[n]][1]) for n, s in self.shapes.items()}
        shape: tuple[int, ...] = self.engine.session.run([name], feed)[0].shape
        return shape

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self.addresses[name] = memory
        return memory != 0

    def execute_async_v3(self, stream_handle: int) -> bool:
        if self.engine.trt.refuses == "run":
            return False
        feed = {
            name: _view(self.addresses[name], self.shapes[name], _KINDS[self.engine.kinds[name]][1])
            for name in self.engine.inputs
        }

        def work() -> None:
            for name, answer in zip(self.engine.outputs, self.engine.session.run(None, feed), strict=True):
                _view(self.addresses[name], answer.shape, answer.dtype.type)[...] = answer

        FakeCuda.enqueue(work)
        return True


class FakeCuda:
    """Device memory is host memory; a captured graph is the list of what was enqueued."""

    current: FakeCuda | None = None

    def __init__(self, *, name: str = "Fake GPU", refuses_capture: bool = False) -> None:
        self.name, self.refuses_capture = name, refuses_capture
        self.blocks: dict[int, Any] = {}
        self.graphs: dict[int, list[Callable[[], None]]] = {}
        self.capturing: list[Callable[[], None]] | None = None
        self.launches = 0
        FakeCuda.current = self

    @classmethod
    def enqueue(cls, work: Callable[[], None]) -> None:
        assert cls.current is not None
        if cls.current.capturing is not None:
            cls.current.capturing.append(work)
        else:
            work()

    def gpu_name(self) -> str:
        return self.name

    def compute_capability(self) -> str:
        return "9.0"

    def new_stream(self) -> int:
        return 7

    def allocate(self, size_bytes: int) -> int:
        block = (ctypes.c_byte * size_bytes)()
        self.blocks[ctypes.addressof(block)] = block
        return ctypes.addressof(block)

    def free(self, address: int) -> None:
        del self.blocks[address]

    def host_array(self, shape: Sequence[int], dtype: Any) -> Any:
        return np.zeros(shape, dtype)

    def free_host(self, array: Any) -> None:
        assert array is not None

    def to_device(self, address: int, array: Any, stream: int) -> None:
        assert stream == 7
        self.enqueue(lambda: ctypes.memmove(address, array.ctypes.data, array.nbytes) and None)

    def to_host(self, array: Any, address: int, stream: int) -> None:
        self.enqueue(lambda: ctypes.memmove(array.ctypes.data, address, array.nbytes) and None)

    def synchronise(self, stream: int) -> None:
        assert self.capturing is None, "CUDA forbids waiting while it captures"

    def begin_capture(self, stream: int) -> None:
        if self.refuses_capture:
            from vision_banana_ros.runtimes.runtime import RuntimeUnfit

            raise RuntimeUnfit("cudaStreamBeginCapture failed with 900: not permitted")
        self.capturing = []

    def end_capture(self, stream: int) -> int:
        assert self.capturing is not None
        self.graphs[len(self.graphs) + 1] = self.capturing
        self.capturing = None
        return len(self.graphs)

    def launch(self, graph: int, stream: int) -> None:
        self.launches += 1
        for work in self.graphs[graph]:
            work()

    def free_graph(self, graph: int) -> None:
        self.graphs[graph] = []


def _view(address: int, shape: tuple[int, ...], dtype: Any) -> Any:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_byte * size).from_address(address), dtype).reshape(shape)
