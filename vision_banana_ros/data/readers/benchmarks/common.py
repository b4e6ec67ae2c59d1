"""What the readers of standard sets share: a list of names read one by one, and errors that say what was expected."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, Camera, DataError, FloatArray, UInt8Array
from vision_banana_ros.data.example import Example, Source

_STAND_IN_HFOV_DEG = 60.0


@dataclass(frozen=True, slots=True)
class NamedDataset:
    """A `Dataset` of names, each read when it is asked for."""

    source: Source
    names: tuple[str, ...]
    read: Callable[[str], Example]

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Example]:
        return map(self.read, self.names)

    def pieces(self) -> tuple[str, ...]:
        return self.names

    def read_piece(self, piece: str) -> list[Example]:
        return [self.read(piece)]


def require(path: Path, root: Path, layout: str) -> Path:
    """`path`, or one line that says what the set's folder must look like."""
    if not path.exists():
        raise DataError(
            f"{root} has no {path.relative_to(root)}; expected {layout}; docs/benchmarks.md says where from"
        )
    return path


def require_some(names: list[str], root: Path, layout: str) -> tuple[str, ...]:
    if not names:
        raise DataError(f"{root} holds no frame of this set; expected {layout}; docs/benchmarks.md says where from")
    return tuple(names)


def read_rgb(path: Path) -> UInt8Array:
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise DataError(f"{path} cannot be read as an image: copy it again")
    return np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8)


def read_raw(path: Path, dtype: type[np.generic]) -> AnyArray:
    """A PNG as it is stored, of this type and no other: 16 bits read as 8 would be a silent fault."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.dtype(dtype):
        got = "nothing" if image is None else str(image.dtype)
        raise DataError(f"{path} must be a PNG of {np.dtype(dtype)}, read {got}: copy it again")
    return image


def read_grey16(path: Path, unit_m: float) -> FloatArray:
    """16-bit depth in steps of `unit_m`; 0 is NaN."""
    raw = read_raw(path, np.uint16)
    if raw.ndim != 2:
        raise DataError(f"{path} must have one channel, got shape {raw.shape}")
    return np.where(raw > 0, raw.astype(np.float64) * unit_m, np.nan).astype(np.float32)


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} must be JSON: {error}") from error


def read_array(path: Path) -> AnyArray:
    try:
        array: AnyArray = np.load(path, allow_pickle=False)
        return array
    except (OSError, ValueError) as error:
        raise DataError(f"{path} must be an array saved by NumPy: {error}") from error


def stand_in(hw: tuple[int, int]) -> Camera:
    """For frames whose intrinsics nobody published."""
    return Camera.from_hfov(_STAND_IN_HFOV_DEG, hw[1], hw[0])
