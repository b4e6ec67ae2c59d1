"""Label, train, pack, judge, engine: each step looks at what is there and does what is missing.

OUT/labels/, OUT/aside/          shards of the recordings, and of those that are kept aside
OUT/taught/, OUT/unseen/         the same as folders of frames, without what was not believed
OUT/run/                         the training run
OUT/candidate/                   the packed model, with the record of what it learnt from
OUT/judged.json                  the candidate beside what it started from, set by set
OUT/model/, OUT/model/CARD.md    the candidate, if no set lost more than is borne
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vision_banana_ros.commands import label as label_command
from vision_banana_ros.commands import pack as pack_command
from vision_banana_ros.commands.distilling.card import card
from vision_banana_ros.commands.distilling.config import DistillConfig
from vision_banana_ros.commands.distilling.training_call import TrainingJob, train_student
from vision_banana_ros.core import DataError
from vision_banana_ros.core.files import write_whole
from vision_banana_ros.data import Example, Source, open_dataset
from vision_banana_ros.evaluation.paired import Comparison, compare
from vision_banana_ros.generators import load_generator
from vision_banana_ros.labelling.unpack import unpack
from vision_banana_ros.models.manifest import MANIFEST

STEPS = ("label", "train", "pack", "judge", "engine")
#: The metrics by which a set can be lost; the others are shown.
_DECIDING = ("delta1", "scaled_delta1", "mean_iou")


@dataclass(frozen=True, slots=True)
class Distillation:
    config: DistillConfig
    say: Callable[[str], None] = print

    def run(self, steps: tuple[str, ...] = STEPS) -> int:
        """The exit code: 1 where the student is no better than what it started from."""
        if {"label", "train"} <= set(steps):
            self.config.require_trainable()
        self.config.out.mkdir(parents=True, exist_ok=True)
        for step in STEPS:
            if step in steps:
                self.say(f"== {step}")
                code = int(getattr(self, f"_{step}")())
                if code:
                    return code
        return 0

    # --- label ------------------------------------------------------------------------------------------------------
    def _label(self) -> int:
        self._label_into(self.config.recordings, "labels", "taught")
        if self.config.kept_aside:
            self._label_into(self.config.kept_aside, "aside", "unseen")
        return 0

    def _label_into(self, recordings: tuple[Path, ...], labels: str, frames: str) -> None:
        config, out = self.config, self.config.out
        argv = [*map(str, recordings), "--out", str(out / labels)]
        for teacher in config.teachers:
            argv += ["--teacher", teacher]
        for name, value in config.label.items():
            argv += _option(name, value)
        if config.ray:
            argv += ["--ray", config.ray, "--workers", str(config.workers), "--gpus", str(config.gpus)]
        if config.accept_licence:
            argv.append("--accept-licence")
        parser = _Parser(prog=f"label: in {out.name}")
        label_command.add_arguments(parser)
        label_command.run(parser.parse_args(argv))
        count = unpack(out / labels, out / frames)
        if not count:
            raise DataError(f"no picture of {out / labels} was believed: look at {out / labels / 'samples.html'}")
        self.say(f"{count} labelled pictures in {out / frames}")

    # --- train ------------------------------------------------------------------------------------------------------
    def _train(self) -> int:
        config = self.config
        self._require(config.out / "taught", "label")
        config.require_trainable()
        last = train_student(
            TrainingJob(
                run=config.out / "run",
                start=config.start,
                taught=config.out / "taught",
                replayed=config.replay.frames,
                shards=config.replay.world,
                replay_share=config.replay.share,
                options={"allow_non_commercial": config.accept_licence, **config.train},
            )
        )
        self.say(f"trained: {last}")
        return 0

    # --- pack -------------------------------------------------------------------------------------------------------
    def _pack(self) -> int:
        config, out = self.config, self.config.out
        checkpoint = out / "run" / "last.pt"
        self._require(checkpoint, "train")
        mark = _digest(checkpoint, config.first_share, config.sizes)
        if self._is_done("pack", mark) and (out / "candidate" / MANIFEST).is_file():
            self.say(f"{out / 'candidate'} is of this run already")
            return 0
        write_whole(out / "sources.json", json.dumps([_record(s) for s in self.sources()]).encode())
        argv = ["--run", str(out / "run"), "--out", str(out / "candidate"), "--sources", str(out / "sources.json")]
        argv += ["--keep", "--summary", f"distilled from {', '.join(config.teachers)} over own recordings"]
        for root in self.judges():
            argv += ["--frames", str(root)]
        for size in config.sizes:
            argv += ["--size", size]
        if (out / "run" / "first.pt").exists() and config.first_share:
            argv += ["--first-share", str(config.first_share)]
        parser = _Parser(prog="pack")
        pack_command.add_arguments(parser)
        pack_command.run(parser.parse_args(argv))  # whether baselines are beaten is for the judging to say
        self._done("pack", mark)
        return 0

    def sources(self) -> list[Source]:
        """Everything that the student learnt from, teachers and replay alike."""
        config = self.config
        folders = [config.out / "labels", *map(Path, config.replay.world), *map(Path, config.replay.frames)]
        return [open_dataset(folder).source for folder in folders]

    # --- judge ------------------------------------------------------------------------------------------------------
    def _judge(self) -> int:
        config, out = self.config, self.config.out
        self._require(out / "candidate" / MANIFEST, "pack")
        before, after = load_generator(config.judged_against), load_generator(str(out / "candidate"))
        judged: dict[str, list[Comparison]] = {}
        for root in self.judges():
            judged[root.name] = compare(self._examples(root), before, after)
            for row in judged[root.name]:
                self.say(f"{root.name:16} {row.line()}")
        write_whole(out / "judged.json", json.dumps(_plain(judged), indent=1).encode())
        lost = [
            f"{name}: {row.metric} {row.before:.3f} -> {row.after:.3f}"
            for name, rows in judged.items()
            for row in rows
            if row.metric in _DECIDING and row.gain.value < -config.bear
        ]
        gained = [row for rows in judged.values() for row in rows if row.verdict == "better"]
        if lost or not gained:
            why = "; ".join(lost) or "no set shows a gain"
            self.say(f"{out / 'model'} is not written: {why}")
            return 1
        draft = out / ".model.part"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(out / "candidate", draft)
        text = card(config, judged, self.sources())
        (draft / "CARD.md").write_text(text, encoding="utf-8")
        shutil.rmtree(out / "model", ignore_errors=True)
        draft.rename(out / "model")
        self.say(f"written: {out / 'model'}")
        return 0

    def judges(self) -> list[Path]:
        """Sets with truth, and the recordings that were kept aside, as their teachers see them."""
        aside = [self.config.out / "unseen"] if self.config.kept_aside else []
        return [*aside, *self.config.judge]

    def _examples(self, root: Path) -> Iterator[Example]:
        yield from open_dataset(root)

    # --- engine -----------------------------------------------------------------------------------------------------
    def _engine(self) -> int:
        from vision_banana_ros.commands import engine

        self._require(self.config.out / "model" / MANIFEST, "judge")
        parser = _Parser(prog="engine")
        engine.add_arguments(parser)
        return engine.run(parser.parse_args(["check", str(self.config.out / "model")]))

    def _require(self, path: Path, step: str) -> None:
        if not path.exists():
            raise DataError(f"{path} is not there yet: run the step {step!r} first")

    def _is_done(self, step: str, mark: str) -> bool:
        return self._marks().get(step) == mark

    def _done(self, step: str, mark: str) -> None:
        write_whole(self.config.out / "steps.json", json.dumps(self._marks() | {step: mark}).encode())

    def _marks(self) -> dict[str, str]:
        path = self.config.out / "steps.json"
        try:
            marks: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
            return marks
        except (OSError, ValueError):
            return {}


class _Parser(argparse.ArgumentParser):
    """Options come from the configuration: what is wrong with them is an error of its own, not of the command line."""

    def error(self, message: str) -> Any:
        raise DataError(f"the configuration's options for {self.prog}: {message}")


def _option(name: str, value: object) -> list[str]:
    """An entry of `label` as the option of that name; a list is the option several times."""
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [flag] if value else []
    if isinstance(value, (list, tuple)):
        return [word for entry in value for word in (flag, str(entry))]
    return [flag, str(value)]


def _digest(file: Path, *rest: object) -> str:
    digest = hashlib.sha256(file.read_bytes())
    digest.update(json.dumps(rest, default=str).encode())
    return digest.hexdigest()


def _record(source: Source) -> dict[str, Any]:
    name = f"{source.name} {source.revision}".strip()
    return {"name": name, "licence": source.licence + (" (non-commercial)" if source.non_commercial else "")}


def _plain(judged: dict[str, list[Comparison]]) -> dict[str, Any]:
    return {name: [asdict(row) | {"verdict": row.verdict} for row in rows] for name, rows in judged.items()}
