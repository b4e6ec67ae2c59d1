"""Does the prompt decide what is painted? Three questions to a generator, none of which needs a truth about depth.

    recolouring   the same classes in permuted colours: the share of pixels that keep their class   (1 is best)
    renaming      classes called by a synonym or plural: the share of pixels that keep their class  (1 is best)
    absence       classes that are nowhere in the picture: the share of pixels painted as them      (0 is best)

Each prompt names the classes of the frame, and a background; "keep" is counted over the pixels that either prompt gives
to a class, since agreeing on the background is easy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from vision_banana_ros.codecs import Palette
from vision_banana_ros.core import UNLABELLED, Frame, Target, Task, Truth, UInt8Array
from vision_banana_ros.data import Example
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.tasks import vocabulary

_BACKGROUND = (0, 0, 0)
_SMALLEST = 0.005  # of the picture
_MOST_CLASSES = 10
_ABSENT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFollowing:
    """Means over frames; NaN where no frame could be asked."""

    frames: int
    recolouring: float
    renaming: float
    absence: float


@dataclass(slots=True)
class _Tally:
    recolouring: list[float] = field(default_factory=list)
    renaming: list[float] = field(default_factory=list)
    absence: list[float] = field(default_factory=list)


def prompt_following(frames: Iterable[Example], generator: Generator, *, seed: int = 0) -> PromptFollowing:
    """Ask about every frame with a class mask."""
    rng = np.random.default_rng(seed)
    tally = _Tally()
    count = 0
    for labelled in frames:
        names = list(_present(labelled.truth))
        if len(names) < 2:
            continue
        count += 1
        colors = list(Palette.distinct(len(names), avoid=(_BACKGROUND,)).targets)
        plain = _classes(labelled.frame, generator, names, colors)
        permuted = [colors[i] for i in np.roll(np.arange(len(colors)), 1 + int(rng.integers(len(colors) - 1)))]
        tally.recolouring.append(_kept(plain, _classes(labelled.frame, generator, names, permuted)))
        others = [_other_wording(name, rng) for name in names]
        if len(set(others)) == len(others) and others != names:
            tally.renaming.append(_kept(plain, _classes(labelled.frame, generator, others, colors)))
        absent = _absent(labelled.truth, rng)
        asked = [*names, *absent]
        more = list(Palette.distinct(len(asked), avoid=(_BACKGROUND,)).targets)
        painted = _classes(labelled.frame, generator, asked, more)
        tally.absence.append(float(((painted > len(names)) & (painted != UNLABELLED)).mean()))
    return PromptFollowing(
        frames=count,
        recolouring=_mean(tally.recolouring),
        renaming=_mean(tally.renaming),
        absence=_mean(tally.absence),
    )


def _classes(frame: Frame, generator: Generator, names: list[str], colors: list[tuple[int, int, int]]) -> UInt8Array:
    """Target numbers 1.. per pixel of the canvas, 0 background."""
    targets = tuple(Target(name, color) for name, color in zip(names, colors, strict=True))
    instruction = Instruction(Task.SEMANTIC, targets, background=_BACKGROUND)
    canvas = generator.generate(frame, [instruction])[0]
    return Palette.from_instruction(instruction).decode(canvas.rgb, threshold=0).mask


def _kept(before: UInt8Array, after: UInt8Array) -> float:
    either = (before > 0) | (after > 0)
    return float((before == after)[either].mean()) if either.any() else 1.0


def _present(truth: Truth) -> Iterator[str]:
    """Classes of the vocabulary that cover enough of the picture to be asked for, the largest first."""
    if truth.mask is None:
        return
    ids, counts = np.unique(truth.mask[truth.mask != UNLABELLED], return_counts=True)
    large = ids[np.argsort(-counts)][: np.count_nonzero(counts >= _SMALLEST * truth.mask.size)]
    for class_id in large[:_MOST_CLASSES]:
        name = truth.labels[int(class_id)]
        if vocabulary.find(name) is not None:
            yield name


def _absent(truth: Truth, rng: np.random.Generator) -> list[str]:
    assert truth.mask is not None
    present = {vocabulary.find(truth.labels[i]) for i in np.unique(truth.mask) if i != UNLABELLED}
    missing = [word.name for word in vocabulary.words() if word not in present]
    return [str(name) for name in rng.choice(missing, _ABSENT, replace=False)]


def _other_wording(name: str, rng: np.random.Generator) -> str:
    word = vocabulary.find(name)
    others = [wording for wording in word.wordings if wording != name] if word is not None else []
    return str(rng.choice(others)) if others else name


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
