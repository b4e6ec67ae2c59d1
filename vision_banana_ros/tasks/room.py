"""What every file of tasks/ gives: a Room, all that is known of one kind of canvas.

To add a task, write one file with a `ROOM` here, and one in training/tasks/ if the student shall learn it
(docs/how-to/add-a-task.md).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import numpy as np

from vision_banana_ros.core import (
    Answer,
    AnyArray,
    Ask,
    Camera,
    FloatArray,
    Frame,
    FrameError,
    GeneratorError,
    Layers,
    Rgb,
    Target,
    Task,
    Truth,
    UInt8Array,
    describe,
)

INSTANCE_DECODINGS = ("blur", "steps")

#: Values at the canvas's size -> at the frame's; the frame's picture may guide where surfaces meet.
Upsample: TypeAlias = Callable[[Any, tuple[int, int], UInt8Array], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """An array that a task fills: how it grows to the frame's size, and the form that topics and files give it.

    `invalid` stands where the decode's confidence is below the setting `least`. `topic` and `encoding` are those of a
    ROS image; `files` are endings of file names: NAME_depth.npy is saved as it is, NAME_mask.png as an image. What has
    no topic or files is for programs alone. `words` are those that explain the layer's numbers in this very frame; they
    go to `words_topic` as JSON, with the frame's stamp.
    """

    name: str
    dtype: str
    upsample: Upsample
    channels: int | None = None
    invalid: float | int | None = None
    least: str = ""
    confidence: str = ""
    topic: str = ""
    encoding: str = ""
    files: tuple[str, ...] = ()
    words: str = ""
    words_topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeSettings:
    """What is believed. Confidences are of 255: below the least one, values become NaN, labels 255.

    max_range_m: farther depth becomes +inf; None keeps all. filter_flying_pixels: depth between a surface and the one
    behind it becomes NaN. with_confidence: whether the confidence layers are wanted at all. instance_decoding: "blur",
    ours, holds on blurred and noisy canvases; "steps" are the five that the paper's later version prints.
    believes_unmetric: also depth of generators that do not paint metres, for who scales it himself (evaluation).
    """

    max_range_m: float | None = None
    min_depth_confidence: int = 32
    min_normals_confidence: int = 32
    min_mask_confidence: int = 16
    filter_flying_pixels: bool = True
    with_confidence: bool = True
    instance_decoding: str = "blur"
    believes_unmetric: bool = False

    def __post_init__(self) -> None:
        if self.max_range_m is not None and not self.max_range_m > 0:
            raise FrameError(f"max_range_m must be metres above 0 or None, got {describe(self.max_range_m)}")
        for name in ("min_depth_confidence", "min_normals_confidence", "min_mask_confidence"):
            value = getattr(self, name)
            if not isinstance(value, int) or not 0 <= value <= 255:
                raise FrameError(f"{name} must be an int from 0 to 255, got {describe(value)}")
        if self.instance_decoding not in INSTANCE_DECODINGS:
            raise FrameError(
                f"instance_decoding must be one of {', '.join(INSTANCE_DECODINGS)}, got {self.instance_decoding!r}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a user wants to know of every frame, from which each task makes its instructions."""

    hfov_deg: float | None = None
    depth_encoding: str = "cube"
    classes: tuple[Target, ...] = ()
    background: Rgb | None = None
    instance_classes: tuple[str, ...] = ()
    prompts: tuple[Ask, ...] = ()


@dataclass(frozen=True, slots=True)
class Paint:
    """A colour and what it stands for; the box of them is all that the student is told (student/paintbox.py).

    kind: "target", "background", "knot" (at `place` along a depth code's walk) or "free" (the painter chooses).
    """

    kind: str
    words: str | None = None
    color: Rgb | FloatArray | None = None
    place: float = 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a canvas is from the one it should be; `limit` is what the precision of its runtime allows."""

    measure: str
    value: float
    limit: float
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Values at the canvas's size, by the names of the room's layers, and words that go with them."""

    values: Mapping[str, AnyArray | None] = field(default_factory=dict)
    words: Layers = field(default_factory=dict)
    camera: Camera | None = None


class Room(ABC):
    """One task. `order` is its place in a frame's instructions; `topic` names its canvas in canvas/TOPIC."""

    task: ClassVar[Task]
    order: ClassVar[int]
    topic: ClassVar[str] = ""
    layers: ClassVar[tuple[Layer, ...]] = ()
    #: Whether a robot's topics carry it.
    published: ClassVar[bool] = True

    # Words.

    @abstractmethod
    def wordings(self, ask: Ask, say: Wording) -> Iterator[str]:
        """Prompts that say this, from the most natural to the safest."""

    def claims(self, text: str, phrases: Sequence[str], *, is_map: bool) -> bool:
        """Whether this prompt is meant for this task. `phrases` are the targets of sentences, if there are any."""
        return False

    def options(self, text: str) -> dict[str, Any]:
        """Fields of the instruction that the prompt's words set, besides targets and background."""
        return {}

    # Questions.

    def ask(self, wishes: Wishes) -> list[Ask]:
        """The instructions that these wishes make; none where something is missing."""
        return [Ask(self.task)] if self.layers else []

    def paints(self, ask: Ask) -> list[Paint]:
        """The box of paints."""
        return [Paint("free", ask.text)]

    # Answers.

    @abstractmethod
    def encode(self, ask: Ask, truth: Truth, wh: tuple[int, int], image: UInt8Array) -> UInt8Array:
        """What a perfect generator would paint; labels and depth are picked, never blended."""

    @abstractmethod
    def decode(self, ask: Ask, rgb: UInt8Array, frame: Frame, settings: DecodeSettings) -> Decoded:
        """The values that a canvas stands for."""

    def merge(self, answers: Sequence[Answer]) -> Layers:
        """The layers of several answers of this task as one; the first wins, unless the task knows better."""
        return answers[0].layers

    # Judgement.

    def compare(self, ask: Ask, painted: UInt8Array, wanted: UInt8Array, precision: str) -> list[Difference]:
        """How a runtime's canvas differs from the golden one, where that decodes with confidence."""
        return []

    def questions(self, truth: Truth) -> list[Ask]:
        """What to ask about a frame of this truth to judge a generator; for tasks without a protocol of their own."""
        return []

    def score(self, ask: Ask, layers: Layers, truth: Truth) -> dict[str, float]:
        """Figures of one answer to one of these questions, by name; `eval` prints their means."""
        return {}


class Wording(ABC):
    """Colours, names and maps in words, as prompts/ writes them."""

    @abstractmethod
    def color(self, color: Rgb) -> str: ...

    @abstractmethod
    def quote(self, words: str) -> str: ...

    @abstractmethod
    def map(self, ask: Ask) -> str:
        """{"floor": "lime", "background": "black"} of the targets that have a colour."""

    @abstractmethod
    def sentences(self, ask: Ask) -> str: ...

    @abstractmethod
    def ground(self, ask: Ask) -> str:
        """ " The background is black.", or nothing."""


def known(layer: AnyArray | None, name: str) -> AnyArray:
    """A layer of the truth, or the error of a generator that should paint what nobody knows."""
    if layer is None:
        raise GeneratorError(f"this cannot be painted: the truth of this frame has no {name}")
    return layer


def pick(array: AnyArray, wh: tuple[int, int]) -> AnyArray:
    """Resized by taking, for each new pixel, the old one that its centre lies in."""
    width, height = wh
    if array.shape[:2] == (height, width):
        return array
    rows = (2 * np.arange(height) + 1) * array.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * array.shape[1] // (2 * width)
    return np.asarray(array[rows[:, None], columns])
