"""Prompts in every form that the paper shows, drawn at random; whatever is drawn reads back as the same instruction.

    word(Instruction(Task.SEMANTIC, (Target("floor", (0, 255, 0)),)), rng)
        -> "Segment the floor in <0, 255, 0>." or 'A segmentation map: {"floor": "#00FF00"}' or ...

A model that is tuned on one form answers to that form alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vision_banana_ros.core import Ask, InstructionError, Rgb, Target, Task
from vision_banana_ros.prompts import Instruction, color_to_text, read
from vision_banana_ros.tasks import vocabulary

#: Draws before the one sure form is taken.
_TRIES = 6
_DEPTH = (
    "A metric depth map of this picture in the {code} colours.",
    "Paint the metric depth of this image in the {code} colours.",
    "Metric depth map, {code} colour map.",
    "Show the depth of this scene with the {code} palette.",
)
_NORMALS = (
    "The surface normal map of this picture.",
    "Paint the surface normals of this image.",
    "A map of the surface normals.",
)
_SEMANTIC_MAPS = (
    "Paint a semantic segmentation of this picture with the colours {map}.",
    "A semantic segmentation map of this image: {map}.",
    "Segment the picture by class, using {map}.",
)
_SEMANTIC_SENTENCES = ("A per-pixel labelling of the input. {said}", "A semantic segmentation map. {said}")
_INSTANCE = (
    "An instance segmentation of this image: every {name} has its own colour.{ground}",
    "Instance segmentation: each {name} is coloured differently.{ground}",
    "An instance segmentation of this picture, each {name} in a different colour.{ground}",
)
_REFERRING = (
    "A referring segmentation of this picture. {said}",
    "A segmentation map. {said}",
    "A referring segmentation of this picture with the colours {map}.",
)


def word(instruction: Instruction, rng: np.random.Generator) -> str:
    """One of its prompts."""
    makers: dict[Task, Callable[[], str]] = {
        Task.DEPTH: lambda: _pick(_DEPTH, rng).format(code=instruction.depth_encoding),
        Task.NORMALS: lambda: _pick(_NORMALS, rng),
        Task.SEMANTIC: lambda: _semantic(instruction, rng),
        Task.INSTANCE: lambda: _pick(_INSTANCE, rng).format(
            name=instruction.targets[0].text, ground=_ground(instruction, rng)
        ),
        Task.REFERRING: lambda: _pick(_REFERRING, rng).format(
            said=_sentences(instruction, rng), map=_map(instruction, rng)
        ),
    }
    make = makers.get(instruction.task)
    for _ in range(_TRIES if make is not None else 0):
        assert make is not None
        text = make() + _hint(instruction)
        try:
            if read(text) == instruction:
                return text
        except InstructionError:
            continue
    return instruction.to_text()


def draw_colors(count: int, rng: np.random.Generator, *, least: float = 48.0, taken: tuple[Rgb, ...] = ()) -> list[Rgb]:
    """Colours at random, at least so far apart as vectors of RGB; nearer where so many find no room."""
    found: list[Rgb] = []
    while len(found) < count:
        channels = rng.integers(0, 256, 3) if rng.random() < 0.7 else rng.choice((0, 64, 128, 192, 255), 3)
        red, green, blue = (int(c) for c in channels)
        others = np.array([*taken, *found], np.int64).reshape(-1, 3)
        if not len(others) or np.linalg.norm(others - (red, green, blue), axis=1).min() >= least:
            found.append((red, green, blue))
        else:
            least *= 0.98
    return found


def _semantic(ask: Ask, rng: np.random.Generator) -> str:
    if len(ask.targets) == 1 and ask.background is None and rng.random() < 0.5:
        target = ask.targets[0]
        return f"Segment the {target.text} in {_color(target.color, rng)}."
    if rng.random() < 0.6:
        return _pick(_SEMANTIC_MAPS, rng).format(map=_map(ask, rng))
    return _pick(_SEMANTIC_SENTENCES, rng).format(said=_sentences(ask, rng))


def _map(ask: Ask, rng: np.random.Generator) -> str:
    bare = rng.random() < 0.3
    entries = [(target.text, _color(target.color, rng)) for target in ask.targets]
    if ask.background is not None:
        entries.append(("background", _color(ask.background, rng)))
    return "{" + ", ".join(f'"{name}": {value}' if bare else f'"{name}": "{value}"' for name, value in entries) + "}"


def _sentences(ask: Ask, rng: np.random.Generator) -> str:
    verb = _pick(("", " shown as", " painted"), rng)
    said = [f"{_subject(target.text)}{verb} {_color(target.color, rng)}." for target in ask.targets]
    if ask.background is not None:
        rest = _pick(("Everything else", "The background"), rng)
        said.append(f"{rest} is {_color(ask.background, rng)}.")
    return " ".join(said)


def _subject(text: str) -> str:
    """ "The crates are", "The box in the corner is"."""
    found = vocabulary.find(text)
    verb = "are" if found is not None and found.plural == text != found.name else "is"
    return f"The {text.removeprefix('the ')} {verb}"


def _ground(ask: Ask, rng: np.random.Generator) -> str:
    return "" if ask.background is None else f" The background is {_color(ask.background, rng)}."


def _color(color: Rgb | None, rng: np.random.Generator) -> str:
    """A name where it has one, half of the time; else one of the codes."""
    assert color is not None
    red, green, blue = color
    if rng.random() < 0.5:
        return color_to_text(color)
    return _pick(
        (
            f"#{red:02X}{green:02X}{blue:02X}",
            f"<{red}, {green}, {blue}>",
            f"({red}, {green}, {blue})",
            f"[{red}, {green}, {blue}]",
            f"rgb({red}, {green}, {blue})",
        ),
        rng,
    )


def _hint(ask: Ask) -> str:
    return "" if ask.hfov_deg is None else f" The horizontal field of view is {ask.hfov_deg:g} degrees."


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def targets(names: list[str], colors: list[Rgb]) -> tuple[Target, ...]:
    """Names with their colours."""
    return tuple(Target(name, color) for name, color in zip(names, colors, strict=True))
