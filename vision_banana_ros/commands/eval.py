"""`vision-banana eval frames|shards|prompts|benchmark`: a model's scores, beside what it must beat.

    frames     folders rgb/, depth/, normal/, label/, instance/ beside each other
    shards     what `vision-banana render` wrote
    prompts    shards too: whether other colours, synonyms and absent classes change what they should
    benchmark  a standard set, by the protocol of the papers, beside published numbers

`--ray auto|ADDRESS` judges frames, shards and benchmarks in actors of Ray, here or on a cluster: the same report.
FP32 unless --backend says otherwise: scores of one model differ between precisions, so each report names what ran it.
Exit code 0 when every baseline is beaten (a benchmark: when it was scored), 1 when one is not.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import cv2

from vision_banana_ros.commands import eval_retention, eval_video
from vision_banana_ros.core import DataError, Perception
from vision_banana_ros.data import Example, open_dataset
from vision_banana_ros.evaluation.baselines import PriorMaps
from vision_banana_ros.evaluation.depth_metrics import DepthRange
from vision_banana_ros.evaluation.evaluate import EvaluationSettings, evaluate
from vision_banana_ros.evaluation.following import prompt_following
from vision_banana_ros.evaluation.pictures import side_by_side
from vision_banana_ros.evaluation.protocols import BENCHMARKS, judge
from vision_banana_ros.evaluation.published import beside_published
from vision_banana_ros.evaluation.report import beats_baselines, report
from vision_banana_ros.evaluation.summary import Evaluation, jsonable
from vision_banana_ros.generators.registry import load_generator
from vision_banana_ros.scaling.actors import RaySettings
from vision_banana_ros.tasks.vocabulary import things

#: The most exact that every runtime offers, on the fastest of them here.
EXACT = "auto:fp32"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for kind, what in (
        ("frames", "folders rgb/, depth/, normal/, label/, instance/ beside each other"),
        ("shards", "shards written by `vision-banana render`"),
        ("prompts", "shards too: whether other colours, synonyms and absent classes change what they should"),
    ):
        sub = _common(kinds.add_parser(kind, help=what, description=what))
        if kind != "prompts":
            _many(sub)
        sub.add_argument("--tell-hfov", action="store_true", help="put the true field of view into the prompt")
        sub.add_argument(
            "--anchor", default="", metavar="WHERE", help="where metres come from: scale, sparse, height:M, a model"
        )
        sub.add_argument(
            "--known-points", type=int, default=0, metavar="N",
            help="give the model N pixels of each frame's own depth, with --anchor scale or sparse",
        )  # fmt: skip
        sub.add_argument("--far", type=float, default=80.0, metavar="METRES", help="truth beyond this is not scored")
        sub.add_argument("--pictures", type=Path, metavar="DIR", help="write image | model | truth as PNGs")
    what = "over time: flicker, drift and numbers that stay, frame by frame and steadied (needs the extra world)"
    eval_video.add_arguments(kinds.add_parser("video", help=what, description=what))
    what = "whether a tuned editor still generates and edits as its base does (docs/tuning.md)"
    eval_retention.add_arguments(kinds.add_parser("retention", help=what, description=what))
    what = "a standard set, by the protocol of the papers, beside published numbers (docs/benchmarks.md)"
    sub = kinds.add_parser("benchmark", help=what, description=what)
    sub.add_argument("name", metavar="NAME", choices=sorted(BENCHMARKS), help=", ".join(sorted(BENCHMARKS)))
    _many(_common(sub))
    sub.add_argument("--presence", type=Path, metavar="FILE", help="SA-Co: JSON {pair id: whether the phrase is there}")


def _common(sub: argparse.ArgumentParser) -> argparse.ArgumentParser:
    sub.add_argument("--root", type=Path, required=True, metavar="DIR", help="the folder")
    sub.add_argument("--model", default="student", help="a model of the registry, or a folder with a manifest.json")
    sub.add_argument("--backend", default=EXACT, metavar="NAME", help=f"what runs the model (default {EXACT})")
    sub.add_argument("--limit", type=int, metavar="N", help="only the first N frames")
    sub.add_argument("--json", metavar="FILE", help="write all scores as JSON; - for stdout, and the report to stderr")
    return sub


def _many(sub: argparse.ArgumentParser) -> None:
    many = sub.add_argument_group("many machines")
    many.add_argument("--ray", metavar="auto|ADDRESS", help="judge in an actor pool of Ray, here or on a cluster")
    many.add_argument("--workers", type=int, default=2, metavar="N", help="actors (default 2)")
    many.add_argument("--gpus", type=float, default=0.0, metavar="SHARE", help="of each actor; 0.5: two on a card")


def run(args: argparse.Namespace) -> int:
    if args.kind == "video":
        return eval_video.run(args)
    if args.kind == "retention":
        return eval_retention.run(args)
    if args.limit is not None and args.limit < 1:
        raise DataError(f"--limit must be at least 1, got {args.limit}")
    if args.kind == "benchmark":
        return _benchmark(args)
    if args.kind == "prompts":
        return _follow(_frames(args), args)
    settings = EvaluationSettings(
        limits=DepthRange(farthest_m=args.far),
        tell_hfov=args.tell_hfov,
        known_points=args.known_points,
        countable=things(),
        priors=PriorMaps.load(),
    )
    if settings.priors is None:
        print("vision-banana: no prior maps in this install; the mean map is left out", file=sys.stderr)
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
    evaluation = _evaluate_on_ray(args, settings) if args.ray else _evaluate(args, settings)
    if not evaluation.frames:
        raise DataError(f"{args.root} has no frame with a truth of something that {args.model} paints")
    out = _words(args)
    print(report(evaluation), file=out)
    _write_json(args, evaluation.to_json())
    lost = beats_baselines(evaluation)
    rivals = evaluation.contenders[1:]
    beaten = "beats every baseline" if rivals else "there is no baseline for what was scored"
    print(f"does not beat: {', '.join(lost)}" if lost else beaten, file=out)
    return 1 if lost else 0


def _evaluate(args: argparse.Namespace, settings: EvaluationSettings) -> Evaluation:
    frames, progress = _frames(args), _Progress()

    def watch(example: Example, seen: Perception) -> None:
        progress.step()
        if args.pictures:
            cv2.imwrite(str(args.pictures / f"{example.name}.png"), side_by_side(example, seen)[..., ::-1])

    generator = load_generator(args.model, backend=args.backend, anchor=args.anchor)
    if args.known_points and not hasattr(generator, "give_depth"):
        raise DataError(f"{args.model} takes no measured depth: add --anchor scale")
    model = args.model if not args.known_points else f"{args.model}, {args.known_points} known"
    return evaluate(frames, generator, root=str(args.root), model=model, settings=settings, watch=watch)


def _evaluate_on_ray(args: argparse.Namespace, settings: EvaluationSettings) -> Evaluation:
    """Ray is imported only where it is asked for."""
    from vision_banana_ros.evaluation.on_ray import evaluate_on_ray

    if args.anchor or args.known_points:
        raise DataError("--anchor and --known-points hold a scale from frame to frame, in order: leave --ray out")
    return evaluate_on_ray(
        args.root,
        args.kind,
        model=args.model,
        settings=settings,
        ray=_ray(args),
        backend=args.backend,
        limit=args.limit,
        pictures=args.pictures,
        step=_Progress().step,
    )


def _ray(args: argparse.Namespace) -> RaySettings:
    if args.workers < 1 or args.gpus < 0:
        raise DataError(f"--workers must be at least 1 and --gpus at least 0, got {args.workers} and {args.gpus:g}")
    batch = 1 if args.kind == "shards" else 4  # a shard has many frames
    return RaySettings(address=args.ray, workers=args.workers, gpus=args.gpus, batch=batch)


def _benchmark(args: argparse.Namespace) -> int:
    benchmark = BENCHMARKS[args.name]
    presence = None
    if args.presence:
        presence = {str(key): bool(there) for key, there in json.loads(args.presence.read_text("utf-8")).items()}
    step = _Progress().step
    if args.ray:
        from vision_banana_ros.evaluation.on_ray import judge_on_ray

        result = judge_on_ray(
            args.name,
            args.root,
            model=args.model,
            ray=_ray(args),
            backend=args.backend,
            limit=args.limit,
            presence=presence,
            step=step,
        )
    else:
        dataset = benchmark.open(args.root)  # before the model, which takes longer to load
        generator = load_generator(args.model, backend=args.backend)
        result = judge(benchmark, dataset, generator, model=args.model, limit=args.limit, step=step, presence=presence)
    out = _words(args)
    print(result.report(), file=out)
    print(beside_published(result), file=out)
    _write_json(args, result.to_json())
    return 0


def _follow(frames: Iterable[Example], args: argparse.Namespace) -> int:
    result = prompt_following(frames, load_generator(args.model, backend=args.backend))
    for name, value in dataclasses.asdict(result).items():
        print(f"{name:12} {value:.3f}", file=_words(args))
    _write_json(args, dataclasses.asdict(result))
    return 0


def _frames(args: argparse.Namespace) -> Iterable[Example]:
    dataset = open_dataset(args.root, "frames" if args.kind == "frames" else "shards")
    return islice(dataset, args.limit) if args.limit else dataset


def _words(args: argparse.Namespace) -> TextIO:
    """Where people read: stdout holds nothing but the JSON when that is wanted there."""
    return sys.stderr if args.json == "-" else sys.stdout


def _write_json(args: argparse.Namespace, scores: dict[str, Any]) -> None:
    text = json.dumps(jsonable(scores), indent=1, allow_nan=False) + "\n"
    if args.json == "-":
        sys.stdout.write(text)
    elif args.json:
        Path(args.json).write_text(text, encoding="utf-8")


class _Progress:
    """A counter on a terminal, nothing in a file."""

    def __init__(self) -> None:
        self._done = 0

    def step(self) -> None:
        self._done += 1
        if sys.stderr.isatty():
            print(f"\r{self._done} frames", end="", file=sys.stderr, flush=True)
