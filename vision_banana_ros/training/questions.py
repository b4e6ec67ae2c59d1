"""What is asked of each picture of a batch, and the answers, as look-up tables.

The answers are codes, as the paper has it: the depth walk, the normal map's colours, the rays' colours, and for
segmentation which paint of the box belongs at each pixel. A pixel has a class and an instance, so such an answer is two
tables, made here on the CPU from counts, and looked up for all pixels at once on the device (batch.py).

Questions are drawn so that the prompt is needed to answer them: classes are left out at random, absent ones are asked
for (and must be painted nowhere), names are replaced by plurals and synonyms, the background comes and goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from vision_banana_ros.codecs.palette import Palette
from vision_banana_ros.core import DEPTH_ENCODINGS, UNLABELLED, FloatArray, Referring, Task
from vision_banana_ros.student.paintbox import BACKGROUND, FREE, KINDS, KNOT, TARGET
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.tasks.depth import KNOTS, knot_colors

#: Which paint belongs at a pixel where nobody knows, or where the prompt leaves it open.
OPEN = -1
#: In a table of classes: ask the table of instances.
BY_INSTANCE = -2
#: The other questions and how often each is drawn; where a picture has no answer, another one is.
_OTHERS = (Task.SEMANTIC, Task.INSTANCE, Task.REFERRING, Task.RAYS, Task.IMAGE, Task.DEPTH)
_OTHER_SHARES = np.cumsum((0.48, 0.24, 0.08, 0.15, 0.02, 0.03))
#: How often normals are asked for; the shared map is asked for them each time (trainee.py).
_NORMALS_SHARE = 0.6
_SMALLEST_CLASS, _SMALLEST_INSTANCE = 0.002, 0.001  # of the picture
#: Targets of a question: 22 paints are in a depth box anyhow, more make all boxes of a batch larger. Among few, rare
#: words are seldom named where they are absent, and a student then paints hammers on tables.
FEW_TARGETS, MANY_TARGETS = 20, len(vocabulary.labels())
_TELL_SHARE = 0.3
PICTURES: tuple[str, ...] = (
    "the same picture",
    "the picture in shades of grey",
    "the picture, brighter",
    "the picture, darker",
    "the picture as a negative",
    "the picture, blurred",
)


@cache
def _colors_to_tell_apart() -> FloatArray:
    colors: FloatArray = np.asarray(Palette.distinct(MANY_TARGETS + 1).targets, np.float32) / np.float32(255)
    return colors


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


@dataclass(slots=True)
class QuestionMaker:
    """Draws the questions of a picture; one per process, seeded."""

    rng: np.random.Generator
    labels: tuple[str, ...] = field(default_factory=vocabulary.labels)
    most_targets: int = FEW_TARGETS
    palette: FloatArray = field(default_factory=_colors_to_tell_apart)

    def ask(self, facts: Facts, count: int) -> list[Question]:
        """Depth always, normals mostly, then others in turn."""
        questions = [self._depth(facts)]
        if self.rng.random() < _NORMALS_SHARE:
            questions.append(_free(Task.NORMALS))
        while len(questions) < count:
            question = self._other(facts, _OTHERS[int(np.searchsorted(_OTHER_SHARES, self.rng.random()))])
            if question is not None:
                questions.append(question)
        return questions[:count]

    def _other(self, facts: Facts, task: Task) -> Question | None:
        """None where the picture has no answer to that."""
        if task is Task.SEMANTIC:
            return self._classes(facts)
        if task is Task.INSTANCE:
            return self._instances(facts)
        if task is Task.REFERRING:
            return self._referring(facts)
        if task is Task.RAYS:
            return _free(Task.RAYS) if facts.usual_lens and facts.has_rays else None
        if task is Task.IMAGE:
            return _free(Task.IMAGE, PICTURES[int(self.rng.integers(len(PICTURES)))])
        return self._depth(facts)

    def _depth(self, facts: Facts) -> Question:
        encoding = "cube" if self.rng.random() < 0.85 else str(self.rng.choice(DEPTH_ENCODINGS))
        kind = np.zeros((KNOTS, KINDS), np.float32)
        kind[:, KNOT] = 1
        told = self.rng.random() < _TELL_SHARE or not facts.usual_lens
        return Question(Task.DEPTH, kind, _colors_of(encoding), encoding=encoding, told=told)

    def _classes(self, facts: Facts) -> Question | None:
        least = _SMALLEST_CLASS * facts.pixels
        seen = np.flatnonzero(facts.classes[:UNLABELLED] >= least)
        asked = seen[self.rng.random(len(seen)) < 0.85]
        asked = self.rng.permutation(asked)[: self.most_targets]
        if not len(asked):
            return None
        wordings = [self._wording(self.labels[i]) for i in asked]
        if len(set(wordings)) < len(wordings):  # two classes said in one word
            return None
        absent = self._absent(facts, self.most_targets - len(asked))
        words = tuple(dict.fromkeys([*wordings, *absent]))
        with_background = bool(self.rng.random() < 0.7) and not facts.real
        kind = np.zeros((len(words) + with_background, KINDS), np.float32)
        kind[: len(words), TARGET] = 1
        kind[len(words) :, BACKGROUND] = 1
        table = np.full(256, len(words) if with_background else OPEN, np.int16)
        table[asked] = np.arange(len(asked))
        table[UNLABELLED] = OPEN
        return Question(Task.SEMANTIC, kind, self._colors(len(kind)), words, by_class=table)

    def _instances(self, facts: Facts) -> Question | None:
        smallest = max(12, _SMALLEST_INSTANCE * facts.pixels)
        large = facts.instances >= smallest
        large[0] = False
        found = np.unique(facts.class_of[large]).tolist()
        choices = [i for i in found if i < len(self.labels) and _is_thing(self.labels[i])]
        if not choices:
            return None
        class_id = choices[int(self.rng.integers(len(choices)))]
        told_apart = np.flatnonzero(large & (facts.class_of == class_id))
        by_class = np.ones(256, np.int16)
        by_class[class_id], by_class[UNLABELLED] = BY_INSTANCE, OPEN
        by_instance = np.full(256, OPEN, np.int16)
        by_instance[told_apart] = 0
        numbers = np.zeros(256, np.int16)
        numbers[told_apart] = np.arange(1, len(told_apart) + 1)
        kind = np.zeros((2, KINDS), np.float32)
        kind[0, FREE] = kind[1, BACKGROUND] = 1
        color = np.concatenate([np.zeros((1, 3), np.float32), self._colors(1)])
        words = (self._wording(self.labels[class_id]),)
        return Question(Task.INSTANCE, kind, color, words, by_class=by_class, by_instance=by_instance, numbers=numbers)

    def _referring(self, facts: Facts) -> Question | None:
        if not facts.referring:
            return None
        said = facts.referring[int(self.rng.integers(len(facts.referring)))]
        ids = np.asarray(said.instance_ids, np.intp)
        if facts.instances[ids].sum() < _SMALLEST_INSTANCE * facts.pixels:
            return None
        by_instance = np.ones(256, np.int16)
        by_instance[ids] = 0
        kind = np.zeros((2, KINDS), np.float32)
        kind[0, TARGET] = kind[1, BACKGROUND] = 1
        always = np.full(256, BY_INSTANCE, np.int16)
        return Question(Task.REFERRING, kind, self._colors(2), (said.text,), by_class=always, by_instance=by_instance)

    def _absent(self, facts: Facts, room: int) -> list[str]:
        """Words of classes that are nowhere in this picture.

        A segmenter of photographs overlooks what it has no name for, which mostly leaves those pixels unlabelled: no
        harm. But what it calls a floor may be a rug, so only things count as absent there.
        """
        missing = np.flatnonzero(facts.classes[: len(self.labels)] == 0)
        if facts.real:
            missing = missing[_things(self.labels)[missing]]
        count = int(self.rng.integers(min(room, len(missing)) + 1))
        return [self._wording(self.labels[i]) for i in self.rng.permutation(missing)[:count]]

    def _wording(self, name: str) -> str:
        """The name half of the time, else its plural or a synonym."""
        wordings = _wordings(name)
        if len(wordings) == 1 or self.rng.random() < 0.5:
            return name
        return wordings[int(self.rng.integers(len(wordings)))]

    def _colors(self, count: int) -> FloatArray:
        return self.palette[self.rng.permutation(len(self.palette))[:count]]


def _free(task: Task, text: str | None = None) -> Question:
    kind = np.zeros((1, KINDS), np.float32)
    kind[0, FREE] = 1
    return Question(task, kind, np.zeros((1, 3), np.float32), () if text is None else (text,))


@cache
def _colors_of(encoding: str) -> FloatArray:
    colors: FloatArray = knot_colors(encoding)
    return colors


@cache
def _wordings(name: str) -> tuple[str, ...]:
    word = vocabulary.find(name)
    return word.wordings if word is not None and word.name == name else (name,)


@cache
def _is_thing(name: str) -> bool:
    word = vocabulary.find(name)
    return word is not None and word.is_thing


@cache
def _things(labels: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    return np.array([_is_thing(name) for name in labels])
