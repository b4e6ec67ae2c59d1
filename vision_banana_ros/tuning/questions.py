"""A frame with truth -> instructions with the canvases that answer them: the vision half of the mixture.

    asked = ask(example, rng, size_wh=(512, 384), count=4, shares=SHARES)

Metres and normals are asked of renders alone, as the paper does: what a sensor or a teacher says of a photograph has
holes and errors that a painter of exact codes would learn, too. Classes that are absent are asked for and painted
nowhere; depth is asked for in alternate palettes, by name; names are replaced by plurals and synonyms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from vision_banana_ros.core import DEPTH_ENCODINGS, UNLABELLED, DataError, Target, Task, UInt8Array
from vision_banana_ros.data import Example
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks import encode, vocabulary
from vision_banana_ros.tuning.wordings import draw_colors, targets, word

#: Of the instructions, where the frame can answer them.
SHARES: Mapping[Task, float] = {
    Task.DEPTH: 0.25,
    Task.NORMALS: 0.2,
    Task.SEMANTIC: 0.25,
    Task.INSTANCE: 0.15,
    Task.REFERRING: 0.15,
}
_CUBE_SHARE = 0.7
_LEAST_CLASS, _LEAST_INSTANCE = 0.002, 0.001
#: A photograph of which more is unlabelled teaches that unknown things are background.
_MOST_UNLABELLED = 0.1
_MOST_TARGETS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is asked, in which words, and the canvas that a perfect painter gives."""

    instruction: Instruction
    prompt: str
    canvas: UInt8Array


@dataclass(slots=True)
class Asker:
    """Draws questions about examples; seeded by whoever makes it."""

    rng: np.random.Generator
    size_wh: tuple[int, int]
    shares: Mapping[Task, float] = field(default_factory=lambda: SHARES)
    most_targets: int = _MOST_TARGETS

    def __post_init__(self) -> None:
        unknown = [task.value for task, share in self.shares.items() if task not in _MAKERS or share < 0]
        if unknown or not sum(self.shares.values()) > 0:
            raise DataError(
                f"shares are numbers from 0 for {', '.join(t.value for t in _MAKERS)}, one of them above 0: "
                f"{', '.join(unknown) or 'all are 0'}"
            )

    def ask(self, example: Example, count: int) -> list[Question]:
        """Up to `count` different questions that this frame answers; none where it answers none."""
        found: dict[str, Question] = {}
        open_tasks = {task: share for task, share in self.shares.items() if share > 0}
        while open_tasks and len(found) < count:
            tasks, weights = list(open_tasks), np.array(list(open_tasks.values()))
            task = tasks[int(self.rng.choice(len(tasks), p=weights / weights.sum()))]
            instruction = _MAKERS[task](self, example)
            if instruction is None:
                del open_tasks[task]
                continue
            prompt = word(instruction, self.rng)
            if prompt in found:
                open_tasks[task] *= 0.3
                if open_tasks[task] < 1e-3:
                    del open_tasks[task]
                continue
            canvas = encode(instruction, example.truth, wh=self.size_wh, image=example.frame.rgb)
            found[prompt] = Question(instruction, prompt, canvas)
        return list(found.values())

    def _depth(self, example: Example) -> Instruction | None:
        if example.seed is None or example.truth.depth_m is None:
            return None
        code = "cube" if self.rng.random() < _CUBE_SHARE else str(self.rng.choice(DEPTH_ENCODINGS[1:]))
        return Instruction(Task.DEPTH, depth_encoding=code)

    def _normals(self, example: Example) -> Instruction | None:
        if example.seed is None or example.truth.normals is None:
            return None
        return Instruction(Task.NORMALS)

    def _semantic(self, example: Example) -> Instruction | None:
        truth = example.truth
        if truth.mask is None or (truth.mask == UNLABELLED).mean() > _MOST_UNLABELLED:
            return None
        ids, counts = np.unique(truth.mask[truth.mask != UNLABELLED], return_counts=True)
        seen = [int(i) for i in ids[counts >= _LEAST_CLASS * truth.mask.size]]
        if not seen:
            return None
        count = int(self.rng.integers(1, min(len(seen), self.most_targets) + 1))
        asked = [truth.labels[i] for i in self.rng.permutation(seen)[:count]]
        rest = [name for i, name in enumerate(truth.labels) if i not in ids]
        absent = int(self.rng.integers(0, 1 + min(len(rest), 3, max(0, self.most_targets - count))))
        asked += [str(name) for name in self.rng.choice(rest, absent, replace=False)] if absent else []
        names = list(dict.fromkeys(self._said(name) for name in self.rng.permutation(asked).tolist()))
        colors = draw_colors(len(names) + 1, self.rng)
        background = colors[-1] if len(names) > 1 or self.rng.random() < 0.5 else None
        return Instruction(Task.SEMANTIC, targets(names, colors[:-1]), background=background)

    def _instance(self, example: Example) -> Instruction | None:
        truth = example.truth
        if truth.mask is None or truth.instances is None:
            return None
        ids, counts = np.unique(truth.mask[truth.instances > 0], return_counts=True)
        large = ids[counts >= _LEAST_INSTANCE * truth.mask.size]
        names = [truth.labels[i] for i in large.tolist() if i < len(truth.labels)]
        if not names:
            return None
        name = names[int(self.rng.integers(len(names)))]
        return Instruction(Task.INSTANCE, (Target(self._said(name)),), background=draw_colors(1, self.rng)[0])

    def _referring(self, example: Example) -> Instruction | None:
        truth = example.truth
        if truth.instances is None or not truth.referring:
            return None
        said = truth.referring[int(self.rng.integers(len(truth.referring)))]
        if np.isin(truth.instances, said.instance_ids).mean() < _LEAST_INSTANCE:
            return None
        color, background = draw_colors(2, self.rng)
        return Instruction(Task.REFERRING, targets([said.text], [color]), background=background)

    def _said(self, name: str) -> str:
        """The name half of the time, else its plural or a synonym."""
        found = vocabulary.find(name)
        if found is None or found.name != name or self.rng.random() < 0.5:
            return name
        return str(self.rng.choice(found.wordings))


_MAKERS: dict[Task, Callable[[Asker, Example], Instruction | None]] = {
    Task.DEPTH: Asker._depth,
    Task.NORMALS: Asker._normals,
    Task.SEMANTIC: Asker._semantic,
    Task.INSTANCE: Asker._instance,
    Task.REFERRING: Asker._referring,
}
