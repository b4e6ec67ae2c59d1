"""A model's own classes and the words of a prompt: which of them mean the same.

    1. a mapping file says so                {armchair: chair, "swivel chair": chair}
    2. the words are the same                case, article, plural and the synonyms of our vocabulary apart
    3. the sentences' embeddings are near    only for words that nothing matched yet, at least `_NEAR` (cosine)

A class that matches nothing is background; a word that no class matches is painted nowhere, and both are reported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_banana_ros.core import DataError, GeneratorError, UInt8Array
from vision_banana_ros.models.yamls import read_yaml
from vision_banana_ros.student.text import TextEncoder, minilm
from vision_banana_ros.tasks.words import matches

_NEAR = 0.65
_PLACEHOLDER = re.compile(r"LABEL_\d+$")


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """`table`: a model's class id -> number of the word, from 1; 0 is background. `missing` words have no class."""

    table: UInt8Array
    missing: tuple[str, ...]
    guessed: tuple[str, ...]


class ClassMatcher:
    """Matches one model's classes; answers are kept, since a robot asks the same words for every frame."""

    def __init__(
        self,
        labels: Mapping[int, str],
        *,
        model: str,
        words: Mapping[str, str] | None = None,
        encoder: TextEncoder | None = None,
    ) -> None:
        if not labels:
            raise GeneratorError(f"{model} names no classes: list them as labels")
        if all(_PLACEHOLDER.match(label) for label in labels.values()) and not words:
            raise GeneratorError(
                f"{model} calls its classes {next(iter(labels.values()))!r} and so on: give a file of words "
                "(YAML, LABEL_0: wall)"
            )
        unknown = sorted(set(words or {}) - set(labels.values()))
        if unknown:
            raise GeneratorError(f"{model} has no class {unknown[0]!r}: its classes are {_some(labels.values())}")
        self.labels = dict(labels)
        self._words = dict(words or {})
        self._encoder = encoder
        self._known: dict[tuple[str, ...], Matched] = {}

    def match(self, words: Sequence[str]) -> Matched:
        key = tuple(words)
        if key not in self._known:
            self._known[key] = self._match(key)
        return self._known[key]

    def _match(self, words: tuple[str, ...]) -> Matched:
        table = np.zeros(max(self.labels) + 1, np.uint8)
        open_ids = []
        for class_id, label in self.labels.items():
            said = self._words.get(label)
            names = (said,) if said is not None else _names(label)
            number = next((i for i, word in enumerate(words, 1) if any(matches(word, name) for name in names)), 0)
            table[class_id] = number
            if not number and said is None:
                open_ids.append(class_id)
        without = [i for i, _ in enumerate(words, 1) if i not in table]
        guessed = self._guess(words, without, open_ids, table)
        missing = tuple(words[i - 1] for i in without if i not in table)
        return Matched(table, missing, guessed)

    def _guess(
        self, words: Sequence[str], without: Sequence[int], open_ids: Sequence[int], table: UInt8Array
    ) -> tuple[str, ...]:
        """Classes near to a word that has none; without the encoder nothing is guessed."""
        if not without or not open_ids:
            return ()
        encode = self._encoder or minilm()
        if encode is None:
            return ()
        asked = encode([words[i - 1] for i in without])
        near = encode([_names(self.labels[c])[0] for c in open_ids]) @ asked.T
        guessed = []
        for class_id, row in zip(open_ids, near, strict=True):
            best = int(row.argmax())
            if row[best] >= _NEAR:
                table[class_id] = without[best]
                guessed.append(f"{self.labels[class_id]} as {words[without[best] - 1]}")
        return tuple(guessed)


def remark(matched: Matched) -> str:
    """What a user should know of a match; "" where all went by the words."""
    parts = []
    if matched.missing:
        parts.append(f"knows nothing of {', '.join(matched.missing)}")
    if matched.guessed:
        parts.append(f"takes {', '.join(matched.guessed)}")
    return "; ".join(parts)


def read_words(path: Path | None) -> dict[str, str]:
    """A mapping file: the model's class -> the word that stands for it in prompts."""
    if path is None:
        return {}
    found = read_yaml(path, what="file of words")
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise DataError(f"{path} must map a model's classes to words, as in 'armchair: chair'")
    return {str(label): word for label, word in found.items()}


def _names(label: str) -> tuple[str, ...]:
    """ "floor, flooring" and "door-stuff" are how data sets call things."""
    plain = label.replace("_", " ").replace("-other", "").replace("-merged", "").replace("-stuff", "")
    return tuple(name.strip() for name in re.split(r"[,;]", plain) if name.strip()) or (label,)


def _some(labels: object) -> str:
    listed = [str(label) for label in labels]  # type: ignore[attr-defined]
    return ", ".join(listed[:12]) + (f" and {len(listed) - 12} more" if len(listed) > 12 else "")
