"""The words that tell the tasks apart. British and American spelling; the wording around them may vary freely."""

from __future__ import annotations

import re

from vision_banana_ros.core import BACKGROUND_WORDS, DEPTH_ENCODINGS, InstructionError, Task

_SEGMENTATION = re.compile(
    r"\bsegmentations?\b|^\s*(?:please\s+)?segment\b|\bper-?pixel (?:label|class)|\blabell?ing\b|\blabel map\b"
    r"|\b(?:colou?r|segment|label|object)[- ]masks?\b",
    re.IGNORECASE,
)
_INSTANCE = re.compile(r"\binstances?\b", re.IGNORECASE)
_SEMANTIC = re.compile(r"\bsemantic|\bclass(?:es)?\b|\bper-?pixel\b|\blabell?ing\b", re.IGNORECASE)
_REFERRING = re.compile(r"\brefer(?:ring|red|s)?\b|\bexpressions?\b", re.IGNORECASE)
#: A phrase with one of these points at one thing among several, as a class name hardly ever does.
_POINTING = re.compile(
    r"\b(?:in|on|at|of|to|near|nearest|next|behind|under|above|below|between|left|right|other|with|without|who|that"
    r"|which|wearing|holding|standing|sitting|first|second|third|last|leftmost|rightmost|largest|biggest|smallest"
    r"|closest|farthest|furthest|tallest|middle|same)\b",
    re.IGNORECASE,
)
_GEOMETRY: tuple[tuple[Task, re.Pattern[str]], ...] = (
    (
        Task.DEPTH,
        re.compile(
            r"\bdepth[- ]?(?:map|image|estimat\w+|prediction|visuali[sz]ation|false)|\bmetric depth\b"
            r"|\bdepth\b[^.]{0,80}\bcolou?r"
            r"|\b(?:predict|estimate|show|paint|draw|render|visuali[sz]e|infer)\b[^.]{0,80}\bdepth\b(?! of field)",
            re.IGNORECASE,
        ),
    ),
    (Task.NORMALS, re.compile(r"\bsurface[- ]normals?\b|\bnormals?[- ](?:map|image|vector)s?\b", re.IGNORECASE)),
    (
        Task.RAYS,
        re.compile(
            r"\b(?:camera|viewing|pixel)[- ]rays?\b|\brays? (?:map|image)\b|\bviewing directions?\b", re.IGNORECASE
        ),
    ),
)
_ENCODING = re.compile(
    r"\b(?:in|with|using|as)\s+(?:the\s+|an?\s+)?(?:rgb[- ])?([a-z]+?)(?:[- ]?scale)?"
    r"[- ](?:colou?rs?|colou?r[- ]?map|palette|encoding)\b"
    r"|\b([a-z]+)[- ]?scale\b",
    re.IGNORECASE,
)
_NO_ENCODING = frozenset(("false", "these", "metric", "pseudo", "rgb", "full", "the", "a", "to", "true"))
_HFOV = re.compile(
    r"[,;]?\s?(?:\b(?:the|its|with|a|an|camera|camera's|has|horizontal)\s{1,3}){0,6}(?:\bfield of view|\bh?fov)\b"
    r"\s*(?:is|of|=|:)?\s*(?:about\s+)?(\d{1,4}(?:\.\d{1,20})?)\s*(?:degrees?|deg|°)?(?:\s*\.(?=\s|$))?",
    re.IGNORECASE,
)


def is_background(phrase: str) -> bool:
    return " ".join(phrase.casefold().split()) in BACKGROUND_WORDS


def is_segmentation(text: str) -> bool:
    return _SEGMENTATION.search(text) is not None


def is_instance(text: str) -> bool:
    return _INSTANCE.search(text) is not None


def semantic_or_referring(around: str, phrases: tuple[str, ...], *, is_map: bool) -> Task:
    """What the wording says; without a word of it, phrases that point at one thing among several are referring."""
    if _REFERRING.search(around):
        return Task.REFERRING
    if is_map or _SEMANTIC.search(around):
        return Task.SEMANTIC
    return Task.REFERRING if any(_POINTING.search(phrase) for phrase in phrases) else Task.SEMANTIC


def geometry_task(text: str) -> Task | None:
    """DEPTH, NORMALS or RAYS when `text` asks for one of them; InstructionError when it asks for two."""
    found = [task for task, words in _GEOMETRY if words.search(text)]
    if len(found) > 1:
        names = " and ".join(task.value for task in found)
        raise InstructionError(f"the prompt {text[:60]!r} asks for {names}: one prompt asks for one canvas")
    return found[0] if found else None


def depth_encoding(text: str) -> str:
    """The colour map that a depth prompt names; "cube" when it names none."""
    for match in _ENCODING.finditer(text):
        name = (match[1] or match[2]).lower()
        name = "grey" if name == "gray" else name
        if name in DEPTH_ENCODINGS:
            return name
        if name not in _NO_ENCODING:
            raise InstructionError(f"no depth colours are called {name!r}: there are {', '.join(DEPTH_ENCODINGS)}")
    return "cube"


def take_hfov(text: str) -> tuple[str, float | None]:
    """The prompt without its hint about the field of view, and the hint in degrees."""
    match = _HFOV.search(text)
    if match is None:
        return text, None
    return f"{text[: match.start()]} {text[match.end() :]}", float(match[1])
