"""Shards of `vision-banana label` as a dataset: what teachers said, without what was not believed.

The files of a sample are named in labelling/labeller.py. A piece is a shard. What has less confidence than BELIEVED is
unknown here, so that nobody learns from it by mistake.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import (
    UNLABELLED,
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
from vision_banana_ros.data.example import UNKNOWN_LICENCE, Example, Source

MANIFEST, PATTERN = "manifest.jsonl", "labels-*.tar"
#: Of 255, as labelling/belief.py weighs it.
BELIEVED = 48
_SKY, _STAND_IN_HFOV_DEG = 65535, 60.0


@dataclass(frozen=True, slots=True)
class LabelFolder:
    """A `Dataset` of a labelling run, finished or not."""

    root: Path
    entries: tuple[dict[str, Any], ...]

    @property
    def source(self) -> Source:
        """The recording and all teachers: who uses the labels owes every one of them."""
        about = self._first()
        teachers = ", ".join(teacher["model"] for teacher in about.get("teachers", ()))
        revisions = ", ".join(teacher["revision"] for teacher in about.get("teachers", ()) if teacher["revision"])
        licences = sorted({licence for entry in self.entries for licence in entry["licences"]})
        return Source(
            f"{self.root.name} labelled by {teachers}" if teachers else self.root.name,
            ", ".join(licences) or UNKNOWN_LICENCE,
            revisions,
            bool(about.get("non_commercial", False)),
        )

    def __len__(self) -> int:
        return sum(len(entry["keys"]) for entry in self.entries)

    def __iter__(self) -> Iterator[Example]:
        for piece in self.pieces():
            yield from self.read_piece(piece)

    def pieces(self) -> list[str]:
        return [entry["shard"] for entry in self.entries if entry["keys"]]

    def read_piece(self, piece: str) -> list[Example]:
        source = self.source
        return [_example(key, files, source) for key, files in _samples(self.root / piece)]

    def _first(self) -> dict[str, Any]:
        for piece in self.pieces()[:1]:
            for _, files in _samples(self.root / piece):
                about: dict[str, Any] = json.loads(files["json"])
                return about
        return {}


def recognises(root: Path) -> bool:
    return (root / MANIFEST).is_file() and next(root.glob(PATTERN), None) is not None


def open_dataset(root: Path) -> LabelFolder:
    path = root / MANIFEST
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        entries = tuple(json.loads(line) for line in lines if line.strip())
        return LabelFolder(root, tuple(entry for entry in entries if (root / entry["shard"]).is_file()))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} must be the manifest of `vision-banana label`: {error!r}") from error


def read_features(root: Path) -> Iterator[tuple[str, bytes]]:
    """Keys with what an encoder made of their patches, a .npy file each, where the labels carry that."""
    for piece in open_dataset(root).pieces():
        for key, files in _samples(root / piece):
            if "features.npy" in files:
                yield key, files["features.npy"]


def _samples(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Key and files of each sample; the files of one lie together."""
    try:
        with tarfile.open(path, "r:") as tar:
            key, files = "", dict[str, bytes]()
            for entry in tar:
                name, _, kind = entry.name.partition(".")
                if files and name != key:
                    yield key, files
                    files = {}
                key = name
                data = tar.extractfile(entry)
                files[kind] = b"" if data is None else data.read()
            if files:
                yield key, files
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{path} is no shard of labels: {error}; label again") from error


def _example(key: str, files: dict[str, bytes], source: Source) -> Example:
    about = json.loads(files["json"])
    rgb = np.ascontiguousarray(_image(files["rgb.jpg"], key, cv2.IMREAD_COLOR)[..., ::-1])
    height, width = rgb.shape[:2]
    camera = None if about["camera"] is None else Camera(**about["camera"])
    mask, labels = _mask(files, key), tuple(about["labels"])
    instances, referring = _regions(files, key, about, (height, width))
    if instances is not None and mask is None:
        mask, labels = _mask_of_instances(files, key, about, (height, width))
    mask, labels = _without_background(mask, labels)
    truth = Truth(
        camera=camera or Camera.from_hfov(_STAND_IN_HFOV_DEG, width, height),
        depth_m=_depth(files, key),
        normals=_normals(files, key),
        mask=mask,
        instances=instances,
        labels=labels if mask is not None else (),
        referring=referring,
    )
    # a lens that teachers guessed is no truth
    known = about["camera_from"] == "given"
    frame = Frame(rgb, about["stamp_ns"], about["frame_id"], camera if known else None)
    return Example(key, frame, truth, source, camera_known=known, place=about["recording"])


def _without_background(mask: UInt8Array | None, labels: tuple[str, ...]) -> tuple[UInt8Array | None, tuple[str, ...]]:
    """What is none of the classes that were asked for is no class of its own: nobody knows what it is."""
    if mask is None or labels[:1] != ("background",):
        return mask, labels
    known = (mask > 0) & (mask != UNLABELLED)
    return np.where(known, mask - np.uint8(1), UNLABELLED).astype(np.uint8), labels[1:]


def _image(data: bytes, key: str, flags: int) -> AnyArray:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if image is None:
        raise DataError(f"sample {key} holds an image that cannot be decoded: label again")
    return np.asarray(image)


def _doubted(files: dict[str, bytes], layer: str, key: str) -> AnyArray:
    return np.asarray(_image(files[f"{layer}_confidence.png"], key, cv2.IMREAD_UNCHANGED) < BELIEVED)


def _depth(files: dict[str, bytes], key: str) -> FloatArray | None:
    if "depth.png" not in files:
        return None
    code = _image(files["depth.png"], key, cv2.IMREAD_UNCHANGED)
    depth = code.astype(np.float32) / np.float32(1000)
    depth[code == _SKY] = np.inf
    depth[(code == 0) | _doubted(files, "depth", key)] = np.nan
    return depth


def _normals(files: dict[str, bytes], key: str) -> FloatArray | None:
    if "normals.png" not in files:
        return None
    code = _image(files["normals.png"], key, cv2.IMREAD_COLOR)[..., ::-1]
    normals = code.astype(np.float32) / np.float32(127) - np.float32(1)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), np.float32(1e-6))
    normals[(code == 255).all(axis=-1) | _doubted(files, "normals", key)] = np.nan
    return normals


def _mask(files: dict[str, bytes], key: str) -> UInt8Array | None:
    if "mask.png" not in files:
        return None
    mask = _image(files["mask.png"], key, cv2.IMREAD_UNCHANGED).astype(np.uint8)
    mask[_doubted(files, "mask", key)] = UNLABELLED
    return mask


def _regions(
    files: dict[str, bytes], key: str, about: dict[str, Any], hw: tuple[int, int]
) -> tuple[UInt16Array | None, tuple[Referring, ...]]:
    """All instances in one map, numbered on; a region that words point at is an instance of its own."""
    instances, referring, used = np.zeros(hw, np.uint16), list[Referring](), 0
    for number, answer in enumerate(about["answers"]):
        if f"instances_{number:02d}.png" in files:
            found = _image(files[f"instances_{number:02d}.png"], key, cv2.IMREAD_UNCHANGED).astype(np.uint16)
            fresh = (found > 0) & (instances == 0)
            instances[fresh] = found[fresh] + used
            used = int(instances.max())
        elif f"region_{number:02d}.png" in files:
            region = _image(files[f"region_{number:02d}.png"], key, cv2.IMREAD_UNCHANGED) > 0
            inside = [int(i) for i in np.unique(instances[region]) if i > 0]
            whole = [i for i in inside if np.mean(region[instances == i]) > 0.5]
            if whole and np.isin(instances[region], whole).mean() > 0.5:
                referring.append(Referring(answer["targets"][0], tuple(whole)))
            elif not inside:
                used += 1
                instances[region] = used
                referring.append(Referring(answer["targets"][0], (used,)))
    return (instances if used else None), tuple(referring)


def _mask_of_instances(
    files: dict[str, bytes], key: str, about: dict[str, Any], hw: tuple[int, int]
) -> tuple[UInt8Array, tuple[str, ...]]:
    """Which class an instance is of stands in the mask; where nobody asked for classes, all else is unlabelled."""
    mask, labels = np.full(hw, UNLABELLED, np.uint8), ["background"]
    for number, answer in enumerate(about["answers"]):
        if f"instances_{number:02d}.png" in files:
            labels.append(answer["targets"][0])
            found = _image(files[f"instances_{number:02d}.png"], key, cv2.IMREAD_UNCHANGED) > 0
            mask[found & (mask == UNLABELLED)] = len(labels) - 1
    return mask, tuple(labels)
