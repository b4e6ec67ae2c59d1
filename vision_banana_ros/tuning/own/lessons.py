"""Prompts and pictures for the base of our own, drawn from rendered scenes; every draw is decided by its number alone.

The sentence encoder gives one vector per text, and one vector does not hold which of five colours belongs to which of
five words. So a prompt enters as the vector of the whole and those of its parts (its sentences, or entries of its map).
Here every instruction names few things, and its parts are short: "floor is red", so that a table of vectors is small:
colours are drawn from twelve names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vision_banana_ros.core import Rgb, Target, Task, UInt8Array
from vision_banana_ros.prompts import Instruction, color_from_text
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.tasks import encode, vocabulary
from vision_banana_ros.tuning.own.pairs import Scenes

Tensor = torch.Tensor
COLORS = ("red", "lime", "blue", "yellow", "magenta", "cyan", "orange", "purple", "white", "grey", "green", "navy")
MOST_TARGETS = 3
TASKS = (Task.DEPTH, Task.NORMALS, Task.SEMANTIC)
_LEAST_CLASS = 0.02


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OwnLesson:
    """`parts`: the prompt as a whole, then its parts. `instruction` None: generation or editing."""

    kind: str
    parts: tuple[str, ...]
    target: UInt8Array
    source: UInt8Array | None
    instruction: Instruction | None = None
    scene: int = 0


@dataclass(frozen=True, eq=False)
class OwnBook:
    """Lessons from scenes `first` to `last` of a set."""

    scenes: Scenes
    first: int
    last: int

    @cached_property
    def _edits(self) -> list[tuple[int, int]]:
        return [
            (i, k) for i in range(self.first, self.last) for k, text in enumerate(self.scenes.edit_texts[i]) if text
        ]

    def generation(self, dice: np.random.Generator) -> OwnLesson:
        """A picture from its caption, or an edit, as often."""
        scenes = self.scenes
        if dice.random() < 0.5:
            i = int(dice.integers(self.first, self.last))
            said = scenes.captions[i]
            return OwnLesson(kind="caption", parts=_parted(said, " with "), target=scenes.rgb[i], source=None, scene=i)
        i, k = self._edits[int(dice.integers(len(self._edits)))]
        return OwnLesson(
            kind="edit", parts=(scenes.edit_texts[i][k],), target=scenes.edits[i, k], source=scenes.rgb[i], scene=i
        )

    def instruction(self, dice: np.random.Generator, tasks: tuple[Task, ...] = TASKS) -> OwnLesson:
        i = int(dice.integers(self.first, self.last))
        return self.ask(i, tasks[int(dice.integers(len(tasks)))], dice)

    def ask(self, i: int, task: Task, dice: np.random.Generator) -> OwnLesson:
        """An instruction about scene i, and its canvas."""
        scenes, truth = self.scenes, self.scenes.truth(i)
        side = scenes.rgb.shape[1]
        if task is Task.SEMANTIC:
            instruction, parts = self._classes(i, dice)
        else:
            instruction = Instruction(task)
            parts = (instruction.to_text(),)
        canvas = encode(instruction, truth, wh=(side, side), image=scenes.rgb[i])
        return OwnLesson(
            kind=task.value, parts=parts, target=canvas, source=scenes.rgb[i], instruction=instruction, scene=i
        )

    def _classes(self, i: int, dice: np.random.Generator) -> tuple[Instruction, tuple[str, ...]]:
        """One to three classes, one of them sometimes absent, each in a colour; black is the background."""
        ids, counts = np.unique(self.scenes.mask[i], return_counts=True)
        names = vocabulary.labels()
        seen = [names[k] for k in ids[counts >= _LEAST_CLASS * self.scenes.mask[i].size].tolist() if k < len(names)]
        wanted = list(dice.permutation(seen)[: int(dice.integers(1, MOST_TARGETS + 1))])
        if dice.random() < 0.2:
            wanted[-1:] = [str(dice.choice([n for k, n in enumerate(names) if k not in ids]))]
        said = dice.permutation(len(COLORS))[: len(wanted)]
        colors: list[Rgb] = [color_from_text(COLORS[k]) for k in said]
        targets = tuple(Target(str(n), c) for n, c in zip(wanted, colors, strict=True))
        instruction = Instruction(Task.SEMANTIC, targets, background=(0, 0, 0))
        parts = tuple(f"{n} {COLORS[k]}" for n, k in zip(wanted, said, strict=True))
        return instruction, ("a semantic segmentation of this picture", *parts)


def all_texts(scenes: Scenes) -> Iterable[str]:
    """Every text that lessons of these scenes can have."""
    yield from (Instruction(task).to_text() for task in (Task.DEPTH, Task.NORMALS))
    yield from ("", "a semantic segmentation of this picture")
    yield from (f"{name} {color}" for name in vocabulary.labels() for color in COLORS)
    for caption in scenes.captions:
        yield from _parted(caption, " with ")
    for texts in scenes.edit_texts:
        yield from texts


def text_vectors(
    scenes: Scenes, path: Path, build: Callable[[Iterable[str]], TextTable] = TextTable.build
) -> TextTable:
    """The vectors of all texts, from `path`, where they are written once and added to when there are more."""
    texts = [text or "nothing" for text in dict.fromkeys(all_texts(scenes))]
    if path.is_file():
        table = TextTable.load(path)
        missing = [text for text in texts if text not in table]
        if not missing:
            return table
        table.learn(missing)
    else:
        table = build(texts)
    table.save(path)
    return table


def stack(lessons: list[OwnLesson], table: TextTable, words: int) -> dict[str, Any]:
    """Tensors of lessons that all have a source, or all have none."""
    sources = [lesson.source for lesson in lessons if lesson.source is not None]
    return {
        "target": _pictures([lesson.target for lesson in lessons]),
        "source": _pictures(sources) if sources else None,
        "words": torch.stack([embed(lesson.parts, table, words) for lesson in lessons]),
    }


def embed(parts: tuple[str, ...], table: TextTable, words: int) -> Tensor:
    rows = torch.zeros(words, 384)
    for k, part in enumerate(parts[:words]):
        rows[k] = torch.from_numpy(table.embed(part or "nothing"))
    return rows


def to_pixels(pictures: Tensor) -> UInt8Array:
    """(B, 3, S, S) in -1..1 -> (B, S, S, 3) uint8."""
    values = ((pictures.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    found: UInt8Array = values.permute(0, 2, 3, 1).cpu().numpy()
    return found


def _pictures(pictures: list[UInt8Array]) -> Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def _parted(text: str, at: str) -> tuple[str, ...]:
    """The whole, then what is listed in it."""
    place, _, things = text.partition(at)
    listed = [part for chunk in things.split(", ") for part in chunk.split(" and ")] if things else []
    return (text, place, *listed) if listed else (text,)
