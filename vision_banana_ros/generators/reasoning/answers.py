"""What a language model said -> expressions, or yes and no. Models put JSON into fences, lists or plain sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from vision_banana_ros.core import BACKGROUND_WORDS

_ITEM = re.compile(r"^\s*(?:[-*\u2022]|\d{1,2}[.)])\s+(.+)$", re.MULTILINE)
_EMPHASIS = re.compile(r"[*_`\"\u201c\u201d]+")
_NOT_THERE = re.compile(r"\b(?:no|not|none|nothing|isn't|cannot|absent)\b", re.IGNORECASE)
_YES = re.compile(r"\b(?:yes|true|there (?:is|are) (?!no\b|not\b))", re.IGNORECASE)
_LONGEST = 120


def read_expressions(words: str, most: int) -> tuple[str, tuple[str, ...]] | None:
    """(sentence, expressions) of an answer; None where it holds neither a list nor says that there is nothing."""
    found = _json_of(words)
    if found is not None:
        listed = found.get("expressions")
        if isinstance(listed, list):
            sentence = found.get("sentence")
            return str(sentence).strip() if isinstance(sentence, str) else "", _cleaned(listed, most)
    items = _ITEM.findall(words)
    if items:
        return _sentence(_ITEM.sub("", words)), _cleaned(items, most)
    if _NOT_THERE.search(words):
        return _sentence(words), ()
    return None


def read_presence(words: str) -> bool | None:
    """Yes or no, whichever comes first; None where it says neither."""
    yes, no = _YES.search(words), _NOT_THERE.search(words)
    if yes is None and no is None:
        return None
    if yes is None or no is None:
        return yes is not None
    return yes.start() < no.start()


def _json_of(words: str) -> dict[str, object] | None:
    """The first JSON object in the text that is whole."""
    decoder = json.JSONDecoder()
    for match in list(re.finditer(r"\{", words))[:20]:
        try:
            found, _ = decoder.raw_decode(words, match.start())
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return None


def _cleaned(items: Iterable[object], most: int) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for item in items:
        said = " ".join(_EMPHASIS.sub("", str(item)).split()).rstrip(".,;:") if isinstance(item, str) else ""
        if said and len(said) <= _LONGEST and said.casefold() not in BACKGROUND_WORDS:
            kept.setdefault(said.casefold(), said)
    return tuple(kept.values())[:most]


def _sentence(text: str) -> str:
    return " ".join(text.split())[:300]
