"""The paper's experiment in small: what the ratio of instructions does to seeing and to generating.

    python -m vision_banana_ros.tuning.own.experiment RUN --pairs FOLDER [--device cuda] [--scale 10] [--report FILE]

Runs, each from the same pretrained base unless it says otherwise, all with labels of the same few scenes:

    ratio-R         tuned at ratio R for the same number of steps: 0, .02, .1, .3, 1
    none-lessons    no pretraining, as many instructions as ratio-0.1 saw
    none-steps      no pretraining, as many steps as ratio-0.1 took, all of them instructions
    alone-TASK      ratio .1, one task alone, as many lessons of it as ratio-0.1 saw
    once            ratio .1, the deterministic one-step form

Everything is resumable: run the same command again. What is judged lies in RUN/results.json, the report is made of it
alone, so that no number in it was not measured.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError, Task
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.tuning.kept import add_result, read_results
from vision_banana_ros.tuning.own.lessons import TASKS, OwnBook, text_vectors
from vision_banana_ros.tuning.own.network import NetworkConfig
from vision_banana_ros.tuning.own.pairs import CHUNK, read_chunks
from vision_banana_ros.tuning.own.training import WEIGHTS, OwnTraining, load_own, train_own

RATIOS = (0.0, 0.02, 0.1, 0.3, 1.0)
#: The first scenes of the set are for judging.
HELD_OUT = 4 * CHUNK
VISION_SCENES = 1024
PRETRAIN_STEPS, TUNE_STEPS = 6000, 1500
_BASE = "base"
#: Steps of the sampler where a run is judged.
SAMPLER_STEPS = (1, 4, 16)


def plan(scale: float = 1.0) -> dict[str, tuple[OwnTraining, bool]]:
    """Run -> how it is trained, and whether it starts from the pretrained base."""
    steps = max(1, round(TUNE_STEPS * scale))
    tuned = OwnTraining(steps=steps, vision_scenes=VISION_SCENES, learning_rate=1e-4, seed=7)
    few = replace(tuned, steps=max(1, round(steps * 0.1)), ratio=1.0, learning_rate=3e-4)
    runs: dict[str, tuple[OwnTraining, bool]] = {
        _BASE: (OwnTraining(steps=max(1, round(PRETRAIN_STEPS * scale))), False)
    }
    for ratio in RATIOS:
        runs[f"ratio-{ratio:g}"] = (replace(tuned, ratio=ratio), True)
    runs["once"] = (replace(tuned, ratio=0.1, form="once"), True)
    runs["none-lessons"] = (few, False)
    runs["none-steps"] = (replace(few, steps=steps), False)
    for task in TASKS:
        third = 0.1 / len(TASKS)
        runs[f"alone-{task.value}"] = (replace(tuned, ratio=third, tasks=(task.value,)), True)
    return runs


class Experiment:
    """A folder with pairs and one for the runs."""

    def __init__(self, folder: Path, pairs: Path, *, device: str = "cpu", scale: float = 1.0,
                 network: NetworkConfig | None = None) -> None:  # fmt: skip
        self.folder, self.pairs, self.device, self.scale = folder, pairs, device, scale
        self.network = network or NetworkConfig()
        folder.mkdir(parents=True, exist_ok=True)

    def train(self, name: str, *, tell: Any = print) -> Path:
        training, from_base = plan(self.scale)[name]
        start = self.folder / _BASE / WEIGHTS if from_base else None
        if start is not None and not start.exists():
            raise DataError(f"{name} starts from the pretrained base, which is not trained yet: train it first")
        return train_own(
            self.folder / name, training, self.network, self._book, self._table, start=start, device=self.device,
            tell=tell,
        )  # fmt: skip

    def judge(self, name: str) -> dict[str, Any]:
        """All scores of a run; kept in results.json."""
        from vision_banana_ros.tuning.own.judging import judge_generation, judge_vision

        if name in (judged := read_results(self.folder)):
            return dict(judged[name])
        training, _ = plan(self.scale)[name]
        model = load_own(self.folder / name / WEIGHTS, self.network, self.device)
        whole = self._book()
        held_out = OwnBook(whole.scenes, 0, HELD_OUT)
        table = self._table(whole)
        found: dict[str, Any] = {"generation": judge_generation(model, held_out, table).to_json()}
        if training.ratio > 0:
            tasks = tuple(Task(task) for task in training.tasks)
            for steps in (0,) if training.form == "once" else SAMPLER_STEPS:
                found[f"steps-{steps}"] = judge_vision(model, held_out, table, steps=steps, tasks=tasks).to_json()
        found["scenes"] = len(whole.scenes)
        found["weights"] = sum(weight.numel() for weight in model.parameters())
        add_result(self.folder, name, found)
        return found

    def _book(self) -> OwnBook:
        scenes = read_chunks(self.pairs, least=HELD_OUT // CHUNK + 1)
        return OwnBook(scenes, HELD_OUT, len(scenes))

    def _table(self, book: OwnBook) -> TextTable:
        return text_vectors(book.scenes, self.folder / "text.npz")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies all steps; 10 and more on a GPU")
    parser.add_argument("--width", type=int, default=NetworkConfig().width, help="of the network; a multiple of 4")
    parser.add_argument("--depth", type=int, default=NetworkConfig().depth, help="of the network, in blocks")
    parser.add_argument("--only", action="append", help="runs to train and judge (default: all, the base first)")
    parser.add_argument("--report", type=Path, help="write the report of what is judged so far, and train nothing")
    args = parser.parse_args()
    network = NetworkConfig(width=args.width, depth=args.depth)
    experiment = Experiment(args.folder, args.pairs, device=args.device, scale=args.scale, network=network)
    if args.report is not None:
        from vision_banana_ros.tuning.own.report import write_report

        write_report(read_results(args.folder), plan(args.scale), args.report)
        return 0
    for name in args.only or plan(args.scale):
        experiment.train(name, tell=lambda words: print(words, flush=True))
        experiment.judge(name)
        print(f"{name} is judged", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
