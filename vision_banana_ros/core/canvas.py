"""What a generator gives back, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from vision_banana_ros.core.arrays import UInt8Array, require_array
from vision_banana_ros.core.ask import Ask
from vision_banana_ros.core.errors import GeneratorError


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """A generated image and the instruction that it answers; it may be smaller than the frame."""

    rgb: UInt8Array
    instruction: Ask

    def __post_init__(self) -> None:
        require_array(self.rgb, name="Canvas.rgb", dtype="uint8", channels=3, error=GeneratorError)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a generator says of itself.

    metric: whether its depth canvases are metres, by its own doing or by an anchor; None where it paints no depth.
    deterministic: the same frame and words give the same canvas.
    cost: "light" (a robot's frame loop), "gpu" (a large model), "remote" (pictures leave this machine).
    sources: what it was made from, each "NAME (LICENCE)", where that is known.
    """

    name: str
    licence: str
    revision: str = ""
    metric: bool | None = True
    deterministic: bool = True
    cost: str = "light"
    sources: tuple[str, ...] = ()
