"""Trains the base of our own: pretraining, tuning at a ratio, from scratch, in one step. One function, resumable.

    form "flow"    noise and time are drawn, loss on the velocity
    form "once"    time 1, zeros for noise, loss on the canvas itself (the deterministic form of E2E-FT, GenPercept)

In form "once" the base's own work is still learnt as flow: it has no single answer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from vision_banana_ros.core import DataError, Task
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.tuning.kept import keep_settings
from vision_banana_ros.tuning.own.lessons import TASKS, OwnBook, OwnLesson, stack
from vision_banana_ros.tuning.own.network import NetworkConfig, OwnNetwork

Tensor = torch.Tensor
#: In the folder of a run: its weights at the end, and what it was asked for.
WEIGHTS, SETTINGS = "weights.pt", "training.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTraining:
    """steps: of `batch` lessons each, a share `ratio` of them instructions of `tasks`. vision_scenes: instructions are
    about the first so many training scenes alone (0: all), as labels are what is scarce."""

    steps: int
    batch: int = 32
    ratio: float = 0.0
    tasks: tuple[str, ...] = tuple(task.value for task in TASKS)
    vision_scenes: int = 0
    form: str = "flow"
    learning_rate: float = 3e-4
    warmup: int = 200
    ema: float = 0.999
    drop: float = 0.1
    seed: int = 0
    save_every: int = 100


def train_own(
    folder: Path,
    training: OwnTraining,
    network: NetworkConfig,
    book: Callable[[], OwnBook],
    table: Callable[[OwnBook], TextTable],
    *,
    start: Path | None = None,
    device: str = "cpu",
    tell: Callable[[str], None] = print,
) -> Path:
    """Train to the end, or go on; the file of the weights. `start`: weights to begin with. `book` is read anew at every
    checkpoint, so that scenes may still be rendering."""
    folder.mkdir(parents=True, exist_ok=True)
    done, checkpoint = folder / WEIGHTS, folder / "checkpoint.pt"
    if done.exists():
        return done
    keep_settings(folder / SETTINGS, {"training": asdict(training), "network": asdict(network)})
    torch.manual_seed(training.seed)
    model = OwnNetwork(network).to(device)
    if start is not None:
        model.load_state_dict(torch.load(start, map_location=device, weights_only=True)["weights"])
    mean = {name: value.detach().clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=training.learning_rate, weight_decay=0.01, betas=(0.9, 0.99))
    step = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(state["weights"])
        optimizer.load_state_dict(state["optimizer"])
        mean, step = state["mean"], int(state["step"])
    scenes = book()
    words = table(scenes)
    model.train()
    while step < training.steps:
        losses = own_losses(model, _lessons(scenes, training, step), words, training, step)
        loss = torch.stack([value for values in losses.values() for value in values]).mean()
        if not torch.isfinite(loss):
            raise DataError(f"the loss of step {step} is no number: lower the learning rate")
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = _rate(training, step)
        optimizer.step()
        step += 1
        decay = min(training.ema, (1 + step) / (10 + step))
        for name, value in model.state_dict().items():
            mean[name].lerp_(value, 1 - decay)
        said = {kind: float(torch.stack(values).detach().mean()) for kind, values in losses.items()}
        with (folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(
                json.dumps({"step": step, "loss": loss.item(), "scenes": scenes.last - scenes.first, **said}) + "\n"
            )
        if step % training.save_every == 0 or step == training.steps:
            state = {"weights": model.state_dict(), "mean": mean, "optimizer": optimizer.state_dict(), "step": step}
            _write(checkpoint, state)
            tell(f"{folder.name} step {step} of {training.steps}: {loss.item():.4f}")
            if step < training.steps:
                scenes = book()
                words = table(scenes)
    _write(done, {"weights": mean, "step": step})
    checkpoint.unlink(missing_ok=True)
    return done


def own_losses(
    model: OwnNetwork, lessons: list[OwnLesson], table: TextTable, training: OwnTraining, step: int
) -> dict[str, list[Tensor]]:
    """By kind; lessons with and without a source picture, and those that are learnt in one step, go apart."""
    groups: dict[tuple[bool, bool], list[OwnLesson]] = {}
    for lesson in lessons:
        once = training.form == "once" and lesson.instruction is not None
        groups.setdefault((lesson.source is None, once), []).append(lesson)
    device = next(model.parameters()).device
    dice = torch.Generator("cpu").manual_seed(hash((training.seed, step)) & 0x7FFFFFFF)
    found: dict[str, list[Tensor]] = {}
    for (_, once), group in sorted(groups.items()):
        tensors = stack(group, table, model.config.words)
        target, words = tensors["target"].to(device), tensors["words"].to(device)
        source = None if tensors["source"] is None else tensors["source"].to(device)
        kept = torch.rand(len(group), generator=dice) >= training.drop
        words = words * kept.to(device)[:, None, None]
        time = torch.sigmoid(torch.randn(len(group), generator=dice)).to(device)
        noise = torch.randn(target.shape, generator=dice).to(device)
        if once:
            said, wanted = -model(torch.zeros_like(target), torch.ones_like(time), words, source), target
        else:
            share = time[:, None, None, None]
            said, wanted = model((1 - share) * target + share * noise, time, words, source), noise - target
        each = functional.mse_loss(said, wanted, reduction="none").flatten(1).mean(1)
        for lesson, loss in zip(group, each, strict=True):
            found.setdefault(lesson.kind, []).append(loss)
    return found


def _lessons(book: OwnBook, training: OwnTraining, step: int) -> list[OwnLesson]:
    tasks = tuple(Task(name) for name in training.tasks)
    labelled = book
    if training.vision_scenes:
        labelled = OwnBook(book.scenes, book.first, min(book.last, book.first + training.vision_scenes))
    drawn = []
    for slot in range(training.batch):
        dice = np.random.default_rng((training.seed, step, slot))
        is_vision = dice.random() < training.ratio
        drawn.append(labelled.instruction(dice, tasks) if is_vision else book.generation(dice))
    return drawn


def _rate(training: OwnTraining, step: int) -> float:
    """Up in `warmup` steps, then a half cosine down to a tenth."""
    whole = training.learning_rate * min(1.0, (step + 1) / max(1, training.warmup))
    return whole * (0.55 + 0.45 * float(np.cos(np.pi * min(1.0, step / training.steps))))


def _write(path: Path, state: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def load_own(path: Path, network: NetworkConfig, device: str = "cpu") -> OwnNetwork:
    model = OwnNetwork(network).to(device)
    model.load_state_dict(torch.load(path, map_location=device, weights_only=True)["weights"])
    return model.eval()
