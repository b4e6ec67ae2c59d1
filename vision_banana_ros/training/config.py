"""Everything that a training run depends on; saved as JSON beside its weights."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError
from vision_banana_ros.data import KINDS, Lens
from vision_banana_ros.data.example import require_kinds

#: Depth always and normals mostly; the shared map is asked for them each time (trainee.py). The order of the others is
#: part of the recipe: with another one, the same dice ask other questions.
ASKED_FIRST = {"depth": 1.0, "normals": 0.6}
ASKED_IN_TURN = {"semantic": 0.48, "instance": 0.24, "referring": 0.08, "rays": 0.15, "image": 0.02, "depth": 0.03}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A canvas size and how often it is drawn; sides are multiples of 32."""

    width: int
    height: int
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A source that is drawn from in a way of its own; a plain path is one that is not.

    weight: how much oftener than by itself; 2 is as naming it twice.
    lens: "all", "no narrow" or "none": which fields of view it may teach to expect (data/mixture.py); None: narrow ones
        are taught by renders, but not by real frames.
    labels: the kinds of truth that are used, of data.KINDS; none named are all.
    """

    path: str
    weight: float = 1.0
    lens: str | None = None
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (isinstance(self.weight, (int, float)) and 0 < self.weight < math.inf):
            raise DataError(f"the weight of {self.path} must be above 0, got {self.weight!r}: leave the folder out")
        if self.lens not in (None, *(lens.value for lens in Lens)):
            raise DataError(
                f"the lens of {self.path} must be one of {', '.join(lens.value for lens in Lens)}, got {self.lens!r}"
            )
        require_kinds(frozenset(self.labels))

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(self.labels or KINDS)

    def lens_or(self, usual: Lens) -> Lens:
        return usual if self.lens is None else Lens(self.lens)


def folders(entries: Sequence[str | Folder]) -> tuple[Folder, ...]:
    return tuple(Folder(path=entry) if isinstance(entry, str) else entry for entry in entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """Paths are strings, so that the file reads the same everywhere."""

    shards: tuple[str | Folder, ...] = ()
    frames: tuple[str | Folder, ...] = ()  # real frames, in any layout that data/ reads
    allow_non_commercial: bool = (
        False  # sources whose licence forbids commercial use; what learns from them is not free
    )
    gates: tuple[str, ...] = ()  # folders of real frames that are only looked at, never trained on
    annotations: str | None = None  # class masks of real frames, made by `training.annotate`
    real_share: float = 0.4  # of the samples; TRAINING.md: 25 to 50 % is what carries over to unseen rooms

    paste_share: float = 0.35  # of the real samples, which get rendered objects, or parts of real rooms, in front
    turn_share: float = 0.7  # of the real samples, which are seen in another direction

    features_weight: float = 0.0  # pull of an encoder's patch features (`label --features`); 0: they are not read

    views: tuple[View, ...] = (View(width=128, height=96),)
    batch: int = 16
    samples: int = 100_000
    questions: int = 5  # prompts per image and step: those of `asked_first`, and others in turn
    asked_first: dict[str, float] = field(default_factory=ASKED_FIRST.copy)  # task: how often
    asked_in_turn: dict[str, float] = field(default_factory=ASKED_IN_TURN.copy)  # task: share of the others

    learning_rate: float = 2e-3
    encoder_rate: float = 0.2  # of the learning rate: fine-tuned slowly beats frozen and beats full speed
    warmup: int = 2_000  # samples
    cooldown: float = 0.25  # share of the samples at the end in which the rate falls to nothing
    weight_decay: float = 0.02
    frozen_blocks: int = 3  # of the encoder, from the picture on: generic, and the costliest to learn through
    batch_norms: int = 30_000  # samples, until then new parts are normalised by their batches; small ones disturb later
    average: float = 0.998  # decay per step of the averaged weights, which are the ones that ship

    seed: int = 0
    memory_gb: float = 4.0  # of rendered frames that are held to draw from, per process
    world_processes: int = 0  # render the world while training runs; no shards are needed then
    world_size: tuple[int, int] = (320, 240)
    minutes: float = 0.0  # stop after so long, whatever the number of samples; 0: no limit
    compile: bool = False  # let torch compile the network; where it cannot, it runs as it is
    threads: int = 0  # of torch on a CPU; 0 leaves its own choice
    bfloat16: bool = True  # where the device computes in it: GPUs, and processors with AVX-512 BF16
    log_seconds: float = 20.0
    checkpoint_seconds: float = 180.0
    gate_seconds: float = 900.0
    initial: str | None = "imagenet"  # the encoder's weights; or a checkpoint, a model's folder, "student"

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n", encoding="utf-8")

    def record(self) -> str:
        """For a model's manifest: JSON with the names of folders and files, not where one machine keeps them."""
        entries = dataclasses.asdict(self)
        for name in ("shards", "frames", "gates"):
            entries[name] = [_named(folder) for folder in entries[name]]
        for name in ("annotations", "initial"):
            entries[name] = Path(entries[name]).name if entries[name] else None
        return json.dumps(entries, indent=1) + "\n"

    @classmethod
    def load(cls, path: Path) -> TrainingConfig:
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{path} must be a training configuration: {error}") from error

    @classmethod
    def from_json(cls, entries: dict[str, Any]) -> TrainingConfig:
        known = {f.name for f in dataclasses.fields(cls)}
        if unknown := sorted(set(entries) - known):
            raise DataError(f"unknown training options {unknown}; there are {sorted(known)}")
        typed: dict[str, Any] = dict(entries)
        if "gates" in entries:
            typed["gates"] = tuple(entries["gates"])
        for name in ("shards", "frames"):
            if name in entries:
                typed[name] = tuple(_folder(entry) for entry in entries[name])
        if "world_size" in entries:
            typed["world_size"] = tuple(entries["world_size"])
        if "views" in entries:
            typed["views"] = tuple(View(**view) for view in entries["views"])
        return cls(**typed)


def _folder(entry: str | dict[str, Any]) -> str | Folder:
    if isinstance(entry, str):
        return entry
    known = {f.name for f in dataclasses.fields(Folder)}
    if unknown := sorted(set(entry) - known):
        raise DataError(f"unknown options {unknown} of a folder; there are {sorted(known)}")
    if "path" not in entry:
        raise DataError(f"a folder needs its path, got {entry}")
    return Folder(**{**entry, "labels": tuple(entry.get("labels", ()))})


def _named(entry: str | dict[str, Any]) -> str | dict[str, Any]:
    """Without where it lies."""
    return Path(entry).name if isinstance(entry, str) else {**entry, "path": Path(entry["path"]).name}
