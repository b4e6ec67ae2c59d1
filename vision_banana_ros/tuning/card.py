"""The training card: what an adapter was made from, and how it wants to be asked. The loader of editors reads it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vision_banana_ros import __version__
from vision_banana_ros.core import Task
from vision_banana_ros.generators.editors.folders import TRAINING_CARD, OnDisk
from vision_banana_ros.tuning.book import Entry
from vision_banana_ros.tuning.config import TuningConfig

#: What can be asked of whatever was tuned beside its tasks.
_ALWAYS = Task.IMAGE.value


def training_card(
    config: TuningConfig, disk: OnDisk, entries: Sequence[Entry], size_wh: tuple[int, int], step: int
) -> dict[str, Any]:
    """`metric`: depth was among the tasks, and only renders, in metres, teach it."""
    lessons = Counter(entry.kind for entry in entries)
    shares = config.task_shares
    tasks = sorted({entry.kind for entry in entries} & {task.value for task, share in shares.items() if share > 0})
    sources = Counter(entry.source for entry in entries if entry.source)
    return {
        "base": disk.name,
        "base_licence": disk.licence,
        "base_revision": disk.revision,
        "licence": config.licence or disk.licence,
        "sources": sorted(sources),
        "tasks": [*tasks, _ALWAYS] if config.ratio > 0 else [_ALWAYS],
        "metric": Task.DEPTH.value in tasks and config.ratio > 0,
        "form": config.form,
        "steps": 1 if config.form == "once" else config.inference_steps,
        "guidance": 1.0 if config.form == "once" else config.guidance,
        "ratio": config.ratio,
        "lessons": dict(sorted(lessons.items())),
        "lessons_by_source": dict(sorted(sources.items())),
        "size": list(size_wh),
        "trained_steps": step,
        "full": config.full,
        "configuration": config.to_json(),
        "made_by": f"vision_banana_ros {__version__}",
    }


def write_card(folder: Path, card: dict[str, Any]) -> None:
    (folder / TRAINING_CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
