"""`mix:FILE.yaml`: depth from one model, classes from another, each at its own pace, as one generator.

    size: [512, 384]                     # of all canvases; left out: those of the first part that is asked
    parts:
      - model: student                   # any name that load_generator knows
        tasks: [depth, normals, rays]    # left out: all that it paints and no part before it does
      - model: onnx:deeplab.yaml
        tasks: [semantic]
        every: 3                         # it sees every third frame; the others have no such canvas, rather than an old
                                         # one. Where nothing else is asked of a frame, it is asked all the same
      - model: onnx:other.yaml
        tasks: [instance]
        background: true                 # nobody waits for it: its latest answer is given again
        max_rate_hz: 2                   # and it is asked no more often than that; 0: as often as it can
        most_age_s: 1.0                  # an older answer is waited for
      - model: hf:some/relative-depth
        tasks: [depth]
        anchor: student                  # and other options of load_generator

A task is painted by the first part that names it. A background part works on the latest frame in a thread of its own;
`remarks` says per task how old its answer is. Its canvases are those of that older frame: what moves has moved since.
A part with `every` is never late: its canvases are of the frame that they are given for (perceiver.py asks `resting`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import About, Canvas, FloatArray, Frame, GeneratorError, InstructionError, Task, describe
from vision_banana_ros.generators.asking import require_tasks
from vision_banana_ros.generators.background import Background
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.specialists.specialist import TakesDepth
from vision_banana_ros.prompts import Generator, Instruction

#: (model's name, its options) -> a generator.
Load = Callable[[str, Mapping[str, Any]], Generator]

_COSTS = ("light", "gpu", "remote")
_PART_KEYS = ("model", "tasks", "every", "background", "max_rate_hz", "most_age_s")
_KEYS = ("size", "parts")
#: Of a part's other keys: those of GeneratorOptions that a file may set. What leaves the machine is not among them.
_OPTIONS = ("backend", "device", "precision", "anchor", "words")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSpec:
    """One part as the file says it. `options` go to whoever loads the model."""

    model: str
    tasks: tuple[str, ...] = ()
    every: int = 1
    background: bool = False
    max_rate_hz: float = 0.0
    most_age_s: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixSpec:
    """The whole file."""

    name: str
    parts: tuple[PartSpec, ...]
    size_wh: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    generator: Generator
    tasks: frozenset[Task]
    background: Background | None
    every: int


class MixGenerator:
    """A `Generator` made of others; it has `give_depth` where one of its parts has a use for measured depth."""

    give_depth: Callable[[FloatArray, int], None]
    parts_are_scaled = True  # by `anchor: scale` of a part; a mix as a whole is not scaled again

    def __init__(
        self,
        spec: MixSpec,
        load: Load,
        *,
        size_wh: tuple[int, int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._size_wh = size_wh or spec.size_wh
        self._parts = tuple(_part(part, load(part.model, part.options), clock) for part in spec.parts)
        self._painter: dict[Task, _Part] = {}
        for said, part in zip(spec.parts, self._parts, strict=True):
            added = [task for task in part.tasks if task not in self._painter]
            if said.tasks and len(added) < len(part.tasks):
                twice = ", ".join(sorted(part.tasks - set(added)))
                raise GeneratorError(f"{spec.name}: {twice} is named by two parts, the second is {said.model}")
            self._painter |= dict.fromkeys(added, part)
        if not self._painter:
            raise GeneratorError(f"{spec.name}: its parts paint nothing by themselves")
        self.tasks = frozenset(self._painter)
        self.about = _about(spec.name, self._parts, self._painter.get(Task.DEPTH))
        #: What a user should hear of, by task: how old an answer is, and what the parts say.
        self.remarks: dict[str, str] = {}
        self._latest: Frame | None = None
        self._count = -1
        self._takers = [part.generator for part in self._parts if isinstance(part.generator, TakesDepth)]
        if self._takers:
            self.give_depth = self._give_depth

    @property
    def is_paced(self) -> bool:
        """A remote part of a mix is never waited for by the loop, and has a rate: that was asked for at the start."""
        return True

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        require_tasks(self, instructions)
        if not instructions:
            return []
        asked: dict[int, list[Instruction]] = {}
        for instruction in instructions:
            asked.setdefault(self._parts.index(self._painter[instruction.task]), []).append(instruction)
        # Those in the background first, so that they work while the others are waited for here.
        for index in asked:
            if (background := self._parts[index].background) is not None:
                background.offer(frame, asked[index])
        painted: dict[int, list[Canvas]] = {}
        self.remarks = {}
        for index in sorted(asked, key=lambda i: self._parts[i].background is not None):
            painted[index] = self._painted(self._parts[index], frame, asked[index])
        size = self._size_wh or painted[min(painted)][0].rgb.shape[1::-1]
        queues = {index: iter(canvases) for index, canvases in painted.items()}
        ordered = [next(queues[self._parts.index(self._painter[i.task])]) for i in instructions]
        return [_resized(canvas, (size[0], size[1])) for canvas in ordered]

    def _give_depth(self, depth_m: FloatArray, stamp_ns: int) -> None:
        """To every part that has a use for it, those that nobody waits for too: the newest measurement counts."""
        for taker in self._takers:
            taker.give_depth(depth_m, stamp_ns)

    def resting(self, frame: Frame, instructions: Sequence[Instruction]) -> frozenset[Task]:
        """The tasks of this frame that wait for a later one, so that the others are not held up; never all of them.

        Frames are counted by who asks this once a frame; `generate` paints whatever it is asked.
        """
        if frame is not self._latest:
            self._latest, self._count = frame, self._count + 1
        asked = frozenset(instruction.task for instruction in instructions) & self.tasks
        resting = frozenset(task for task in asked if self._count % self._painter[task].every)
        return resting if resting != asked else frozenset()

    def close(self) -> None:
        """Background parts start nothing any more."""
        for part in self._parts:
            if part.background is not None:
                part.background.close()

    def _painted(self, part: _Part, frame: Frame, instructions: list[Instruction]) -> list[Canvas]:
        if part.background is None:
            canvases = part.generator.generate(frame, instructions)
            self.remarks |= getattr(part.generator, "remarks", {})  # of this frame: not before it
            return canvases
        answer = part.background.answer(frame, instructions)
        self.remarks |= getattr(part.generator, "remarks", {})
        name = part.generator.about.name
        for instruction in instructions:
            words = f"by {name}, {answer.age_s:.1f} s old"
            self.remarks[instruction.task.value] = f"{words}; {answer.trouble}" if answer.trouble else words
        return answer.canvases


def read(path: Path) -> MixSpec:
    """The file as a spec; GeneratorError names the line's key that is wrong."""
    yaml: Any = import_module("yaml")
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GeneratorError(f"no mix {str(path)!r}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise GeneratorError(f"{path} is no YAML: {' '.join(str(error).split())[:160]}") from error
    if not isinstance(found, dict) or not isinstance(found.get("parts"), list) or not found["parts"]:
        raise GeneratorError(f"{path} needs a list of 'parts', each with a 'model'")
    _require_known(found, _KEYS, str(path))
    parts = tuple(_part_spec(part, f"{path}, part {i + 1}") for i, part in enumerate(found["parts"]))
    return MixSpec(name=f"mix:{path}", parts=parts, size_wh=_size(found.get("size"), str(path)))


def load_named(path: str, options: GeneratorOptions) -> MixGenerator:
    """What the registry calls for mix:PATH. Files that the parts name may lie beside it."""
    from vision_banana_ros.generators import registry  # which is the one that calls

    folder = Path(path).parent

    def load_part(name: str, given: Mapping[str, Any]) -> Generator:
        strange = [key for key in given if key not in _OPTIONS]
        if strange:
            raise GeneratorError(f"{path}: nothing of {name} is called {strange[0]}: there are {', '.join(_OPTIONS)}")
        said = {key: folder / value if key == "words" else value for key, value in given.items()}
        return registry.load(_beside(name, folder), replace(options, size=None, **said))

    return load(path, load_part, size_wh=options.size)


def load(path: str, load_part: Load, *, size_wh: tuple[int, int] | None = None) -> MixGenerator:
    """mix:PATH; its parts are loaded by `load_part`."""
    return MixGenerator(read(Path(path)), load_part, size_wh=size_wh)


def _beside(name: str, folder: Path) -> str:
    """onnx:CARD.yaml, or a model's folder, beside the mix's file."""
    prefix, colon, rest = name.rpartition(":")
    there = folder / rest
    return f"{prefix}{colon}{there}" if prefix in ("", "onnx") and rest and there.exists() else name


def _part(spec: PartSpec, generator: Generator, clock: Callable[[], float]) -> _Part:
    about = generator.about
    if spec.tasks:
        tasks = frozenset(Task(name) for name in spec.tasks)
        missing = tasks - generator.tasks
        if missing:
            can = ", ".join(sorted(generator.tasks)) or "nothing by itself"
            raise GeneratorError(f"{spec.model} cannot paint {', '.join(sorted(missing))} in a mix: it paints {can}")
    else:
        tasks = generator.tasks
    if about.cost == "remote" and not (spec.background and spec.max_rate_hz > 0):
        raise GeneratorError(f"{spec.model} is remote: in a mix it needs background: true and a max_rate_hz above 0")
    background = None
    if spec.background:
        background = Background(generator, max_rate_hz=spec.max_rate_hz, most_age_s=spec.most_age_s, clock=clock)
    return _Part(generator, tasks, background, spec.every)


def _part_spec(found: object, where: str) -> PartSpec:
    if not isinstance(found, dict) or not isinstance(found.get("model"), str) or not found["model"]:
        raise GeneratorError(f"{where} needs a 'model', got {describe(found)}")
    if found["model"].startswith("mix:"):
        raise GeneratorError(f"{where}: a mix holds no other mix, list its parts here")
    tasks = found.get("tasks", [])
    if not isinstance(tasks, list) or not all(isinstance(task, str) for task in tasks):
        raise GeneratorError(f"{where}: 'tasks' must be a list of names, got {describe(tasks)}")
    try:
        for task in tasks:
            Task(task)
    except InstructionError as error:
        raise GeneratorError(f"{where}: {error}") from error
    background = found.get("background", False)
    if not isinstance(background, bool):
        raise GeneratorError(f"{where}: 'background' must be true or false, got {describe(background)}")
    every = found.get("every", 1)
    if type(every) is not int or every < 1:
        raise GeneratorError(f"{where}: 'every' must be a whole number of frames above 0, got {describe(every)}")
    if every > 1 and background:
        raise GeneratorError(f"{where}: a part in the background has a max_rate_hz, not 'every'")
    max_rate_hz = _number(found.get("max_rate_hz", 0.0), "max_rate_hz", where)
    # By default two answers may be missed before one is waited for.
    most_age_s = _number(
        found.get("most_age_s", max(1.0, 3 / max_rate_hz) if max_rate_hz else 1.0), "most_age_s", where
    )
    if max_rate_hz and most_age_s < 1 / max_rate_hz:
        raise GeneratorError(
            f"{where}: answers come every {1 / max_rate_hz:g} s, so they cannot be at most {most_age_s:g} s old: "
            "raise max_rate_hz or most_age_s"
        )
    return PartSpec(
        model=found["model"],
        tasks=tuple(tasks),
        every=every,
        background=background,
        max_rate_hz=max_rate_hz,
        most_age_s=most_age_s,
        options={key: value for key, value in found.items() if key not in _PART_KEYS},
    )


def _number(value: object, key: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise GeneratorError(f"{where}: {key!r} must be a number that is not negative, got {describe(value)}")
    return float(value)


def _size(value: object, where: str) -> tuple[int, int] | None:
    if value is None:
        return None
    if isinstance(value, list) and len(value) == 2 and all(type(side) is int and side > 0 for side in value):
        return value[0], value[1]
    raise GeneratorError(f"{where}: 'size' must be [WIDTH, HEIGHT], got {describe(value)}")


def _require_known(found: Mapping[str, object], known: Sequence[str], where: str) -> None:
    strange = [str(key) for key in found if key not in known]
    if strange:
        raise GeneratorError(f"{where}: nothing is called {', '.join(strange)}: there are {', '.join(known)}")


def _about(name: str, parts: Sequence[_Part], depth: _Part | None) -> About:
    abouts = [part.generator.about for part in parts]
    return About(
        name=name,
        licence="; ".join(dict.fromkeys(about.licence for about in abouts)),
        revision=", ".join(f"{about.name} {about.revision}" for about in abouts if about.revision),
        metric=None if depth is None else depth.generator.about.metric,
        deterministic=all(part.generator.about.deterministic and part.background is None for part in parts),
        cost=max((about.cost for about in abouts), key=_COSTS.index),
        sources=tuple(
            dict.fromkeys(s for about in abouts for s in (f"{about.name} ({about.licence})", *about.sources))
        ),
    )


def _resized(canvas: Canvas, wh: tuple[int, int]) -> Canvas:
    """Colours are codes: picked, never blended."""
    if canvas.rgb.shape[1::-1] == wh:
        return canvas
    return Canvas(np.asarray(cv2.resize(canvas.rgb, wh, interpolation=cv2.INTER_NEAREST_EXACT)), canvas.instruction)
