"""Endless or counted frames of the world, rendered while they are used, by several processes.

    for sample in WorldStream(first_seed=1_000_000, processes=2):
        train(sample.frame, sample.truth)

The k-th sample has seed first_seed + k, whatever the number of processes: each renders every n-th seed and the stream
takes them in turn. `processes=0` renders in this process. Give training and evaluation seeds that are far apart.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import count, islice

from vision_banana_ros.core import DataError
from vision_banana_ros.data.example import Example
from vision_banana_ros.data.readers.shards import world_source


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSettings:
    """What decides a frame beside its seed."""

    width: int = 256
    height: int = 192
    places: tuple[str, ...] = ()  # grammars; empty: all of them
    samples_per_pixel: int = 2
    sensor: bool = True

    def __post_init__(self) -> None:
        if self.width < 16 or self.height < 16:
            raise DataError(f"frames must be at least 16x16 pixels, got {self.width}x{self.height}")


def render_sample(seed: int, settings: WorldSettings, *, threads: int = 0) -> Example:
    """The frame of one seed."""
    from vision_banana_ros.world.sample import world_frame

    made = world_frame(
        seed,
        settings.width,
        settings.height,
        grammars=settings.places,
        samples=settings.samples_per_pixel,
        sensor=settings.sensor,
        threads=threads,
    )
    return Example(f"{seed:09}", made.frame, made.truth, world_source(), place=made.place, seed=seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldStream:
    """Samples in the order of their seeds; `ahead` per process are rendered before they are asked for."""

    settings: WorldSettings = field(default_factory=WorldSettings)
    first_seed: int = 0
    length: int | None = None
    processes: int = 0
    ahead: int = 4

    def __iter__(self) -> Iterator[Example]:
        seeds = islice(count(self.first_seed), self.length)
        if self.processes == 0:
            yield from (render_sample(seed, self.settings) for seed in seeds)
            return
        pool = workers(self.processes)
        try:
            waiting: list[Future[Example]] = []
            for seed in seeds:
                waiting.append(pool.submit(render_sample, seed, self.settings, threads=1))
                if len(waiting) >= self.processes * self.ahead:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def workers(processes: int) -> ProcessPoolExecutor:
    """Fresh interpreters: a fork would copy locks of running threads."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(processes, mp_context=spawn, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """A parent that is killed tells its workers nothing: they would render on for minutes."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
