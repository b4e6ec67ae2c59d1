"""Checkpoints: all that a run needs to go on as if nothing had happened, written whole or not at all.

Only tensors and plain numbers are stored, and they are read with weights_only, so that no file can run code.
"""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vision_banana_ros.core import DataError
from vision_banana_ros.student.network import Student, StudentConfig

LAST = "last.pt"
BEST = "best.pt"  # averaged weights only
FIRST = "first.pt"  # what a run started from, where that was a whole network


@dataclass(slots=True)
class Average:
    """Exponential mean of the weights and of the normalisation statistics: smoother than any single step."""

    decay: float
    shadow: dict[str, Tensor]
    steps: int = 0

    @classmethod
    def of(cls, model: nn.Module, decay: float) -> Average:
        return cls(decay, {name: value.detach().clone() for name, value in model.state_dict().items()})

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))  # the first steps are far from the last
        _move(self.shadow, model.state_dict(), 1 - decay)


def _move(weights: dict[str, Tensor], goal: dict[str, Tensor], share: float) -> None:
    """`weights` a `share` of the way to `goal`, in place; counters are the goal's."""
    for name, value in goal.items():
        if value.is_floating_point():
            weights[name].lerp_(value, share)
        else:
            weights[name].copy_(value)


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        torch.save(state, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path} must be a checkpoint of `vision-banana train`: {reason}") from error
    if "average" not in state:
        raise DataError(f"{path} holds no averaged weights: it is no checkpoint of `vision-banana train`")
    return state


def load_run(path: Path, tasks: tuple[str, ...]) -> dict[str, Any]:
    """What a run goes on from; checkpoints of older versions lack some of it."""
    state = load_checkpoint(path)
    if missing := sorted({"weights", "helpers", "optimiser", "average_steps", "samples"} - set(state)):
        raise DataError(f"no run can go on from {path}, it lacks {missing}: start another with it as `initial`")
    if (known := StudentConfig(**state.get("network", {})).tasks) != tasks:
        raise DataError(
            f"{path} has learnt {', '.join(known)}; to learn {', '.join(tasks)} start another run with it as `initial`"
        )
    return state


def averaged_student(path: Path, config: StudentConfig | None = None, *, first_share: float = 0.0) -> Student:
    """The network with its averaged weights, ready to be judged or exported.

    `first_share` of each weight is taken from what the run started from: a mean of both networks keeps more of what the
    first one knew than it loses of what was learnt since (Wortsman et al. 2022).
    """
    state = load_checkpoint(path)
    weights, network = state["average"], StudentConfig(**state.get("network", {}))
    if first_share:
        if not (path.parent / FIRST).exists():
            raise DataError(f"{path.parent} holds no {FIRST}: its run did not start from a trained student")
        mixed = load_checkpoint(path.parent / FIRST)["average"]
        _move(mixed, weights, 1 - first_share)
        weights = mixed
    student = Student(config or network)
    student.load_state_dict(weights)
    return student.eval()
