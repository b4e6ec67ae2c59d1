"""Rendered frames on disk: a folder of shards, each one file with the frames of consecutive seeds.

Convention (one .npz per shard; N frames, all H x W)
    jpeg, jpeg_end   uint8 (bytes,), int64 (N,): the RGB images as JPEG, one after the other, and where each ends
    depth            uint16 (N, H, W): 0 unknown, 65535 sky (+inf), else
                     depth_m = NEAR * (FAR / NEAR) ** ((code - 1) / 65533): at most 8e-5 relative from the truth
    normals          int8 (N, H, W, 3): unit vector * 127, optical frame; (0, 0, 0) unknown; at most 0.4 degrees off
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
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

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

NEAR_M = 0.02
FAR_M = 500.0
_STEPS = 65533
_SKY = 65535
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


def encode_depth(depth_m: FloatArray) -> UInt16Array:
    """Metres to the 16-bit logarithmic code; nearer than NEAR_M or farther than FAR_M is clamped."""
    with np.errstate(invalid="ignore", divide="ignore"):
        fraction = np.log(np.clip(depth_m, NEAR_M, FAR_M) / NEAR_M) / np.log(FAR_M / NEAR_M)
        code = np.where(np.isfinite(depth_m), np.rint(fraction * _STEPS) + 1, 0)
    code[np.isposinf(depth_m)] = _SKY
    return code.astype(np.uint16)


def _depth_table() -> FloatArray:
    steps = np.arange(-1, _STEPS + 2, dtype=np.float64) / _STEPS
    table = (NEAR_M * (FAR_M / NEAR_M) ** steps).astype(np.float32)
    table[0], table[_SKY] = np.nan, np.inf
    return table


_DEPTH_TABLE = _depth_table()


def decode_depth(code: UInt16Array) -> FloatArray:
    """Float32 metres, NaN unknown, +inf sky."""
    return _DEPTH_TABLE[code]


def encode_normals(normals: FloatArray) -> npt.NDArray[np.int8]:
    return np.rint(np.nan_to_num(normals) * 127).astype(np.int8)


def decode_normals(code: npt.NDArray[np.int8]) -> FloatArray:
    """Unit vectors; NaN where the code is (0, 0, 0)."""
    vectors = code.astype(np.float32)
    length = np.sqrt((vectors * vectors).sum(-1, keepdims=True))
    with np.errstate(invalid="ignore"):
        return vectors / np.where(length > 0, length, np.float32(np.nan))


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
                rgb=np.stack([_from_jpeg(jpeg[a:b], path) for a, b in zip(ends[:-1], ends[1:], strict=True)]),
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
    except (OSError, ValueError, KeyError, EOFError) as error:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a folder of shards holds and how to make exactly the same again."""

    format: int = 1
    code_version: str
    first_seed: int
    count: int
    per_shard: int
    width: int
    height: int
    places: tuple[str, ...]
    samples_per_pixel: int
    sensor: bool
    labels: tuple[str, ...]

    def shard_seeds(self, shard: int) -> range:
        start = self.first_seed + shard * self.per_shard
        return range(start, min(start + self.per_shard, self.first_seed + self.count))

    @property
    def shard_count(self) -> int:
        return -(-self.count // self.per_shard)


MANIFEST = "manifest.json"


def write_manifest(folder: Path, manifest: Manifest) -> None:
    fields = {name: getattr(manifest, name) for name in Manifest.__slots__}
    write_atomically(folder / MANIFEST, json.dumps(fields, indent=1).encode())


def read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Manifest(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path} must be the manifest of rendered shards: {error!r}; give the folder of a render") from (
            error
        )


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


def write_atomically(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


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
