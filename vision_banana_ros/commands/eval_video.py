"""`vision-banana eval video`: steadiness in time, beside the same model frame by frame, on footage with truth."""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from vision_banana_ros.codecs import Palette
from vision_banana_ros.commands.output import write_json
from vision_banana_ros.core import Target, Task
from vision_banana_ros.evaluation.journeys import JOURNEYS, Journey, open_journey
from vision_banana_ros.evaluation.video import evaluate_video
from vision_banana_ros.evaluation.video_scores import VideoScores, video_report
from vision_banana_ros.generators import load_generator
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks.vocabulary import find

_MOST_CLASSES = 20
_BLACK = (0, 0, 0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "journeys", nargs="*", metavar="FOOTAGE", help=f"of {', '.join(JOURNEYS)}; default: all of them"
    )
    parser.add_argument("--model", default="student", help="a model of the registry, or a folder with a manifest.json")
    parser.add_argument("--width", type=int, metavar="PX", help="width of the pictures; default: the footage's own")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N frames of each")
    parser.add_argument("--hide-camera", action="store_true", help="recover the lens from the pictures, tell no hfov")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where rendered paths are kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all scores as JSON too; - for stdout")


def run(args: argparse.Namespace) -> int:
    """1 when steadiness costs accuracy somewhere."""
    log = sys.stderr if args.json == Path("-") else sys.stdout
    generator = load_generator(args.model)
    results: dict[str, list[dict[str, object]]] = {}
    worse = []
    for name in args.journeys or JOURNEYS:
        journey = open_journey(name, folder=args.cache, say=_progress, width=args.width)
        instructions, counted = questions(journey, hide_camera=args.hide_camera)
        pair = evaluate_video(
            journey,
            generator,
            instructions,
            counted=counted,
            limit=args.limit,
            hide_camera=args.hide_camera,
            watch=lambda index, *_, name=name: _progress(f"{name}: frame {index + 1}"),
        )
        _progress("")
        print(video_report(name, pair), file=log, flush=True)
        results[name] = [_plain(scores) for scores in pair]
        if pair[1].delta1 < pair[0].delta1 - 1e-3:
            worse.append(name)
    if args.json:
        write_json(args.json, {"model": args.model, "footage": results})
    print("steady is as right as frame by frame" if not worse else f"less right on {', '.join(worse)}", file=log)
    return 1 if worse else 0


def questions(journey: Journey, *, hide_camera: bool = False) -> tuple[tuple[Instruction, ...], str]:
    """Depth, normals, the lens, the classes seen most, and the instances of the countable class seen most often."""
    areas: Counter[str] = Counter()
    objects: Counter[str] = Counter()
    for index in range(0, len(journey), max(1, len(journey) // 12)):
        truth = journey.truth(index)
        assert truth.mask is not None
        for class_id, pixels in enumerate(np.bincount(truth.mask.reshape(-1), minlength=256)[: len(truth.labels)]):
            areas[truth.labels[class_id]] += int(pixels)
        if truth.instances is not None:
            for number, pixels in zip(*np.unique(truth.instances, return_counts=True), strict=True):
                if number and pixels > truth.mask.size / 250:
                    label = truth.labels[int(truth.mask[truth.instances == number][0])]
                    word = find(label)
                    objects[label] += 1 if word is not None and word.is_thing else 0
    names = tuple(name for name, pixels in areas.most_common(_MOST_CLASSES) if pixels)
    colors = Palette.distinct(len(names)).targets
    camera = None if hide_camera else journey.frame(0).camera
    hfov_deg = None if camera is None else float(round(camera.hfov_deg))  # as the node does with camera_info
    asked = [
        Instruction(Task.DEPTH, hfov_deg=hfov_deg),
        Instruction(Task.NORMALS),
        *([Instruction(Task.RAYS)] if camera is None else []),
        Instruction(Task.SEMANTIC, tuple(Target(n, c) for n, c in zip(names, colors, strict=True))),
    ]
    counted = next((name for name, seen in objects.most_common(1) if seen), "")
    if counted:
        asked.append(Instruction(Task.INSTANCE, (Target(counted),), background=_BLACK))
    return tuple(asked), counted


def _plain(scores: VideoScores) -> dict[str, object]:
    """NaN is no JSON."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in dataclasses.asdict(scores).items()
    }


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{line:60}", end="", file=sys.stderr, flush=True)
