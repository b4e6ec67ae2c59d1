"""What a run says about itself while it trains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vision_banana_ros.student.encoder import normalise
from vision_banana_ros.student.network import Student
from vision_banana_ros.training.losses import Losses

#: Less than this spread over the images of a batch is none; a living feature has about one.
_ALIVE = 1e-3


class Journal:
    """A JSON line per entry, and what a person wants to see on the screen."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, entry: dict[str, Any], *, quiet: bool = False) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        if not quiet:
            print(" ".join(f"{name}={value}" for name, value in entry.items()), flush=True)


def note(recent: dict[str, list[Tensor]], losses: Losses, norm: Tensor) -> None:
    """Nothing waits for the device here: numbers are read when a line is written."""
    for name, value in losses.parts.items():
        recent[name].append(value)
    recent["gradient"].append(norm.detach())


def means(recent: dict[str, list[Tensor]]) -> dict[str, float]:
    return {name: float(torch.stack(values).mean()) for name, values in recent.items()}


@torch.no_grad()
def alive(student: Student, rgb: Tensor) -> float:
    """Share of the deepest features that differ between images: without normalisation all of them died unnoticed.

    Leaves the network in evaluation mode.
    """
    deep = student.eval().encoder(normalise(rgb))[-1]
    varies: Tensor = deep.mean((2, 3)).std(0) > _ALIVE
    return float(varies.float().mean())
