"""Renders of the world with the instances that may be learnt, and those that are judged.

    learnt     indoor furniture and cars: they have ids; other things are nobody's (-1), so that they are neither learnt
               as things nor as background
    unseen     every other kind of thing but those that are cars by another name; they are judged, and never learnt
    specks     things below SPECK of the picture are nobody's: the decoder cannot find them

Rendered once into FOLDER/*.npz, a chunk at a time, so that a stopped run goes on where it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_banana_ros.core import AnyArray, DataError, Truth, UInt8Array
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.tuning.instance_painters import Things

LEARNT = frozenset({
    "table", "desk", "chair", "office chair", "stool", "armchair", "sofa", "bed", "cabinet", "wardrobe", "shelf",
    "lamp", "radiator", "refrigerator", "oven", "washing machine", "sink", "toilet", "bathtub", "car",
})  # fmt: skip
#: Neither learnt nor judged.
NEAR = frozenset({"van", "bus", "truck"})
UNSEEN = vocabulary.things() - LEARNT - NEAR
#: Where furniture and cars are.
PLACES = (
    "living room", "bedroom", "bathroom", "kitchen", "flat", "office", "street", "drive",
)  # fmt: skip
SPECK = 0.002
FIRST_LEARNT, FIRST_JUDGED = 70_000_000, 71_000_000
CHUNK = 32


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """ids: 0 background, 1.. every thing, -1 nobody knows; kinds[i] is what thing i + 1 is."""

    rgb: UInt8Array
    ids: AnyArray
    kinds: tuple[str, ...]

    def only(self, kinds: frozenset[str]) -> AnyArray:
        """The ids of these kinds; those of others are nobody's."""
        found: AnyArray = self.ids.copy()
        for i, kind in enumerate(self.kinds, start=1):
            if kind not in kinds:
                found[self.ids == i] = -1
        return found


def scene_of(rgb: UInt8Array, truth: Truth) -> Scene:
    """Things numbered from 1, specks nobody's."""
    if truth.instances is None or truth.mask is None:
        raise DataError("instances are coloured on frames with truth of instances and classes")
    ids = np.zeros(truth.instances.shape, np.int16)
    kinds: list[str] = []
    for instance in np.unique(truth.instances[truth.instances > 0]).tolist():
        here = truth.instances == instance
        label = int(np.bincount(truth.mask[here]).argmax())
        if here.mean() < SPECK or label >= len(truth.labels):
            ids[here] = -1
            continue
        kinds.append(truth.labels[label])
        ids[here] = len(kinds)
    return Scene(rgb, ids, tuple(kinds))


def render_scenes(
    folder: Path, first_seed: int, count: int, *, side: int, places: Sequence[str] = (),
    tell: Callable[[str], None] = print,
) -> list[Scene]:  # fmt: skip
    """`count` scenes of `side` pixels squared, from disk where they are there."""
    from vision_banana_ros.world.dataset import WorldSettings, render_sample

    settings = WorldSettings(width=side, height=side, places=tuple(places))
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Scene] = []
    for first in range(first_seed, first_seed + count, CHUNK):
        path = folder / f"{side}-{first:09}.npz"
        if not path.exists():
            made = [
                render_sample(seed, settings) for seed in range(first, first + min(CHUNK, first_seed + count - first))
            ]
            _write(path, [scene_of(example.frame.rgb, example.truth) for example in made])
            tell(f"{path.name} is rendered")
        found += _read(path)
    if len(found) != count:
        raise DataError(
            f"{folder} holds {len(found)} scenes where {count} are asked for: delete it, or ask for as many"
        )
    return found


def lessons(scenes: Sequence[Scene]) -> list[Things]:
    """What may be learnt from: scenes with something of the learnt kinds."""
    found = []
    for scene in scenes:
        ids = scene.only(LEARNT)
        if (ids > 0).any():
            found.append(Things(scene.rgb, ids, frozenset(scene.kinds) & LEARNT))
    return found


def _write(path: Path, scenes: Sequence[Scene]) -> None:
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(
            file,
            rgb=np.stack([s.rgb for s in scenes]),
            ids=np.stack([s.ids for s in scenes]),
            kinds=np.array(["|".join(s.kinds) for s in scenes]),
        )
    os.replace(part, path)


def _read(path: Path) -> list[Scene]:
    with np.load(path, allow_pickle=False) as arrays:
        rows = zip(arrays["rgb"], arrays["ids"], arrays["kinds"].tolist(), strict=True)
        return [Scene(rgb, ids, tuple(filter(None, kinds.split("|")))) for rgb, ids, kinds in rows]
