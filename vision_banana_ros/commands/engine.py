"""`vision-banana engine build|check|info|bench [MODEL]`: what runs a model on this machine, and whether it runs right.

build   TensorRT engines ahead of time, so that the node's first start does not wait for them; exit code 1 when one
        paints something wrong, or could not be kept
check   the self-check of every runtime and precision that can run here; exit code 1 when one paints something wrong
info    what the folder holds, and which runtimes are here
bench   `vision-banana bench model` of this model, without the yardstick
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path

from vision_banana_ros.core import DataError, MissingExtraError
from vision_banana_ros.generators.registry import SHIPPED_STUDENT
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import MANIFEST, Precision, Role
from vision_banana_ros.runtimes.choice import attempt_all
from vision_banana_ros.runtimes.report import Attempt
from vision_banana_ros.runtimes.runtime import RuntimeOptions
from vision_banana_ros.runtimes.together import attempts_together, check_together
from vision_banana_ros.student.text import TextTable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for kind, what in (
        ("build", "build TensorRT engines into the cache"),
        ("check", "self-check every runtime that is here"),
        ("info", "what the model's folder holds"),
        ("bench", "time every runtime that is here"),
    ):
        sub = kinds.add_parser(kind, help=what, description=what)
        sub.add_argument(
            "model", nargs="?", type=Path, default=SHIPPED_STUDENT, help="its folder; default: the shipped"
        )
        sub.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON too")
        if kind in ("build", "check"):
            sub.add_argument(
                "--images", type=int, default=1, metavar="N", help="also for N images in one call, for as many cameras"
            )
        if kind == "build":
            files = [Precision.FP32.value, Precision.FP16.value, Precision.INT8.value]
            sub.add_argument("--precision", action="append", choices=files, help="default: every graph of the model")
            sub.add_argument("--cache-dir", type=Path, metavar="DIR", help="default: the user's cache")


def run(args: argparse.Namespace) -> int:
    if not (args.model / MANIFEST).is_file():
        raise DataError(f"no model in {args.model}: name the folder of one, or train and export it first")
    folder = ModelFolder.open(args.model)
    folder.verify()
    if args.kind == "build":
        return _build(folder, args)
    if args.kind == "info":
        return _info(folder, args.json)
    if args.kind == "check":
        attempts = check_here(folder, args.images)
        _write(args.json, (dataclasses.asdict(attempt) for attempt in attempts))
        return 1 if any(attempt.failed for attempt in attempts) else 0
    from vision_banana_ros.bench.model import measure
    from vision_banana_ros.commands.bench import line

    rows = []
    for row in measure(args.model, yardstick=False):
        print(line(row), flush=True)
        rows.append(dataclasses.asdict(row))
    _write(args.json, rows)
    return 0


def check_here(folder: ModelFolder, images: int = 1) -> tuple[Attempt, ...]:
    """Every runtime and precision on the golden frame, then on several at once, printed as they finish."""
    text = TextTable.read(io.BytesIO(folder.read(Role.TEXT)), name=str(folder.root))
    attempts = []
    options = RuntimeOptions(tell=_tell)
    together = attempts_together(folder, text, replace(options, images=images)) if images > 1 else ()
    for attempt in chain(attempt_all(folder, text, options), together):
        speed = "" if attempt.paint_ms is None else f"{attempt.paint_ms:7.1f} ms  "
        checked = f"  [checked in {attempt.check_s:.2f} s]" if attempt.check_s else ""
        name = f"{attempt.backend.value:17} {attempt.precision.value:5}"
        print(f"{name} {attempt.outcome:21} {speed}{attempt.detail}{checked}", flush=True)
        attempts.append(attempt)
    return tuple(attempts)


def _build(folder: ModelFolder, args: argparse.Namespace) -> int:
    from vision_banana_ros.models.golden import load_golden
    from vision_banana_ros.runtimes.selfcheck import check
    from vision_banana_ros.runtimes.tensorrt import engines_here
    from vision_banana_ros.student.paintbox import pack

    golden = load_golden(folder)
    text = TextTable.read(io.BytesIO(folder.read(Role.TEXT)), name=str(folder.root))
    boxes = pack(golden.instructions, text, folder.manifest.tasks)
    wanted = [Precision(name) for name in args.precision] if args.precision else folder.manifest.precisions()
    good = True
    for images in sorted({1, args.images}):
        engines = engines_here(RuntimeOptions(cache_dir=args.cache_dir, tell=_tell, images=images))
        for precision in wanted:
            runtime = engines.open(folder, precision)
            if images == 1:
                result = check(runtime, golden, boxes)
            else:
                result = check_together(runtime, golden, text, folder.manifest.tasks, images)
            runtime.close()
            kept = engines.keeps(folder, precision)
            state = "ready" if result.passed and kept else "not kept" if result.passed else "wrong, it will not be used"
            name = precision.value if images == 1 else f"{precision.value}, {images} images in one call"
            print(f"{name}: {state}; {result.why()}")
            good = good and result.passed and kept
    return 0 if good else 1


def _info(folder: ModelFolder, json_file: Path | None) -> int:
    manifest = folder.manifest
    sizes = ", ".join(f"{width}x{height}" for width, height in manifest.sizes_wh)
    print(f"{manifest.name}: {sizes}; code version {manifest.code_version}, package {manifest.package_version}")
    print(f"  {len(manifest.vocabulary)} words; {manifest.training.summary}")
    for file in manifest.files:
        precision = "" if file.precision is None else file.precision.value
        print(f"  {file.path:24} {file.role.value:8} {precision:5} {file.size_bytes / 1e6:7.2f} MB  {file.sha256[:16]}")
    for score in manifest.scores:
        beside = "" if score.baseline is None else f" (baseline {score.baseline:.3f})"
        print(f"  {score.frames}: {score.metric} {score.value:.3f}{beside}")
    try:
        from vision_banana_ros.runtimes.tensorrt.bindings import load_bindings

        print(f"  TensorRT {load_bindings().version}")
    except MissingExtraError as error:
        print(f"  {error}")
    _write(json_file, [dataclasses.asdict(manifest)])
    return 0


def _write(path: Path | None, records: Iterable[object]) -> None:
    if path is not None:
        path.write_text(json.dumps(list(records), indent=1) + "\n", encoding="utf-8")


def _tell(line: str) -> None:
    print(f"vision-banana: {line}", file=sys.stderr, flush=True)
