"""Rendered frames on disk: a folder of shards, each one file with the frames of consecutive seeds.

Convention (one .npz per shard; N frames, all H x W)
    jpeg, jpeg_end   uint8 (bytes,), int64 (N,): the RGB images as JPEG, one after the other, and where each ends
    depth, normals   uint16 (N, H, W) and int8 (N, H, W, 3) as in shard_codes.py
    mask             uint8 (N, H, W): class ids into the manifest's labels, 255 unlabelled
    instances        uint16 (N, H, W)
    camera           float64 (N, 4): fx fy cx cy in pixels
    about            one JSON text per frame: seed, place, referring expressions

manifest.json says which seeds, which settings and which version of the code made the folder. A shard file appears
under its name only when it is complete, so an interrupted run is continued by running it again.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import (
    AnyArray,
    Camera,
    DataError,
    Frame,
    Referring,
    Truth,
    UInt8Array,
    UInt16Array,
)
from vision_banana_ros.world.manifest import Manifest, read_manifest, write_atomically, write_manifest
from vision_banana_ros.world.shard_codes import decode_depth, decode_normals, encode_depth, encode_normals

__all__ = [
    "Manifest",
    "Sample",
    "ShardArrays",
    "decode_depth",
    "decode_normals",
    "read_arrays",
    "read_folder",
    "read_manifest",
    "read_shard",
    "shard_files",
    "shard_path",
    "write_manifest",
    "write_shard",
]

JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What training and evaluation eat: a frame and everything known about it."""

    frame: Frame
    truth: Truth
    seed: int = -1
    place: str = ""


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


def write_shard(path: Path, samples: Sequence[Sample]) -> None:
    """One complete file or none: written beside `path` and renamed when done."""
    jpegs = [_to_jpeg(sample.frame.rgb) for sample in samples]
    arrays: dict[str, AnyArray] = {
        "jpeg": np.concatenate(jpegs),
        "jpeg_end": np.cumsum([len(jpeg) for jpeg in jpegs]),
        "depth": np.stack([encode_depth(_known(sample.truth.depth_m, "depth")) for sample in samples]),
        "normals": np.stack([encode_normals(_known(sample.truth.normals, "normals")) for sample in samples]),
        "mask": np.stack([_known(sample.truth.mask, "mask") for sample in samples]),
        "instances": np.stack([_known(sample.truth.instances, "instances") for sample in samples]),
        "camera": np.array([[c.fx, c.fy, c.cx, c.cy] for c in (sample.truth.camera for sample in samples)]),
        "about": np.array([_about(sample) for sample in samples]),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # numpy's stub takes allow_pickle for an array
    write_atomically(path, buffer.getvalue())


def read_arrays(path: Path) -> ShardArrays:
    """All frames of a shard as stacked arrays."""
    try:
        with np.load(path, allow_pickle=False) as file:
            ends = [0, *file["jpeg_end"].tolist()]
            jpeg = file["jpeg"]
            about = [json.loads(text) for text in file["about"].tolist()]
            return ShardArrays(
                rgb=np.stack([_from_jpeg(jpeg[a:b], path) for a, b in pairwise(ends)]),
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


def read_shard(path: Path, labels: tuple[str, ...] | None = None) -> list[Sample]:
    """All frames of a shard with their truth; `labels` are read from the manifest beside it unless given."""
    names = read_manifest(path.parent).labels if labels is None else labels
    arrays = read_arrays(path)
    _, height, width = arrays.mask.shape
    samples = []
    for i in range(len(arrays.rgb)):
        fx, fy, cx, cy = arrays.camera[i].tolist()
        camera = Camera(fx, fy, cx, cy, width, height)
        truth = Truth(
            camera=camera,
            depth_m=decode_depth(arrays.depth_code[i]),
            normals=decode_normals(arrays.normals_code[i]),
            mask=arrays.mask[i],
            instances=arrays.instances[i],
            labels=names,
            referring=arrays.referring[i],
        )
        samples.append(Sample(Frame(arrays.rgb[i], camera=camera), truth, arrays.seeds[i], arrays.places[i]))
    return samples


def shard_path(folder: Path, shard: int) -> Path:
    return folder / f"shard_{shard:06d}.npz"


def shard_files(folder: Path) -> list[Path]:
    """Every complete shard of a folder, in the order of the seeds."""
    found = sorted(folder.glob("shard_*.npz"))
    if not found:
        raise DataError(f"{folder} must hold shard_*.npz files, found none: run  vision-banana render --out {folder}")
    return found


def read_folder(folder: Path) -> Iterator[Sample]:
    """Every sample of a rendered folder, one shard in memory at a time."""
    labels = read_manifest(folder).labels
    for path in shard_files(folder):
        yield from read_shard(path, labels)


def _about(sample: Sample) -> str:
    referring = [[entry.text, list(entry.instance_ids)] for entry in sample.truth.referring]
    return json.dumps({"seed": sample.seed, "place": sample.place, "referring": referring})


def _known(value: AnyArray | None, name: str) -> AnyArray:
    if value is None:
        raise DataError(f"a shard needs the {name} of every sample, got a truth without it")
    return value


def _to_jpeg(rgb: UInt8Array) -> UInt8Array:
    _, jpeg = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return np.asarray(jpeg, dtype=np.uint8).reshape(-1)


def _from_jpeg(jpeg: UInt8Array, path: Path) -> UInt8Array:
    bgr = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    if bgr is None:
        raise DataError(f"{path} holds an image that is no JPEG: render it again")
    return np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8)
