"""A folder of images as a recording: the images of one folder in the order of their names.

A name that is a whole number of 16 digits or more is its stamp in nanoseconds, as loggers write them; others follow
each other at 2 Hz, by the last number in each name where those differ, so that a file more moves no other one. In the
`frames` layout (rgb/ beside depth/ and intrinsics.json) depth is what a sensor measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import Camera, DataError, FloatArray, Frame
from vision_banana_ros.data.recording import (
    IMAGE_SUFFIXES,
    Glance,
    RecordingOptions,
    Remarks,
    Shot,
    decoded,
)

_PERIOD_NS = 500_000_000
_LAST_NUMBER = re.compile(r"(\d+)(?!.*\d)")


class ImageFolder:
    """`at` is the place in the order of names; names are kept in the facts, so that files may be added meanwhile."""

    def __init__(self, path: Path, options: RecordingOptions, say: Callable[[str], None]) -> None:
        self._root, self._options, self._remarks = path, options, Remarks(say)
        self._images = path / "rgb" if (path / "rgb").is_dir() else path
        self._files = sorted(
            (file.name for file in self._images.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES), key=_natural
        )
        self._stamps = _stamps(self._files)
        if not self._files:
            raise DataError(
                f"no images in {self._images}: expected files that end in {', '.join(sorted(IMAGE_SUFFIXES))}"
            )

    @property
    def name(self) -> str:
        return self._root.resolve().name

    def glances(self) -> Iterator[Glance]:
        before: tuple[int, int] | None = None
        for at, name in enumerate(self._files):
            small = decoded(_bytes(self._images / name), small=True)
            if small is None:
                problem = f"{name} is no image that can be decoded"
                self._remarks.once("damaged", f"{self.name}: {problem}: left out")
                yield Glance(at=at, stamp_ns=self._stamps[at], problem=problem)
                continue
            if before is not None and small[1] != before:
                self._remarks.once(
                    "size", f"{self.name}: images change from {before[1]}x{before[0]} to {small[1][1]}x{small[1][0]}"
                )
            before = small[1]
            yield Glance(at=at, stamp_ns=self._stamps[at], hw=small[1], small=small[0])

    def facts(self) -> dict[str, Any]:
        path = self._root / "intrinsics.json"
        try:
            cameras = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        except ValueError as error:
            self._remarks.once("intrinsics", f"{path} is no JSON ({error}): intrinsics are left out")
            cameras = {}
        if not cameras and not self._options.hfov_deg:
            self._remarks.once(
                "camera", f"{self.name}: no intrinsics.json, the lens is guessed (or say --hfov DEGREES)"
            )
        return {"files": self._files, "stamps": self._stamps, "cameras": cameras}

    def shots(self, places: Sequence[int], facts: dict[str, Any]) -> Iterator[Shot]:
        for at in places:
            name = str(facts["files"][at])
            full = decoded(_bytes(self._images / name), small=False)
            if full is None:
                yield Shot(at=at, frame=None, problem=f"{name} is no image that can be decoded")
                continue
            rgb, (height, width) = full
            frame = Frame(rgb, stamp_ns=int(facts["stamps"][at]), frame_id=self.name)
            camera = self._camera(facts["cameras"].get(Path(name).stem), width, height)
            yield Shot(at=at, frame=replace(frame, camera=camera), sensor_depth_m=self._depth(name, (height, width)))

    def _camera(self, entry: Any, width: int, height: int) -> Camera | None:
        if entry is None:
            return Camera.from_hfov(self._options.hfov_deg, width, height) if self._options.hfov_deg else None
        fx, fy, cx, cy = (float(entry[key]) for key in ("fx", "fy", "cx", "cy"))
        return Camera(fx, fy, cx, cy, int(entry["width"]), int(entry["height"])).scaled_to(width, height)

    def _depth(self, name: str, hw: tuple[int, int]) -> FloatArray | None:
        path = self._root / "depth" / f"{Path(name).stem}.png"
        millimetres = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.is_file() else None
        if millimetres is None or millimetres.dtype != np.uint16 or millimetres.ndim != 2:
            return None
        fitted = cv2.resize(millimetres, (hw[1], hw[0]), interpolation=cv2.INTER_NEAREST_EXACT)
        return np.where(fitted > 0, fitted.astype(np.float32) / np.float32(1000), np.float32(np.nan))


def _bytes(path: Path) -> Any:
    try:
        return np.fromfile(path, np.uint8)
    except OSError:
        return np.zeros(0, np.uint8)


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """image_2 before image_10."""
    pieces = re.split(r"(\d+)", name)
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in pieces], name


def _stamps(names: Sequence[str]) -> list[int]:
    stems = [Path(name).stem for name in names]
    if all(stem.isdigit() and 16 <= len(stem) <= 19 for stem in stems):
        return [int(stem) for stem in stems]
    found = [_LAST_NUMBER.search(stem) for stem in stems]
    numbers = [int(match[1]) for match in found if match is not None and len(match[1]) < 10]
    if len(set(numbers)) < len(stems):
        numbers = list(range(len(stems)))
    return [number * _PERIOD_NS for number in numbers]
