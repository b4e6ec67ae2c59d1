"""`vision-banana pack --run DIR --out MODEL`: from a training run to a model that may ship.

The averaged weights of the run's last checkpoint are judged on every set of frames given, with the evaluator of
`vision-banana eval`; the model's folder is written with what they reached, beside the best constant of each set.
A model that does not beat every baseline on every real set is not written, unless --keep says so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vision_banana_ros.bench.model_subjects import read_size
from vision_banana_ros.commands.export import SEVERAL_HELP
from vision_banana_ros.core import DataError, require_package
from vision_banana_ros.data import open_dataset
from vision_banana_ros.evaluation.baselines import PriorMaps
from vision_banana_ros.evaluation.evaluate import EvaluationSettings, evaluate
from vision_banana_ros.evaluation.report import beats_baselines, report
from vision_banana_ros.evaluation.summary import Contender, Evaluation
from vision_banana_ros.models.manifest import Precision, Score, TrainedOn, TrainingRecord


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run", dest="folder", type=Path, required=True, metavar="DIR", help="a folder of `vision-banana train`"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="MODEL", help="the model's folder; it is replaced")
    parser.add_argument("--frames", type=Path, action="append", metavar="DIR", help="real sets to judge by")
    parser.add_argument("--shards", type=Path, action="append", metavar="DIR", help="held-out renders to score too")
    parser.add_argument("--size", action="append", metavar="WxH", help="canvas sizes; default: the run's own")
    parser.add_argument("--precision", action="append", choices=[p.value for p in Precision if p is not Precision.BF16])
    parser.add_argument(
        "--sources",
        type=Path,
        metavar="FILE",
        help="JSON list of {name, licence, samples} it learnt from; default: RUN/sources.json",
    )
    parser.add_argument(
        "--first-share",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of the weights, from the student that the run started from: 0.25 keeps more of what it knew",
    )
    parser.add_argument(
        "--best", action="store_true", help="the weights that did best on the run's gates, not the last"
    )
    parser.add_argument("--weights", action="store_true", help="with weights, to run in PyTorch and to learn on from")
    parser.add_argument("--several-images", action="store_true", help=SEVERAL_HELP)
    parser.add_argument("--summary", default="", help="one line on how it was trained")
    parser.add_argument("--keep", action="store_true", help="write the model even where a baseline is not beaten")


def run(args: argparse.Namespace) -> int:
    require_package("torch", extra="train", purpose="Exporting a student")
    from vision_banana_ros.generators.student import StudentGenerator
    from vision_banana_ros.models.pack import ExportSettings, write_model
    from vision_banana_ros.runtimes.torch import TorchRuntime
    from vision_banana_ros.student.text import TextTable
    from vision_banana_ros.tasks import vocabulary
    from vision_banana_ros.training.checkpoint import BEST, FIRST, LAST, averaged_student, load_checkpoint
    from vision_banana_ros.training.config import TrainingConfig
    from vision_banana_ros.training.words import known_texts
    from vision_banana_ros.world.moving import MovingScene

    config = TrainingConfig.load(args.folder / "config.json")
    if not 0 <= args.first_share < 1:
        raise DataError(f"--first-share must be at least 0 and less than 1, got {args.first_share}")
    weights = args.folder / (BEST if args.best else LAST)
    student = averaged_student(weights, first_share=args.first_share)
    text = TextTable.load(args.folder / "text.npz").only(known_texts())
    asked = [read_size(text) for text in args.size or ()]
    sizes = tuple(asked or [(view.width, view.height) for view in config.views])
    runtime = TorchRuntime(student)
    generator = StudentGenerator(runtime, text, sizes, tasks=student.config.tasks)
    judged_by = f"{runtime.backend.value} {runtime.precision.value}"
    settings = EvaluationSettings(countable=vocabulary.things(), priors=PriorMaps.load())
    real = [
        evaluate(open_dataset(root), generator, root=root.name, model="student", settings=settings, runtime=judged_by)
        for root in args.frames or [Path(gate) for gate in config.gates]
    ]
    lost = {evaluation.root: missed for evaluation in real if (missed := beats_baselines(evaluation))}
    rendered = [
        evaluate(open_dataset(root), generator, root=root.name, model="student", settings=settings, runtime=judged_by)
        for root in args.shards or []
    ]
    evaluations = [*real, *rendered]
    for evaluation in evaluations:
        print(report(evaluation), flush=True)
    for root, missed in lost.items():
        print(f"vision-banana: on {root} it does not beat {', '.join(missed)}", file=sys.stderr)
    if lost and not args.keep:
        print(f"vision-banana: nothing written to {args.out}; train longer, or say --keep", file=sys.stderr)
        return 1
    summary = args.summary or f"trained on {len(config.shards)} folders of renders and {len(config.frames)} of frames"
    if args.first_share:
        started = Path(config.initial or FIRST).name
        summary += f"; {args.first_share:.0%} of each weight is that of {started}, where it started"
    record = TrainingRecord(
        summary=summary,
        sources=read_sources(args.sources or _kept(args.folder)),
        steps=int(load_checkpoint(weights)["samples"]),
        seed=config.seed,
        config=config.record(),
    )
    write_model(
        student,
        text,
        args.out,
        ExportSettings(
            sizes_wh=sizes,
            precisions=tuple(Precision(p) for p in args.precision or ["fp32"]),
            with_weights=args.weights,
            several_images=args.several_images,
            training=record,
            scores=tuple(scores(evaluations)),
        ),
        footage=MovingScene(),
        vocabulary=vocabulary.labels(),
    )
    print(f"written: {args.out}")
    return 1 if lost else 0


def scores(evaluations: Iterable[Evaluation]) -> list[Score]:
    """The figures of the manifest; each beside the strongest baseline that was judged on the same set."""
    found = []
    for evaluation in evaluations:
        model, *baselines = evaluation.contenders
        for metric, higher in _METRICS.items():
            value = figure(model, metric)
            if value is None:
                continue
            rivals = [rival for baseline in baselines if (rival := figure(baseline, metric)) is not None]
            best = (max if higher else min)(rivals) if rivals else None
            found.append(Score(frames=evaluation.root, metric=metric, value=value, baseline=best))
        for metric in _WITHOUT_RIVALS:
            value = getattr(evaluation, metric)
            if value is not None:
                found.append(Score(frames=evaluation.root, metric=metric, value=round(float(value), 4), baseline=None))
    return found


def figure(contender: Contender, metric: str) -> float | None:
    for summary in (contender.depth, contender.normals):
        if summary is not None and hasattr(summary, metric):
            return round(float(getattr(summary, metric).value), 4)
    return None


#: Metric -> whether more is better.
_METRICS = {
    "delta1": True,
    "abs_rel": False,
    "scaled_delta1": True,
    "scaled_abs_rel": False,
    "r2": True,
    "mean_deg": False,
    "median_deg": False,
}
#: What no constant can do.
_WITHOUT_RIVALS = ("mean_iou", "cumulative_iou", "instance_pm_f1", "focal_error")


def _kept(run: Path) -> Path | None:
    """What training wrote down; runs of older versions did not."""
    kept = run / "sources.json"
    return kept if kept.is_file() else None


def read_sources(path: Path | None) -> tuple[TrainedOn, ...]:
    if path is None:
        return ()
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            TrainedOn(name=str(e["name"]), licence=str(e["licence"]), samples=int(e.get("samples", 0))) for e in entries
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} must be a JSON list of name, licence and samples: {error!r}") from error
