"""What a runtime is: bytes of a model in, canvases out; and how a failure of one is told apart from a failure of all.

    image (1, H, W, 3) uint8 + paint boxes of K prompts -> canvases (K, 3, H, W) uint8, in one pass of the network

Opened for several images (`RuntimeOptions.images`), it takes (B, H, W, 3) and boxes that say whose each prompt is.

Every runtime is one module beside this one with `open_runtime(folder, precision, options) -> Runtime`, and one entry in
RUNTIMES. It raises a
`RuntimeUnfit` for what only concerns itself (its package is missing, there is no such device, the engine cannot be
built), so that the next one is tried; a DataError (a damaged model) concerns all and is passed on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from vision_banana_ros.core import GeneratorError, UInt8Array
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Precision, Role
from vision_banana_ros.student.paintbox import PaintBoxes

NO_WEIGHTS = "the model comes without weights for PyTorch: export it with --weights"


class Backend(str):
    """A runtime by its name; which there are stands in RUNTIMES."""

    _known: ClassVar[dict[str, Backend]] = {}

    TENSORRT: ClassVar[Backend]
    TENSORRT_RTX: ClassVar[Backend]
    ONNX_CUDA: ClassVar[Backend]
    TORCH_CUDA: ClassVar[Backend]
    OPENVINO: ClassVar[Backend]
    ONNX: ClassVar[Backend]
    TFLITE: ClassVar[Backend]
    TORCH: ClassVar[Backend]

    def __new__(cls, name: str) -> Backend:
        """One object per name, so that `is` works."""
        return cls._known.setdefault(name, super().__new__(cls, name))

    @property
    def value(self) -> str:
        return str(self)

    @property
    def on_gpu(self) -> bool:
        return any(entry.backend == self and entry.on_gpu for entry in RUNTIMES)


Backend.TENSORRT = Backend("tensorrt")
Backend.TENSORRT_RTX = Backend("tensorrt-rtx")
Backend.ONNX_CUDA = Backend("onnxruntime-cuda")
Backend.TORCH_CUDA = Backend("torch-cuda")
Backend.OPENVINO = Backend("openvino")
Backend.ONNX = Backend("onnxruntime")
Backend.TFLITE = Backend("tflite")
Backend.TORCH = Backend("torch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One runtime: its module beside this file, and what of it opens what.

    backend     its name; `word` is what a user types for it, several may share one ("torch" on a GPU and on a CPU)
    opens       the function that opens a student's folder; empty: it runs no students
    graphs      the function that opens a file of anybody's; empty: it runs none
    precisions  for students, from the fastest to the most exact
    is_reference    the library that a file's kind was made for: what it answers, others must
    """

    backend: Backend
    module: str
    word: str
    opens: str = ""
    graphs: str = ""
    suffixes: tuple[str, ...] = (".onnx",)
    precisions: tuple[Precision, ...] = ()
    on_gpu: bool = False
    needs_weights: bool = False
    is_reference: bool = False


#: In the order in which `auto` asks them: devices first. INT8 is left to TensorRT and to whoever names it: on a CPU it
#: was slower than FP32, as depthwise convolutions gain nothing from it (docs/adr/0006). On a CPU FP16 is slower, but
#: runs. PyTorch is far the slowest there: asked for by name, or last of all.
RUNTIMES: tuple[Entry, ...] = (
    Entry(
        backend=Backend.TENSORRT, module="tensorrt", word="tensorrt", opens="open_runtime", graphs="open_graph",
        precisions=(Precision.INT8, Precision.FP16, Precision.FP32), on_gpu=True,
    ),
    Entry(
        backend=Backend.TENSORRT_RTX, module="onnx", word="tensorrt-rtx", opens="open_rtx_runtime",
        graphs="open_rtx_graph", precisions=(Precision.FP16, Precision.FP32), on_gpu=True,
    ),
    Entry(
        backend=Backend.ONNX_CUDA, module="onnx", word="onnxruntime", opens="open_cuda_runtime",
        graphs="open_cuda_graph", precisions=(Precision.FP16, Precision.FP32), on_gpu=True,
    ),
    Entry(
        backend=Backend.TORCH_CUDA, module="torch", word="torch", opens="open_cuda_runtime",
        precisions=(Precision.FP16, Precision.FP32), on_gpu=True, needs_weights=True,
    ),
    Entry(
        backend=Backend.OPENVINO, module="openvino", word="openvino", opens="open_runtime", graphs="open_graph",
        suffixes=(".onnx", ".tflite", ".lite"), precisions=(Precision.BF16, Precision.FP32),
    ),
    Entry(
        backend=Backend.ONNX, module="onnx", word="onnxruntime", opens="open_runtime", graphs="open_graph",
        precisions=(Precision.FP32, Precision.FP16), is_reference=True,
    ),
    Entry(
        backend=Backend.TFLITE, module="tflite", word="tflite", graphs="open_graph", suffixes=(".tflite", ".lite"),
        is_reference=True,
    ),
    Entry(
        backend=Backend.TORCH, module="torch", word="torch", opens="open_runtime", precisions=(Precision.FP32,),
        needs_weights=True,
    ),
)  # fmt: skip


def entry_of(backend: Backend) -> Entry:
    return next(entry for entry in RUNTIMES if entry.backend == backend)


def opener(entry: Entry, function: str) -> Callable[..., Any]:
    """The function of a runtime's module, which is imported only now."""
    found: Callable[..., Any] = getattr(import_module(f"{__package__}.{entry.module}"), function)
    return found


class RuntimeUnfit(GeneratorError):  # noqa: N818 -- it says what the runtime is
    """This runtime cannot run this model here; another one may."""


def graph_for(folder: ModelFolder, precision: Precision, options: RuntimeOptions) -> bytes:
    """The ONNX graph that these options ask for, its hash checked."""
    return folder.read(Role.SEVERAL if options.images > 1 else Role.GRAPH, precision)


def say_nothing(_message: str) -> None:
    """The default ear for progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOptions:
    """`threads` None leaves the number to the runtime; `sizes_wh` are canvas sizes to paint instead of the model's own;
    `tell` hears of long work, a line at a time. `remembers`: keep which runtime was the fastest beside the engines, and
    take it again at the next start. `images`: how many one call may have at most; more than one is another graph.
    """

    threads: int | None = None
    sizes_wh: tuple[tuple[int, int], ...] = ()
    cache_dir: Path | None = None
    tell: Callable[[str], None] = field(default=say_nothing)
    remembers: bool = False
    images: int = 1


def default_directory() -> Path:
    """The user's cache (XDG). A user without a home, as in many containers, keeps nothing, and is told what to set."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        try:
            base = Path.home() / ".cache"
        except RuntimeError:
            base = Path("/nonexistent")
    return base / "vision_banana_ros" / "engines"


@runtime_checkable
class Runtime(Protocol):
    """A loaded network. Not for several threads at once."""

    @property
    def backend(self) -> Backend: ...

    @property
    def precision(self) -> Precision: ...

    def paint(self, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        """Planes (K, 3, H, W) for an image (1, H, W, 3); the array may be overwritten by the next call."""
        ...
