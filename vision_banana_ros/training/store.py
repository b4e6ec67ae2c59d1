"""The training set as tensors, in memory, on the device that trains: what is drawn from it never touches a file.

A pixel's truth is one number of 64 bits, so that one look-up fetches all that is known of it:

    bits 0..15   depth code of data/shard_codes.py: 0 unknown, 65535 beyond all range
    16..39       normal, 8 bits each: round(127 n) + 128; (128, 128, 128) unknown
    40..47       class: a number in `Labels`, 255 unknown
    48..55       instance of this picture, 0 none

Frames of one size lie in one stack. Where more was rendered than fits, the oldest frames make room, shard by shard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vision_banana_ros.core import UNLABELLED, DataError, Frame, Referring, Truth
from vision_banana_ros.data import KINDS, Lens
from vision_banana_ros.data.readers.shards import read_arrays
from vision_banana_ros.data.shard_codes import encode_depth, encode_normals
from vision_banana_ros.tasks import vocabulary

Int64Array = npt.NDArray[np.int64]
#: As many as a byte tells apart; the smallest of more are nobody's.
_MOST_INSTANCES = 255
_BYTES_PER_PIXEL = 11


@dataclass(slots=True)
class Labels:
    """The classes of a whole training set under one numbering: the vocabulary's, then what else its sources name."""

    names: list[str] = field(default_factory=lambda: list(vocabulary.labels()))

    def table(self, labels: Sequence[str]) -> npt.NDArray[np.uint8]:
        """(256,) from the numbers of a mask with these `labels` to those of this set."""
        table = np.full(256, UNLABELLED, np.uint8)
        for number, name in enumerate(labels):
            word = vocabulary.find(name)
            known = word.name if word is not None else name
            if known not in self.names:
                if len(self.names) >= UNLABELLED:
                    raise DataError(f"a training set holds {UNLABELLED} classes at most: {name!r} is one too many")
                self.names.append(known)
            table[number] = self.names.index(known)
        return table


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """A frame ready for a stack."""

    rgb: npt.NDArray[np.uint8]  # (H, W, 3)
    truth: Int64Array  # (H, W)
    camera: tuple[float, float, float, float]  # fx fy cx cy
    referring: tuple[Referring, ...] = ()
    lens: Lens = Lens.ALL
    weight: float = 1.0  # of its folder
    features: npt.NDArray[np.float16] | None = None  # (h, w, C) over the whole frame


def packed(depth: Any, normals: Any, classes: Any, instances: Any) -> Int64Array:
    """From codes: uint16, int8 (..., 3), and two uint8."""
    parts = np.zeros((*depth.shape, 8), np.uint8)
    parts[..., :2] = depth.astype("<u2")[..., None].view(np.uint8)
    parts[..., 2:5] = normals.view(np.uint8) ^ 128  # what adding 128 does to signed bytes
    parts[..., 5], parts[..., 6] = classes, instances
    result: Int64Array = parts.view("<i8")[..., 0]
    return result


def shard_records(
    path: Path,
    labels: Labels,
    names: Sequence[str],
    *,
    kinds: frozenset[str] = frozenset(KINDS),
    lens: Lens = Lens.ALL,
    weight: float = 1.0,
) -> Iterator[Record]:
    """All frames of a shard, whose codes are taken as they are; `names` are the labels of its masks."""
    arrays = read_arrays(path)
    table = labels.table(names) if "mask" in kinds else np.full(256, UNLABELLED, np.uint8)
    for i, rgb in enumerate(arrays.rgb):
        instances, numbers = _numbered(arrays.instances[i] * ("instances" in kinds))
        depth, normals = (
            code[i] if kind in kinds else np.zeros_like(code[i])
            for kind, code in (("depth", arrays.depth_code), ("normals", arrays.normals_code))
        )
        yield Record(
            rgb,
            packed(depth, normals, table[arrays.mask[i]], instances),
            tuple(arrays.camera[i].tolist()),
            _renumbered(arrays.referring[i], numbers) if "referring" in kinds else (),
            lens if "camera" in kinds else Lens.NONE,
            weight,
        )


def record(frame: Frame, truth: Truth, labels: Labels, *, longest: int | None = None) -> Record:
    """`longest` shrinks frames whose longer side is longer."""
    height, width = frame.hw
    depth = np.zeros((height, width), np.uint16) if truth.depth_m is None else encode_depth(truth.depth_m)
    vectors = np.zeros((height, width, 3), np.int8) if truth.normals is None else encode_normals(truth.normals)
    classes = np.full((height, width), UNLABELLED, np.uint8)
    if truth.mask is not None:
        classes = labels.table(truth.labels)[truth.mask]
    instances, numbers = _numbered(truth.instances if truth.instances is not None else np.zeros((height, width), int))
    camera, rgb, bits = truth.camera, frame.rgb, packed(depth, vectors, classes, instances)
    if longest is not None and max(width, height) > longest:
        share = longest / max(width, height)
        size = (round(width * share), round(height * share))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
        rows = ((np.arange(size[1]) + 0.5) * height / size[1]).astype(np.intp)
        columns = ((np.arange(size[0]) + 0.5) * width / size[0]).astype(np.intp)
        bits, camera = bits[rows[:, None], columns], camera.scaled_to(*size)
    return Record(rgb, bits, (camera.fx, camera.fy, camera.cx, camera.cy), _renumbered(truth.referring, numbers))


def _renumbered(referring: Sequence[Referring], numbers: dict[int, int]) -> tuple[Referring, ...]:
    """Without those whose instances are all too small to be told apart."""
    said = (Referring(r.text, tuple(numbers[i] for i in r.instance_ids if i in numbers)) for r in referring)
    return tuple(r for r in said if r.instance_ids)


def _numbered(instances: Any) -> tuple[npt.NDArray[np.uint8], dict[int, int]]:
    """Instances of a picture as 1.., the largest of them, and from the old numbers to the new ones."""
    counts = np.bincount(instances.ravel())
    counts[0] = 0
    ids = np.argsort(-counts, kind="stable")[: min(_MOST_INSTANCES, int((counts > 0).sum()))]
    table = np.zeros(len(counts), np.uint8)
    table[ids] = np.arange(1, len(ids) + 1)
    return table[instances], {int(i): n + 1 for n, i in enumerate(ids)}


def _channels_first(features: npt.NDArray[np.float16]) -> Tensor:
    return torch.from_numpy(features).permute(2, 0, 1)


@dataclass(slots=True, eq=False)
class Stack:
    """Frames of one size, up to `capacity` of them: then new ones take the place of the oldest."""

    rgb: Tensor  # (capacity, 3, H, W) uint8
    truth: Tensor  # (capacity, H * W) int64
    camera: npt.NDArray[np.float32]  # (capacity, 4)
    referring: list[tuple[Referring, ...]]
    lens: npt.NDArray[np.object_]  # (capacity,) of Lens
    weight: npt.NDArray[np.float64]  # (capacity,)
    features: list[Tensor | None]  # (C, h, w) float16
    count: int = 0
    _next: int = 0

    @classmethod
    def empty(cls, hw: tuple[int, int], capacity: int, device: torch.device) -> Stack:
        height, width = hw
        return cls(
            torch.empty((capacity, 3, height, width), dtype=torch.uint8, device=device),
            torch.empty((capacity, height * width), dtype=torch.int64, device=device),
            np.zeros((capacity, 4), np.float32),
            [()] * capacity,
            np.full(capacity, Lens.ALL, object),
            np.ones(capacity),
            [None] * capacity,
        )

    @property
    def hw(self) -> tuple[int, int]:
        return self.rgb.shape[2], self.rgb.shape[3]

    @property
    def capacity(self) -> int:
        return len(self.rgb)

    def put(self, records: Iterable[Record]) -> None:
        for entry in records:
            row = self._next
            self.rgb[row] = torch.from_numpy(entry.rgb).permute(2, 0, 1).to(self.rgb.device)
            self.truth[row] = torch.from_numpy(entry.truth).flatten().to(self.truth.device)
            self.camera[row] = entry.camera
            self.advance(1)
            self.referring[row], self.lens[row], self.weight[row] = entry.referring, entry.lens, entry.weight
            vectors = entry.features
            self.features[row] = None if vectors is None else _channels_first(vectors).to(self.rgb.device)

    def advance(self, count: int) -> range:
        """The rows that `count` new frames are to be written to, which are then there. They follow one another."""
        rows = range(self._next, min(self._next + count, self.capacity))
        self.lens[rows.start : rows.stop], self.weight[rows.start : rows.stop] = Lens.ALL, 1.0
        self.count = max(self.count, rows.stop)
        self._next = rows.stop % self.capacity
        return rows

    @staticmethod
    def fitting(hw: tuple[int, int], budget_bytes: float) -> int:
        """How many frames a budget holds, one at least."""
        return max(1, int(budget_bytes / (_BYTES_PER_PIXEL * hw[0] * hw[1])))
