"""The stage that furniture and grammars write to: a scene under construction and the dice that decide.

    stage = Stage.empty(seed=7)
    with stage.at(2.0, 1.0, yaw_deg=90), stage.thing("table", oak):
        stage.build.box((0, 0, 0.72), (0.6, 0.4, 0.02), oak.number)

Convention
    A piece of furniture is written in its own frame: it stands on z = 0, its middle is the origin, its front looks
    along +x. Sizes are half sizes in metres, as in `SceneBuilder`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np

from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.world.builder import SceneBuilder
from vision_banana_ros.world.scene import Matrix, Vec3

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Finish:
    """A material of the scene with the words that people have for it ("" where they have none)."""

    number: int
    color: str = ""
    material: str = ""


@dataclass(frozen=True, slots=True)
class Top:
    """A flat place of a piece where smaller things can stand: its middle, half sides, and the room above it."""

    x: float
    y: float
    z: float
    half_x: float
    half_y: float
    headroom: float = 1.0


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that wants a place: its footprint is known before it is drawn."""

    half_x: float
    half_y: float
    height: float
    draw: Callable[[], None]
    tops: tuple[Top, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """A builder with a random generator; every draw of a scene comes from this one generator, in order."""

    build: SceneBuilder
    rng: np.random.Generator

    @classmethod
    def empty(cls, seed: int) -> Stage:
        return cls(SceneBuilder(seed, vocabulary.labels()), np.random.default_rng((seed, 0x5CE7E)))

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def log_uniform(self, low: float, high: float) -> float:
        """Each doubling equally likely: for sizes and distances."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.uniform() < probability)

    def count(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both possible."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, options: Sequence[Choice], weights: Sequence[float] | None = None) -> Choice:
        if weights is None:
            return options[int(self.rng.integers(len(options)))]
        shares = np.asarray(weights, float)
        return options[int(self.rng.choice(len(options), p=shares / shares.sum()))]

    def at(self, x: float, y: float, z: float = 0.0, *, yaw_deg: float = 0.0) -> AbstractContextManager[None]:
        """A local frame that stands upright at (x, y, z)."""
        return self.build.frame((x, y, z), yaw_deg=yaw_deg)

    def thing(self, name: str, finish: Finish | None = None) -> AbstractContextManager[int]:
        """A countable object, described by its main finish."""
        word = vocabulary.word(name)
        if finish is None:
            return self.build.thing(word.name)
        return self.build.thing(word.name, color=finish.color, material=finish.material)

    def stuff(self, name: str) -> AbstractContextManager[int]:
        return self.build.stuff(vocabulary.word(name).name)


#: Draws the dimensions of one kind of object: the piece can then be placed and drawn.
Maker: TypeAlias = Callable[[Stage], Piece]


def swung(rotation: Matrix, x: float, y: float, z: float) -> Vec3:
    """Where a point comes to lie when its part is turned about the origin."""
    a, b, c = (rotation @ np.array((x, y, z))).tolist()
    return a, b, c
