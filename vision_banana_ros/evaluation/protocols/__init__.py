"""Standard sets judged as the papers judge them: NAME -> its reader, its scorer, and the one loop around both.

To add a set: a reader in data/readers/benchmarks/, a scorer here if none fits, one entry in BENCHMARKS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from vision_banana_ros.core import DataError, GeneratorError, Task
from vision_banana_ros.data.example import Source
from vision_banana_ros.data.readers.benchmarks import (
    cityscapes,
    diode,
    dsine,
    eth3d,
    ibims,
    kitti,
    nuscenes,
    nyuv2,
    reasonseg,
    refcocog,
    saco,
)
from vision_banana_ros.evaluation.protocols.concepts import SacoScorer
from vision_banana_ros.evaluation.protocols.depth import PROTOCOLS, DepthScorer
from vision_banana_ros.evaluation.protocols.masks import ReferringScorer, SemanticScorer
from vision_banana_ros.evaluation.protocols.normals import NormalScorer
from vision_banana_ros.evaluation.protocols.result import BenchmarkResult, Score, Scorer
from vision_banana_ros.evaluation.questions import runtime_of
from vision_banana_ros.prompts import Generator

__all__ = ["BENCHMARKS", "Benchmark", "BenchmarkResult", "Items", "Score", "judge"]


class Items(Protocol):
    """What a reader opens: things to judge, in a fixed order."""

    @property
    def source(self) -> Source: ...

    def __iter__(self) -> Iterator[Any]: ...

    def pieces(self) -> Sequence[str]:
        """The names of what is read in one go, in that order; see data.Dataset."""
        ...

    def read_piece(self, piece: str) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`published`: what its numbers are called in the table of published ones."""

    name: str
    title: str
    task: Task
    open: Callable[[Path], Items]
    scorer: Callable[[], Scorer]
    published: str

    def scorer_for(self, model: str, tasks: frozenset[Task] | None, presence: Mapping[str, bool] | None) -> Scorer:
        """A fresh one; an error where `model`, which paints `tasks` (None: all), cannot be judged so."""
        if tasks is not None and self.task not in tasks:
            raise GeneratorError(f"{model} does not paint {self.task.value}, which {self.name} asks for")
        scorer = self.scorer()
        if presence is not None:
            if not isinstance(scorer, SacoScorer):
                raise DataError(f"presence belongs to saco, not to {self.name}")
            scorer.presence = presence
        return scorer


def _depth(name: str, title: str, opener: Callable[[Path], Items]) -> Benchmark:
    return Benchmark(name, title, Task.DEPTH, opener, partial(DepthScorer, PROTOCOLS[name]), name)


def _normals(name: str, title: str, opener: Callable[[Path], Items]) -> Benchmark:
    return Benchmark(name, title, Task.NORMALS, opener, NormalScorer, name)


BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark("cityscapes", "Cityscapes val", Task.SEMANTIC, cityscapes.open_dataset, SemanticScorer, "cityscapes"),
        Benchmark(
            "refcocog",
            "RefCOCOg UMD val",
            Task.REFERRING,
            refcocog.open_dataset,
            partial(ReferringScorer, "RefCOCOg UMD"),
            "refcocog",
        ),
        Benchmark(
            "reasonseg",
            "ReasonSeg val",
            Task.REFERRING,
            reasonseg.open_dataset,
            partial(ReferringScorer, "ReasonSeg"),
            "reasonseg",
        ),
        Benchmark("saco", "SA-Co/Gold", Task.INSTANCE, saco.open_dataset, SacoScorer, "saco"),
        _depth("nyuv2", "NYUv2 test, raw depth", nyuv2.open_dataset),
        _depth("ibims1", "iBims-1", ibims.open_dataset),
        _depth("eth3d", "ETH3D", eth3d.open_dataset),
        _depth("diode", "DIODE val indoors", diode.open_depth),
        _depth("kitti", "KITTI Eigen test", kitti.open_dataset),
        _depth("nuscenes", "nuScenes val", nuscenes.open_dataset),
        _normals("nyuv2-normals", "NYUv2 test, normals", partial(dsine.open_dataset, part="nyuv2")),
        _normals("diode-normals", "DIODE val indoors, normals", diode.open_normals),
        _normals("scannet-normals", "ScanNet, normals", partial(dsine.open_dataset, part="scannet")),
        _normals("vkitti-normals", "Virtual KITTI 2, normals", partial(dsine.open_dataset, part="vkitti")),
    )
}


def judge(
    benchmark: Benchmark,
    items: Items,
    generator: Generator,
    *,
    model: str,
    limit: int | None = None,
    step: Callable[[], None] = lambda: None,
    presence: Mapping[str, bool] | None = None,
) -> BenchmarkResult:
    """Every item, or the first `limit`; one with no valid truth is skipped and counted."""
    scorer = benchmark.scorer_for(model, getattr(generator, "tasks", None), presence)
    judged = skipped = 0
    chosen: Iterable[Any] = items if limit is None else islice(items, limit)
    for item in chosen:
        if scorer.add(item, generator):
            judged += 1
        else:
            skipped += 1
        step()
    return result_of(
        benchmark,
        scorer,
        judged=judged,
        skipped=skipped,
        limit=limit,
        model=model,
        about=about_of(generator),
        runtime=runtime_of(generator),
        source=str(items.source),
    )


def result_of(
    benchmark: Benchmark,
    scorer: Scorer,
    *,
    judged: int,
    skipped: int,
    limit: int | None,
    model: str,
    about: str,
    runtime: str,
    source: str,
) -> BenchmarkResult:
    """What was counted, with all that must stand beside it."""
    if not judged:
        raise DataError(f"{benchmark.title} has no item with valid truth among {skipped}: is it the set named?")
    return BenchmarkResult(
        benchmark=benchmark.published,
        title=benchmark.title,
        model=model,
        about=about,
        runtime=runtime,
        source=source,
        selection="all of it" if limit is None else f"the first {limit} only: not comparable",
        judged=judged,
        skipped=skipped,
        scores=tuple(scorer.scores()),
    )


def about_of(generator: Generator) -> str:
    about = getattr(generator, "about", None)
    return f"{about.name} {about.revision}".strip() + f", {about.licence}" if about else type(generator).__name__
