"""The words of the world: every class with its number, plural and synonyms.

A class id is the position of its name in data/vocabulary.json; ids are stored in shards, so new classes go to the end
of that file and none is ever removed. 255 means unlabelled, as everywhere. A *thing* can be counted and has instances;
*stuff* (floor, sky, grass) has none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vision_banana_ros.core import DataError

_FILE = Path(__file__).parent / "data" / "vocabulary.json"


@dataclass(frozen=True, slots=True)
class Word:
    """One class: the name that stands in labels, and what else people call it."""

    class_id: int
    name: str
    plural: str
    synonyms: tuple[str, ...]
    is_thing: bool

    @property
    def wordings(self) -> tuple[str, ...]:
        """Every way a prompt may say it, the plain name first."""
        return tuple(dict.fromkeys((self.name, self.plural, *self.synonyms)))


@cache
def words() -> tuple[Word, ...]:
    """The whole vocabulary in the order of the class ids."""
    try:
        entries = json.loads(_FILE.read_text(encoding="utf-8"))
        found = tuple(
            Word(i, e["name"], e["plural"], tuple(e["synonyms"]), e["kind"] == "thing") for i, e in enumerate(entries)
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{_FILE} must list name, kind, plural and synonyms of each class: {error!r}") from error
    if len(found) > 255:
        raise DataError(f"{_FILE} may hold 255 classes because masks are 8-bit, found {len(found)}")
    return found


def things() -> frozenset[str]:
    """The names of what is told apart and counted."""
    return frozenset(word.name for word in words() if word.is_thing)


@cache
def labels() -> tuple[str, ...]:
    """Class names, indexed by class id: the `labels` of every truth of this world."""
    return tuple(word.name for word in words())


@cache
def _by_name() -> dict[str, Word]:
    return {word.name: word for word in words()}


@cache
def _by_wording() -> dict[str, Word]:
    # Names go last so that they win: "screen" may be a synonym somewhere and a name elsewhere.
    said = {text.lower(): word for word in words() for text in word.wordings}
    return said | {word.name.lower(): word for word in words()}


def word(name: str) -> Word:
    """The class of exactly this name, for code that builds scenes."""
    try:
        return _by_name()[name]
    except KeyError:
        raise DataError(f"no class is named {name!r}: use a name of {_FILE.name} or add it there at the end") from None


def class_id(name: str) -> int:
    """The number that stands for `name` in masks."""
    return word(name).class_id


def find(text: str) -> Word | None:
    """The class that people mean by `text`: a name, plural or synonym, with or without an article; None if unknown."""
    said = " ".join(text.lower().split())
    for article in ("the ", "a ", "an ", "all ", "every "):
        said = said.removeprefix(article)
    return _by_wording().get(said)
