"""Where training samples come from: rendered shards and folders of real frames, mixed at a set ratio.

Compact in memory (depth as half floats of its position on the code's curve, normals as signed bytes), endless, seeded:
two streams of the same seed and place in the world of processes give the same samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vision_banana_ros.codecs.curve import curve, uncurve
from vision_banana_ros.core import (
    AnyArray,
    Camera,
    DataError,
    FloatArray,
    Frame,
    Referring,
    Truth,
    UInt8Array,
    UInt16Array,
)
from vision_banana_ros.data.readers.frames import FrameFolder
from vision_banana_ros.training.annotations import Annotations
from vision_banana_ros.world.manifest import read_manifest
from vision_banana_ros.world.shards import read_shard, shard_files

#: Samples held to draw from, at least: frames of one shard come from neighbouring seeds.
_LEAST_POOL = 512
#: `position` of what has no depth: unknown, and beyond all range (sky).
UNKNOWN, BEYOND = np.float16(-1), np.float16(2)
#: Cameras of robots and phones, cropped by a quarter, see more than this along the longer side.
_NARROW_FOV_DEG = 42.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TrainingSample:
    """A frame with what is known about it; None or `UNKNOWN` / 0 / 255 where nothing is."""

    rgb: UInt8Array
    position: npt.NDArray[np.float16]  # curve(depth), 0..1; UNKNOWN, BEYOND
    normals: npt.NDArray[np.int8]  # unit vector * 127, optical frame; 0 unknown
    camera: Camera
    mask: UInt8Array | None = None
    instances: UInt16Array | None = None
    labels: tuple[str, ...] = ()
    referring: tuple[Referring, ...] = ()
    real: bool = False

    @property
    def has_unusual_lens(self) -> bool:
        """Whether it must not teach which lens to expect.

        Real frames through long lenses show a handful of places: a network that has to guess their lens takes every
        lens for a longer one, and everything for further away (docs/LOG.md).
        """
        longer = max(self.camera.width / self.camera.fx, self.camera.height / self.camera.fy)
        return self.real and longer < 2 * math.tan(math.radians(_NARROW_FOV_DEG / 2))


def compact(frame: Frame, truth: Truth, *, real: bool) -> TrainingSample:
    hw = frame.hw
    position = np.full(hw, UNKNOWN)
    if truth.depth_m is not None:
        with np.errstate(invalid="ignore"):
            known = np.isfinite(truth.depth_m) & (truth.depth_m > 0)
        position[known] = curve(truth.depth_m[known])
        position[np.isposinf(truth.depth_m)] = BEYOND
    normals = np.zeros((*hw, 3), np.int8)
    if truth.normals is not None:
        normals = np.rint(np.nan_to_num(truth.normals) * 127).astype(np.int8)
    return TrainingSample(
        rgb=frame.rgb,
        position=position,
        normals=normals,
        camera=truth.camera,
        mask=truth.mask,
        instances=truth.instances,
        labels=truth.labels,
        referring=truth.referring,
        real=real,
    )


def shard_stream(folders: tuple[str, ...], *, seed: int, part: int = 0, parts: int = 1) -> Iterator[TrainingSample]:
    """Endless; each process reads its own `part` of the shards, a few at a time, in a new order in each round."""
    labels = {Path(folder): read_manifest(Path(folder)).labels for folder in folders}
    rng = np.random.default_rng((seed, part))
    waiting: list[Path] = []
    pool: list[TrainingSample] = []
    while True:
        if len(pool) < _LEAST_POOL:
            if not waiting:  # looked up anew in each round: shards may still be rendered
                files = sorted(path for folder in labels for path in shard_files(folder))
                mine = files[part::parts] or files
                waiting = [mine[i] for i in rng.permutation(len(mine))]
            path = waiting.pop()
            pool += [compact(s.frame, s.truth, real=False) for s in read_shard(path, labels[path.parent])]
        i = int(rng.integers(len(pool)))
        pool[i], pool[-1] = pool[-1], pool[i]
        yield pool.pop()


def read_real(folders: Sequence[str], annotations: str | None) -> list[list[TrainingSample]]:
    """All frames of each folder, held in memory; a folder that is named twice, to be seen twice as often, once."""
    read = {folder: _read_folder(Path(folder), annotations) for folder in dict.fromkeys(folders)}
    return [read[folder] for folder in folders]


def real_stream(sets: Sequence[Sequence[TrainingSample]], *, seed: int) -> Iterator[TrainingSample]:
    """Endless rounds through all frames of all sets, each set equally often."""
    rng = np.random.default_rng((seed, 0, 1))
    queues: list[list[int]] = [[] for _ in sets]
    while True:
        which = int(rng.integers(len(sets)))
        if not queues[which]:
            queues[which] = rng.permutation(len(sets[which])).tolist()
        yield sets[which][queues[which].pop()]


def mixed_stream(
    rendered: Iterator[TrainingSample] | None, real: Iterator[TrainingSample] | None, real_share: float, *, seed: int
) -> Iterator[TrainingSample]:
    """Each sample is real with probability `real_share`."""
    if rendered is None and real is None:
        raise DataError("training needs shards, or frames, or both")
    rng = np.random.default_rng((seed, 2))
    while True:
        take_real = rendered is None or (real is not None and rng.random() < real_share)
        source = real if take_real else rendered
        assert source is not None
        yield next(source)


def _read_folder(folder: Path, annotations: str | None) -> list[TrainingSample]:
    samples = []
    masks = Annotations.read(Path(annotations), folder.name) if annotations else None
    for labelled in FrameFolder.open(folder):
        sample = compact(labelled.frame, labelled.truth, real=True)
        if masks is not None and labelled.name in masks.masks:
            mask = masks.masks[labelled.name]
            if mask.shape != labelled.frame.hw:
                raise DataError(
                    f"the annotation of {folder}/{labelled.name} is {mask.shape}: annotate the folder again"
                )
            sample = replace(sample, mask=mask, labels=masks.labels)
        samples.append(sample)
    return samples


def metres(position: AnyArray) -> AnyArray:
    """Depth along z; nan where unknown, infinite beyond range."""
    with np.errstate(divide="ignore", invalid="ignore"):
        depth: AnyArray = uncurve(np.clip(position.astype(np.float32), 0, 1))
    depth[position < 0] = np.nan
    depth[position > 1] = np.inf
    return depth


def normals_of(code: npt.NDArray[np.int8]) -> FloatArray:
    """Unit vectors from signed bytes; 0 where unknown."""
    vectors = code.astype(np.float32)
    length = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))[..., None]
    unit: FloatArray = vectors / np.maximum(length, 1e-6) * (length > 60)
    return unit
