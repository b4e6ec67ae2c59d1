"""Whether words of a prompt mean a label of a truth: whatever the case, article, plural or synonym."""

from __future__ import annotations

import numpy as np

from vision_banana_ros.core import BoolArray, Truth
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.tasks.room import known, pick

_ARTICLES = ("the ", "a ", "an ", "all ", "every ", "each ")


def matches(said: str, label: str) -> bool:
    """Whether a prompt's words mean this label."""
    if plain(said) == plain(label):
        return True
    word = vocabulary.find(label)
    return word is not None and vocabulary.find(said) == word


def class_region(said: str, truth: Truth, wh: tuple[int, int]) -> BoolArray:
    """Where the truth has what these words mean."""
    named = np.array([matches(said, label) for label in truth.labels] + [False] * (256 - len(truth.labels)))
    region: BoolArray = named[pick(known(truth.mask, "class mask"), wh)]
    return region


def plain(text: str) -> str:
    """Lower case, single spaces, no article, no plural s: enough to meet labels outside the vocabulary."""
    words = " ".join(text.casefold().split()).strip(".")
    for article in _ARTICLES:
        words = words.removeprefix(article)
    for ending, singular in (("ies", "y"), ("xes", "x"), ("shes", "sh"), ("ches", "ch"), ("ss", "ss"), ("s", "")):
        if words.endswith(ending):
            return words.removesuffix(ending) + singular
    return words
