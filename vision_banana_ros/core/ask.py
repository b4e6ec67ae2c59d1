"""What is asked of a generator: a task, and for segmentation the targets with the colours to paint them in.

An Ask has no words yet; `prompts.Instruction` is the one that reads and writes them, and the one to make.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TypeAlias, TypeVar

from vision_banana_ros.core.arrays import describe
from vision_banana_ros.core.errors import InstructionError
from vision_banana_ros.core.task import Takes, Task

Rgb: TypeAlias = tuple[int, int, int]
_Kind = TypeVar("_Kind", bound="Ask")

#: The depth codes by name: "cube" is the metric one of the paper, the others are colour maps over the same curve.
DEPTH_ENCODINGS: tuple[str, ...] = ("cube", "plasma", "inferno", "viridis", "grey")

#: A target of this name is no target: a prompt that paints it so paints the background.
BACKGROUND_WORDS: frozenset[str] = frozenset(
    ("background", "everything else", "all else", "anything else", "the rest", "rest", "all other pixels")
)


@dataclass(frozen=True, slots=True)
class Target:
    """Free text, and the colour to paint it in; without one its instances are told apart, in colours of their own."""

    text: str
    color: Rgb | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not self.text.strip():
            raise InstructionError(f"Target.text must be words, got {describe(self.text)}")
        if " ".join(self.text.casefold().split()) in BACKGROUND_WORDS:
            raise InstructionError(f"{self.text!r} is no target: give its colour as Instruction.background")
        if self.color is not None:
            object.__setattr__(self, "color", require_rgb(self.color, name=f"colour of target {self.text!r}"))


@dataclass(frozen=True, slots=True)
class Ask:
    """One prompt. `background` is the colour of everything that is no target; `hfov_deg` may be told to depth and rays.

    Class ids follow the order of the targets: target i has id i + 1, background is 0, 255 is unlabelled.
    """

    task: Task
    targets: tuple[Target, ...] = ()
    background: Rgb | None = None
    hfov_deg: float | None = None
    depth_encoding: str = "cube"
    text: str | None = None  # the wording of an IMAGE instruction; the other tasks word themselves

    def __post_init__(self) -> None:
        if not isinstance(self.task, Task):
            raise InstructionError(f"Instruction.task must be a Task, got {describe(self.task)}")
        object.__setattr__(self, "targets", tuple(self.targets))
        if self.background is not None:
            object.__setattr__(self, "background", require_rgb(self.background, name="background"))
        self._require_targets_fit()
        self._require_distinct_colors()
        if self.hfov_deg is not None and not (math.isfinite(self.hfov_deg) and 1 <= self.hfov_deg <= 179):
            raise InstructionError(f"hfov_deg must lie between 1 and 179 degrees, got {self.hfov_deg}")
        if self.depth_encoding not in DEPTH_ENCODINGS:
            raise InstructionError(f"depth_encoding must be one of {DEPTH_ENCODINGS}, got {self.depth_encoding!r}")
        if self.depth_encoding != "cube" and self.task is not Task.DEPTH:
            raise InstructionError(f"depth_encoding goes with DEPTH only; task is {self.task.name}")
        if (self.task.takes is Takes.TEXT) != (self.text is not None):
            raise InstructionError(
                f"text goes with IMAGE and only with it; task is {self.task.name}, text {self.text!r}"
            )

    @classmethod
    def of(cls: type[_Kind], ask: Ask) -> _Kind:
        """The same, as an object of this class."""
        return cls(**{field.name: getattr(ask, field.name) for field in fields(Ask)})

    def _require_targets_fit(self) -> None:
        name, takes = self.task.name, self.task.takes
        for target in self.targets:
            if not isinstance(target, Target):
                raise InstructionError(f"Instruction.targets must be Targets, got {describe(target)}")
        if takes in (Takes.NOTHING, Takes.TEXT):
            if self.targets or self.background is not None:
                raise InstructionError(f"{name} takes no targets and no background, got {self.targets}")
            return
        if not self.targets:
            raise InstructionError(f"{name} needs at least one target")
        uncoloured = [target.text for target in self.targets if target.color is None]
        if takes is Takes.CLASS and (len(self.targets) != 1 or not uncoloured):
            raise InstructionError(f"{name} takes one class without a colour per instruction, got {self.targets}")
        if takes is Takes.COLORS and uncoloured:
            raise InstructionError(f"{name} needs a colour for every target; none for {uncoloured}")
        if len(self.targets) > 254:
            raise InstructionError(f"at most 254 targets fit into an 8-bit mask, got {len(self.targets)}")

    def _require_distinct_colors(self) -> None:
        seen: dict[Rgb, str] = {} if self.background is None else {self.background: "the background"}
        texts: set[str] = set()
        for target in self.targets:
            if target.text in texts:
                raise InstructionError(f"target {target.text!r} is named twice")
            texts.add(target.text)
            if target.color is None:
                continue
            if target.color in seen:
                raise InstructionError(f"{target.text!r} and {seen[target.color]} have the same colour {target.color}")
            seen[target.color] = repr(target.text)


def require_rgb(color: object, *, name: str) -> Rgb:
    """`color` as a plain tuple of three ints in 0..255, or an InstructionError that says what arrived."""
    if isinstance(color, (tuple, list)) and len(color) == 3:
        channels = [int(c) for c in color if not isinstance(c, (bool, float, str)) and hasattr(c, "__index__")]
        if len(channels) == 3 and all(0 <= c <= 255 for c in channels):
            return channels[0], channels[1], channels[2]
    raise InstructionError(f"{name} must be three ints from 0 to 255, got {describe(color)}")
