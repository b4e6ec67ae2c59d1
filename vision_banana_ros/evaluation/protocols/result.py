"""What judging a standard set gives: each number with its protocol, its pooling and what it was counted over."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any, Protocol

from vision_banana_ros.prompts import Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """metric: "delta1".  protocol: whose ranges, crops and masks.  pooling: how frames become one number."""

    metric: str
    value: float
    protocol: str
    pooling: str
    images: int
    counted: int
    unit: str = "pixels"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkResult:
    """`selection`: which part of the set was judged; a number of a part is not that of the set."""

    benchmark: str
    title: str
    model: str
    about: str
    runtime: str
    source: str
    selection: str
    judged: int
    skipped: int
    scores: tuple[Score, ...]

    def report(self) -> str:
        lines = [
            f"{self.title}: {self.judged} judged, {self.skipped} skipped (no valid truth); {self.selection}",
            f"{self.model} ({self.about}) by {self.runtime}; {self.source}",
            f"{'metric':24} {'value':>9}  {'images':>7} {'counted':>14}           protocol, pooling",
        ]
        lines += [
            f"{s.metric:24} {s.value:9.4f}  {s.images:7d} {s.counted:14d} {s.unit:8}  {s.protocol}, {s.pooling}"
            for s in self.scores
        ]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; a score that is not defined (nothing was counted) is null."""
        known = replace(self, scores=())
        scores = [asdict(score) | {"value": score.value if isfinite(score.value) else None} for score in self.scores]
        return asdict(known) | {"scores": scores}


class Scorer(Protocol):
    """One set's judge: asks the generator about an item and counts; False where the item has nothing to score."""

    def add(self, item: Any, generator: Generator) -> bool: ...

    def merge(self, later: Any) -> None:
        """Put the items of another scorer of the same set behind these."""
        ...

    def scores(self) -> list[Score]: ...
