"""The same evaluations on many machines: actors judge, here the parts are put together in the order of the frames.

An actor opens the set and loads the model once, and is given names of pieces (a frame, a shard, pairs of SA-Co). What
comes back of a frame is what was counted in it, some ten kilobytes (sixty with normals), never a picture or a layer.
All machines must see the set, and the model's folder, under the same path. The report is that of a single process.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from vision_banana_ros.data import Example, open_dataset
from vision_banana_ros.evaluation.pictures import side_by_side
from vision_banana_ros.evaluation.protocols import BENCHMARKS, BenchmarkResult, about_of, result_of
from vision_banana_ros.evaluation.protocols.concepts import SacoScorer
from vision_banana_ros.evaluation.protocols.result import Scorer
from vision_banana_ros.evaluation.questions import EvaluationSettings, runtime_of
from vision_banana_ros.evaluation.summary import Evaluation
from vision_banana_ros.evaluation.tally import Tally
from vision_banana_ros.generators.registry import load_generator
from vision_banana_ros.prompts import Generator
from vision_banana_ros.scaling.actors import RESULT, RaySettings, gather


class Pieces(Protocol):
    """A set as an actor reads it, see data.Dataset."""

    def pieces(self) -> Sequence[str]: ...

    def read_piece(self, piece: str) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that an actor needs, by names: how to open the set, which model, and what one item of it gives.

    `limit`: no more items of one piece are wanted. `load` is the registry's unless told otherwise.
    """

    open: Callable[[], Pieces]
    model: str
    judge: Callable[[Any, Generator], Any]
    backend: str = "auto"
    limit: int | None = None
    load: Callable[[str], Generator] | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """One piece: what each of its items gave, and who was asked by what."""

    items: tuple[Any, ...]
    about: str
    runtime: str


class Judge:
    """One actor."""

    def __init__(self, job: Job) -> None:
        load = job.load or partial(load_generator, backend=job.backend)
        self._job, self._set, self._generator = job, job.open(), load(job.model)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        results = np.empty(len(batch["key"]), object)
        results[:] = [pickle.dumps(self._judged(str(piece))) for piece in batch["key"]]
        return batch | {RESULT: results}

    def _judged(self, piece: str) -> Judged:
        job, generator = self._job, self._generator
        items = self._set.read_piece(piece)[: job.limit]
        return Judged(tuple(job.judge(item, generator) for item in items), about_of(generator), runtime_of(generator))


@dataclass(frozen=True, slots=True, kw_only=True)
class _OneFrame:
    """Picklable, so that actors have it; `pictures`: where image | model | truth go."""

    settings: EvaluationSettings
    pictures: Path | None

    def __call__(self, example: Example, generator: Generator) -> Tally:
        tally = Tally(self.settings)
        seen = tally.look(example, generator)
        if seen is not None:
            tally.contest.add(seen, example.truth)
            if self.pictures:
                cv2.imwrite(str(self.pictures / f"{example.name}.png"), side_by_side(example, seen)[..., ::-1])
        tally.settings = tally.contest.settings = replace(self.settings, priors=None)  # maps need not come back
        return tally


def evaluate_on_ray(
    root: Path,
    kind: str,
    *,
    model: str,
    settings: EvaluationSettings,
    ray: RaySettings,
    backend: str = "auto",
    limit: int | None = None,
    pictures: Path | None = None,
    load: Callable[[str], Generator] | None = None,
    step: Callable[[], None] = lambda: None,
) -> Evaluation:
    """`evaluate` of the frames or shards in `root`."""
    job = Job(
        open=partial(open_dataset, root.absolute(), kind),
        model=model,
        judge=_OneFrame(settings=settings, pictures=pictures.absolute() if pictures else None),
        backend=backend,
        limit=limit,
        load=load,
    )
    whole, runtimes = Tally(settings), set[str]()
    for tally, judged in _in_order(job, open_dataset(root, kind).pieces(), ray):
        whole.merge(tally)
        runtimes.add(judged.runtime)
        step()
    return whole.evaluation(root=str(root), model=model, runtime=_said(runtimes))


@dataclass(frozen=True, slots=True, kw_only=True)
class _OneItem:
    """A scorer that knows one item, and whether that had anything to score."""

    benchmark: str
    model: str
    presence: Mapping[str, bool] | None

    def __call__(self, item: Any, generator: Generator) -> tuple[Scorer, bool]:
        tasks = getattr(generator, "tasks", None)
        scorer = BENCHMARKS[self.benchmark].scorer_for(self.model, tasks, self.presence)
        has_truth = scorer.add(item, generator)
        if isinstance(scorer, SacoScorer):
            scorer.presence = None  # of a hundred thousand pairs, which need not come back with each
        return scorer, has_truth


def judge_on_ray(
    name: str,
    root: Path,
    *,
    model: str,
    ray: RaySettings,
    backend: str = "auto",
    limit: int | None = None,
    presence: Mapping[str, bool] | None = None,
    load: Callable[[str], Generator] | None = None,
    step: Callable[[], None] = lambda: None,
) -> BenchmarkResult:
    """`judge` of the standard set `name` in `root`."""
    benchmark = BENCHMARKS[name]
    scorer = benchmark.scorer_for(model, None, presence)
    items = benchmark.open(root)
    job = Job(
        open=partial(benchmark.open, root.absolute()),
        model=model,
        judge=_OneItem(benchmark=name, model=model, presence=presence),
        backend=backend,
        limit=limit,
        load=load,
    )
    judged = skipped = 0
    abouts, runtimes = set[str](), set[str]()
    for (one, has_truth), piece in _in_order(job, items.pieces(), ray):
        scorer.merge(one)
        judged, skipped = judged + has_truth, skipped + (not has_truth)
        abouts.add(piece.about)
        runtimes.add(piece.runtime)
        step()
    return result_of(
        benchmark,
        scorer,
        judged=judged,
        skipped=skipped,
        limit=limit,
        model=model,
        about=_said(abouts),
        runtime=_said(runtimes),
        source=str(items.source),
    )


def _in_order(job: Job, pieces: Sequence[str], ray: RaySettings) -> Iterator[tuple[Any, Judged]]:
    """Each item's result with its piece, in the order of the set, up to the limit of the job."""
    keys = list(pieces) if job.limit is None else list(pieces)[: job.limit]  # no piece is empty
    if len(keys) < ray.workers * ray.batch:
        ray = replace(ray, batch=max(1, len(keys) // ray.workers))
    early: dict[str, Judged] = {}
    left, at = job.limit, 0
    for key, result in gather(Judge, job, keys, ray):
        early[str(key)] = pickle.loads(result)  # written by our own actors
        while at < len(keys) and keys[at] in early:
            piece = early.pop(keys[at])
            at += 1
            for item in piece.items[:left]:
                yield item, piece
            if left is not None:
                left -= min(left, len(piece.items))
                if not left:
                    return


def _said(names: set[str]) -> str:
    """One, unless machines differ: then all, since scores may differ with them."""
    return ", ".join(sorted(names))
