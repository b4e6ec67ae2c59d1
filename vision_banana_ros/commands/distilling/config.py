"""The one file that says all: YAML or JSON. Paths are relative to it.

out: my_office                     # everything goes there; the model that may run is OUT/model
recordings: [monday, walk.mp4]     # learnt from
kept_aside: [friday]               # labelled too, never learnt from; judged by
teachers: [student, "moge:Ruicheng/moge-2-vitl-normal"]
label: {classes: "floor, wall, door, chair", most: 500}       # options of `vision-banana label`
start: student                     # what it starts from: a model with weights, a run's last.pt, or imagenet
against: student                   # what it is judged against; default: what it starts from
replay: {world: [shards/world], frames: [real/rooms], share: 0.5}   # of the samples, so that it forgets nothing
train: {samples: 20000, batch: 8}  # options of `vision-banana train`
judge: [real/kept_aside]           # sets with truth: none may lose more than `bear`
bear: 0.02
first_share: 0.25                  # of the weights, from `start`
sizes: ["192x128"]
ray: auto                          # label on Ray
accept_licence: false
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError, require_package
from vision_banana_ros.generators.registry import SHIPPED_STUDENT
from vision_banana_ros.models.manifest import MANIFEST, Role, read_manifest

#: Beginnings that are no models.
UNJUDGED = ("imagenet",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    world: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    share: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillConfig:
    out: Path
    recordings: tuple[Path, ...]
    teachers: tuple[str, ...]
    kept_aside: tuple[Path, ...] = ()
    label: Mapping[str, Any] = field(default_factory=dict)
    start: str = "student"
    against: str = ""
    replay: Replay = field(default_factory=Replay)
    train: Mapping[str, Any] = field(default_factory=dict)
    judge: tuple[Path, ...] = ()
    bear: float = 0.02
    first_share: float = 0.25
    sizes: tuple[str, ...] = ()
    ray: str | None = None
    workers: int = 2
    gpus: float = 0.0
    accept_licence: bool = False

    def __post_init__(self) -> None:
        if not self.recordings or not self.teachers:
            raise DataError("distillation needs `recordings` to learn from and `teachers` that label them")
        if not 0 <= self.replay.share < 1:
            raise DataError(f"replay.share must be at least 0 and less than 1, got {self.replay.share}")
        if self.replay.share > 0 and not (self.replay.world or self.replay.frames):
            raise DataError("replay needs `world` (vision-banana render) or `frames`, or share: 0 (it will forget)")
        if not 0 <= self.first_share < 1:
            raise DataError(f"first_share must be at least 0 and less than 1, got {self.first_share}")

    @property
    def judged_against(self) -> str:
        return self.against or ("student" if self.start in UNJUDGED or self.start.endswith(".pt") else self.start)

    def require_trainable(self) -> None:
        """Before hours of labelling: whether training can start from what is named."""
        folder = SHIPPED_STUDENT if self.start == "student" else Path(self.start)
        if (folder / MANIFEST).is_file() and read_manifest(folder / MANIFEST).file(Role.WEIGHTS) is None:
            raise DataError(
                f"start: {self.start} runs but cannot be trained on, it comes without weights (the student that ships "
                "is of an earlier network): say `start: imagenet`, a run's last.pt, or a model packed with --weights"
            )


def read_config(path: Path) -> DistillConfig:
    entries = _entries(path)
    known = {f.name for f in fields(DistillConfig)}
    if unknown := sorted(set(entries) - known):
        raise DataError(f"{path} has {unknown[0]!r}, which means nothing here: there are {', '.join(sorted(known))}")
    here = path.resolve().parent
    typed: dict[str, Any] = dict(entries)
    try:
        typed["out"] = here / str(entries["out"])
        for name in ("recordings", "kept_aside", "judge"):
            typed[name] = tuple(here / str(entry) for entry in entries.get(name) or ())
        typed["teachers"] = tuple(str(entry) for entry in entries.get("teachers") or ())
        typed["sizes"] = tuple(str(entry) for entry in entries.get("sizes") or ())
        replay = dict(entries.get("replay") or {"share": 0})
        for name in ("world", "frames"):
            replay[name] = tuple(str(here / str(entry)) for entry in replay.get(name) or ())
        typed["replay"] = Replay(**replay)
        for name in ("start", "against"):
            if name in entries and (here / str(entries[name])).exists():
                typed[name] = str(here / str(entries[name]))
        return DistillConfig(**typed)
    except KeyError as error:
        raise DataError(f"{path} lacks {error}: see  vision-banana distill --help") from error
    except (TypeError, ValueError) as error:
        raise DataError(f"{path} is no configuration of a distillation: {error}") from error


def _entries(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    try:
        if path.suffix == ".json":
            entries = json.loads(text)
        else:
            require_package("yaml", extra="train", purpose="Reading YAML")
            import yaml  # type: ignore[import-untyped]

            try:
                entries = yaml.safe_load(text)
            except yaml.YAMLError as error:
                raise ValueError(" ".join(str(error).split())) from error
    except ValueError as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if not isinstance(entries, dict):
        raise DataError(f"{path} must be a mapping of names to values")
    return entries
