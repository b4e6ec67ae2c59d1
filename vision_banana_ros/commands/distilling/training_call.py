"""The one place where distillation calls training: everything it knows about training's options stands here."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vision_banana_ros.core import require_package
from vision_banana_ros.data import open_dataset
from vision_banana_ros.generators.registry import SHIPPED_STUDENT

#: For a student that is trained already: small steps, statistics kept (docs/training.md). What this version of
#: training has no word for is left out.
GENTLE: dict[str, Any] = {
    "learning_rate": 6e-4,
    "encoder_rate": 0.3,
    "warmup": 400,
    "cooldown": 0.75,
    "questions": 3,
    "batch": 8,
    "frozen_norms": True,
    "batch_norms": 0,
    "views": [{"width": 192, "height": 128}],
}


def frames_in(folder: str) -> int:
    return max(1, len(open_dataset(Path(folder))))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """`taught` are the new labels, `replayed` and `shards` what keeps the old: `replay_share` of the samples."""

    run: Path
    start: str
    taught: Path
    replayed: Sequence[str] = ()
    shards: Sequence[str] = ()
    replay_share: float = 0.5
    options: Mapping[str, Any] = field(default_factory=dict)


def train_student(job: TrainingJob) -> Path:
    """The last checkpoint; a run that was stopped goes on, a finished one does nothing."""
    require_package("torch", extra="train", purpose="Training")
    from vision_banana_ros.student.text import TextTable
    from vision_banana_ros.training.config import TrainingConfig
    from vision_banana_ros.training.loop import train
    from vision_banana_ros.training.words import build_table, known_texts

    known = {f.name for f in dataclasses.fields(TrainingConfig)}
    frames, real_share = mixed(job)
    entries = {name: value for name, value in GENTLE.items() if name in known}
    entries |= {"initial": job.start, "frames": frames, "shards": list(job.shards), "real_share": real_share}
    entries |= dict(job.options)
    config = TrainingConfig.from_json(json.loads(json.dumps(entries)))
    # words that the start knows already need no sentence encoder, which takes minutes
    table = next((path for path in (job.run / "text.npz", _words_of(job.start)) if path.is_file()), None)
    text = None if table is None else TextTable.load(table)
    if text is None or not all(word in text for word in known_texts()):
        text = build_table()
    return train(config, job.run, text)


def _words_of(start: str) -> Path:
    """Of a model's folder, or beside a run's checkpoint; of the student that ships for what is no model."""
    if start in ("student", "imagenet"):
        return SHIPPED_STUDENT / "text.npz"
    return (Path(start).parent if start.endswith(".pt") else Path(start)) / "text.npz"


def mixed(job: TrainingJob, frames_in: Callable[[str], int] = frames_in) -> tuple[list[Any], float]:
    """Folders of frames with weights so that the shares come out, and the share of frames among all samples.

    By itself training draws from a folder as the root of its frames; the old ones keep that among themselves. With
    renders as the only replay they take the whole of its share; with frames too, each half of it.
    """
    taught = str(job.taught)
    if not job.replayed:
        return [taught], (1 - job.replay_share) if job.shards else 1.0
    rendered = job.replay_share / 2 if job.shards else 0.0
    old = job.replay_share - rendered
    if not old:
        return [taught], 1.0
    drawn = sum(frames_in(folder) ** 0.5 for folder in job.replayed)
    weight = (1 - job.replay_share) / old * drawn / frames_in(taught) ** 0.5
    if not weight:  # nothing but replay
        return list(job.replayed), 1 - rendered
    return [{"path": taught, "weight": weight}, *job.replayed], 1 - rendered
