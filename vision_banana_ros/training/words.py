"""Every text that the shipped table should know: the vocabulary in all its wordings, common expressions, and the class
names of Cityscapes, ADE20K, COCO, Objects365 and LVIS (data/class_names.json).

The sentence encoder runs once, here; a model that ships carries the result, so that a robot needs no text encoder for
the words of the vocabulary, for "the red chair" and for "the leftmost person".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from vision_banana_ros.student.text import TextTable
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.tasks.image import PICTURES

COLORS: tuple[str, ...] = (
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
    "black",
    "white",
    "grey",
    "beige",
)
PLACES: tuple[str, ...] = (
    "the leftmost {}",
    "the rightmost {}",
    "the nearest {}",
    "the farthest {}",
    "the largest {}",
    "the smallest {}",
    "the {} nearest to the camera",
    "the {} farthest from the camera",
    "the {} on the left",
    "the {} on the right",
    "the {} in the middle",
)


def known_texts(more: Iterable[str] = ()) -> Iterator[str]:
    """Single words first, then expressions about things."""
    yield from more
    yield from PICTURES
    yield from ("background", "everything else", "anything", "object", "obstacle", "furniture", "vehicle", "animal")
    for word in vocabulary.words():
        yield from word.wordings
        if word.is_thing:
            yield from (f"{color} {word.name}" for color in COLORS)
            yield from (place.format(word.name).removeprefix("the ") for place in PLACES)
    yield from (name for names in class_names().values() for name in names)


@cache
def class_names() -> dict[str, list[str]]:
    """By data set, each name once; plurals are found by their singular."""
    file = Path(__file__).parent / "data" / "class_names.json"
    names: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8"))
    return names


def build_table(more: Iterable[str] = ()) -> TextTable:
    """Needs the extra `text`; `more` are the labels of other data sets."""
    return TextTable.build(known_texts(more))
