"""Truth -> canvas: what a perfect generator would paint for an instruction.

A target that the truth has no name for is painted nowhere: so a perfect generator answers what is not there.
Pixels of no target take the background's colour, and where there is none, a colour far from every target's.
"""

from __future__ import annotations

import itertools

import numpy as np

from vision_banana_ros.codecs import depth, normals, rays
from vision_banana_ros.codecs.palette import Palette
from vision_banana_ros.core import (
    AnyArray,
    BoolArray,
    GeneratorError,
    Instruction,
    Rgb,
    Task,
    Truth,
    UInt8Array,
)
from vision_banana_ros.scenes import vocabulary

#: Painted where the truth is unknown: far from every colour of the code, so that it decodes with no confidence.
UNKNOWN_DEPTH_COLORS: dict[str, Rgb] = {
    "cube": (128, 128, 128),
    "plasma": (0, 255, 0),
    "inferno": (0, 255, 0),
    "viridis": (255, 0, 0),
    "grey": (0, 255, 0),
}
_ARTICLES = ("the ", "a ", "an ", "all ", "every ", "each ")


def paint(instruction: Instruction, truth: Truth, *, wh: tuple[int, int], image: UInt8Array) -> UInt8Array:
    """The canvas of size `wh`; labels and depth are picked, never blended. `image` answers IMAGE instructions."""
    task = instruction.task
    if task is Task.DEPTH:
        unknown = UNKNOWN_DEPTH_COLORS[instruction.depth_encoding]
        depth_m = pick(_known(truth.depth_m, "depth"), wh)
        return depth.encode(depth_m, encoding=instruction.depth_encoding, invalid=unknown)
    if task is Task.NORMALS:
        return normals.encode(pick(_known(truth.normals, "normals"), wh))
    if task is Task.RAYS:
        return rays.encode(truth.camera.scaled_to(*wh))
    if task is Task.SEMANTIC:
        return _paint_classes(instruction, truth, wh)
    if task is Task.INSTANCE:
        return _paint_instances(instruction, truth, wh)
    if task is Task.REFERRING:
        return _paint_regions(instruction, truth, wh)
    return pick(image, wh)


def pick(array: AnyArray, wh: tuple[int, int]) -> AnyArray:
    """Resized by taking, for each new pixel, the old one that its centre lies in."""
    width, height = wh
    if array.shape[:2] == (height, width):
        return array
    rows = (2 * np.arange(height) + 1) * array.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * array.shape[1] // (2 * width)
    return array[rows[:, None], columns]


def matches(said: str, label: str) -> bool:
    """Whether a prompt's words mean this label: whatever the case, article, plural or synonym."""
    if _plain(said) == _plain(label):
        return True
    word = vocabulary.find(label)
    return word is not None and vocabulary.find(said) == word


def _paint_classes(instruction: Instruction, truth: Truth, wh: tuple[int, int]) -> UInt8Array:
    colors = np.full((256, 3), _ground(instruction), np.uint8)
    for class_id, label in enumerate(truth.labels):
        target = next((t for t in instruction.targets if matches(t.text, label)), None)
        if target is not None:
            colors[class_id] = target.color
    return colors[pick(_known(truth.mask, "class mask"), wh)]


def _paint_instances(instruction: Instruction, truth: Truth, wh: tuple[int, int]) -> UInt8Array:
    of_class = _class_region(instruction.targets[0].text, truth, wh)
    ids = pick(_known(truth.instances, "instance mask"), wh) * of_class
    found = [int(i) for i in np.unique(ids) if i != 0]
    ground = _ground(instruction)
    colors = np.full((int(ids.max()) + 1, 3), ground, np.uint8)
    for instance_id, color in zip(found, Palette.distinct(len(found), avoid=(ground,)).colors, strict=True):
        colors[instance_id] = color
    return colors[ids]


def _paint_regions(instruction: Instruction, truth: Truth, wh: tuple[int, int]) -> UInt8Array:
    width, height = wh
    canvas = np.full((height, width, 3), _ground(instruction), np.uint8)
    for target in instruction.targets:
        said = next((r for r in truth.referring if _plain(r.text) == _plain(target.text)), None)
        if said is not None:
            region = np.isin(pick(_known(truth.instances, "instance mask"), wh), said.instance_ids)
        else:
            region = _class_region(target.text, truth, wh)
        canvas[region] = target.color
    return canvas


def _class_region(said: str, truth: Truth, wh: tuple[int, int]) -> BoolArray:
    named = np.array([matches(said, label) for label in truth.labels] + [False] * (256 - len(truth.labels)))
    region: BoolArray = named[pick(_known(truth.mask, "class mask"), wh)]
    return region


def _ground(instruction: Instruction) -> Rgb:
    """The background's colour, or without one the corner or middle of the colour cube farthest from all targets."""
    if instruction.background is not None:
        return instruction.background
    colors = np.array([t.color for t in instruction.targets if t.color is not None], np.int64).reshape(-1, 3)
    if not len(colors):
        return (0, 0, 0)
    candidates = list(itertools.product((0, 128, 255), repeat=3))
    distances = [((colors - candidate) ** 2).sum(axis=1).min() for candidate in candidates]
    return candidates[int(np.argmax(distances))]


def _known(layer: AnyArray | None, name: str) -> AnyArray:
    if layer is None:
        raise GeneratorError(f"the oracle cannot paint this task: its footage knows no {name}")
    return layer


def _plain(text: str) -> str:
    """Lower case, single spaces, no article, no plural s: enough to meet labels outside the vocabulary."""
    plain = " ".join(text.casefold().split()).strip(".")
    for article in _ARTICLES:
        plain = plain.removeprefix(article)
    for ending, singular in (("ies", "y"), ("xes", "x"), ("shes", "sh"), ("ches", "ch"), ("ss", "ss"), ("s", "")):
        if plain.endswith(ending):
            return plain.removesuffix(ending) + singular
    return plain
