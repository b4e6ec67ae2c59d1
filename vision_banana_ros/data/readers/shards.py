"""Folders of rendered frames, as `vision-banana render` writes them: shards of consecutive seeds and a manifest.

Convention (one .npz per shard; N frames, all H x W)
    jpeg, jpeg_end   uint8 (bytes,), int64 (N,): the RGB images as JPEG, one after the other, and where each ends
    depth, normals   uint16 (N, H, W) and int8 (N, H, W, 3) as in data/shard_codes.py
    mask             uint8 (N, H, W): class ids into the manifest's labels, 255 unlabelled
    instances        uint16 (N, H, W)
    camera           float64 (N, 4): fx fy cx cy in pixels
    about            one JSON text per frame: seed, place, referring expressions
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import Camera, DataError, Frame, Referring, Truth, UInt8Array, UInt16Array
from vision_banana_ros.data.example import Example, Source
from vision_banana_ros.data.shard_codes import decode_depth, decode_normals, from_jpeg
from vision_banana_ros.data.shard_manifest import Manifest, read_manifest

_PATTERN = "shard_*.npz"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ShardArrays:
    """A shard as it lies on disk, images decoded: for readers that want speed and decode depth by themselves."""

    rgb: UInt8Array  # (N, H, W, 3)
    depth_code: UInt16Array  # (N, H, W), see `decode_depth`
    normals_code: npt.NDArray[np.int8]  # (N, H, W, 3)
    mask: UInt8Array
    instances: UInt16Array
    camera: npt.NDArray[np.float64]  # (N, 4)
    seeds: tuple[int, ...]
    places: tuple[str, ...]
    referring: tuple[tuple[Referring, ...], ...]


@dataclass(frozen=True, slots=True)
class ShardFolder:
    """A `Dataset` of renders; a piece is a shard."""

    root: Path
    manifest: Manifest

    @property
    def source(self) -> Source:
        return world_source(self.manifest.code_version)

    def __len__(self) -> int:
        """Frames of the shards that are there: a render may still go on."""
        whole = (self.manifest.shard_seeds(int(path.stem.rpartition("_")[2])) for path in shard_files(self.root))
        return sum(map(len, whole))

    def __iter__(self) -> Iterator[Example]:
        for piece in self.pieces():
            yield from self.read_piece(piece)

    def pieces(self) -> list[str]:
        return [path.name for path in shard_files(self.root)]

    def read_piece(self, piece: str) -> list[Example]:
        return read_shard(self.root / piece, self.manifest.labels, self.source)


def recognises(root: Path) -> bool:
    return next(root.glob(_PATTERN), None) is not None


def open_dataset(root: Path) -> ShardFolder:
    return ShardFolder(root, read_manifest(root))


def world_source(revision: str = "") -> Source:
    """The procedural world of this package."""
    return Source("vision_banana_ros world", "Apache-2.0", revision)


def read_arrays(path: Path) -> ShardArrays:
    """All frames of a shard as stacked arrays."""
    try:
        with np.load(path, allow_pickle=False) as file:
            ends = [0, *file["jpeg_end"].tolist()]
            jpeg = file["jpeg"]
            about = [json.loads(text) for text in file["about"].tolist()]
            return ShardArrays(
                rgb=np.stack([from_jpeg(jpeg[a:b]) for a, b in pairwise(ends)]),
                depth_code=file["depth"],
                normals_code=file["normals"],
                mask=file["mask"],
                instances=file["instances"],
                camera=file["camera"],
                seeds=tuple(entry["seed"] for entry in about),
                places=tuple(entry["place"] for entry in about),
                referring=tuple(
                    tuple(Referring(text, tuple(ids)) for text, ids in entry["referring"]) for entry in about
                ),
            )
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise DataError(f"{path} must be a shard of `vision-banana render`: {error!r}; render it again") from error


def read_shard(path: Path, labels: tuple[str, ...] | None = None, source: Source | None = None) -> list[Example]:
    """All frames of a shard with their truth; labels and source are read from the manifest beside it unless given."""
    if labels is None or source is None:
        manifest = read_manifest(path.parent)
        labels = manifest.labels if labels is None else labels
        source = source or world_source(manifest.code_version)
    arrays = read_arrays(path)
    _, height, width = arrays.mask.shape
    examples = []
    for i, seed in enumerate(arrays.seeds):
        fx, fy, cx, cy = arrays.camera[i].tolist()
        camera = Camera(fx, fy, cx, cy, width, height)
        truth = Truth(
            camera=camera,
            depth_m=decode_depth(arrays.depth_code[i]),
            normals=decode_normals(arrays.normals_code[i]),
            mask=arrays.mask[i],
            instances=arrays.instances[i],
            labels=labels,
            referring=arrays.referring[i],
        )
        frame = Frame(arrays.rgb[i], camera=camera)
        examples.append(Example(f"{seed:09}", frame, truth, source, place=arrays.places[i], seed=seed))
    return examples


def shard_files(folder: Path) -> list[Path]:
    """Every complete shard of a folder, in the order of the seeds."""
    found = sorted(folder.glob(_PATTERN))
    if not found:
        raise DataError(f"{folder} must hold shard_*.npz files, found none: run  vision-banana render --out {folder}")
    return found
