"""Several sources as one endless stream: each with its weight, its kinds of labels and what its lenses may teach.

    mixture = Mixture(
        (
            Part(dataset=open_dataset(Path("shards/homes")), weight=3),
            Part(dataset=open_dataset(Path("frames/desk")), lens=Lens.NO_NARROW, kinds=frozenset({"depth", "camera"})),
        )
    )
    for drawn in mixture.stream(seed=7, worker=0, workers=4):
        learn(drawn.example, teaches_lens=drawn.teaches_lens)

`stream(convert=f)` keeps f(drawn) in its pools instead, so that what waits there may be compact.

Convention
    weight   the share of draws, whatever the number of frames: 3 and 1 are three draws in four and one in four.
    order    decided by (seed, worker, workers) and what lies on disk alone. A run that goes on after a stop gives
             another seed, for example the number of its step, or it would see the same frames again.
    workers  each reads its own pieces, a source with fewer pieces than workers is read whole by every one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

import numpy as np

from vision_banana_ros.core import Camera, DataError
from vision_banana_ros.data.example import KINDS, Dataset, Example, require_kinds

T = TypeVar("T")

#: Examples of a source held to draw from, at least: those of one piece resemble each other.
LEAST_POOL = 512
#: Cameras of robots and phones, cropped by a quarter, see more than this along the longer side.
NARROW_FOV_DEG = 42.0
_ALL = frozenset(KINDS)


class Lens(Enum):
    """Which frames of a source may teach which field of view to expect.

    Real frames through long lenses show a handful of places: a network that has to guess their lens takes every lens
    for a longer one, and everything for further away (docs/LOG.md).
    """

    ALL = "all"
    NO_NARROW = "no narrow"
    NONE = "none"

    def teaches(self, camera: Camera) -> bool:
        longer = max(camera.width / camera.fx, camera.height / camera.fy)
        narrow = longer < 2 * math.tan(math.radians(NARROW_FOV_DEG / 2))
        return self is Lens.ALL or (self is Lens.NO_NARROW and not narrow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One source of a mixture. `keep`: read once and held in memory, for the small sets that are drawn from often."""

    dataset: Dataset
    weight: float = 1.0
    lens: Lens = Lens.ALL
    kinds: frozenset[str] = _ALL
    keep: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise DataError(
                f"the weight of {self.dataset.source.name} must be above 0, got {self.weight}: leave it out"
            )
        require_kinds(self.kinds)

    def draw(self, example: Example) -> Drawn:
        kept = example.only(self.kinds)
        return Drawn(kept, self, kept.camera_known and self.lens.teaches(kept.truth.camera))


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """An example, the part of the mixture that it is from, and whether its lens may be learnt."""

    example: Example
    part: Part
    teaches_lens: bool


@dataclass(frozen=True, slots=True)
class Mixture:
    """Parts with their weights; sources that forbid commercial use are refused unless they are expressly wanted."""

    parts: tuple[Part, ...]
    allow_non_commercial: bool = False

    def __post_init__(self) -> None:
        if not self.parts:
            raise DataError("a mixture needs at least one source, got none")
        closed = sorted({p.dataset.source.name for p in self.parts if p.dataset.source.non_commercial})
        if closed and not self.allow_non_commercial:
            raise DataError(
                f"{', '.join(closed)}: not for commercial use, and what learns from it is not either; allow that "
                "expressly, or leave it out"
            )

    def shares(self) -> tuple[float, ...]:
        """Of the draws, in the order of the parts."""
        total = sum(part.weight for part in self.parts)
        return tuple(part.weight / total for part in self.parts)

    def stream(
        self,
        *,
        seed: int,
        worker: int = 0,
        workers: int = 1,
        convert: Callable[[Drawn], T] | None = None,
        least_pool: int = LEAST_POOL,
    ) -> Iterator[T]:
        """Endless draws; `convert` makes of each what the pools hold, by default the `Drawn` itself."""
        make: Callable[[Drawn], T] = convert or (lambda drawn: drawn)  # type: ignore[assignment,return-value]
        pools = [
            _Pool(part, make, np.random.default_rng((seed, worker, number)), worker, workers, least_pool)
            for number, part in enumerate(self.parts)
        ]
        rng = np.random.default_rng((seed, worker, len(self.parts)))
        edges = np.cumsum(self.shares())
        while True:
            number = min(int(np.searchsorted(edges, rng.random(), side="right")), len(pools) - 1)
            yield pools[number].next()


@dataclass(slots=True)
class _Pool(Generic[T]):
    """Rounds through one part: every example once a round, in a new order each time."""

    part: Part
    make: Callable[[Drawn], T]
    rng: np.random.Generator
    worker: int
    workers: int
    least: int
    waiting: list[str] = field(default_factory=list)
    items: list[T] = field(default_factory=list)
    kept: dict[str, list[T]] = field(default_factory=dict)

    def next(self) -> T:
        while not self.items or (self.waiting and len(self.items) < self.least):
            self._read_one()
        i = int(self.rng.integers(len(self.items)))
        self.items[i], self.items[-1] = self.items[-1], self.items[i]
        return self.items.pop()

    def _read_one(self) -> None:
        if not self.waiting:  # looked up anew in each round: more may have been written
            mine = self._mine(self.part.dataset.pieces())
            self.waiting = [mine[i] for i in self.rng.permutation(len(mine))]
        self.items += self._read(self.waiting.pop())

    def _mine(self, pieces: Sequence[str]) -> Sequence[str]:
        if not pieces:
            raise DataError(f"{self.part.dataset.source.name} has nothing to read: give a folder with frames")
        return pieces[self.worker :: self.workers] if len(pieces) >= self.workers else pieces

    def _read(self, piece: str) -> list[T]:
        if piece in self.kept:
            return self.kept[piece]
        read = [self.make(self.part.draw(example)) for example in self.part.dataset.read_piece(piece)]
        if self.part.keep:
            self.kept[piece] = read
        return read
