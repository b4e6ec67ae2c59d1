"""Published numbers to print beside ours, each with its source and what is known to be doubtful about it.

They come from several papers and are not of one protocol: BENCHMARKS in docs/benchmarks.md says what is known. Relative
depth, which is fitted to each truth before it is scored, is left out: it never belongs in one column with metres.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from vision_banana_ros.evaluation.protocols.result import BenchmarkResult

_FILE = Path(__file__).parent / "published.json"


@dataclass(frozen=True, slots=True)
class Published:
    """One number; `benchmark` and `metric` are our names."""

    model: str
    year: int
    benchmark: str
    metric: str
    value: float
    source: str
    note: str = ""


def published() -> tuple[Published, ...]:
    return tuple(Published(**entry) for entry in json.loads(_FILE.read_text(encoding="utf-8")))


def beside_published(result: BenchmarkResult) -> str:
    """One row a model: ours by the first protocol and pooling of each metric, then theirs with their sources."""
    of_set = [number for number in published() if number.benchmark == result.benchmark]
    if not of_set:
        return "no published numbers of this set are known here"
    metrics = list(dict.fromkeys(number.metric for number in of_set))
    ours: dict[str, float] = {}
    for score in result.scores:
        ours.setdefault(score.metric, score.value)
    rows = [(result.model, ours, f"here, {result.scores[0].protocol}, {result.selection}")]
    theirs: dict[tuple[str, str], list[Published]] = defaultdict(list)
    for number in of_set:
        theirs[f"{number.model} ({number.year})", number.source].append(number)
    for (model, source), numbers in theirs.items():
        notes = "; ".join(dict.fromkeys(number.note for number in numbers if number.note))
        rows.append((model, {n.metric: n.value for n in numbers}, f"{source}{'; ' if notes else ''}{notes}"))
    lines = [f"{'':32}" + "".join(f"{metric:>11}" for metric in metrics) + "   source"]
    for model, values, words in rows:
        cells = "".join(f"{values[m]:11.3f}" if m in values else f"{'-':>11}" for m in metrics)
        lines.append(f"{model[:32]:32}{cells}   {words}")
    return "\n".join(lines)
