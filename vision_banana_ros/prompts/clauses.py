"""The sentence forms: "The crates are shown as (255, 255, 0). The forklift is #4040C0; everything else is black."

A clause is a subject, a link and a colour. Links are looked for from left to right; one is taken when a colour, and
nothing else up to the next pause, follows it. What stands between the last colour and the link is the subject.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vision_banana_ros.core import Rgb
from vision_banana_ros.prompts.colors import CODE, color_from_text, is_color
from vision_banana_ros.prompts.quotes import ASIDE, Masked
from vision_banana_ros.prompts.wording import is_background

_PAINTED = r"(?:shown|painted|colou?red|drawn|marked|rendered|labell?ed|filled|displayed|highlighted|given|masked)"
_NAMED_AS = r"(?:as|in|with|by)(?:\s+the\s+colou?r)?"
#: "is red", "are shown as red", "should be painted in red", "-> red", ": red".
_COPULA = (
    rf"\b(?:is|are|be|being|becomes?)\b(?:\s+{_PAINTED}\b(?:\s+{_NAMED_AS}\b)?|\s+in\b)?|\b{_PAINTED}\s+{_NAMED_AS}\b"
)
_LINK = re.compile(
    rf"(?P<copula>{_COPULA})|(?P<arrow>->|=>|→|=|:)|(?P<imperative>\b(?:in|with|as|using)\b)", re.IGNORECASE
)
_NAME = r"[a-zA-Z][a-zA-Z\- ']{0,40}?"
_COLOR = re.compile(
    rf"\s*(?P<color>(?:{_NAME}\s*)?(?:\(\s*{CODE}\s*\)|{CODE})|{ASIDE}|{_NAME})"
    r"(?=\s*(?:[.,;!?)\n]|$|\band\b|\bwhile\b|\bbut\b|&))",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"^(?:please\s+)?(?:segment|paint|colou?r|mark|label|highlight|show|draw|mask|fill|render)(?:\s+out)?\s+",
    re.IGNORECASE,
)
_PAUSE = re.compile(r"[.!?:;](?=\s|$)|\n")
_LEADING = re.compile(r"^(?:[\s,;:.\-\u2013\u2014*\u2022]|and\b|while\b|but\b|where\b|with\b|&)+", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|a|an|all|every|each|any)\s+(?=\S)", re.IGNORECASE)
_HEADER = re.compile(
    r"^[^.:;\n]{0,80}?\b(?:segmentation|map|mask|labell?ing)\b"
    r"[^.:;\n]{0,80}?\b(?:where|with|in which|so that|such that)\s+",
    re.IGNORECASE,
)
_UNREAD = re.compile(
    rf"\b(?:is|are|be)\s+(?P<painted>{_PAINTED}\s+(?:as|in|with)\s+)?(?P<color>(?!(?:an?|the)\s).{{1,60}})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Clause:
    """`subject` without verb and article; `is_certain` when no photograph's description would be worded so."""

    subject: str
    color: Rgb
    is_certain: bool

    @property
    def is_background(self) -> bool:
        return is_background(self.subject)


def find_clauses(masked: Masked) -> tuple[Clause, ...]:
    """Every clause of the prompt in its order; InstructionError for a clause whose colour nobody knows."""
    clauses: list[Clause] = []
    text = masked.text
    at = last_end = 0
    is_imperative = False
    while (link := _LINK.search(text, at)) is not None:
        at = link.end()
        color = _COLOR.match(text, at)
        said = masked.restore(color["color"]) if color else ""
        if color is None or not is_color(said):
            continue
        before = text[last_end : link.start()]
        header = None if clauses else _HEADER.match(before)
        *leftover, subject = _PAUSE.split(_LEADING.sub("", before[header.end() :] if header else before))
        subject = _LEADING.sub("", subject).strip()
        # "in red" is a link after "Segment the chair" or "A map with the chair"; the man in black is somebody's coat.
        is_imperative = is_imperative or header is not None or _VERB.match(subject) is not None
        name = masked.restore(_ARTICLE.sub("", _VERB.sub("", subject)))
        if not name or (link["imperative"] and not is_imperative):
            continue
        _refuse_unread(masked, leftover if clauses else leftover[1:])
        is_certain = re.search(rf"{CODE}", said) is not None or re.search(_PAINTED, link[0]) is not None
        clauses.append(Clause(name, color_from_text(said), is_certain))
        at = last_end = color.end()
    _refuse_unread(masked, _PAUSE.split(text[last_end:]))
    return tuple(clauses)


def _refuse_unread(masked: Masked, sentences: list[str]) -> None:
    """A sentence that was meant as a clause must not be lost in silence because of a misspelt colour."""
    for sentence in sentences:
        unread = _UNREAD.search(sentence)
        if unread and (unread["painted"] or len(unread["color"].split()) <= 2):
            color_from_text(masked.restore(unread["color"]))
