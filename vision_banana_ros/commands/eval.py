"""`vision-banana eval frames|shards|prompts --root DIR`: a model's scores on labelled frames, beside what it must beat.

Exit code 0 when every baseline is beaten, 1 when one is not.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import cv2

from vision_banana_ros.core import DataError, Perception
from vision_banana_ros.data import Example, open_dataset
from vision_banana_ros.evaluation.baselines import PriorMaps
from vision_banana_ros.evaluation.depth_metrics import DepthRange
from vision_banana_ros.evaluation.evaluate import EvaluationSettings, evaluate
from vision_banana_ros.evaluation.following import prompt_following
from vision_banana_ros.evaluation.pictures import side_by_side
from vision_banana_ros.evaluation.report import beats_baselines, report
from vision_banana_ros.generators.registry import load_generator
from vision_banana_ros.tasks.vocabulary import things


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for kind, what in (
        ("frames", "folders rgb/, depth/, normal/, label/ beside each other"),
        ("shards", "shards written by `vision-banana render`"),
        ("prompts", "shards too: whether other colours, synonyms and absent classes change what they should"),
    ):
        sub = kinds.add_parser(kind, help=what, description=what)
        sub.add_argument("--root", type=Path, required=True, metavar="DIR", help="the folder")
        sub.add_argument("--model", default="student", help="a model of the registry, or a folder with a manifest.json")
        sub.add_argument("--limit", type=int, metavar="N", help="only the first N frames")
        sub.add_argument("--tell-hfov", action="store_true", help="put the true field of view into the prompt")
        sub.add_argument("--far", type=float, default=80.0, metavar="METRES", help="truth beyond this is not scored")
        sub.add_argument("--json", type=Path, metavar="FILE", help="write all scores as JSON")
        sub.add_argument("--pictures", type=Path, metavar="DIR", help="write image | model | truth as PNGs")


def run(args: argparse.Namespace) -> int:
    frames = _frames(args)
    if args.kind == "prompts":
        return _follow(frames, args)
    settings = EvaluationSettings(
        limits=DepthRange(farthest_m=args.far),
        tell_hfov=args.tell_hfov,
        countable=things(),
        priors=PriorMaps.load(),
    )
    if settings.priors is None:
        print("vision-banana: no prior maps in this install; the mean map is left out", file=sys.stderr)
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
    done = 0

    def watch(labelled: Example, seen: Perception) -> None:
        nonlocal done
        done += 1
        if args.pictures:
            cv2.imwrite(str(args.pictures / f"{labelled.name}.png"), side_by_side(labelled, seen)[..., ::-1])
        if sys.stderr.isatty():
            print(f"\r{done} frames", end="", file=sys.stderr, flush=True)

    evaluation = evaluate(
        frames, load_generator(args.model), root=str(args.root), model=args.model, settings=settings, watch=watch
    )
    if not evaluation.frames:
        raise DataError(f"{args.root} has no frame with a truth that can be scored")
    print(report(evaluation))
    if args.json:
        args.json.write_text(json.dumps(evaluation.to_json(), indent=1) + "\n", encoding="utf-8")
    lost = beats_baselines(evaluation)
    print("beats every baseline" if not lost else f"does not beat: {', '.join(lost)}")
    return 1 if lost else 0


def _follow(frames: Iterable[Example], args: argparse.Namespace) -> int:
    result = prompt_following(frames, load_generator(args.model))
    for name, value in dataclasses.asdict(result).items():
        print(f"{name:12} {value:.3f}")
    if args.json:
        args.json.write_text(json.dumps(dataclasses.asdict(result), indent=1) + "\n", encoding="utf-8")
    return 0


def _frames(args: argparse.Namespace) -> Iterable[Example]:
    dataset = open_dataset(args.root, "frames" if args.kind == "frames" else "shards")
    return islice(dataset, args.limit) if args.limit else dataset
