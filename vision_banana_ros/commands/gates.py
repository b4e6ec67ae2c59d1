"""`vision-banana gates --root DIR --model MODEL`: the fixed battery, beside what ships, with paired intervals.

Exit code 0 when the model is better on the mean and nothing of it is worse beyond noise, 1 when not.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from itertools import islice
from pathlib import Path

from vision_banana_ros.core import DataError
from vision_banana_ros.data import Example, open_dataset
from vision_banana_ros.evaluation import battery
from vision_banana_ros.evaluation.battery import Scores
from vision_banana_ros.generators.registry import load_generator
from vision_banana_ros.prompts import Generator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    sets = sorted({folder for folders in battery.FRAMES.values() for folder in folders})
    parser.add_argument("--root", type=Path, required=True, metavar="DIR", help=f"holds {', '.join(sets)}")
    parser.add_argument("--renders", type=Path, metavar="DIR", help="held-out shards of `vision-banana render`")
    parser.add_argument("--model", default="student", help="a model of the registry, a folder, or a training run")
    parser.add_argument("--against", default="student", metavar="MODEL", help="what it must beat (default: what ships)")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N frames of each folder")
    parser.add_argument("--json", metavar="FILE", help="write the comparison as JSON; - for standard output")


def run(args: argparse.Namespace) -> int:
    sets = _sets(args.root, args.renders, args.limit)
    models: list[dict[str, Scores]] = []
    for name in (args.model, args.against):
        generator, judged = _generator(name), {}
        for kind, frames in sets.items():
            print(f"{name}: {kind}, {len(frames)} frames", file=sys.stderr, flush=True)
            judged[kind] = battery.scores(frames, generator)
        models.append(judged)
    base = {kind: battery.constants(frames) for kind, frames in sets.items()}
    mine, others = models
    rows = battery.compare(mine, others, base)
    text = json.dumps([dataclasses.asdict(row) for row in rows], indent=1)
    if args.json == "-":
        print(text)
    else:
        if args.json:
            Path(args.json).write_text(text + "\n", encoding="utf-8")
        print(battery.report(rows, model=args.model, rival=args.against))
    return 0 if battery.verdict(rows).startswith("ships") else 1


def _sets(root: Path, renders: Path | None, limit: int | None) -> dict[str, list[Example]]:
    """All sets, in memory: each is looked at twice."""
    there = {
        kind: [folder for name in folders if (folder := root / name).is_dir()]
        for kind, folders in battery.FRAMES.items()
    }
    if not any(there.values()) and renders is None:
        raise DataError(f"{root} holds none of the sets of the battery (see --help), and no --renders DIR is given")
    sets = {
        kind: [frame for folder in folders for frame in islice(open_dataset(folder), limit)]
        for kind, folders in there.items()
        if folders
    }
    if renders is not None:
        sets[battery.RENDERS] = list(islice(open_dataset(renders), limit))
    return sets


def _generator(name: str) -> Generator:
    """Of the registry; or the averaged weights of a run that is still under way."""
    run = Path(name)
    if not (run / "last.pt").is_file():
        return load_generator(name)
    from vision_banana_ros.generators.student import StudentGenerator
    from vision_banana_ros.runtimes.torch import TorchRuntime
    from vision_banana_ros.student.text import TextTable
    from vision_banana_ros.training.checkpoint import LAST, averaged_student
    from vision_banana_ros.training.config import TrainingConfig

    config = TrainingConfig.load(run / "config.json")
    sizes = list(dict.fromkeys((view.width, view.height) for view in config.views))
    student, text = averaged_student(run / LAST), TextTable.load(run / "text.npz")
    return StudentGenerator(TorchRuntime(student), text, sizes, tasks=student.config.tasks)
