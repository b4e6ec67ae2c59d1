"""The dozen functions of the CUDA runtime that an engine needs, by ctypes: no package between, the same on every CUDA.

Reference: CUDA Runtime API, 11.4 to 13: all functions here kept their C signatures. Each returns an error code, and
each code is looked at.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import glob
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import AnyArray
from vision_banana_ros.runtimes.runtime import RuntimeUnfit

_NAMES = ("libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0", "libcudart.so")
_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76  # cudaDeviceAttr
_TO_DEVICE, _TO_HOST = 1, 2  # cudaMemcpyKind
_CAPTURE_THREAD_LOCAL = 1  # cudaStreamCaptureMode
_PROPERTIES_BYTES = 8192  # cudaDeviceProp grows with each release; the name is its first 256 bytes in all of them


class CudaApi(Protocol):
    """What `TensorRtRuntime` asks of CUDA; addresses and handles are plain numbers."""

    def gpu_name(self) -> str: ...
    def compute_capability(self) -> str: ...
    def new_stream(self) -> int: ...
    def allocate(self, size_bytes: int) -> int: ...
    def free(self, address: int) -> None: ...
    def host_array(self, shape: Sequence[int], dtype: npt.DTypeLike) -> AnyArray: ...
    def free_host(self, array: AnyArray) -> None: ...
    def to_device(self, address: int, array: AnyArray, stream: int) -> None: ...
    def to_host(self, array: AnyArray, address: int, stream: int) -> None: ...
    def synchronise(self, stream: int) -> None: ...
    def begin_capture(self, stream: int) -> None: ...
    def end_capture(self, stream: int) -> int: ...
    def launch(self, graph: int, stream: int) -> None: ...
    def free_graph(self, graph: int) -> None: ...


class Cuda:
    """The installed CUDA runtime on the current device."""

    def __init__(self) -> None:
        self._library = _load()
        count = ctypes.c_int()
        self._call("cudaGetDeviceCount", ctypes.byref(count))
        if count.value == 0:
            raise RuntimeUnfit("there is no CUDA device here")

    def gpu_name(self) -> str:
        properties = ctypes.create_string_buffer(_PROPERTIES_BYTES)
        self._call("cudaGetDeviceProperties", properties, 0)
        return properties.value.decode(errors="replace")

    def compute_capability(self) -> str:
        numbers = []
        for attribute in (_CAPABILITY_MAJOR, _CAPABILITY_MINOR):
            value = ctypes.c_int()
            self._call("cudaDeviceGetAttribute", ctypes.byref(value), attribute, 0)
            numbers.append(str(value.value))
        return ".".join(numbers)

    def new_stream(self) -> int:
        stream = ctypes.c_void_p()
        self._call("cudaStreamCreate", ctypes.byref(stream))
        return stream.value or 0

    def allocate(self, size_bytes: int) -> int:
        address = ctypes.c_void_p()
        self._call("cudaMalloc", ctypes.byref(address), ctypes.c_size_t(size_bytes))
        return address.value or 0

    def free(self, address: int) -> None:
        self._call("cudaFree", ctypes.c_void_p(address))

    def host_array(self, shape: Sequence[int], dtype: npt.DTypeLike) -> AnyArray:
        """Page-locked, so that copies need no staging and may stand in a CUDA graph."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        address = ctypes.c_void_p()
        self._call("cudaMallocHost", ctypes.byref(address), ctypes.c_size_t(size))
        memory: Any = (ctypes.c_byte * size).from_address(address.value or 0)
        array: AnyArray = np.frombuffer(memory, dtype=dtype).reshape(shape)
        return array

    def free_host(self, array: AnyArray) -> None:
        self._call("cudaFreeHost", ctypes.c_void_p(array.ctypes.data))

    def to_device(self, address: int, array: AnyArray, stream: int) -> None:
        self._copy(address, array.ctypes.data, array.nbytes, _TO_DEVICE, stream)

    def to_host(self, array: AnyArray, address: int, stream: int) -> None:
        self._copy(array.ctypes.data, address, array.nbytes, _TO_HOST, stream)

    def synchronise(self, stream: int) -> None:
        self._call("cudaStreamSynchronize", ctypes.c_void_p(stream))

    def begin_capture(self, stream: int) -> None:
        self._call("cudaStreamBeginCapture", ctypes.c_void_p(stream), _CAPTURE_THREAD_LOCAL)

    def end_capture(self, stream: int) -> int:
        """An executable graph of all that was enqueued since `begin_capture`."""
        graph, executable = ctypes.c_void_p(), ctypes.c_void_p()
        self._call("cudaStreamEndCapture", ctypes.c_void_p(stream), ctypes.byref(graph))
        # cudaGraphInstantiate changed its signature in CUDA 12; this one did not
        self._call("cudaGraphInstantiateWithFlags", ctypes.byref(executable), graph, ctypes.c_ulonglong(0))
        self._call("cudaGraphDestroy", graph)
        return executable.value or 0

    def launch(self, graph: int, stream: int) -> None:
        self._call("cudaGraphLaunch", ctypes.c_void_p(graph), ctypes.c_void_p(stream))

    def free_graph(self, graph: int) -> None:
        self._call("cudaGraphExecDestroy", ctypes.c_void_p(graph))

    def _copy(self, target: int, source: int, size: int, kind: int, stream: int) -> None:
        self._call(
            "cudaMemcpyAsync",
            ctypes.c_void_p(target),
            ctypes.c_void_p(source),
            ctypes.c_size_t(size),
            kind,
            ctypes.c_void_p(stream),
        )

    def _call(self, name: str, *arguments: Any) -> None:
        code = getattr(self._library, name)(*arguments)
        if code != 0:
            text = self._library.cudaGetErrorString(code)
            raise RuntimeUnfit(f"{name} failed with {code}: {text.decode() if text else 'unknown error'}")


def _load() -> ctypes.CDLL:
    found = ctypes.util.find_library("cudart")
    for name in (*_NAMES, *([found] if found else []), *_from_wheels()):
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.cudaGetErrorString.restype = ctypes.c_char_p
        return library
    raise RuntimeUnfit("the CUDA runtime (libcudart) cannot be found: install CUDA, or the wheel nvidia-cuda-runtime")


def _from_wheels() -> list[str]:
    """Where NVIDIA's wheels put it, which no loader looks."""
    patterns = ("nvidia/cu*/lib/libcudart.so.*", "nvidia/cuda_runtime/lib/libcudart.so.*")
    return [
        path for folder in sys.path for pattern in patterns for path in sorted(glob.glob(str(Path(folder) / pattern)))
    ]
