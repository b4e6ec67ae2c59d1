"""Does generating teach what a thing is? Colours of instances, learnt on furniture and cars, judged on all else.

    python -m vision_banana_ros.tuning.gen2seg.experiment RUN --model FOLDER [--model FOLDER] [--device cuda]
    python -m vision_banana_ros.tuning.gen2seg.experiment RUN --report docs/experiments/gen2seg.md

FOLDER (or a name in the hub's cache): a masked autoencoder with its decoder (transformers' ViTMAE), a latent diffusion
pipeline with a U-Net (Stable Diffusion, InstructPix2Pix), or a run of tuning/own. Each is trained twice by the same
lessons in the same order: `NAME-tuned` from its weights, `NAME-fresh` from none. Everything is resumable: run the same
command again. RUN/results.json has what was judged, and the report is made of it alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from vision_banana_ros.core import DataError
from vision_banana_ros.tuning.gen2seg.judging import judge
from vision_banana_ros.tuning.gen2seg.painters import open_painter, side_of
from vision_banana_ros.tuning.gen2seg.scenes import FIRST_JUDGED, FIRST_LEARNT, PLACES, lessons, render_scenes
from vision_banana_ros.tuning.instance_painters import paint_instances, train_painter
from vision_banana_ros.tuning.kept import add_result, keep_settings, read_results

STARTS = ("tuned", "fresh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """learn, judge: scenes. side: of the pictures, unless the model has one of its own."""

    learn: int = 2000
    judge: int = 300
    side: int = 256
    steps: int = 4000
    batch: int = 4
    rate: float = 6e-5
    seed: int = 0


class Experiment:
    """One folder for renders, checkpoints and results."""

    def __init__(self, folder: Path, settings: Settings, *, device: str = "cpu", tell: Callable[[str], None] = print):
        self.folder, self.settings, self.device, self.tell = folder, settings, device, tell
        folder.mkdir(parents=True, exist_ok=True)
        keep_settings(folder / "settings.json", asdict(settings))

    def run(self, model: str, start: str) -> dict[str, Any]:
        """Train what is not trained yet, judge what is not judged yet."""
        name = f"{Path(model).name}-{start}"
        results = read_results(self.folder)
        if name in results:
            return dict(results[name])
        painter = self.painter(model, start)
        s, side = self.settings, side_of(model, self.settings.side)
        learnt = lessons(
            render_scenes(
                self.folder / "scenes", FIRST_LEARNT, s.learn, side=side, places=PLACES, tell=self.tell
            )
        )  # fmt: skip
        train_painter(
            painter, learnt, steps=s.steps, batch=s.batch, rate=s.rate, seed=s.seed,
            keep=self.folder / f"{name}.pt", watch=self._watch(name),
        )  # fmt: skip
        held_out = render_scenes(self.folder / "scenes", FIRST_JUDGED, s.judge, side=side, tell=self.tell)
        found = {
            **judge(lambda rgb: paint_instances(painter, rgb), held_out),
            "model": model, "start": start, "side": side, "lessons": len(learnt), "steps": s.steps,
        }  # fmt: skip
        add_result(self.folder, name, found)
        return found

    def painter(self, model: str, start: str) -> Any:
        torch.manual_seed(self.settings.seed)
        return open_painter(model, fresh=start == "fresh", device=self.device)

    def _watch(self, name: str) -> Callable[[int, float], None]:
        def watch(step: int, loss: float) -> None:
            if step % 50 == 0:
                self.tell(f"{name}: step {step} of {self.settings.steps}, loss {loss:.4f}")

        return watch


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", action="append", default=[], help="folder or cached name; may be repeated")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    for name, kind in (("learn", int), ("judge", int), ("side", int), ("steps", int), ("batch", int), ("seed", int),
                       ("rate", float)):  # fmt: skip
        parser.add_argument(f"--{name}", type=kind, default=getattr(Settings(), name))
    parser.add_argument("--photos", type=Path, help="paint these pictures with what is trained, into RUN/photos")
    parser.add_argument("--report", type=Path, help="write the report of what is judged so far, and train nothing")
    args = parser.parse_args(words)
    if args.report is not None:
        from vision_banana_ros.tuning.gen2seg.report import write_report

        write_report(read_results(args.folder), args.report)
        return 0
    if not args.model:
        raise DataError("name at least one model: --model FOLDER")
    names = ("learn", "judge", "side", "steps", "batch", "rate", "seed")
    settings = Settings(**{name: getattr(args, name) for name in names})
    experiment = Experiment(args.folder, settings, device=args.device, tell=lambda said: print(said, flush=True))
    for model in args.model:
        for start in STARTS:
            found = experiment.run(model, start)
            print(f"{Path(model).name}-{start}: {json.dumps(found)}", flush=True)
    if args.photos is not None:
        from vision_banana_ros.tuning.gen2seg.photos import paint_photos

        print(f"painted {paint_photos(experiment, args.model, args.photos)} pictures into {args.folder / 'photos'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
