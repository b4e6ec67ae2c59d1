"""The world rendered while training runs: into the sampler's stack, never onto a disk.

On a CUDA device scenes are built by CPU processes and rendered there, many in one launch (world/batches.py); what comes
out stays on the device. Where that fails, and without one, the processes render too. Which of the two it is, and why,
is told.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import torch
from torch import Tensor

from vision_banana_ros.core import UNLABELLED
from vision_banana_ros.data.shard_codes import FAR_M, NEAR_M
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.store import Labels, Record, Stack, record
from vision_banana_ros.world.dataset import WorldSettings, render_sample, workers

_AHEAD = 4  # frames per process that are asked for before they are needed
_DEVICE_BATCH = 64
_STEPS = 65533
_SKY = 65535


@dataclass(slots=True, eq=False)
class LiveWorld:
    """Call `begin` once, `poll` between steps, `end` at last."""

    stack: Stack
    settings: WorldSettings
    processes: int
    first_seed: int
    tell: Callable[[str], None] = print
    made: int = 0
    way: str = ""
    _pool: Any = None
    _coming: list[Future[Record]] = field(default_factory=list)
    _seeds: Any = None
    _batches: queue.Queue[Any] | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    def begin(self, enough: int) -> None:
        """Returns when `enough` frames are there."""
        self._seeds = count(self.first_seed)
        if self._is_on_device:
            try:
                self._begin_on_device()
            except Exception as error:  # whatever a driver, a compiler or a kernel raises: there is another way
                self._give_up_device(error)
        if not self.way:
            self._begin_on_processes()
        while self.stack.count < min(enough, self.stack.capacity):
            self.poll(wait=True)

    def poll(self, *, wait: bool = False) -> None:
        """Take in what has been rendered meanwhile."""
        if self._batches is not None:
            try:
                found = self._batches.get(block=wait, timeout=600 if wait else None)
            except queue.Empty:
                return
            if isinstance(found, Exception):
                self._give_up_device(found)
                self._begin_on_processes()
                return
            self.made += _take(found, self.stack)
            return
        if wait and self._coming:
            self._coming[0].result()
        ready = [future for future in self._coming if future.done()]
        if ready:
            self.stack.put(future.result() for future in ready)
            self.made += len(ready)
            self._coming = [future for future in self._coming if future not in ready]
            self._ask()

    def end(self) -> None:
        self._stop.set()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def _is_on_device(self) -> bool:
        return self.stack.rgb.device.type == "cuda"

    def _begin_on_device(self) -> None:
        from vision_banana_ros.world.batches import BatchStream
        from vision_banana_ros.world.tracing import gpu

        if not gpu.available():
            raise RuntimeError("Numba sees no CUDA device")
        stream = BatchStream(
            settings=self.settings, first_seed=self.first_seed, batch=_DEVICE_BATCH, processes=self.processes
        )
        batches: queue.Queue[Any] = queue.Queue(maxsize=2)

        def work() -> None:
            try:
                for batch in stream:
                    if self._stop.is_set():
                        return
                    batches.put(batch)
            except Exception as error:  # told where it is waited for
                batches.put(error)

        threading.Thread(target=work, daemon=True).start()
        first = batches.get(timeout=600)
        if isinstance(first, Exception):
            raise first
        self._batches, self.way = batches, "CUDA renderer"
        self.made += _take(first, self.stack)
        self.tell(f"world: rendered on the device, scenes from {self.processes} processes")

    def _give_up_device(self, error: Exception) -> None:
        self._batches = None
        self.tell(f"world: the CUDA renderer failed ({type(error).__name__}: {error}), CPU processes render instead")

    def _begin_on_processes(self) -> None:
        self.way = "CPU processes"
        self._pool = workers(self.processes)
        self._ask()
        self.tell(f"world: rendered by {self.processes} CPU processes")

    def _ask(self) -> None:
        while len(self._coming) < _AHEAD * self.processes:
            self._coming.append(self._pool.submit(render_record, next(self._seeds), self.settings))


def render_record(seed: int, settings: WorldSettings) -> Record:
    """What a process does for one frame: it is sent as it will lie in the stack."""
    sample = render_sample(seed, settings, threads=1)
    return record(sample.frame, sample.truth, Labels())


def live_world(stack: Stack, *, processes: int, seed: int, tell: Callable[[str], None]) -> LiveWorld:
    height, width = stack.hw
    settings = WorldSettings(width=width, height=height, samples_per_pixel=1)
    return LiveWorld(stack, settings, processes, seed, tell)


def _take(batch: Any, stack: Stack) -> int:
    """A `WorldBatch` into the stack, without leaving the device."""
    tensor = partial(torch.as_tensor, device=stack.rgb.device)
    rgb, geometry, ids = (tensor(getattr(batch.pictures, name)) for name in ("rgb", "geometry", "ids"))
    done = 0
    while done < len(rgb):
        rows = stack.advance(len(rgb) - done)
        part = slice(done, done + len(rows))
        stack.rgb[rows.start : rows.stop] = rgb[part].permute(0, 3, 1, 2)
        stack.truth[rows.start : rows.stop] = packed_on_device(geometry[part], ids[part]).flatten(1)
        stack.camera[rows.start : rows.stop] = batch.cameras[part]
        done += len(rows)
    return done


def packed_on_device(geometry: Tensor, ids: Tensor) -> Tensor:
    """(N, H, W) int64 as in store.py from (N, H, W, 4) depth and normal, (N, H, W, 3) part, class, instance.

    Instances keep their number modulo 255: those of a picture are few, and two of one number are seldom both in view.
    """
    depth = geometry[..., 0]
    sky = (ids[..., 0] < 0) | ~torch.isfinite(depth)
    fraction = torch.log(depth.clamp(NEAR_M, FAR_M) / NEAR_M) / math.log(FAR_M / NEAR_M)
    code = torch.where(sky, _SKY, (fraction.nan_to_num(0.0) * _STEPS).round().long() + 1)
    normals = (geometry[..., 1:] * 127).round().nan_to_num(0.0).long() + 128
    normals = torch.where(sky[..., None], 128, normals)
    classes = ids[..., 1].long()
    classes = torch.where((classes >= 0) & (classes < len(vocabulary.labels())), classes, UNLABELLED)
    instances = ids[..., 2].long().clamp(min=0)
    instances = torch.where(instances > 0, (instances - 1) % 255 + 1, 0)
    bits = code | normals[..., 0] << 16 | normals[..., 1] << 24 | normals[..., 2] << 32
    return bits | classes << 40 | instances << 48
