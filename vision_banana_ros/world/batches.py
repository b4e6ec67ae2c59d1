"""Frames of the world in batches on a CUDA device: scenes are built by CPU processes, pictures by one launch a batch.

    for batch in BatchStream(batch=256, processes=14):
        rgb = torch.as_tensor(batch.pictures.rgb, device="cuda")  # no copy through the host

Frame k has seed first_seed + k and the labels of `dataset.WorldStream`; the picture is the clean development, to be
made worse by the training's own augmentations on the device. While a batch renders, the next one is being built.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import Camera
from vision_banana_ros.world.dataset import WorldSettings, workers
from vision_banana_ros.world.render import DENOISE_LEVELS, KEY
from vision_banana_ros.world.sample import place_of, sample_scene
from vision_banana_ros.world.tracing import gpu
from vision_banana_ros.world.tracing.layout import World
from vision_banana_ros.world.tracing.pack import pack


@dataclass(frozen=True, slots=True, eq=False)
class PackedScene:
    """A scene ready for the device."""

    seed: int
    place: str
    camera: Camera
    world: World


@dataclass(frozen=True, slots=True, eq=False)
class WorldBatch:
    """`pictures` (rgb, geometry = depth and normals, ids = part, class, instance) stay on the device."""

    seeds: tuple[int, ...]
    places: tuple[str, ...]
    cameras: npt.NDArray[np.float64]  # (B, 4): fx fy cx cy
    pictures: gpu.Batch


def build(seed: int, settings: WorldSettings) -> PackedScene:
    """What a CPU process does for one frame; the costly part of it is finding a view that shows something."""
    place = place_of(seed, settings.places)
    scene = sample_scene(seed, place, width=settings.width, height=settings.height)
    return PackedScene(seed, place, scene.view.camera, pack(scene))


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStream:
    """Endless batches in the order of the seeds, the same for any number of processes."""

    settings: WorldSettings = field(default_factory=WorldSettings)
    first_seed: int = 0
    batch: int = 64
    processes: int = 2

    def __iter__(self) -> Iterator[WorldBatch]:
        pool = workers(self.processes)
        try:
            seeds = count(self.first_seed)
            coming = [self._submit(pool, seeds) for _ in range(2)]
            while True:
                packed = [future.result() for future in coming.pop(0)]
                coming.append(self._submit(pool, seeds))
                yield self._render(packed)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, pool: ProcessPoolExecutor, seeds: Iterator[int]) -> list[Future[PackedScene]]:
        return [pool.submit(build, next(seeds), self.settings) for _ in range(self.batch)]

    def _render(self, packed: list[PackedScene]) -> WorldBatch:
        pictures = gpu.render_batch(
            [scene.world for scene in packed],
            self.settings.height,
            self.settings.width,
            samples=self.settings.samples_per_pixel,
            seed=packed[0].seed % 2**31,
            denoise_levels=DENOISE_LEVELS,
            key=KEY,
        )
        return WorldBatch(
            tuple(scene.seed for scene in packed),
            tuple(scene.place for scene in packed),
            np.array([[c.fx, c.fy, c.cx, c.cy] for c in (scene.camera for scene in packed)]),
            pictures,
        )
