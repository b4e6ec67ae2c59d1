"""`vision-banana train --config FILE --run DIR`: train the student, or go on where DIR stopped.

The configuration is the JSON of `TrainingConfig`; options given here win over it. Ctrl-C keeps the last checkpoint.
Several processes: `torchrun --nproc_per_node 2 --no-python -- vision-banana train --run DIR` (without the `--` torchrun
takes --run for one of its own options).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError, require_package

_LISTS = ("shards", "frames", "gates")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run", dest="folder", type=Path, required=True, metavar="DIR", help="checkpoints, log, pictures"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="JSON; default: DIR/config.json if there is one")
    parser.add_argument("--shards", action="append", metavar="DIR", help="rendered shards; may be repeated")
    parser.add_argument("--frames", action="append", metavar="DIR", help="real frames to learn from; may be repeated")
    parser.add_argument("--gates", action="append", metavar="DIR", help="frames to be judged by, never learnt from")
    parser.add_argument("--annotations", metavar="DIR", help="class masks of the real frames (see --annotate)")
    parser.add_argument(
        "--initial",
        metavar="PATH",
        help="start from 'imagenet' (default), a checkpoint .pt, a model's folder, or the shipped 'student'",
    )
    parser.add_argument("--samples", type=int, metavar="N", help="how many samples to see altogether")
    parser.add_argument("--minutes", type=float, metavar="M", help="stop after so long, whatever the number of samples")
    parser.add_argument(
        "--world", dest="world_processes", type=int, metavar="P", help="render the world meanwhile, by P processes"
    )
    parser.add_argument("--text", type=Path, metavar="FILE", help="text table; default: DIR/text.npz, else it is made")
    parser.add_argument(
        "--annotate", type=Path, metavar="TFLITE", help="first annotate the real frames with this ADE20K segmenter"
    )


def run(args: argparse.Namespace) -> int:
    require_package("torch", extra="train", purpose="Training")
    from vision_banana_ros.student.text import TextTable
    from vision_banana_ros.training.annotate import Segmenter, annotate
    from vision_banana_ros.training.config import folders
    from vision_banana_ros.training.loop import train
    from vision_banana_ros.training.words import build_table

    config = configuration(args)
    if args.annotate:
        if config.annotations is None:
            raise DataError("--annotate needs --annotations DIR, where the masks are kept")
        segmenter = Segmenter.open(args.annotate, "ade20k")
        for folder in folders(config.frames):
            count = annotate(Path(folder.path), segmenter, Path(config.annotations))
            print(f"annotated {count} frames of {folder.path}", flush=True)
    table = args.text or args.folder / "text.npz"
    text = TextTable.load(table) if table.exists() else build_table()
    last = train(config, args.folder, text)
    print(f"trained: {last}")
    return 0


def configuration(args: argparse.Namespace) -> Any:
    """The file's entries with the command line's on top."""
    from vision_banana_ros.training.config import TrainingConfig

    saved = args.folder / "config.json"
    path = args.config or (saved if saved.exists() else None)
    entries = dataclasses.asdict(TrainingConfig.load(path)) if path else {}
    for name in (*_LISTS, "annotations", "initial", "samples", "minutes", "world_processes"):
        value = getattr(args, name)
        if value is not None:
            entries[name] = value
    config = TrainingConfig.from_json(json.loads(json.dumps(entries)))
    if not config.shards and not config.frames and not config.world_processes:
        raise DataError("training needs --shards DIR (vision-banana render), --frames DIR, or --world PROCESSES")
    return config
