"""All pixels of one frame on CPU threads.

Rows are handed out in strips; a pixel depends on its place and the seed alone, so the picture is the same for any
number of threads. Threads, not Numba's parallel loops: those may not be entered from several Python threads at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from vision_banana_ros.world.tracing.denoise import denoise
from vision_banana_ros.world.tracing.develop import developed, exposure
from vision_banana_ros.world.tracing.film import Film
from vision_banana_ros.world.tracing.layout import World
from vision_banana_ros.world.tracing.resolve import resolve
from vision_banana_ros.world.tracing.trace import trace
from vision_banana_ros.world.tracing.vectors import FAST_MATH

STRIP_ROWS = 8


def source_digest() -> str:
    """Numba's cache looks at one file only; this makes a change in any file of the tracer a different kernel."""
    folder = Path(__file__).parent
    return sha256(b"".join(file.read_bytes() for file in sorted(folder.glob("*.py")))).hexdigest()[:16]


def _compile(digest: str) -> tuple[Any, Any, Any, Any]:
    """The four kernels over rows first..last; `digest` is a constant in them and so part of their cache key."""
    options: dict[str, Any] = {
        "nogil": True,
        "cache": True,
        "error_model": "numpy",
        "fastmath": set(FAST_MATH),
        "_nrt": False,
    }

    @njit(**options)
    def trace_rows(world: Any, film: Any, first: int, last: int, samples: int, seed: int) -> int:
        for y in range(first, last):
            for x in range(film.ids.shape[1]):
                trace(world, film, x, y, samples, seed)
        return len(digest)

    @njit(**options)
    def denoise_rows(world: Any, film: Any, source: Any, target: Any, first: int, last: int, step: int) -> int:
        for y in range(first, last):
            for x in range(film.ids.shape[1]):
                denoise(world, film, source, target, x, y, step)
        return len(digest)

    @njit(**options)
    def resolve_rows(world: Any, film: Any, first: int, last: int) -> int:
        for y in range(first, last):
            for x in range(film.ids.shape[1]):
                resolve(world, film, x, y)
        return len(digest)

    @njit(**options)
    def develop(film: Any, key: float, rgb: Any) -> float:
        gain = exposure(film, np.float32(key))
        for y in range(rgb.shape[0]):
            for x in range(rgb.shape[1]):
                for c in range(3):
                    rgb[y, x, c] = developed(film.radiance[y, x, c] * gain)
        return gain + np.float32(0 * len(digest))

    return trace_rows, denoise_rows, resolve_rows, develop


trace_rows, denoise_rows, resolve_rows, develop = _compile(source_digest())


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="trace")


def _for_strips(rows: int, threads: int, work: Callable[[int, int], object]) -> None:
    strips = [(first, min(first + STRIP_ROWS, rows)) for first in range(0, rows, STRIP_ROWS)]
    if threads == 1:
        for first, last in strips:
            work(first, last)
        return
    for done in [_pool(threads).submit(work, first, last) for first, last in strips]:
        done.result()


def fill(world: World, film: Film, *, samples: int, seed: int, denoise_levels: int, threads: int = 0) -> Film:
    """Trace, denoise and resolve a frame into `film`; the film that comes back has its light in `light`."""
    rows, workers = film.ids.shape[0], threads or os.cpu_count() or 1
    _for_strips(rows, workers, lambda a, b: trace_rows(world, film, a, b, samples, seed))
    if samples == 0:
        return film
    for level in range(denoise_levels):
        source, target, step = film.light, film.spare, 1 << level
        _for_strips(rows, workers, lambda a, b: denoise_rows(world, film, source, target, a, b, step))  # noqa: B023
        film = film._replace(light=target, spare=source)
    _for_strips(rows, workers, lambda a, b: resolve_rows(world, film, a, b))
    return film
