"""What the student is taught: one file a task, with its question and its loss.

The files of this folder that have an EXERCISE are the tasks that can be taught; nothing else lists them. How often each
is asked is a run's matter (config.py).
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from vision_banana_ros.core import DataError
from vision_banana_ros.tasks import rooms
from vision_banana_ros.training.tasks.room import (
    BY_INSTANCE,
    FEW_TARGETS,
    MANY_TARGETS,
    OPEN,
    Answer,
    Asker,
    Exercise,
    Facts,
    Part,
    Question,
)

__all__ = [
    "BY_INSTANCE",
    "FEW_TARGETS",
    "MANY_TARGETS",
    "OPEN",
    "Answer",
    "Asker",
    "Exercise",
    "Facts",
    "Part",
    "Question",
    "exercise",
    "exercises",
]


@cache
def exercises() -> tuple[Exercise, ...]:
    """All that can be taught, in the order of a frame's instructions."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    found = [module.EXERCISE for module in modules if hasattr(module, "EXERCISE")]
    places = {room.task: room.order for room in rooms()}
    return tuple(sorted(found, key=lambda exercise: places[exercise.task]))


def exercise(name: str) -> Exercise:
    """How the task of this name is taught."""
    known = {e.task: e for e in exercises()}
    if name not in known:
        raise DataError(f"no task {name!r} can be taught: there are {', '.join(known)}")
    return known[name]  # type: ignore[index]  # a Task is its name
