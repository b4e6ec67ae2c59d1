"""What can be asked: one file a task, with its wording, its code, and the layers that it fills.

The files of this folder that have a ROOM are the tasks; nothing else lists them.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from vision_banana_ros.core import Ask, InstructionError, Task, Truth, UInt8Array
from vision_banana_ros.tasks.room import (
    INSTANCE_DECODINGS,
    Decoded,
    DecodeSettings,
    Difference,
    Layer,
    Paint,
    Room,
    Wishes,
    Wording,
    pick,
)

__all__ = [
    "INSTANCE_DECODINGS",
    "DecodeSettings",
    "Decoded",
    "Difference",
    "Layer",
    "Paint",
    "Room",
    "Wishes",
    "Wording",
    "encode",
    "pick",
    "room",
    "rooms",
]


@cache
def rooms() -> tuple[Room, ...]:
    """All tasks, in the order of a frame's instructions."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    found = [module.ROOM for module in modules if hasattr(module, "ROOM")]
    return tuple(sorted(found, key=lambda room: room.order))


@cache
def room(task: Task) -> Room:
    """What is known of this task."""
    found = next((r for r in rooms() if r.task is task), None)
    if found is None:
        raise InstructionError(f"nothing is known of the task {task!r}: it needs a file in tasks/")
    return found


def encode(ask: Ask, truth: Truth, *, wh: tuple[int, int], image: UInt8Array) -> UInt8Array:
    """The canvas of size `wh` that a perfect generator would paint. `image` answers IMAGE instructions."""
    return room(ask.task).encode(ask, truth, wh, image)
