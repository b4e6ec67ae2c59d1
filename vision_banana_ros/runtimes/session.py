"""A graph of anybody's, loaded: named arrays in, named arrays out. What paints is built on this.

The student's runtimes feed it an image and paint boxes; `onnx:` models feed it whatever their card says.
"""

from __future__ import annotations

from collections.abc import Callable
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

#: Error of an output relative to its own spread, at the 95th percentile of its values.
_LIMITS = {Precision.FP32: 0.02, Precision.FP16: 0.05, Precision.BF16: 0.10, Precision.INT8: 0.20}


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


def disagreement(got: Feed, wanted: Feed, precision: Precision = Precision.FP32) -> str:
    """How two answers to the same picture differ, in words; "" where they do not."""
    for name, expected in wanted.items():
        found = got.get(name)
        if found is None and len(got) == len(wanted) == 1:
            found = next(iter(got.values()))  # TFLite's names are the converter's affair
        if found is None or found.shape != expected.shape:
            return f"output {name} is {'missing' if found is None else found.shape}, expected {expected.shape}"
        a, b = found.astype(np.float64).ravel(), expected.astype(np.float64).ravel()
        if not np.array_equal(np.isfinite(a), np.isfinite(b)):
            return f"output {name} is finite elsewhere"
        if np.issubdtype(expected.dtype, np.integer):
            share = float((a != b).mean())
            if share > _LIMITS[precision]:
                return f"output {name}: {100 * share:.1f} % of the values differ"
            continue
        spread = float(b[np.isfinite(b)].std()) or 1.0
        error = float(np.nanquantile(np.abs(a - b), 0.95)) / spread if a.size else 0.0
        if error > _LIMITS[precision]:
            return f"output {name}: {100 * error:.1f} % of its spread"
    return ""


#: Makes the pattern for a session's inputs; its names and sizes are known by then.
Probe: TypeAlias = "Callable[[Session], Feed]"
