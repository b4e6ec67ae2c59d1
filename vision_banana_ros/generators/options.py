"""How a generator is to be loaded: the same few choices for every family; what one has no use for it leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from vision_banana_ros.core import GeneratorError


def say_nothing(_message: str) -> None:
    """The default ear for progress."""


DEVICES = ("auto", "cpu", "cuda", "mps")
TOGETHER = ("auto", "always", "never")
PRECISIONS = ("auto", "fp32", "fp16", "bf16")


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorOptions:
    """`backend` is a runtime's name for graphs; `device` and `precision` are PyTorch's, "auto": a GPU in fp16, else
    the CPU in fp32. `anchor` gives relative depth its metres: "sparse" (a depth topic), "height:METRES" (of the camera
    over the floor) or the name of a generator that paints metres; "scale" sets a metric model's metres right by one
    factor from measured depth. `words` is a YAML file of a model's own class names and the words that stand for them.
    `accept_licence` lets in what must not be used commercially. `allow_remote` lets
    pictures leave this machine (None: what VISION_BANANA_ALLOW_REMOTE says), in a loop `max_rate_hz` times a second.
    `remembers`: the same runtime at every start, kept in `cache_dir` (runtimes/memory.py). `cameras`: how many it will
    see for; `together`: whether frames of several are painted in one call, "auto": on a GPU.
    """

    backend: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    accept_licence: bool = False
    anchor: str = ""
    words: Path | None = None
    allow_remote: bool | None = None
    max_rate_hz: float = 0.0
    remembers: bool = False
    cameras: int = 1
    together: str = "auto"
    size: tuple[int, int] | None = None  # of the canvases, (width, height)
    cache_dir: Path | None = None
    tell: Callable[[str], None] = field(default=say_nothing)

    def __post_init__(self) -> None:
        for name, known in (("device", DEVICES), ("precision", PRECISIONS), ("together", TOGETHER)):
            value: str = getattr(self, name)
            if value.partition(":")[0] not in known:
                raise GeneratorError(f"{name} must be one of {', '.join(known)}, got {value!r}")
