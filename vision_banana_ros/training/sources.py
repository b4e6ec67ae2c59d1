"""What samples are drawn from: rendered shards and folders of real frames, held in memory on the device that trains.

What a source may teach and how often it is drawn is that of data/mixture.py. But here frames are held as few numbers
(store.py) and drawn together for a batch, so the drawing is done here.

Shards are read a few at a time: at first until memory is full, later one now and then for the oldest. Each process
holds its own part of them, and all real frames.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from vision_banana_ros.core import DataError, Frame, Truth
from vision_banana_ros.data import Drawn, Lens, Mixture, Part, Source, open_dataset
from vision_banana_ros.data.readers.shards import shard_files, world_source
from vision_banana_ros.data.shard_manifest import read_manifest
from vision_banana_ros.training.annotations import Annotations
from vision_banana_ros.training.config import Folder, TrainingConfig, folders
from vision_banana_ros.training.features import read_features
from vision_banana_ros.training.store import Labels, Record, Stack, record, shard_records

#: Pixels of a real frame's longer side that are kept: canvases have less, and crops are of a third at least.
LONGEST = 400
#: Frames of renders to begin with.
_FIRST_FRAMES = 512


@dataclass(slots=True, eq=False)
class Group:
    """Frames that are drawn alike: some rows of some stacks."""

    weight: float
    stacks: list[Stack]
    rows: list[np.ndarray] = field(default_factory=list)  # empty: all rows, as many as there are by then

    def pick(self, rng: np.random.Generator, *, weighted: bool = False) -> tuple[Stack, int]:
        """`weighted`: rows of a stack have weights of their own."""
        if weighted:
            weights = np.concatenate([stack.weight[: stack.count] for stack in self.stacks])
            place = int(rng.choice(len(weights), p=weights / weights.sum()))
            ends = np.cumsum([stack.count for stack in self.stacks])
            which = int(np.searchsorted(ends, place, side="right"))
            return self.stacks[which], place - int(ends[which] - self.stacks[which].count)
        counts = np.array([len(r) for r in self.rows] if self.rows else [s.count for s in self.stacks])
        which = int(rng.choice(len(counts), p=counts / counts.sum()))
        row = int(rng.integers(counts[which]))
        return self.stacks[which], int(self.rows[which][row]) if self.rows else row


@dataclass(slots=True, eq=False)
class Renders:
    """The shards of some folders, as many at once as fit."""

    folders: tuple[Folder, ...]
    budget_bytes: float
    labels: Labels
    device: torch.device
    part: int
    parts: int
    rng: np.random.Generator
    stacks: dict[tuple[int, int], Stack] = field(default_factory=dict)
    _waiting: list[Path] = field(default_factory=list)
    _there: set[Path] = field(default_factory=set)

    def begin(self) -> None:
        """Read enough to begin with; the rest is read between the first steps."""
        while sum(stack.count for stack in self.stacks.values()) < _FIRST_FRAMES and self.read_one():
            pass

    @property
    def weighted(self) -> bool:
        return len({folder.weight for folder in self.folders}) > 1

    @property
    def is_full(self) -> bool:
        return any(stack.count == stack.capacity for stack in self.stacks.values())

    def read_one(self) -> bool:
        """One more shard, whose frames take the place of the oldest; False where all there is is in memory."""
        if not self._waiting:  # looked up anew in each round: shards may still be rendered
            files = sorted(path for folder in self.folders for path in shard_files(Path(folder.path)))
            mine = files[self.part :: self.parts] or files
            fresh = [path for path in mine if path not in self._there]
            if not fresh and all(stack.count < stack.capacity for stack in self.stacks.values()):
                return False
            wanted = fresh or mine
            self._waiting = [wanted[i] for i in self.rng.permutation(len(wanted))]
        path = self._waiting.pop()
        labels = read_manifest(path.parent).labels
        of = next(folder for folder in self.folders if Path(folder.path) == path.parent)
        lens = of.lens_or(Lens.ALL)
        records = list(shard_records(path, self.labels, labels, kinds=of.kinds, lens=lens, weight=of.weight))
        hw = records[0].rgb.shape[:2]
        if hw not in self.stacks:
            self.stacks[hw] = Stack.empty(hw, Stack.fitting(hw, self.budget_bytes), self.device)
        self.stacks[hw].put(records)
        self._there.add(path)
        return True


def read_real(
    entries: Sequence[str | Folder],
    annotations: str | None,
    labels: Labels,
    device: torch.device,
    *,
    allow_non_commercial: bool = False,
    feature_size: int = 0,
) -> list[Group]:
    """All frames of each folder; the more a folder holds the oftener it is drawn, but by far not in proportion."""
    if not entries:
        return []
    parts = tuple(_part(folder) for folder in folders(entries))
    shares = Mixture(parts, allow_non_commercial).shares()  # refuses what may not be learnt from
    sizes: dict[tuple[int, int], list[Record]] = defaultdict(list)
    read: dict[tuple[str, Lens, frozenset[str]], dict[tuple[int, int], list[int]]] = {}
    keys = []
    for folder, part in zip(folders(entries), parts, strict=True):
        key = (folder.path, part.lens, part.kinds)
        keys.append(key)
        if key in read:  # named again: drawn more often, read once
            continue
        read[key] = defaultdict(list)
        for entry in _records(Path(folder.path), part, annotations, labels, feature_size):
            hw = (entry.rgb.shape[0], entry.rgb.shape[1])
            read[key][hw].append(len(sizes[hw]))
            sizes[hw].append(entry)
    stacks = {hw: Stack.empty(hw, len(records), device) for hw, records in sizes.items()}
    for hw, records in sizes.items():
        stacks[hw].put(records)
    return [
        Group(
            weight=share,
            stacks=[stacks[hw] for hw in read[key]],
            rows=[np.array(rows) for rows in read[key].values()],
        )
        for key, share in zip(keys, shares, strict=True)
    ]


def sources(config: TrainingConfig) -> list[tuple[Source, int]]:
    """What a run learns from, each once, and how many frames there are of it."""
    paths = dict.fromkeys(folder.path for folder in folders((*config.shards, *config.frames)))
    found: dict[Source, int] = defaultdict(int)
    for path in paths:
        dataset = open_dataset(Path(path))
        found[dataset.source] += len(dataset)
    if config.world_processes:
        found[world_source("rendered while it trained")] += 0
    return list(found.items())


def _part(folder: Folder) -> Part:
    dataset = open_dataset(Path(folder.path))
    weight = folder.weight * max(1, len(dataset)) ** 0.5
    return Part(dataset=dataset, weight=weight, lens=folder.lens_or(Lens.NO_NARROW), kinds=folder.kinds)


def _records(folder: Path, part: Part, annotations: str | None, labels: Labels, feature_size: int) -> Iterator[Record]:
    masks = Annotations.read(Path(annotations), folder.name) if annotations and "mask" in part.kinds else None
    for example in part.dataset:
        drawn = part.draw(example)
        truth = drawn.example.truth
        if masks is not None and example.name in masks.masks:
            truth = _annotated(truth, masks, example.frame, f"{folder}/{example.name}", example.name)
        kept = record(example.frame, truth, labels, longest=LONGEST)
        features = read_features(folder, example.name, feature_size)
        yield replace(kept, lens=_lens(drawn), features=features)


def _lens(drawn: Drawn) -> Lens:
    """What the views of a frame may teach is known once they are drawn; through an unknown lens, nothing."""
    return drawn.part.lens if drawn.example.camera_known else Lens.NONE


def _annotated(truth: Truth, masks: Annotations, frame: Frame, where: str, name: str) -> Truth:
    mask = masks.masks[name]
    if mask.shape != frame.hw:
        raise DataError(f"the annotation of {where} is {mask.shape}: annotate the folder again")
    return replace(truth, mask=mask, labels=masks.labels)
