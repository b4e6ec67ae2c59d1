"""Where training samples come from: rendered shards and folders of real frames, in memory, drawn at a set ratio.

What a source may teach and how often it is drawn is that of data/mixture.py. But here all frames are held on the device
that trains, as few numbers, and drawn together for a batch, so the drawing is done here.

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
from vision_banana_ros.training.batch import Batch, Words
from vision_banana_ros.training.collate import collate, facts
from vision_banana_ros.training.config import Folder, TrainingConfig, View, folders
from vision_banana_ros.training.live import LiveWorld, live_world
from vision_banana_ros.training.look import look, together
from vision_banana_ros.training.paste import paste
from vision_banana_ros.training.questions import Recipe
from vision_banana_ros.training.store import Labels, Record, Stack, record, shard_records
from vision_banana_ros.training.tasks import FEW_TARGETS, MANY_TARGETS, Asker
from vision_banana_ros.training.views import draw

#: Pixels of a real frame's longer side that are kept: canvases have less, and crops are of a third at least.
LONGEST = 400
#: Share of the batches in which a prompt may name the whole vocabulary: robots do, but such boxes are slow.
_MANY_TARGETS_SHARE = 0.3
#: Samples that are drawn for each frame that a new shard replaces.
_TURNOVER = 12
_FIRST_LIVE_SEED = 100_000_000
#: Frames to begin with, and samples that are drawn for each further one until memory is full.
_FIRST_FRAMES, _FIRST_TURNOVER = 512, 4


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


@dataclass(slots=True, eq=False)
class Sampler:
    """Endless batches of one process; everything but the dice lies on the device."""

    config: TrainingConfig
    words: Words
    device: torch.device
    rank: int = 0
    world: int = 1
    start: int = 0
    labels: Labels = field(default_factory=Labels)
    renders: Renders | None = None
    real: list[Group] = field(default_factory=list)
    live: LiveWorld | None = None
    recipe: Recipe = field(init=False)
    rng: np.random.Generator = field(init=False)
    size_rng: np.random.Generator = field(init=False)
    generator: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        config = self.config
        self.recipe = Recipe(config.asked_first, config.asked_in_turn)
        # a run that goes on must not see the same samples again: its start is part of the seed
        seed = config.seed + 1_000_003 * self.rank + 7919 * self.start
        self.rng = np.random.default_rng((seed, 3))
        # processes that train together wait for each other at each step, so their batches must cost the same
        self.size_rng = np.random.default_rng((config.seed + 7919 * self.start, 4))
        self.generator = torch.Generator().manual_seed(seed)
        if self.renders is None and config.shards:
            budget = config.memory_gb * 1e9
            self.renders = Renders(
                folders(config.shards), budget, self.labels, self.device, self.rank, self.world,
                np.random.default_rng((seed, 5)),
            )  # fmt: skip
            self.renders.begin()
        if config.world_processes:
            self.live = self._begin_live(seed)
        self.real = self.real or read_real(
            config.frames, config.annotations, self.labels, self.device,
            allow_non_commercial=config.allow_non_commercial,
        )  # fmt: skip
        if self.renders is None and not self.real:
            raise DataError("training needs shards, or frames, or both")

    def __iter__(self) -> Iterator[Batch]:
        views = self.config.views
        shares = np.array([view.share for view in views])
        drawn = 0
        while True:
            view = views[int(self.size_rng.choice(len(views), p=shares / shares.sum()))]
            many = self.size_rng.random() < _MANY_TARGETS_SHARE
            yield self.batch(view, most_targets=MANY_TARGETS if many else FEW_TARGETS)
            drawn += self.config.batch
            if self.live is not None:
                self.live.poll()
            if (
                self.renders is not None
                and self.renders.folders
                and drawn > 64 * (_TURNOVER if self.renders.is_full else _FIRST_TURNOVER)
            ):
                drawn = 0
                self.renders.read_one()

    def end(self) -> None:
        if self.live is not None:
            self.live.end()

    def _begin_live(self, seed: int) -> LiveWorld:
        """A stack of its own, which is filled while it is used."""
        width, height = self.config.world_size
        capacity = Stack.fitting((height, width), self.config.memory_gb * 1e9)
        if self.renders is None:
            self.renders = Renders((), 0.0, self.labels, self.device, self.rank, self.world, self.rng)
        stack = self.renders.stacks.setdefault((height, width), Stack.empty((height, width), capacity, self.device))
        # seeds of training and of held-out renders lie far apart
        live = live_world(
            stack, processes=self.config.world_processes, seed=_FIRST_LIVE_SEED + 1_000_003 * seed, tell=print
        )
        live.begin(4 * self.config.batch)
        return live

    def batch(self, view: View, *, most_targets: int = FEW_TARGETS) -> Batch:
        """One batch of one canvas size."""
        real, picked = zip(*(self._pick() for _ in range(self.config.batch)), strict=True)
        is_real = np.array(real)
        camera = np.stack([stack.camera[row] for stack, row in picked]).astype(np.float64)
        sizes = np.array([stack.hw[::-1] for stack, _ in picked], np.float64)
        turn_share = np.where(is_real, self.config.turn_share, self.config.turn_share / 2)
        lens = np.array([stack.lens[row] for stack, row in picked], object)
        views = draw(
            camera, sizes, is_real, view, self.rng, turn_share=turn_share, narrow_teach=lens == Lens.ALL
        )  # fmt: skip
        by_stack: dict[int, list[int]] = defaultdict(list)
        for i, (stack, _) in enumerate(picked):
            by_stack[id(stack)].append(i)
        parts, order = [], []
        for places in by_stack.values():
            stack = picked[places[0]][0]
            rows = torch.tensor([picked[i][1] for i in places], device=self.device)
            parts.append(look(stack, rows, views.only(places), view))
            order += places
        seen = together(parts, np.array(order))
        referring = [
            _still_true(stack.referring[row], whole=bool(views.whole[i]), mirrored=bool(views.mirrored[i]))
            for i, (stack, row) in enumerate(picked)
        ]
        usual = views.usual & (lens != Lens.NONE)
        taker = np.flatnonzero(is_real & (self.rng.random(len(is_real)) < self.config.paste_share))
        if len(taker) and len(is_real) > 1:
            lender = (taker + self.rng.integers(1, len(is_real), len(taker))) % len(is_real)
            focal = torch.as_tensor(views.camera[:, 0], dtype=torch.float32, device=self.device)
            flags = torch.as_tensor(is_real, device=self.device)
            giver, receiver = (torch.as_tensor(x, device=self.device) for x in (lender, taker))
            paste(seen, giver, receiver, flags, focal, self.generator)
            for i in taker.tolist():
                referring[i] = ()
        told = facts(seen, views.camera, real, usual.tolist(), referring)
        asker = Asker(self.rng, tuple(self.labels.names), most_targets)
        asked = [self.recipe.ask(about, self.config.questions, asker) for about in told]
        return collate(seen, asked, views.camera, usual.tolist(), self.words, self.recipe.tasks())

    def _pick(self) -> tuple[bool, tuple[Stack, int]]:
        take_real = self.renders is None or (bool(self.real) and self.rng.random() < self.config.real_share)
        if take_real:
            weights = np.array([group.weight for group in self.real])
            return True, self.real[int(self.rng.choice(len(weights), p=weights / weights.sum()))].pick(self.rng)
        assert self.renders is not None
        return False, Group(1.0, list(self.renders.stacks.values())).pick(self.rng, weighted=self.renders.weighted)


def read_real(
    entries: Sequence[str | Folder],
    annotations: str | None,
    labels: Labels,
    device: torch.device,
    *,
    allow_non_commercial: bool = False,
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
        for entry in _records(Path(folder.path), part, annotations, labels):
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


def _records(folder: Path, part: Part, annotations: str | None, labels: Labels) -> Iterator[Record]:
    masks = Annotations.read(Path(annotations), folder.name) if annotations and "mask" in part.kinds else None
    for example in part.dataset:
        drawn = part.draw(example)
        truth = drawn.example.truth
        if masks is not None and example.name in masks.masks:
            truth = _annotated(truth, masks, example.frame, f"{folder}/{example.name}", example.name)
        kept = record(example.frame, truth, labels, longest=LONGEST)
        yield replace(kept, lens=_lens(drawn))


def _lens(drawn: Drawn) -> Lens:
    """What the views of a frame may teach is known once they are drawn; through an unknown lens, nothing."""
    return drawn.part.lens if drawn.example.camera_known else Lens.NONE


def _annotated(truth: Truth, masks: Annotations, frame: Frame, where: str, name: str) -> Truth:
    mask = masks.masks[name]
    if mask.shape != frame.hw:
        raise DataError(f"the annotation of {where} is {mask.shape}: annotate the folder again")
    return replace(truth, mask=mask, labels=masks.labels)


def _still_true(referring: tuple, *, whole: bool, mirrored: bool) -> tuple:  # type: ignore[type-arg]
    """ "The largest box" may be another one in a part of the picture, and left is right in the mirror."""
    if not whole:
        return ()
    return tuple(r for r in referring if not (mirrored and ("left" in r.text or "right" in r.text)))
