"""The kinds of canvas. An open set: a file in tasks/ may bring one that stands in no list here."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

from vision_banana_ros.core.errors import InstructionError


class Takes(Enum):
    """What an instruction of a task names besides the task."""

    NOTHING = "nothing"
    COLORS = "targets, each with the colour to paint it in"
    CLASS = "one class, whose instances are told apart"
    MIXED = "targets with colours, and classes without, whose instances are told apart"
    TEXT = "a text"


class Task(str):
    """One kind of canvas, by its name. There is one object per name, so `task is Task.DEPTH` works, in pickles too.

    `Task("depth")` finds it; `Task("flow", Takes.NOTHING)` makes a new one. IMAGE is generation and editing.
    """

    takes: Takes
    _known: ClassVar[dict[str, Task]] = {}

    DEPTH: ClassVar[Task]
    NORMALS: ClassVar[Task]
    RAYS: ClassVar[Task]
    SEMANTIC: ClassVar[Task]
    INSTANCE: ClassVar[Task]
    REFERRING: ClassVar[Task]
    PANOPTIC: ClassVar[Task]
    IMAGE: ClassVar[Task]

    def __new__(cls, name: str, takes: Takes | None = None) -> Task:
        known = cls._known.get(name)
        if known is None:
            if takes is None:
                raise InstructionError(f"no task is called {name!r}: there are {', '.join(cls._known)}")
            known = cls._known[str(name)] = super().__new__(cls, name)
            known.takes = takes
        elif takes not in (None, known.takes):
            raise InstructionError(f"task {name!r} takes {known.takes.value}, not {takes.value if takes else takes}")
        return known

    def __reduce__(self) -> tuple[type[Task], tuple[str, Takes]]:
        return Task, (str(self), self.takes)

    def __copy__(self) -> Task:
        return self

    def __deepcopy__(self, _memo: object) -> Task:
        return self

    def __repr__(self) -> str:
        return f"Task.{self.name}"

    @property
    def value(self) -> str:
        return str(self)

    @property
    def name(self) -> str:
        return self.upper()


Task.DEPTH = Task("depth", Takes.NOTHING)
Task.NORMALS = Task("normals", Takes.NOTHING)
Task.RAYS = Task("rays", Takes.NOTHING)
Task.SEMANTIC = Task("semantic", Takes.COLORS)
Task.INSTANCE = Task("instance", Takes.CLASS)
Task.REFERRING = Task("referring", Takes.COLORS)
Task.PANOPTIC = Task("panoptic", Takes.MIXED)
Task.IMAGE = Task("image", Takes.TEXT)
