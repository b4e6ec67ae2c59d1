"""What a folder of shards shows, in numbers, and a folder of real frames beside it: depth, fields of view, classes."""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import DataError
from vision_banana_ros.data import Dataset, Example, open_dataset

DEPTH_EDGES_M: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 40.0, 80.0, math.inf)
FOV_EDGES_DEG: tuple[float, ...] = (0, 35, 45, 55, 65, 75, 85, 95, 110, 180)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """Shares of the pixels with known depth per bin, of the frames per field of view, of all pixels per class."""

    folder: str
    frames: int
    depth_shares: tuple[float, ...]
    depth_percentiles_m: tuple[float, ...]  # 5, 25, 50, 75, 95 of finite depth
    sky_share: float
    fov_shares: tuple[float, ...]
    class_shares: dict[str, float]
    place_frames: dict[str, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    rendered: Described
    real: Described | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class _Tally:
    """Counts as frames come; `describe` turns them into shares."""

    def __init__(self) -> None:
        self.depth = np.zeros(len(DEPTH_EDGES_M) - 1)
        self.fine = np.zeros(2000)  # log10 from 1 cm to 1 km, for percentiles
        self.fov = np.zeros(len(FOV_EDGES_DEG) - 1)
        self.sky = self.pixels = 0
        self.frames = 0
        self.classes: dict[str, float] = {}
        self.places: dict[str, int] = {}

    def add(self, example: Example) -> None:
        truth = example.truth
        self.frames += 1
        self.pixels += truth.camera.width * truth.camera.height
        if truth.depth_m is not None:
            known = truth.depth_m[np.isfinite(truth.depth_m) & (truth.depth_m > 0)]
            self.depth += np.histogram(known, DEPTH_EDGES_M)[0]
            bins = np.clip((np.log10(known) + 2) * 400, 0, 1999).astype(np.int64)
            self.fine += np.bincount(bins, minlength=2000)
            self.sky += int(np.isposinf(truth.depth_m).sum())
        if example.camera_known:
            self.fov += np.histogram([truth.camera.hfov_deg], FOV_EDGES_DEG)[0]
        if example.place:
            self.places[example.place] = self.places.get(example.place, 0) + 1
        if truth.mask is not None:
            for number, pixels in enumerate(np.bincount(truth.mask.ravel(), minlength=256).tolist()):
                if pixels and number < len(truth.labels):
                    name = truth.labels[number]
                    self.classes[name] = self.classes.get(name, 0) + pixels

    def describe(self, folder: str) -> Described:
        if self.frames == 0:
            raise DataError(f"{folder} holds no frame to describe")
        rising = np.cumsum(self.fine) / max(self.fine.sum(), 1)
        marks = [float(10 ** (np.searchsorted(rising, q) / 400 - 2)) for q in (0.05, 0.25, 0.5, 0.75, 0.95)]
        classes = sorted(self.classes.items(), key=lambda item: -item[1])
        return Described(
            folder=folder,
            frames=self.frames,
            depth_shares=_shares(self.depth),
            depth_percentiles_m=tuple(round(mark, 3) for mark in marks),
            sky_share=round(self.sky / self.pixels, 4),
            fov_shares=_shares(self.fov),
            class_shares={name: round(pixels / self.pixels, 6) for name, pixels in classes},
            place_frames=dict(sorted(self.places.items())),
        )


def compare(shards: Path, real: Path | None) -> Comparison:
    """Describe a folder of shards, and a folder of real frames if there is one."""
    return Comparison(
        describe(open_dataset(shards), str(shards)), None if real is None else describe(open_dataset(real), str(real))
    )


def describe(dataset: Dataset, name: str) -> Described:
    """Any frames with truth; fields of view only of those whose lens is known."""
    tally = _Tally()
    for example in dataset:
        tally.add(example)
    return tally.describe(name)


def report(result: Comparison) -> str:
    """A table for people: rendered in the first column, real in the second."""
    sides = [side for side in (result.rendered, result.real) if side is not None]
    lines = ["", f"{'':24}" + "".join(f"{side.folder[-24:]:>26}" for side in sides)]
    lines.append(f"{'frames':24}" + "".join(f"{side.frames:26d}" for side in sides))
    for i, (low, high) in enumerate(itertools.pairwise(DEPTH_EDGES_M)):
        lines.append(
            f"depth {low:6.2f} - {high:6.2f} m   " + "".join(f"{side.depth_shares[i]:26.3f}" for side in sides)
        )
    lines.append(f"{'sky':24}" + "".join(f"{side.sky_share:26.3f}" for side in sides))
    for i, (low, high) in enumerate(itertools.pairwise(FOV_EDGES_DEG)):
        lines.append(
            f"HFOV {low:4.0f} - {high:4.0f} deg    " + "".join(f"{side.fov_shares[i]:26.3f}" for side in sides)
        )
    for name, share in list(result.rendered.class_shares.items())[:40]:
        lines.append(f"class {name:18}{share:26.4f}")
    return "\n".join(lines)


def _shares(counts: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(np.round(counts / max(counts.sum(), 1), 4).tolist())
