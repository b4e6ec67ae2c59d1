"""`vision-banana report IN -o DIR`: one page, DIR/report.html, of what a model sees; it needs no server and no network.

IN is a film, a folder of pictures, a folder of frames with truth (rgb/, depth/, label/ ... as `eval frames` reads), or
`clip` and `moving`, whose truth is bundled. With --against another model sees the same frames and both are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from vision_banana_ros import __version__
from vision_banana_ros.commands.output import write_json
from vision_banana_ros.commands.seeing import Eyes, Progress, add_seeing_arguments, ending_softly
from vision_banana_ros.core import DataError, Footage, Frame, Truth
from vision_banana_ros.evaluation.depth_metrics import DepthRange
from vision_banana_ros.evaluation.intervals import estimate
from vision_banana_ros.viewing.films import Film
from vision_banana_ros.viewing.notes import Notes
from vision_banana_ros.viewing.page import page


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="IN", help="a film, pictures, frames with truth, or clip, moving")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="where report.html goes")
    parser.add_argument("--against", metavar="MODEL", help="a second model for comparison")
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many frames, evenly over IN")
    parser.add_argument("--samples", type=int, default=12, metavar="N", help="frames to show; default: 12")
    parser.add_argument("--title", default="", help="of the page")
    parser.add_argument("--far", type=float, default=80.0, metavar="METRES", help="truth beyond this is not scored")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON; - for stdout")
    add_seeing_arguments(parser)


def run(args: argparse.Namespace) -> int:
    log = sys.stderr if args.json == Path("-") else sys.stdout
    try:
        args.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{args.output} cannot be made: {error.strerror}") from error
    if not os.access(args.output, os.W_OK):
        raise DataError(f"{args.output} cannot be written to: check its permissions, or give another -o")
    models = [args.model, *([args.against] if args.against else [])]
    eyes = [Eyes(argparse.Namespace(**{**vars(args), "model": model})) for model in models]
    source = _Source(args.input, args.limit)
    samples = frozenset(np.linspace(0, max(0, source.length - 1), max(1, args.samples)).round().astype(int).tolist())
    names = [model if models.count(model) == 1 else f"{model} ({i + 1})" for i, model in enumerate(models)]
    notes = [Notes(name, samples, DepthRange(farthest_m=args.far)) for name in names]
    progress = Progress(source.length)
    with ending_softly() as asked:
        for item in source:
            if asked.is_set():
                break
            for own, told in zip(eyes, notes, strict=True):
                start = time.perf_counter()
                sight = own.see(item.frame)
                milliseconds = 1e3 * (time.perf_counter() - start)
                truth = item.truth if item.truth is None or sight.frame.hw == item.frame.hw else None
                told.add(item.name, sight.frame, sight.perception, milliseconds, truth)
            progress.at(notes[0].frames)
    progress.end()
    if not notes[0].frames:
        raise DataError(f"{args.input} has no frame that can be read")
    title = args.title or f"What {' and '.join(names)} see in {Path(args.input).name}"
    file = args.output / "report.html"
    part = file.with_suffix(".part")
    part.write_text(page(title, _facts(args, eyes, notes, source, interrupted=asked.is_set()), notes), encoding="utf-8")
    part.replace(file)
    print(f"{file}: {notes[0].frames} frames, {file.stat().st_size / 2**20:.1f} MiB", file=log)
    if args.json:
        write_json(args.json, {"input": args.input, "models": [_figures(told) for told in notes]})
    return 130 if asked.is_set() else 0


def _facts(
    args: argparse.Namespace, eyes: list[Eyes], notes: list[Notes], source: _Source, *, interrupted: bool
) -> list[tuple[str, str]]:
    facts = [("input", f"{args.input}, {notes[0].frames} of {source.available} frames")]
    if interrupted:
        facts.append(("interrupted", "the frames so far"))
    for own, told in zip(eyes, notes, strict=True):
        about = own.generator.about
        words = f"{about.name}, licence {about.licence}{f', revision {about.revision}' if about.revision else ''}"
        facts.append(
            (f"model {told.model}", words + ("" if about.metric is not False else "; its depth is not metric"))
        )
    classes = ", ".join(target.text for target in eyes[0].classes.targets)
    facts.append(("classes", classes))
    facts.append(("seen with", json.dumps({k: getattr(args, k) for k in ("hfov", "camera_height", "width", "steady")})))
    facts.append(("truth", "known, scored below" if notes[0].scores else "not known: nothing is scored"))
    facts.append(("version", f"vision_banana_ros {__version__}, Python {platform.python_version()}"))
    facts.append(("machine", f"{platform.machine()}, {os.cpu_count()} CPUs, {platform.system()}"))
    facts.append(("written", datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")))
    return facts


def _figures(told: Notes) -> dict[str, object]:
    scores = {}
    for name, values in told.scores.items():
        found = estimate([value for value in values if np.isfinite(value)])
        scores[name] = {"mean": found.value, "low": found.low, "high": found.high}
    return {
        "model": told.model,
        "frames": told.frames,
        "median_ms": float(np.median(told.milliseconds)),
        "mean_doubt": float(np.mean(told.doubts)),
        "worst": [pictures.name for pictures in told.worst],
        "scores": scores,
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    name: str
    frame: Frame
    truth: Truth | None = None


class _Source:
    """`length` frames, evenly over the `available` ones."""

    def __init__(self, name: str, limit: int | None) -> None:
        self._name = name
        self._film: Film | None = None
        self._frames: list[_Item] | None = None
        self._footage: Footage | None = None
        if name in ("clip", "moving"):
            self._footage = _footage(name)
            self.available = len(self._footage)
        elif (Path(name) / "rgb").is_dir():
            from vision_banana_ros.data.readers.frames import FrameFolder

            self._folder = FrameFolder.open(Path(name))
            self.available = len(self._folder.names)
        else:
            self._film = Film(name)
            self.available = self._film.length or limit or 0
            if self._film.is_live and limit is None:
                raise DataError("a camera has no end: give --limit")
        self.length = min(self.available, limit or self.available)

    def __iter__(self) -> Iterator[_Item]:
        wanted = set(np.linspace(0, max(0, self.available - 1), max(1, self.length)).round().astype(int).tolist())
        if self._footage is not None:
            for index in sorted(wanted):
                yield _Item(f"frame {index}", self._footage.frame(index), self._footage.truth(index))
        elif self._film is not None:
            for shot in self._film.shots():
                if shot.number in wanted or not self.available:
                    yield _Item(f"frame {shot.number}", Frame(shot.rgb, stamp_ns=shot.stamp_ns, frame_id="camera"))
                if self._film.is_live and shot.number + 1 >= self.length:
                    return
        else:
            for index, labelled in enumerate(self._folder):
                if index in wanted:
                    yield _Item(labelled.name, labelled.frame, labelled.truth)


def _footage(name: str) -> Footage:
    if name == "clip":
        from vision_banana_ros.world.clip import bundled_clip

        return bundled_clip()
    from vision_banana_ros.world.moving import MovingScene

    return MovingScene()
