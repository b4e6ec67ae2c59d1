"""TensorRT's Python bindings, 8.6 to 11, behind the few questions in which the versions differ.

    what                  8.6                       10                        11
    network flag          EXPLICIT_BATCH            STRONGLY_TYPED            strongly typed, no other kind
    precision             builder flags FP16, INT8  in the file               in the file
    progress              none                      IProgressMonitor          IProgressMonitor
    profile shared by     one context               any number                any number

Everything else that is called here has the same signature in all of them (test/generators_runtimes records which).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vision_banana_ros.core import MissingExtraError
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.runtime import RuntimeUnfit

OLDEST = (8, 6)
#: Builder flags of the versions that type a network by flags; INT8 networks hold some FP16 layers, too.
_FLAGS = {Precision.FP32: (), Precision.FP16: ("FP16",), Precision.INT8: ("INT8", "FP16")}


@dataclass(frozen=True, slots=True)
class Bindings:
    """The module `tensorrt`, or what a test puts in its place."""

    trt: Any

    @property
    def version(self) -> str:
        return str(self.trt.__version__)

    @property
    def release(self) -> tuple[int, int]:
        numbers = re.match(r"(\d+)\.(\d+)", self.version)
        if numbers is None:
            raise RuntimeUnfit(f"TensorRT gives its version as {self.version!r}, expected numbers: reinstall it")
        return int(numbers[1]), int(numbers[2])

    @property
    def strongly_typed(self) -> bool:
        return "STRONGLY_TYPED" in self.trt.NetworkDefinitionCreationFlag.__members__

    @property
    def has_progress(self) -> bool:
        return hasattr(self.trt, "IProgressMonitor")

    def network_flags(self) -> int:
        name = "STRONGLY_TYPED" if self.strongly_typed else "EXPLICIT_BATCH"
        return 1 << int(self.trt.NetworkDefinitionCreationFlag.__members__[name])

    def set_precision(self, config: Any, precision: Precision) -> None:
        """Where the file's types are law there is nothing to set; before, layers of those types must be allowed."""
        if not self.strongly_typed:
            for name in _FLAGS[precision]:
                config.set_flag(self.trt.BuilderFlag.__members__[name])


def load_bindings() -> Bindings:
    """The installed TensorRT, if it is one that this package knows."""
    try:
        import tensorrt
    except ImportError as error:
        raise MissingExtraError(package="tensorrt", extra="tensorrt", purpose="The TensorRT backend") from error
    bindings = Bindings(tensorrt)
    if bindings.release < OLDEST:
        raise RuntimeUnfit(f"TensorRT {bindings.version} is too old: 8.6 and newer are supported (JetPack 6)")
    return bindings


@dataclass(slots=True)
class Ear:
    """Collects what TensorRT complains of: its calls return None or False, and only the log says why."""

    tell: Callable[[str], None]
    errors: list[str] = field(default_factory=list)

    def hear(self, severity: str, message: str) -> None:
        if severity in ("INTERNAL_ERROR", "ERROR"):
            self.errors.append(message.strip())
        if severity in ("INTERNAL_ERROR", "ERROR", "WARNING"):
            self.tell(f"TensorRT {severity.lower()}: {message.strip()}")

    def last_words(self) -> str:
        return self.errors[-1] if self.errors else "it gave no reason"


def make_logger(bindings: Bindings, ear: Ear) -> Any:
    """A TensorRT logger for `ear`. The class is made here, as its base exists only with the bindings."""

    base: Any = bindings.trt.ILogger

    class Logger(base):  # type: ignore[misc]
        def __init__(self) -> None:
            base.__init__(self)  # pybind11 asks for exactly this call

        def log(self, severity: Any, msg: str) -> None:
            ear.hear(severity.name, msg)

    return Logger()
