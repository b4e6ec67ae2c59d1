"""One measured figure, and the clock that takes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`ratio` is how many times better than `against`, measured in the same run; `bar` is what the design asks for.
    `value` is None where nothing was measured, and `against` says why.
    """

    area: str
    name: str
    value: float | None
    unit: str
    against: str = ""
    ratio: float | None = None
    bar: str = ""


@dataclass(frozen=True, slots=True)
class Timing:
    median_ms: float
    best_ms: float
    p95_ms: float


def timed(work: Callable[[], object], *, repeats: int = 30, warmups: int = 3) -> Timing:
    """Wall-clock of single calls; the best is what the machine can do, the p95 what its neighbours leave of it."""
    for _ in range(warmups):
        work()
    times_ms = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times_ms.append((time.perf_counter() - start) * 1e3)
    times_ms.sort()
    return Timing(median(times_ms), times_ms[0], times_ms[min(len(times_ms) - 1, int(len(times_ms) * 0.95))])
