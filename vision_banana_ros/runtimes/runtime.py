"""What a runtime is: bytes of a model in, canvases out; and how a failure of one is told apart from a failure of all.

    image (1, H, W, 3) uint8 + paint boxes of K prompts -> canvases (K, 3, H, W) uint8, in one pass of the network

Every runtime is one module beside this one with `open_runtime(folder, precision, options) -> Runtime`. It raises a
`RuntimeUnfit` for what only concerns itself (its package is missing, there is no such device, the engine cannot be
built), so that the next one is tried; a DataError (a damaged model) concerns all and is passed on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol, runtime_checkable

from vision_banana_ros.core import GeneratorError, UInt8Array
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.student.paintbox import PaintBoxes

NO_WEIGHTS = "the model comes without weights for PyTorch: export it with --weights"


class Backend(str, Enum):
    """The runtimes, in the order in which `auto` asks them: devices first."""

    TENSORRT = "tensorrt"
    TENSORRT_RTX = "tensorrt-rtx"
    ONNX_CUDA = "onnxruntime-cuda"
    TORCH_CUDA = "torch-cuda"
    OPENVINO = "openvino"
    ONNX = "onnxruntime"
    TFLITE = "tflite"
    TORCH = "torch"

    @property
    def on_gpu(self) -> bool:
        return self in (Backend.TENSORRT, Backend.TENSORRT_RTX, Backend.ONNX_CUDA, Backend.TORCH_CUDA)


class RuntimeUnfit(GeneratorError):  # noqa: N818 -- it says what the runtime is
    """This runtime cannot run this model here; another one may."""


def say_nothing(_message: str) -> None:
    """The default ear for progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOptions:
    """`threads` None leaves the number to the runtime; `sizes_wh` are canvas sizes to paint instead of the model's own;
    `tell` hears of long work, a line at a time.
    """

    threads: int | None = None
    sizes_wh: tuple[tuple[int, int], ...] = ()
    cache_dir: Path | None = None
    tell: Callable[[str], None] = field(default=say_nothing)


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
