"""A graph of anybody's, loaded: named arrays in, named arrays out. What paints is built on this.

The student's runtimes feed it an image and paint boxes; `onnx:` models feed it whatever their card says.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np

from vision_banana_ros.core import AnyArray
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.runtime import Backend

Feed: TypeAlias = dict[str, AnyArray]
#: Checked bytes, or the path of a file that may keep weights in files beside itself.
Graph: TypeAlias = "bytes | Path"


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output: None in `shape` stands for a size that is free."""

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[np.generic]

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} ({', '.join('?' if n is None else str(n) for n in self.shape)})"


class Session(Protocol):
    """Not for several threads at once. Arrays of the answer may be overwritten by the next run."""

    @property
    def backend(self) -> Backend: ...

    @property
    def precision(self) -> Precision: ...

    @property
    def inputs(self) -> tuple[Port, ...]: ...

    @property
    def outputs(self) -> tuple[Port, ...]: ...

    def run(self, feed: Feed) -> Feed: ...
