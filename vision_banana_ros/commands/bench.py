"""`vision-banana bench [AREA ...]`: figures of this machine, each beside what it replaces, measured in one run."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from vision_banana_ros import __version__
from vision_banana_ros.bench.rows import Row
from vision_banana_ros.core import VisionBananaError

AREAS = ("codecs", "geometry", "world", "model", "training", "node")
#: What a measurement takes besides.
_OPTIONS = {"node": ("seconds", "minutes"), "model": ("model", "backend", "size", "yardstick")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"any of {', '.join(AREAS)}; all when none is given")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the node runs at full rate")
    parser.add_argument("--minutes", type=float, default=0.0, help="how long its memory is watched under churn")
    parser.add_argument("--model", type=Path, metavar="DIR", help="the model's folder; default: the shipped")
    parser.add_argument("--backend", action="append", default=[], metavar="NAME[:PRECISION]", help="only this runtime")
    parser.add_argument("--size", action="append", default=[], metavar="WxH", help="of the canvases, such as 256x192")
    parser.add_argument("--no-yardstick", dest="yardstick", action="store_false", help="no network beside the model")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON too")


def run(args: argparse.Namespace) -> int:
    unknown = sorted(set(args.areas) - set(AREAS))
    if unknown:
        raise VisionBananaError(f"no such area: {', '.join(unknown)}; there are {', '.join(AREAS)}")
    machine = _machine()
    print(f"{machine['processor']}, {machine['cores']} cores, load {machine['load_at_start']}", flush=True)
    rows: list[Row] = []
    missing: list[str] = []
    for area in args.areas or AREAS:
        try:
            for row in _measure(area, args):
                print(line(row), flush=True)
                rows.append(row)
        except ImportError as error:  # more than the light install is needed: say so, never leave it out in silence
            missing.append(f"{area}: not measured, {error}")
            print(missing[-1], flush=True)
    if args.json:
        report = {"version": __version__, "machine": machine, "rows": [dataclasses.asdict(row) for row in rows]}
        args.json.write_text(json.dumps({**report, "not_measured": missing}, indent=1) + "\n", encoding="utf-8")
    return 1 if missing and args.areas else 0


def _measure(area: str, args: argparse.Namespace) -> Iterable[Row]:
    """All at once, or as they come."""
    module = importlib.import_module(f"vision_banana_ros.bench.{area}")
    rows: Iterable[Row] = module.measure(**{name: getattr(args, name) for name in _OPTIONS.get(area, ())})
    return rows


def line(row: Row) -> str:
    """One row as it is printed."""
    value = " " * 10 if row.value is None else f"{row.value:10.3f}"
    beside = f"  {row.ratio:.1f} x {row.against}" if row.ratio is not None else f"  {row.against}".rstrip()
    bar = f"  [bar {row.bar}]" if row.bar else ""
    return f"{row.area:9} {row.name:44} {value} {row.unit:9}{beside}{bar}".rstrip()


def _machine() -> dict[str, object]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "packages": {name: _version(name) for name in ("numpy", "onnxruntime", "openvino", "tensorrt", "torch")},
        "python": platform.python_version(),
    }


def _processor() -> str:
    """Its name as Linux tells it; other systems and boards tell it to Python, or nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (entry.partition(":")[2].strip() for entry in lines if entry.startswith(("model name", "Model")))
    return next(names, "") or platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
