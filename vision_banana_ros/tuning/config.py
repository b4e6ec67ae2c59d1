"""What decides a tuning run; saved beside it, and what a run that goes on is checked against."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError, InstructionError, Task
from vision_banana_ros.tuning.lessons import OWN

DEFAULT_BASE = "black-forest-labs/FLUX.2-klein-base-4B"
#: Seeds of lessons; evaluation renders start elsewhere.
FIRST_SEED = 50_000_000
#: What may differ between a run and the one that goes on with it.
_FREE = frozenset({"steps", "save_every", "judge_every", "device", "shard"})
PRECISIONS = ("auto", "fp32", "bf16")
#: How canvases are painted: by the base's own schedule of many steps, or at once without noise.
FORMS = ("many", "once")
ONCE_LOSSES = ("latents", "canvas")


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningConfig:
    """
    data           folders of frames with truth (`vision-banana render`, `label`, or rgb/ depth/ ...)
    world          scenes of the world that are rendered here for instructions; world_edits: for captions and true edits
    own, replay    folders of the base's own work, and of what it painted itself before (lessons.py has the layout)
    ratio          the share of instructions among all lessons; `shares` by task, `own_shares` by caption, edit, replay
    rank, alpha    of the adapter; full: all weights of the network instead
    ema            decay of the running mean of the weights that is saved; 0: the last weights
    shard          the network's weights divided among the processes (FSDP)
    form           "once": instructions are learnt in one step without noise (bases/base.py), the rest as ever
    once_loss      of that step: on the canvas's latents, or on the canvas that the autoencoder makes of what is said
    split          processes that share the tokens of one lesson (splitting.py)
    drop           how often a lesson comes without its words (or its picture), which guidance needs
    """

    base: str = DEFAULT_BASE
    data: tuple[str, ...] = ()
    world: int = 0
    world_edits: int = 0
    places: tuple[str, ...] = ()
    first_seed: int = FIRST_SEED
    own: tuple[str, ...] = ()
    replay: tuple[str, ...] = ()
    width: int = 512
    height: int = 384
    per_frame: int = 4
    ratio: float = 0.1
    shares: Mapping[str, float] = field(default_factory=dict)
    own_shares: Mapping[str, float] = field(default_factory=dict)
    steps: int = 2000
    batch: int = 8
    learning_rate: float = 1e-4
    warmup: int = 100
    weight_decay: float = 0.01
    clip: float = 1.0
    rank: int = 32
    alpha: int = 32
    full: bool = False
    shard: bool = False
    split: int = 1
    ema: float = 0.999
    drop: float = 0.05
    seed: int = 0
    save_every: int = 250
    judge_every: int = 250
    judged: int = 8
    held_out: float = 0.03
    precision: str = "auto"
    device: str = "auto"
    checkpointing: bool = True
    cache_words: bool = True
    inference_steps: int | None = None
    guidance: float = 1.0
    form: str = "many"
    once_loss: str = "latents"
    licence: str = ""
    accept_licence: bool = False
    allow_non_commercial: bool = False

    def __post_init__(self) -> None:
        for name in ("data", "places", "own", "replay"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, low, high in (("ratio", 0, 1), ("ema", 0, 0.99999), ("drop", 0, 0.9), ("held_out", 0, 0.5)):
            if not low <= getattr(self, name) <= high:
                raise DataError(f"{name} must lie between {low} and {high}, got {getattr(self, name)}")
        for name in ("steps", "batch", "rank", "per_frame", "split", "save_every", "judge_every", "judged"):
            if getattr(self, name) < 1:
                raise DataError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("width", "height"):
            if not 64 <= getattr(self, name) <= 4096:
                raise DataError(f"{name} must lie between 64 and 4096 pixels, got {getattr(self, name)}")
        if self.precision not in PRECISIONS:
            raise DataError(f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}")
        for name, allowed in (("form", FORMS), ("once_loss", ONCE_LOSSES)):
            if getattr(self, name) not in allowed:
                raise DataError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if self.form == "once" and (self.inference_steps or 1) != 1:
            raise DataError(f"what is learnt at once is painted in one step, not in {self.inference_steps}")
        unknown = sorted(set(self.own_shares) - set(OWN))
        if unknown:
            raise DataError(f"own work is {', '.join(OWN)}, not {', '.join(unknown)}")
        _ = self.task_shares

    @property
    def task_shares(self) -> dict[Task, float]:
        """Of the instructions; what is not named has none, unless nothing is."""
        from vision_banana_ros.tuning.questions import SHARES

        if not self.shares:
            return dict(SHARES)
        try:
            return {Task(name): float(share) for name, share in self.shares.items()}
        except InstructionError as error:
            raise DataError(f"shares: {error}") from error

    @classmethod
    def from_json(cls, entries: Mapping[str, Any]) -> TuningConfig:
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(set(entries) - known)
        if unknown:
            raise DataError(f"a tuning configuration has no {', '.join(unknown)}: there are {', '.join(sorted(known))}")
        return cls(**entries)

    @classmethod
    def load(cls, path: Path) -> TuningConfig:
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{path} must be the JSON of a tuning configuration: {error}") from error

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def changed_from(self, other: TuningConfig) -> list[str]:
        """The names of what a run may not change when it goes on."""
        mine, theirs = (json.loads(json.dumps(c.to_json())) for c in (self, other))
        return [name for name in mine if name not in _FREE and mine[name] != theirs[name]]
