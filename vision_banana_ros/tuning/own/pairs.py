"""What the base of our own learns from: small renders with captions, true edits and exact labels, in files of chunks.

    python -m vision_banana_ros.tuning.own.pairs FOLDER --first-seed 40000000 --scenes 8192

A chunk is one .npz of CHUNK scenes, written whole or not at all, so a stopped run goes on where it was. Two edits of
each scene are rendered, of the kinds that its view allows.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vision_banana_ros.core import AnyArray, Camera, DataError, Truth, UInt8Array
from vision_banana_ros.tasks import vocabulary

CHUNK = 64
SIDE = 64
SAMPLES = 4
EDITS = 2


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scenes:
    """Scenes, one row each; `truth(i)` gives the labels of the i-th as anywhere else in this package."""

    rgb: UInt8Array  # (N, S, S, 3)
    depth_m: AnyArray  # (N, S, S) float16
    normals: AnyArray  # (N, S, S, 3) int8, in units of 1 / 127
    mask: UInt8Array
    instances: UInt8Array
    focal: AnyArray  # (N, 4): fx, fy, cx, cy
    captions: tuple[str, ...]
    edits: UInt8Array  # (N, EDITS, S, S, 3)
    edit_texts: tuple[tuple[str, ...], ...]  # "" where there is none
    places: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rgb)

    def truth(self, i: int) -> Truth:
        fx, fy, cx, cy = (float(x) for x in self.focal[i])
        side = self.rgb.shape[1]
        normals = self.normals[i].astype(np.float32)
        length = np.linalg.norm(normals, axis=-1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            normals = np.where(length > 0, normals / length, np.float32(np.nan)).astype(np.float32)
        return Truth(
            camera=Camera(fx, fy, cx, cy, side, side),
            depth_m=self.depth_m[i].astype(np.float32),
            normals=normals,
            mask=self.mask[i],
            instances=self.instances[i].astype(np.uint16),
            labels=vocabulary.labels(),
        )


def render_scene(seed: int, *, side: int = SIDE, samples: int = SAMPLES) -> dict[str, object]:
    """One row of `Scenes`."""
    from vision_banana_ros.tuning.edits import caption, possible_edits
    from vision_banana_ros.world.render import render
    from vision_banana_ros.world.sample import place_of, sample_scene

    place = place_of(seed)
    scene = sample_scene(seed, place, width=side, height=side)
    made = render(scene, samples=samples, seed=seed, threads=1)
    truth, rng = made.truth, np.random.default_rng((seed, 0xED175))
    assert truth.depth_m is not None
    assert truth.normals is not None
    assert truth.instances is not None
    offered = possible_edits(scene, truth, rng)
    chosen = [offered[i] for i in rng.permutation(len(offered))[:EDITS]]
    edits = np.zeros((EDITS, side, side, 3), np.uint8)
    for k, edit in enumerate(chosen):
        edits[k] = render(edit.scene, samples=samples, seed=seed, threads=1, key=edit.key).frame.rgb
    ids = np.unique(truth.instances)
    numbers = np.zeros(65536, np.uint8)
    numbers[ids[ids > 0][:255]] = np.arange(1, 1 + min(255, int((ids > 0).sum())))
    camera = truth.camera
    words = caption(place, scene, truth)
    return {
        "rgb": made.frame.rgb,
        "depth_m": np.minimum(truth.depth_m, 65000).astype(np.float16),
        "normals": np.rint(np.nan_to_num(truth.normals) * 127).astype(np.int8),
        "mask": truth.mask,
        "instances": numbers[truth.instances],
        "focal": np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float32),
        "captions": words,
        "edits": edits,
        "edit_texts": [*(edit.text for edit in chosen), *[""] * (EDITS - len(chosen))],
        "places": place,
    }


def write_chunks(
    folder: Path, first_seed: int, scenes: int, *, side: int = SIDE, samples: int = SAMPLES
) -> Iterator[Path]:
    """Render what is missing of `scenes` scenes; gives each file as it is done."""
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(first_seed, first_seed + scenes, CHUNK):
        path = folder / f"{first:09}.npz"
        if path.exists():
            continue
        rows = [render_scene(seed, side=side, samples=samples) for seed in range(first, first + CHUNK)]
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            columns: dict[str, Any] = {name: np.array([row[name] for row in rows]) for name in rows[0]}
            np.savez_compressed(file, **columns)
        os.replace(part, path)
        yield path


def read_chunks(folder: Path, *, least: int = 1) -> Scenes:
    """All chunks of a folder, in the order of their seeds."""
    paths = sorted(folder.glob("*.npz"))
    if len(paths) < least:
        raise DataError(f"{folder} has {len(paths)} chunks, {least} are needed: render more (tuning.own.pairs)")
    loaded: dict[str, list[AnyArray]] = {}
    for path in paths:
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                loaded.setdefault(name, []).append(arrays[name])
    whole: dict[str, Any] = {name: np.concatenate(arrays) for name, arrays in loaded.items()}
    for name in ("captions", "places"):
        whole[name] = tuple(whole[name].tolist())
    whole["edit_texts"] = tuple(tuple(row) for row in whole["edit_texts"].tolist())
    return Scenes(**whole)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first-seed", type=int, default=40_000_000)
    parser.add_argument("--scenes", type=int, default=8192)
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    args = parser.parse_args()
    for path in write_chunks(args.folder, args.first_seed, args.scenes, side=args.side, samples=args.samples):
        print(path.name, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
