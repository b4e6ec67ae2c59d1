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
_BE = r"\b(?:(?:should|must|shall|will)\s+be|is|are|be|being|becomes?)\b"
_COPULA = rf"{_BE}(?:\s+{_PAINTED}\b(?:\s+{_NAMED_AS}\b)?|\s+in\b)?|\b{_PAINTED}\s+{_NAMED_AS}\b"
_LINK = re.compile(
    rf"(?P<copula>{_COPULA})|(?P<arrow>->|=>|→|=|:|\()|(?P<imperative>\b(?:in|with|as|using)\b)", re.IGNORECASE
)
_SPOKEN_LINK = re.compile(rf"{_COPULA}|->|=>|→|[=:]", re.IGNORECASE)
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
_LEADING = re.compile(r"^(?:[\s,;:.)\-\u2013\u2014*\u2022]|and\b|while\b|but\b|where\b|with\b|&)+", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|a|an|all|every|each|any)\s+", re.IGNORECASE)
_PICTURE = r"(?:segmentation|map|mask|labell?ing)"
#: "A segmentation of this picture where", "A mask of": what stands before the first subject.
_HEADER = re.compile(
    rf"^[^.:;\n]{{0,80}}?\b{_PICTURE}\b[^.:;\n]{{0,80}}?\b(?:where|with|in which|so that|such that)\s+"
    rf"|^[^.:;\n]{{0,80}}?\b{_PICTURE}\s+(?:of|for|showing)\s+"
    r"(?:(?:this|the)\s+(?:input\s+)?(?:image|picture|photo|frame)\b[\s,]*)?",
    re.IGNORECASE,
)
#: "on a black background", "against a light grey background".
_GROUND = re.compile(rf"\b(?:on|over|with|against)\s+an?\s+(?P<color>{_NAME})\s+background\b", re.IGNORECASE)
_SEGMENT_END = re.compile(r"[,;]|[.!?](?=\s|$)|\n|\band\b")
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
        return is_background(self.subject) or is_background(f"all {self.subject}")


def find_clauses(masked: Masked) -> tuple[Clause, ...]:
    """Every clause of the prompt in its order; InstructionError for a clause whose colour nobody knows."""
    clauses = _linked(masked)
    if all(clause.is_background for clause in clauses):
        clauses = _unlinked(masked) + clauses
    ground = _GROUND.search(masked.text)
    if ground and is_color(ground["color"]):
        clauses.append(Clause("background", color_from_text(ground["color"]), False))
    return tuple(clauses)


def _linked(masked: Masked) -> list[Clause]:
    clauses: list[Clause] = []
    text = masked.text
    at = last_end = 0
    is_imperative = False
    while (link := _LINK.search(text, at)) is not None:
        at = link.end()
        color = _COLOR.match(text, at)
        if color is None:
            continue
        said = masked.restore(color["color"])
        # After a copula a code counts whatever the words beside it: "safety orange (#FF6700)".
        has_code = re.search(CODE, said) is not None
        if not (is_color(said) or (has_code and not link["imperative"])):
            continue
        before = text[last_end : link.start()]
        header = None if clauses else _HEADER.match(before)
        *leftover, subject = _PAUSE.split(_LEADING.sub("", before[header.end() :] if header else before))
        subject = _LEADING.sub("", subject).strip()
        # "in red" is a link after "Segment the chair" or "A map with the chair"; the man in black is somebody's coat.
        continues_header = header is not None and not leftover
        is_imperative = is_imperative or continues_header or _VERB.match(subject) is not None
        name = _name(masked, subject)
        if not name or (link["imperative"] and not (is_imperative or is_background(name))):
            continue
        _refuse_unread(masked, leftover if clauses else leftover[1:])
        is_certain = has_code or re.search(_PAINTED, link[0]) is not None
        clauses.append(Clause(name, color_from_text(said), is_certain))
        at = last_end = color.end()
    _refuse_unread(masked, _PAUSE.split(text[last_end:]))
    return clauses


def _unlinked(masked: Masked) -> list[Clause]:
    """ "Colour the sky light blue, the road grey": after a verb, the longest end of each part that is a colour."""
    clauses: list[Clause] = []
    is_imperative = False
    # Commas within a colour code separate nothing.
    text = re.sub(CODE, lambda code: code[0].replace(",", " ,"), masked.text)
    for part in _SEGMENT_END.split(re.sub(r" ,\s*", "\x01", text)):
        part = _LEADING.sub("", part.replace("\x01", ", ")).strip()
        is_imperative = is_imperative or _VERB.match(part) is not None
        words = [] if _SPOKEN_LINK.search(part) else part.split()
        for first in range(1, len(words)) if is_imperative else ():
            said, name = " ".join(words[first:]), _name(masked, " ".join(words[:first]))
            if name and len(said) <= 40 and is_color(said):
                clauses.append(Clause(name, color_from_text(said), re.search(CODE, said) is not None))
                break
    return clauses


def _name(masked: Masked, subject: str) -> str:
    """A subject without verb, article and quotes."""
    plain = _LEADING.sub("", _VERB.sub("", f"{subject} ")).strip()
    name = masked.restore(_ARTICLE.sub("", f"{plain} "))
    return name[1:-1] if len(name) > 2 and (name[0], name[-1]) in (("'", "'"), ("<", ">")) else name


def _refuse_unread(masked: Masked, sentences: list[str]) -> None:
    """A sentence that was meant as a clause must not be lost in silence because of a misspelt colour."""
    for sentence in sentences:
        unread = _UNREAD.search(sentence)
        if unread and (unread["painted"] or len(unread["color"].split()) <= 2):
            color_from_text(masked.restore(unread["color"]))
