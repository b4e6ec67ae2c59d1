"""What every file of training/tasks/ gives: an Exercise, how one task is asked in training, and what its canvases cost.

To teach a task, write one file with an `EXERCISE` here, and name the task in a run's `asked_in_turn`
(docs/how-to/add-a-task.md).

The answers are codes, as the paper has it: the depth walk, the normal map's colours, the rays' colours, and for
segmentation which paint of the box belongs at each pixel. A pixel has a class and an instance, so such an answer is two
tables, made on the CPU from counts, and looked up for all pixels at once on the device (paints.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
from torch import Tensor

from vision_banana_ros.codecs.palette import Palette
from vision_banana_ros.core import FloatArray, Referring, Task
from vision_banana_ros.student.network import Painting
from vision_banana_ros.student.paintbox import FREE, KINDS
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.batch import Batch, Rows
from vision_banana_ros.training.look import Seen

Cameras: TypeAlias = npt.NDArray[np.float64]
#: Which paint belongs at a pixel where nobody knows, or where the prompt leaves it open.
OPEN = -1
#: In a table of classes: ask the table of instances.
BY_INSTANCE = -2
SMALLEST_CLASS, SMALLEST_INSTANCE = 0.002, 0.001  # of the picture
#: Pixels of an instance that is asked for, however small the picture.
_FEWEST_PIXELS = 12
#: Targets of a question: 22 paints are in a depth box anyhow, more make all boxes of a batch larger. Among few, rare
#: words are seldom named where they are absent, and a student then paints hammers on tables.
FEW_TARGETS, MANY_TARGETS = 20, len(vocabulary.labels())


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What there is to ask about one picture."""

    classes: npt.NDArray[np.int64]  # (256,) pixels of each class
    instances: npt.NDArray[np.int64]  # (256,) pixels of each instance
    class_of: npt.NDArray[np.int64]  # (256,) of each instance
    pixels: int
    real: bool
    usual_lens: bool
    has_rays: bool  # its view is not too wide for the code
    referring: tuple[Referring, ...] = ()

    def large_instances(self) -> npt.NDArray[np.bool_]:
        """(256,) which instances are large enough to be told apart."""
        large: npt.NDArray[np.bool_] = self.instances >= max(_FEWEST_PIXELS, SMALLEST_INSTANCE * self.pixels)
        large[0] = False
        return large


@dataclass(slots=True, eq=False)
class Question:
    """A prompt as `PaintBoxes` has it, words as texts; and the tables of its answer."""

    task: Task
    kind: FloatArray  # (P, 4)
    color: FloatArray  # (P, 3)
    words: tuple[str, ...] = ()  # of the first paints
    encoding: str = "cube"  # of depth
    told: bool = False
    by_class: npt.NDArray[np.int16] | None = None  # (256,) paint, OPEN or BY_INSTANCE
    by_instance: npt.NDArray[np.int16] | None = None  # (256,)
    numbers: npt.NDArray[np.int16] | None = None  # (256,) of the instances that are to be told apart, 1..


@dataclass(frozen=True, slots=True)
class Answer:
    """What is right for all questions of one task in a batch; the fields are those of `Batch`, and None is no entry."""

    paints: Tensor | None = None
    numbers: Tensor | None = None
    colors: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One term of the sum. `weight`: what a canvas of its kind is worth beside a depth canvas."""

    name: str
    weight: float
    loss: Tensor


@cache
def _colors_to_tell_apart() -> FloatArray:
    colors: FloatArray = np.asarray(Palette.distinct(MANY_TARGETS + 1).targets, np.float32) / np.float32(255)
    return colors


@dataclass(slots=True)
class Asker:
    """The dice of one process, and what they say: colours, names and synonyms, classes that are not there."""

    rng: np.random.Generator
    labels: tuple[str, ...] = field(default_factory=vocabulary.labels)
    most_targets: int = FEW_TARGETS
    palette: FloatArray = field(default_factory=_colors_to_tell_apart)

    def colors(self, count: int) -> FloatArray:
        """(count, 3), all different."""
        return self.palette[self.rng.permutation(len(self.palette))[:count]]

    def wording(self, class_id: int) -> str:
        """The name half of the time, else its plural or a synonym."""
        name = self.labels[class_id]
        wordings = _wordings(name)
        if len(wordings) == 1 or self.rng.random() < 0.5:
            return name
        return wordings[int(self.rng.integers(len(wordings)))]

    def absent(self, facts: Facts, room: int) -> list[int]:
        """Classes that are nowhere in this picture, `room` at most.

        A segmenter of photographs overlooks what it has no name for, which mostly leaves those pixels unlabelled: no
        harm. But what it calls a floor may be a rug, so only things count as absent there.
        """
        missing = np.flatnonzero(facts.classes[: len(self.labels)] == 0)
        if facts.real:
            missing = missing[_things(self.labels)[missing]]
        count = int(self.rng.integers(min(room, len(missing)) + 1))
        ids: list[int] = self.rng.permutation(missing)[:count].tolist()
        return ids

    def is_thing(self, class_id: int) -> bool:
        """Whether it is countable; what stands in no vocabulary is not."""
        return class_id < len(self.labels) and is_thing(self.labels[class_id])


class Exercise(ABC):
    """One task, as the student learns it.

    always: whether every picture has an answer. Recipes need one that has (questions.py).
    """

    task: ClassVar[Task]
    always: ClassVar[bool] = False

    @abstractmethod
    def ask(self, facts: Facts, asker: Asker) -> Question | None:
        """Draw a question about a picture; None where it has no answer to any."""

    def answer(self, seen: Seen, camera: Cameras, rows: Rows, questions: Sequence[Question]) -> Answer:
        """What is right for these questions, which are those of `rows`; `camera` (B, 4) are fx fy cx cy."""
        return Answer()

    @abstractmethod
    def losses(self, painting: Painting, batch: Batch) -> Iterator[Part]:
        """What the canvases cost; nothing where the batch does not ask for this task."""


def free(task: Task, text: str | None = None) -> Question:
    """A box of one paint that the network chooses for each pixel by itself."""
    kind = np.zeros((1, KINDS), np.float32)
    kind[0, FREE] = 1
    return Question(task, kind, np.zeros((1, 3), np.float32), () if text is None else (text,))


def masked_mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1)


@cache
def is_thing(name: str) -> bool:
    word = vocabulary.find(name)
    return word is not None and word.is_thing


@cache
def _wordings(name: str) -> tuple[str, ...]:
    word = vocabulary.find(name)
    return word.wordings if word is not None and word.name == name else (name,)


@cache
def _things(labels: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    return np.array([is_thing(name) for name in labels])
