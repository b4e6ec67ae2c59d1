"""Truth -> canvas: what a perfect generator would paint for an instruction.

A target that the truth has no name for is painted nowhere: so a perfect generator answers what is not there.
Pixels of no target take the background's colour, and where there is none, a colour far from every target's.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from vision_banana_ros.codecs import colormaps, depth, normals, rays
from vision_banana_ros.codecs.arrays import INVALID_COLOR
from vision_banana_ros.codecs.distinct import farthest_color
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
from vision_banana_ros.tasks import vocabulary

_ARTICLES = ("the ", "a ", "an ", "all ", "every ", "each ")


def paint(instruction: Instruction, truth: Truth, *, wh: tuple[int, int], image: UInt8Array) -> UInt8Array:
    """The canvas of size `wh`; labels and depth are picked, never blended. `image` answers IMAGE instructions."""
    task = instruction.task
    if task is Task.DEPTH:
        depth_m = pick(_known(truth.depth_m, "depth"), wh)
        return depth.encode(depth_m, instruction.depth_encoding, invalid=_far_from(instruction.depth_encoding))
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
    return np.asarray(array[rows[:, None], columns])


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
        if target is not None and target.color is not None:
            colors[class_id] = target.color
    return np.asarray(colors[pick(_known(truth.mask, "class mask"), wh)])


def _paint_instances(instruction: Instruction, truth: Truth, wh: tuple[int, int]) -> UInt8Array:
    of_class = _class_region(instruction.targets[0].text, truth, wh)
    ids = pick(_known(truth.instances, "instance mask"), wh) * of_class
    found = [int(i) for i in np.unique(ids) if i != 0]
    ground = instruction.background or (0, 0, 0)
    colors = np.full((int(ids.max()) + 1, 3), ground, np.uint8)
    if found:
        colors[found] = Palette.distinct(len(found), avoid=(ground,)).targets
    return np.asarray(colors[ids])


def _paint_regions(instruction: Instruction, truth: Truth, wh: tuple[int, int]) -> UInt8Array:
    width, height = wh
    canvas = np.full((height, width, 3), _ground(instruction), np.uint8)
    for target in instruction.targets:
        said = next((r for r in truth.referring if _plain(r.text) == _plain(target.text)), None)
        if said is not None:
            region = np.isin(pick(_known(truth.instances, "instance mask"), wh), said.instance_ids)
        else:
            region = _class_region(target.text, truth, wh)
        if target.color is not None:
            canvas[region] = target.color
    return canvas


def _class_region(said: str, truth: Truth, wh: tuple[int, int]) -> BoolArray:
    named = np.array([matches(said, label) for label in truth.labels] + [False] * (256 - len(truth.labels)))
    region: BoolArray = named[pick(_known(truth.mask, "class mask"), wh)]
    return region


def _ground(instruction: Instruction) -> Rgb:
    """The background's colour, or without one a colour that decodes to no target."""
    if instruction.background is not None:
        return instruction.background
    return farthest_color(tuple(target.color for target in instruction.targets if target.color is not None))


@cache
def _far_from(encoding: str) -> Rgb:
    """What unknown depth is painted in: mid grey is far from the walk along the cube's edges, no colour map has all."""
    if encoding == "cube":
        return INVALID_COLOR
    return farthest_color(tuple(tuple(map(int, color)) for color in colormaps.colors(encoding)[::16]))


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
