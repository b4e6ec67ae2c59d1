"""`vision-banana export SOURCE --out MODEL`: a trained network as files for every runtime, checked on those here.

SOURCE is a folder of `vision-banana train`, or a model that was exported with its weights. Each precision is one graph;
bf16 needs none. Exit code 1 when a graph fails its self-check on a runtime of this machine: it would never be used.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vision_banana_ros.core import DataError, require_package
from vision_banana_ros.models.manifest import MANIFEST, Precision, TrainingRecord

if TYPE_CHECKING:
    from vision_banana_ros.models.pack import ExportSettings
    from vision_banana_ros.student.network import Student
    from vision_banana_ros.student.text import TextTable

_FILES = [precision.value for precision in Precision if precision is not Precision.BF16]


#: Said by `vision-banana pack` too.
SEVERAL_HELP = "beside each graph one for several images in one call: for several cameras on a GPU (docs/ros.md)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, help="a folder of `vision-banana train`, or a model with weights")
    parser.add_argument("--out", type=Path, required=True, metavar="MODEL", help="the model's folder; it is replaced")
    parser.add_argument("--precision", action="append", choices=_FILES, help="graphs to write; default: fp32")
    parser.add_argument("--several-images", action="store_true", help=SEVERAL_HELP)
    parser.add_argument("--weights", action="store_true", help="keep the weights too, for PyTorch and further exports")


def run(args: argparse.Namespace) -> int:
    for package in ("onnx", "torch"):  # asked for here, so that one line says what is missing
        require_package(package, extra="train", purpose="Exporting a model")
    from vision_banana_ros.commands.engine import check_here
    from vision_banana_ros.models.folder import ModelFolder
    from vision_banana_ros.models.pack import write_model
    from vision_banana_ros.tasks import vocabulary
    from vision_banana_ros.world.moving import MovingScene

    student, text, settings = _from_model(args.source) if _is_model(args.source) else _from_run(args.source)
    settings = replace(
        settings,
        precisions=tuple(Precision(name) for name in args.precision or ["fp32"]),
        with_weights=args.weights,
        several_images=args.several_images,
    )
    write_model(student, text, args.out, settings, footage=MovingScene(), vocabulary=vocabulary.labels(), tell=print)
    images = 3 if args.several_images else 1
    failed = [attempt for attempt in check_here(ModelFolder.open(args.out), images) if attempt.failed]
    return 1 if failed else 0


def _is_model(source: Path) -> bool:
    return (source / MANIFEST).is_file()


def _from_model(source: Path) -> tuple[Student, TextTable, ExportSettings]:
    """Scores and record stay: the weights are the same."""
    import io

    from vision_banana_ros.models.folder import ModelFolder
    from vision_banana_ros.models.manifest import Role
    from vision_banana_ros.models.pack import ExportSettings
    from vision_banana_ros.models.weights import load_student
    from vision_banana_ros.student.text import TextTable

    folder = ModelFolder.open(source)
    manifest = folder.manifest
    text = TextTable.read(io.BytesIO(folder.read(Role.TEXT)), name=str(source))
    settings = ExportSettings(
        name=manifest.name, sizes_wh=manifest.sizes_wh, training=manifest.training, scores=manifest.scores
    )
    return load_student(folder), text, settings


def _from_run(source: Path) -> tuple[Student, TextTable, ExportSettings]:
    from vision_banana_ros.models.pack import ExportSettings
    from vision_banana_ros.student.text import TextTable
    from vision_banana_ros.training.checkpoint import LAST, averaged_student, load_checkpoint
    from vision_banana_ros.training.config import TrainingConfig

    if not (source / LAST).is_file():
        raise DataError(f"{source} must hold {MANIFEST} (a model) or {LAST} (a training run), it has neither")
    config = TrainingConfig.load(source / "config.json")
    record = TrainingRecord(
        summary="exported from a run, not judged: `vision-banana pack` judges and exports",
        steps=int(load_checkpoint(source / LAST)["samples"]),
        seed=config.seed,
        config=config.record(),
    )
    sizes_wh = tuple((view.width, view.height) for view in config.views)
    settings = ExportSettings(sizes_wh=sizes_wh, training=record)
    return averaged_student(source / LAST), TextTable.load(source / "text.npz"), settings
