"""The map form: {"floor": "lime", sofa: light purple, 'door': (255, 165, 0), "background": <0, 0, 0>}.

JSON where it is JSON, and what people write instead: single quotes or none, bare colours, a comma at the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vision_banana_ros.core import InstructionError
from vision_banana_ros.prompts.quotes import Masked

_SINGLE = r"'(?:[^'\\]|\\.)*'"
_ENTRY = re.compile(
    rf"\s*(?P<key>{_SINGLE}(?=\s*[:=])|[^:=,{{}}]+?)\s*[:=]"
    rf"\s*(?P<value>{_SINGLE}(?=\s*[,}}])|(?:[^,{{}}()<>\[\]]|[(\[<][^()\[\]<>{{}}]*[)\]>])+?)\s*(?P<end>[,}}])",
    re.DOTALL,
)
_END = re.compile(r"\s*\}")


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class FoundMap:
    """The entries, and the prompt without the map."""

    entries: tuple[Entry, ...]
    around: str


def find_map(masked: Masked) -> FoundMap | None:
    """The first map of a prompt; None when there is no brace; InstructionError when what follows it is no map."""
    start = masked.text.find("{")
    if start < 0:
        return None
    entries: list[Entry] = []
    at = start + 1
    closed = _END.match(masked.text, at)
    while closed is None:
        entry = _ENTRY.match(masked.text, at)
        if entry is None:
            seen = masked.restore(masked.text[at : at + 40])
            raise InstructionError(f'expected "name": colour at {seen!r} in the map, such as {{"floor": "#80C000"}}')
        entries.append(Entry(_bare(masked, entry["key"]), _bare(masked, entry["value"])))
        at = entry.end()
        closed = _END.match(masked.text, at if entry["end"] == "," else at - 1)
    return FoundMap(tuple(entries), f"{masked.text[:start]} {masked.text[closed.end() :]}")


def _bare(masked: Masked, text: str) -> str:
    """What a key or value says without its quotes."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return masked.restore(re.sub(r"\\(.)", r"\1", text[1:-1]))
    return masked.restore(text)
