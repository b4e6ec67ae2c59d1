"""Which lessons a step sees: decided by (seed, step, slot) alone, so that a run that goes on sees what it would have.

    instruction or own work     by the ratio
    which task, which own work  by the shares of those that there are
    which lesson of it          each alike

All processes draw the same kinds in the same slots, and each its own lessons of them, so that they take the same steps.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from vision_banana_ros.core import DataError
from vision_banana_ros.tuning.bases import Base, Batch
from vision_banana_ros.tuning.book import Book, Entry
from vision_banana_ros.tuning.config import TuningConfig
from vision_banana_ros.tuning.lessons import OWN

Tensor = torch.Tensor
_REPLAYED = "replay-edit"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A lesson in a slot of a step. `plain`: its words are left out this time; `blind`: its picture, too."""

    entry: Entry
    seed: int
    plain: bool = False
    blind: bool = False


class Draws:
    """Lessons by kind, those that are held out apart."""

    def __init__(self, entries: Sequence[Entry], config: TuningConfig, *, drops: bool, drops_picture: bool) -> None:
        self._config, self._drops, self._drops_picture = config, drops, drops_picture
        self.kinds: dict[str, list[Entry]] = {}
        self.held_out: dict[str, list[Entry]] = {}
        for entry in entries:
            part = zlib.crc32(f"{entry.item}".encode()) % 10_000
            where = self.held_out if part < 10_000 * config.held_out else self.kinds
            where.setdefault(entry.kind, []).append(entry)
        self.weights = _weights(self.kinds, config)

    def step(self, step: int, rank: int = 0) -> list[Drawn]:
        """The lessons of one process in one step."""
        config, names = self._config, list(self.weights)
        edges = np.cumsum(list(self.weights.values()))
        drawn = []
        for slot in range(config.batch):
            dice = np.random.default_rng((config.seed, step, slot))
            kind = names[min(int(np.searchsorted(edges, dice.random() * edges[-1], side="right")), len(names) - 1)]
            plain = self._drops and bool(dice.random() < config.drop)
            blind = plain and self._drops_picture and bool(dice.random() < 0.5)
            mine = np.random.default_rng((config.seed, step, slot, rank))
            entries = self.kinds[kind]
            entry = entries[int(mine.integers(len(entries)))]
            drawn.append(Drawn(entry, int(mine.integers(2**31)), plain, blind))
        return drawn

    def judged(self, kind: str, count: int) -> list[Drawn]:
        """The first held-out lessons of a kind, with noise that is always the same."""
        return [Drawn(entry, zlib.crc32(entry.name.encode())) for entry in self.held_out.get(kind, [])[:count]]


def batches(drawn: Sequence[Drawn], book: Book, base: Base, *, form: str = "many") -> list[Batch]:
    """The lessons of a step in groups that can be stacked: those with a picture, those without. `form` "once": those
    of instructions apart, with their words and pictures, since nothing guides a single step."""
    groups: dict[tuple[object, ...], list[Drawn]] = {}
    for d in drawn:
        once = form == "once" and d.entry.kind not in (*OWN, _REPLAYED)
        kept = replace(d, plain=False, blind=False) if once else d
        picture = None if kept.blind else book.picture(d.entry)
        shape = None if picture is None else tuple(picture.shape)
        groups.setdefault((shape, tuple(book.target(d.entry).shape), once), []).append(kept)
    return [_stack(groups[key], book, base, once=bool(key[-1])) for key in sorted(groups, key=str)]


def _stack(drawn: Sequence[Drawn], book: Book, base: Base, *, once: bool) -> Batch:
    pictures = [None if d.blind else book.picture(d.entry) for d in drawn]
    known = [p for p in pictures if p is not None]
    canvases = [book.canvas(d.entry) for d in drawn] if once and book.keeps_canvases else []
    return Batch(
        targets=torch.stack([book.target(d.entry) for d in drawn]).to(base.device),
        sources=torch.stack(known).to(base.device) if known else None,
        words=_padded([book.unsaid() if d.plain else book.words(d.entry) for d in drawn], base),
        seeds=[d.seed for d in drawn],
        once=once,
        canvas=torch.stack(canvases).to(base.device) if canvases else None,
    )


def _padded(words: Sequence[Mapping[str, Tensor]], base: Base) -> dict[str, Tensor]:
    """Stacked, the shorter ones with zeros at the end; a mask, where there is one, says so."""
    longest = max(len(w["embedded"]) for w in words)
    stacked = {}
    for name in words[0]:
        rows = [torch.cat([w[name], w[name].new_zeros(longest - len(w[name]), *w[name].shape[1:])]) for w in words]
        stacked[name] = torch.stack(rows).to(base.device)
    return stacked


def _weights(kinds: Mapping[str, Sequence[Entry]], config: TuningConfig) -> dict[str, float]:
    shares = config.task_shares
    tasks = {kind: shares.get(task, 0.0) for kind in kinds for task in shares if task.value == kind}
    own = {kind: config.own_shares.get("replay" if kind == _REPLAYED else kind, None) for kind in kinds}
    owned = {
        kind: (1.0 if share is None and not config.own_shares else share or 0.0)
        for kind, share in own.items()
        if kind in (*OWN, _REPLAYED)
    }
    weights: dict[str, float] = {}
    for part, ratio in ((tasks, config.ratio), (owned, 1 - config.ratio)):
        whole = sum(part.values())
        if ratio > 0 and not whole > 0:
            which = "instruction" if part is tasks else "lesson of the base's own work"
            raise DataError(
                f"no {which} is left to learn from: give more sources, or a lower --held-out (now {config.held_out})"
            )
        weights |= {kind: ratio * share / whole for kind, share in part.items() if ratio * share > 0}
    return weights
