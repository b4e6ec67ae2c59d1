"""Class sets and prompts, as parameters, options and the `prompt` topic give them: one way to read them all.

A class set is the name of a file in data/classes (indoor, street, nav2_demo), the path of such a file, or a list such
as `floor=#80C000, chair=#800000, table`. A file is YAML: `background` (a colour, optional) and `classes`, a map from
class to colour (null: choose one), in the order of their ids from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from vision_banana_ros.core import DataError, Rgb, Target, Task
from vision_banana_ros.prompts.classes import parse_classes
from vision_banana_ros.prompts.colors import color_from_text
from vision_banana_ros.prompts.instruction import Instruction

_CLASSES = resources.files("vision_banana_ros.prompts").joinpath("data", "classes")
_WHITE: Rgb = (255, 255, 255)
_BLACK: Rgb = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class ClassSet:
    """Targets in the order of their ids, and the colour of everything else."""

    targets: tuple[Target, ...]
    background: Rgb | None = _BLACK

    def instruction(self) -> Instruction:
        return Instruction(Task.SEMANTIC, self.targets, self.background)


@lru_cache(maxsize=1)
def class_set_names() -> tuple[str, ...]:
    return tuple(sorted(file.name.removesuffix(".yaml") for file in _CLASSES.iterdir() if file.name.endswith(".yaml")))


@lru_cache(maxsize=16)
def read_class_set(text: str) -> ClassSet:
    """The set that a parameter's text stands for; raises InstructionError or DataError with the reason."""
    if text in class_set_names():
        return _from_yaml(_CLASSES.joinpath(f"{text}.yaml").read_text(encoding="utf-8"), source=text)
    if text.endswith((".yaml", ".yml")):
        try:
            return _from_yaml(Path(text).read_text(encoding="utf-8"), source=text)
        except OSError as error:
            raise DataError(
                f"class set {text!r} cannot be read: {error.strerror}; give a YAML file or a list"
            ) from error
    classes = ClassSet(parse_classes(text))
    classes.instruction()  # colours that collide are refused here, not at the first frame
    return classes


def _from_yaml(text: str, *, source: str) -> ClassSet:
    import yaml  # type: ignore[import-untyped]  # only files of one's own need it

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DataError(f"class set {source!r} is no YAML: {str(error).splitlines()[0]}") from error
    colors = document.get("classes") if isinstance(document, dict) else None
    if not isinstance(colors, dict) or not colors:
        raise DataError(f"class set {source!r} needs a map `classes` from class to colour, got {type(colors).__name__}")
    background = document.get("background")
    listed = ", ".join(f"{name}={color}" if color is not None else str(name) for name, color in colors.items())
    classes = ClassSet(parse_classes(listed), None if background is None else color_from_text(str(background)))
    classes.instruction()
    return classes


@lru_cache(maxsize=16)
def read_request(text: str) -> Instruction | None:
    """What a prompt asks for, wherever it comes from: a full one of the paper's forms, or just the words of a region.

    None when the text is empty. An instruction takes the place of the usual one of its task.
    """
    if not text.strip():
        return None
    instruction = Instruction.from_text(text)
    if instruction.task is Task.IMAGE:  # no form of the paper: the words themselves are the region sought
        return Instruction(Task.REFERRING, (Target(text.strip(), _WHITE),), _BLACK)
    return instruction
