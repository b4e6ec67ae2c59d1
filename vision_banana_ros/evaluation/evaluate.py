"""Any generator, any labelled frames -> scores beside the baselines.

The generator sees the image only: the camera is hidden from it unless `tell_hfov` is set. What it paints is decoded as
at run time, except that nothing is thrown away for low confidence: each pixel is scored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from vision_banana_ros.core import Perception, Truth
from vision_banana_ros.data import Example
from vision_banana_ros.evaluation.contest import Contest
from vision_banana_ros.evaluation.questions import EvaluationSettings, runtime_of, semantic_instruction
from vision_banana_ros.evaluation.summary import Evaluation
from vision_banana_ros.evaluation.tally import Tally, focal_error
from vision_banana_ros.prompts import Generator

__all__ = ["EvaluationSettings", "evaluate", "focal_error", "semantic_instruction"]


def evaluate(
    frames: Iterable[Example],
    generator: Generator,
    *,
    root: str,
    model: str,
    settings: EvaluationSettings | None = None,
    runtime: str | None = None,
    watch: Callable[[Example, Perception], None] | None = None,
) -> Evaluation:
    """Score `generator` on all `frames`; `watch` sees each one, for progress and pictures.

    `runtime` names what runs the network, for the report; by default what the generator itself says.
    """
    tally = Tally(settings or EvaluationSettings())
    scoring = _Scoring(tally.contest)
    for example in frames:
        seen = tally.look(example, generator)
        if seen is None:
            continue
        scoring.add(seen, example.truth)
        if watch:
            watch(example, seen)
    scoring.finish()
    return tally.evaluation(root=root, model=model, runtime=runtime or runtime_of(generator))


class _Scoring:
    """Scores one frame on a second core while the next one is painted; NumPy leaves the interpreter free meanwhile."""

    def __init__(self, contest: Contest) -> None:
        self._contest = contest
        self._pool = ThreadPoolExecutor(1)
        self._running: Future[None] | None = None

    def add(self, seen: Perception, truth: Truth) -> None:
        self._wait()
        self._running = self._pool.submit(self._contest.add, seen, truth)

    def finish(self) -> None:
        self._wait()
        self._pool.shutdown()

    def _wait(self) -> None:
        if self._running is not None:
            self._running.result()
