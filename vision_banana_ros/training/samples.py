"""Training samples: frames of renders and real ones at a set ratio, a view of each, and what is asked about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from vision_banana_ros.core import DataError
from vision_banana_ros.data import Lens
from vision_banana_ros.training.batch import Batch, Words
from vision_banana_ros.training.collate import collate, facts
from vision_banana_ros.training.config import TrainingConfig, View, folders
from vision_banana_ros.training.features import look_up
from vision_banana_ros.training.live import LiveWorld, live_world
from vision_banana_ros.training.look import look, together
from vision_banana_ros.training.paste import paste
from vision_banana_ros.training.questions import Recipe
from vision_banana_ros.training.sources import Group, Renders, read_real
from vision_banana_ros.training.store import Labels, Stack
from vision_banana_ros.training.tasks import FEW_TARGETS, MANY_TARGETS, Asker
from vision_banana_ros.training.views import draw

#: Share of the batches in which a prompt may name the whole vocabulary: robots do, but such boxes are slow.
_MANY_TARGETS_SHARE = 0.3
#: Samples that are drawn for each frame that a new shard replaces; and for each further one until memory is full.
_TURNOVER, _FIRST_TURNOVER = 12, 4
_FIRST_LIVE_SEED = 100_000_000


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
    feature_size: int = 0
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
            allow_non_commercial=config.allow_non_commercial, feature_size=self.feature_size,
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
        batch = collate(seen, asked, views.camera, usual.tolist(), self.words, self.recipe.tasks())
        if not self.feature_size:
            return batch
        features = look_up(picked, views.matrix, view, self.feature_size, self.device)
        features[torch.as_tensor(taker, device=self.device)] = 0  # things stand there that the encoder did not see
        return replace(batch, features=features)

    def _pick(self) -> tuple[bool, tuple[Stack, int]]:
        take_real = self.renders is None or (bool(self.real) and self.rng.random() < self.config.real_share)
        if take_real:
            weights = np.array([group.weight for group in self.real])
            return True, self.real[int(self.rng.choice(len(weights), p=weights / weights.sum()))].pick(self.rng)
        assert self.renders is not None
        return False, Group(1.0, list(self.renders.stacks.values())).pick(self.rng, weighted=self.renders.weighted)


def _still_true(referring: tuple, *, whole: bool, mirrored: bool) -> tuple:  # type: ignore[type-arg]
    """ "The largest box" may be another one in a part of the picture, and left is right in the mirror."""
    if not whole:
        return ()
    return tuple(r for r in referring if not (mirrored and ("left" in r.text or "right" in r.text)))
