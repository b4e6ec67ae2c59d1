"""A sample -> prompts and the answers to them, as arrays.

The answers are codes, as the paper has it: the depth walk, the normal map's colours, the rays' colours, and for
segmentation which paint of the box belongs at each pixel.

Questions are drawn so that the prompt is needed to answer them: classes are left out at random, absent ones are asked
for (and must be painted nowhere), names are replaced by plurals and synonyms, the background comes and goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.codecs import rays as rays_code
from vision_banana_ros.codecs.palette import Palette
from vision_banana_ros.core import DEPTH_ENCODINGS, UNLABELLED, AnyArray, FloatArray, Rgb, Target, Task, UInt8Array
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.samples import TrainingSample

#: Which paint belongs at a pixel where nobody knows, or where the prompt leaves it open.
OPEN = -1
#: The other questions and how often each is drawn; where a sample has no answer, another one is.
_OTHERS = (Task.SEMANTIC, Task.INSTANCE, Task.REFERRING, Task.RAYS, Task.IMAGE, Task.DEPTH)
_OTHER_SHARES = (0.48, 0.21, 0.08, 0.15, 0.03, 0.05)
#: How often normals are asked for; the shared map is asked for them each time (trainee.py).
_NORMALS_SHARE = 0.6
_SMALLEST_CLASS, _SMALLEST_INSTANCE = 0.002, 0.001  # of the picture
#: Targets of a question: 22 paints are in a depth box anyhow, more make all boxes of a batch larger. Among few, rare
#: words are seldom named where they are absent, and a student then paints hammers on tables.
FEW_TARGETS, MANY_TARGETS = 20, len(vocabulary.labels())
PICTURES: tuple[str, ...] = (
    "the same picture",
    "the picture in shades of grey",
    "the picture, brighter",
    "the picture, darker",
    "the picture as a negative",
    "the picture, blurred",
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Question:
    """An instruction and its answer; only the field of its task is given."""

    instruction: Instruction
    colors: FloatArray | None = None  # (H, W, 3) 0..1: RAYS, IMAGE
    paints: npt.NDArray[np.int16] | None = None  # (H, W) index into the box, OPEN: SEMANTIC, REFERRING, INSTANCE
    instances: npt.NDArray[np.int16] | None = None  # (H, W) 0 none, 1..: INSTANCE


@dataclass(slots=True)
class QuestionMaker:
    """Draws the questions of a sample; one per process, seeded."""

    rng: np.random.Generator
    most_targets: int = FEW_TARGETS
    palette: tuple[Rgb, ...] = field(default_factory=lambda: Palette.distinct(MANY_TARGETS + 1).targets)

    def ask(self, sample: TrainingSample, count: int) -> list[Question]:
        """Depth always, normals mostly, then others in turn."""
        questions = [self._depth(sample)]
        if self.rng.random() < _NORMALS_SHARE:
            questions.append(Question(instruction=Instruction(Task.NORMALS)))
        while len(questions) < count:
            drawn = _OTHERS[int(self.rng.choice(len(_OTHERS), p=_OTHER_SHARES))]
            question = self._other(sample, drawn)
            if question is not None:
                questions.append(question)
        return questions[:count]

    def _other(self, sample: TrainingSample, task: Task) -> Question | None:
        """None where the sample has no answer to that."""
        makers = {
            Task.SEMANTIC: self._classes,
            Task.INSTANCE: self._instances,
            Task.REFERRING: self._referring,
            Task.RAYS: self._rays,
            Task.IMAGE: self._picture,
            Task.DEPTH: self._depth,
        }
        return makers[task](sample)

    def _depth(self, sample: TrainingSample) -> Question:
        encoding = "cube" if self.rng.random() < 0.85 else str(self.rng.choice(DEPTH_ENCODINGS))
        # the lens is told now and then, so that the network can use it and does not depend on it
        told = self.rng.random() < 0.3 or sample.has_unusual_lens
        hfov = sample.camera.hfov_deg if told else None
        return Question(instruction=Instruction(Task.DEPTH, hfov_deg=hfov, depth_encoding=encoding))

    def _rays(self, sample: TrainingSample) -> Question | None:
        if sample.has_unusual_lens:
            return None
        directions = rays_code.camera_directions(sample.camera)
        if np.abs(np.arctan2(directions[..., :2], directions[..., 2:])).max() > np.radians(rays_code.WIDEST_DEG):
            return None
        colors = rays_code.encode(directions).astype(np.float32) / np.float32(255)
        return Question(instruction=Instruction(Task.RAYS), colors=colors)

    def _picture(self, sample: TrainingSample) -> Question:
        text = str(self.rng.choice(PICTURES))
        return Question(instruction=Instruction(Task.IMAGE, text=text), colors=edited(sample.rgb, text))

    def _classes(self, sample: TrainingSample) -> Question | None:
        if sample.mask is None:
            return None
        ids, counts = np.unique(sample.mask[sample.mask != UNLABELLED], return_counts=True)
        seen = ids[counts >= _SMALLEST_CLASS * sample.mask.size]
        asked = [int(i) for i in seen if self.rng.random() < 0.85]
        self.rng.shuffle(asked)
        asked = asked[: self.most_targets]
        if not asked:
            return None
        names = [sample.labels[i] for i in asked]
        absent = self._absent(sample, ids, self.most_targets - len(asked))
        wordings = list(dict.fromkeys(self._wording(name) for name in names))
        if len(wordings) < len(names):  # two classes said in one word
            return None
        wordings = list(dict.fromkeys([*wordings, *absent]))
        with_background = bool(self.rng.random() < 0.7) and not sample.real
        colors = self._colors(len(wordings) + 1)
        instruction = Instruction(
            Task.SEMANTIC,
            tuple(Target(w, c) for w, c in zip(wordings, colors[1:], strict=True)),
            background=colors[0] if with_background else None,
        )
        table = np.full(256, len(wordings) if with_background else OPEN, np.int16)
        table[asked] = np.arange(len(asked))
        table[UNLABELLED] = OPEN
        return Question(instruction=instruction, paints=table[sample.mask])

    def _instances(self, sample: TrainingSample) -> Question | None:
        if sample.instances is None or sample.mask is None:
            return None
        smallest = max(12, _SMALLEST_INSTANCE * sample.mask.size)
        countable = [i for i, name in enumerate(sample.labels) if _is_thing(name)]
        ids, counts = np.unique(sample.mask[sample.instances > 0], return_counts=True)
        choices = [int(i) for i, n in zip(ids, counts, strict=True) if i in countable and n >= 2 * smallest]
        if not choices:
            return None
        class_id = int(self.rng.choice(choices))
        of_class = sample.mask == class_id
        ids, inverse, counts = np.unique(
            np.where(of_class, sample.instances, 0), return_inverse=True, return_counts=True
        )
        numbers = np.zeros(len(ids), np.int16)
        large = (ids > 0) & (counts >= smallest)
        numbers[large] = np.arange(1, large.sum() + 1)
        instances = numbers[inverse.reshape(of_class.shape)]
        paints = np.where(of_class, 0, 1).astype(np.int16)
        paints[(of_class & (instances == 0)) | (sample.mask == UNLABELLED)] = OPEN
        instruction = Instruction(
            Task.INSTANCE, (Target(self._wording(sample.labels[class_id])),), background=self._colors(1)[0]
        )
        return Question(instruction=instruction, paints=paints, instances=instances)

    def _referring(self, sample: TrainingSample) -> Question | None:
        if sample.instances is None or not sample.referring:
            return None
        said = sample.referring[int(self.rng.integers(len(sample.referring)))]
        region = np.isin(sample.instances, said.instance_ids)
        if region.mean() < _SMALLEST_INSTANCE:
            return None
        colors = self._colors(2)
        instruction = Instruction(Task.REFERRING, (Target(said.text, colors[0]),), background=colors[1])
        return Question(instruction=instruction, paints=np.where(region, 0, 1).astype(np.int16))

    def _absent(self, sample: TrainingSample, present: npt.NDArray[np.uint8], room: int) -> list[str]:
        """Words of classes that are nowhere in this picture.

        A segmenter of photographs overlooks what it has no name for, which mostly leaves those pixels unlabelled: no
        harm. But what it calls a floor may be a rug, so only things count as absent there.
        """
        missing = [
            i for i, name in enumerate(sample.labels) if i not in present and (not sample.real or _is_thing(name))
        ]
        count = int(self.rng.integers(min(room, len(missing)) + 1))
        return [self._wording(sample.labels[i]) for i in self.rng.choice(missing, count, replace=False)]

    def _wording(self, name: str) -> str:
        """The name half of the time, else its plural or a synonym."""
        word = vocabulary.find(name)
        if word is None or word.name != name or self.rng.random() < 0.5:
            return name
        return str(self.rng.choice(word.wordings))

    def _colors(self, count: int) -> list[Rgb]:
        return [self.palette[i] for i in self.rng.choice(len(self.palette), count, replace=False)]


def edited(rgb: UInt8Array, text: str) -> FloatArray:
    """What the picture instructions of training ask for."""
    edits: dict[str, Callable[[FloatArray], AnyArray]] = {
        PICTURES[0]: lambda x: x,
        PICTURES[1]: lambda x: np.repeat(x.mean(-1, keepdims=True), 3, axis=-1),
        PICTURES[2]: lambda x: x**0.6,
        PICTURES[3]: lambda x: x**1.7,
        PICTURES[4]: lambda x: 1 - x,
        PICTURES[5]: lambda x: np.asarray(cv2.GaussianBlur(x, (0, 0), 3.0)),
    }
    result: FloatArray = edits[text](rgb.astype(np.float32) / np.float32(255))
    return result


def _is_thing(name: str) -> bool:
    word = vocabulary.find(name)
    return word is not None and word.is_thing
