"""`vision-banana distill CONFIG.yaml`: your recordings and the best teachers in, a student that knows your place out.

Labels the recordings, trains from the shipped weights with replay of what it knew, packs the result, judges it against
what it started from (paired bootstrap, set by set), and checks it on every runtime of this machine. Stopped anywhere,
the same command goes on; `--step` runs one step alone. What the file may say: commands/distilling/config.py, and
docs/recordings.md.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from vision_banana_ros.commands.distilling.config import read_config
from vision_banana_ros.commands.distilling.steps import STEPS, Distillation


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, metavar="CONFIG.yaml", help="recordings, teachers, replay, judges")
    parser.add_argument("--step", action="append", choices=STEPS, help="only this step; may be repeated")
    parser.add_argument("--ray", metavar="auto|ADDRESS", help="label by an actor pool of Ray; wins over the file")
    parser.add_argument("--accept-licence", action="store_true", help="use teachers that forbid commercial use")


def run(args: argparse.Namespace) -> int:
    config = read_config(args.config)
    if args.ray:
        config = replace(config, ray=args.ray)
    if args.accept_licence:
        config = replace(config, accept_licence=True)
    return Distillation(config).run(tuple(args.step) if args.step else STEPS)
