"""`vision-banana label IN... --teacher NAME --out DIR`: what the best models say about your own recordings, as shards.

IN is a ROS 2 bag, a video or a folder of images; several are one run. The command looks for sharp and different
pictures (DIR/selection.html shows them), asks every teacher about each, keeps what they and the sensors agree on, and
writes webdataset shards (DIR/labels-*.tar), a manifest and a page of samples. Stopped at any point, the same command
goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from vision_banana_ros.core import DataError, Target, Task
from vision_banana_ros.data.recording import RecordingOptions
from vision_banana_ros.labelling.belief import BeliefSettings
from vision_banana_ros.labelling.run import Engine, Here, LabellerSpec, LabelReport, LabelSettings, Progress, label
from vision_banana_ros.labelling.selection import SelectionSettings
from vision_banana_ros.prompts import Instruction, parse_classes

_PLAIN = {"depth": Task.DEPTH, "normals": Task.NORMALS, "rays": Task.RAYS}
_BACKGROUND = (0, 0, 0)
_TELL_EVERY_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", nargs="+", type=Path, metavar="IN", help="ROS 2 bags, videos, folders of images")
    parser.add_argument(
        "--teacher", action="append", required=True, metavar="NAME", help="any model; several are weighed"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="shards; the same command goes on there")
    asked = parser.add_argument_group("what is asked")
    asked.add_argument("--tasks", default="depth,normals", metavar="LIST", help="of depth, normals, rays")
    asked.add_argument("--classes", metavar="LIST", help='class masks of these: "floor, wall, chair"')
    asked.add_argument(
        "--instances", action="append", default=[], metavar="CLASS", help="each one of a class by itself"
    )
    asked.add_argument("--prompt", action="append", default=[], metavar="TEXT", help="any other prompt of the paper's")
    asked.add_argument(
        "--features", default="", metavar="hf:ID", help="add patch features of an encoder, for `features_weight`"
    )
    which = parser.add_argument_group("which pictures")
    which.add_argument("--most", type=int, default=500, metavar="N", help="at most so many (default 500)")
    which.add_argument("--every", type=int, default=0, metavar="N", help="simply each N-th, instead of choosing")
    which.add_argument("--topic", help="image topic of a bag; default: the likeliest")
    which.add_argument("--depth-topic", help='depth images or LiDAR of a bag; "none": do not use any')
    which.add_argument("--hfov", type=float, default=0.0, metavar="DEG", help="field of view, where nothing tells it")
    which.add_argument("--longest", type=int, default=640, metavar="PX", help="longer side of the pictures kept")
    which.add_argument("--select-only", action="store_true", help="choose, write DIR/selection.html, and stop")
    belief = parser.add_argument_group("what is believed")
    belief.add_argument("--least-share", type=float, default=0.3, help="of a picture's pixels that must be agreed on")
    belief.add_argument("--no-mirror", action="store_true", help="do not ask about the mirrored picture as well")
    belief.add_argument("--licence", default="unknown", metavar="TEXT", help="terms of the recordings themselves")
    belief.add_argument(
        "--accept-licence", action="store_true", help="use teachers or recordings that forbid commercial use"
    )
    belief.add_argument("--allow-remote", action="store_true", help="pictures may leave this machine for a teacher")
    belief.add_argument("--anchor", default="", metavar="NAME", help="metric model that relative teachers lean on")
    many = parser.add_argument_group("many machines")
    many.add_argument("--ray", metavar="auto|ADDRESS", help="by an actor pool of Ray, here or on a cluster")
    many.add_argument("--workers", type=int, default=2, metavar="N", help="actors (default 2)")
    many.add_argument("--gpus", type=float, default=0.0, metavar="SHARE", help="of each actor; 0.5: two on a card")
    parser.add_argument("--per-shard", type=int, default=64, metavar="N", help="pictures of a shard (default 64)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result as JSON; - for stdout")


def run(args: argparse.Namespace) -> int:
    settings = LabelSettings(
        inputs=tuple(args.inputs),
        teachers=tuple(args.teacher),
        prompts=prompts(args.tasks, args.classes, args.instances, args.prompt),
        recordings=RecordingOptions(topic=args.topic, depth_topic=args.depth_topic, hfov_deg=args.hfov),
        selection=SelectionSettings(most=args.most, every=args.every),
        belief=BeliefSettings(least_share=args.least_share, mirror=not args.no_mirror),
        longest=args.longest,
        per_shard=args.per_shard,
        recording_licence=args.licence,
        accept_licence=args.accept_licence,
        allow_remote=args.allow_remote,
        anchor=args.anchor,
        features=args.features,
    )
    log = sys.stderr if args.json == Path("-") else sys.stdout
    report = label(
        args.out,
        settings,
        engine=engine(args.ray, args.workers, args.gpus),
        say=lambda text: print(f"vision-banana: {text}", file=sys.stderr, flush=True),
        tell=progress_line(),
        only_select=args.select_only,
    )
    if report is None:
        print(f"look at {args.out / 'selection.html'}, then run the same without --select-only", file=log)
        return 0
    print(summary(args.out, report), file=log)
    if args.json:
        text = json.dumps(asdict(report), indent=1) + "\n"
        if args.json == Path("-"):
            sys.stdout.write(text)
        else:
            args.json.write_text(text, encoding="utf-8")
    return 0


def prompts(tasks: str, classes: str | None, instances: list[str], others: list[str]) -> tuple[str, ...]:
    """What is asked of each picture, as prompts of the paper's forms."""
    names = [name.strip() for name in tasks.split(",") if name.strip()]
    unknown = [name for name in names if name not in _PLAIN]
    if unknown:
        raise DataError(f"--tasks are {', '.join(_PLAIN)}, got {unknown[0]!r}; classes go into --classes")
    asked = [Instruction(_PLAIN[name]) for name in names]
    if classes:
        asked.append(Instruction(Task.SEMANTIC, parse_classes(classes), _BACKGROUND))
    asked += [Instruction(Task.INSTANCE, (Target(name),), _BACKGROUND) for name in instances]
    return (*(instruction.to_text() for instruction in asked), *others)


def engine(ray: str | None, workers: int, gpus: float) -> Callable[[LabellerSpec], Engine]:
    """Ray is imported only where it is asked for."""
    if ray is None:
        return Here
    from vision_banana_ros.labelling.on_ray import OnRay
    from vision_banana_ros.scaling.actors import RaySettings

    settings = RaySettings(address=ray, workers=workers, gpus=gpus)
    return lambda spec: OnRay(spec, settings)


def progress_line() -> Callable[[str, Progress | None], None]:
    """A line that is written over on a terminal, and now and then a new one in a log."""
    last = 0.0

    def tell(what: str, progress: Progress | None) -> None:
        nonlocal last
        now, on_terminal = time.monotonic(), sys.stderr.isatty()
        if now - last < (_TELL_EVERY_S if on_terminal else 30.0):
            return
        last = now
        if progress is not None:
            what = (
                f"{progress.done}/{progress.total} pictures, {progress.refused} refused, {progress.per_second:.2f}/s, "
                f"{progress.left_s:.0f} s left"
            )
        print(f"\r{what}   " if on_terminal else what, end="" if on_terminal else "\n", file=sys.stderr, flush=True)

    return tell


def summary(root: Path, report: LabelReport) -> str:
    closed = ", NOT for commercial use" if report.non_commercial else ""
    lines = [
        f"{report.labelled} of {report.pictures} pictures labelled in {len(report.shards)} shards of {root} "
        f"(licences: {', '.join(report.licences) or 'none'}{closed}); look at {root / 'samples.html'}"
    ]
    lines += [f"  refused {key}: {reason}" for key, reason in report.refused.items()]
    return "\n".join(lines)
