"""Words that all tasks share; those that tell the tasks apart stand in tasks/. British and American spelling."""

from __future__ import annotations

import re

from vision_banana_ros.core import BACKGROUND_WORDS

_SEGMENTATION = re.compile(
    r"\bsegmentations?\b|^\s*(?:please\s+)?segment\b|\bper-?pixel (?:label|class)|\blabell?ing\b|\blabel map\b"
    r"|\b(?:colou?r|segment|label|object)[- ]masks?\b",
    re.IGNORECASE,
)
_HFOV = re.compile(
    r"[,;]?\s?(?:\b(?:the|its|with|a|an|camera|camera's|has|horizontal)\s{1,3}){0,6}(?:\bfield of view|\bh?fov)\b"
    r"\s*(?:is|of|=|:)?\s*(?:about\s+)?(\d{1,4}(?:\.\d{1,20})?)\s*(?:degrees?|deg|°)?(?:\s*\.(?=\s|$))?",
    re.IGNORECASE,
)


def is_background(phrase: str) -> bool:
    return " ".join(phrase.casefold().split()) in BACKGROUND_WORDS


def is_segmentation(text: str) -> bool:
    return _SEGMENTATION.search(text) is not None


def take_hfov(text: str) -> tuple[str, float | None]:
    """The prompt without its hint about the field of view, and the hint in degrees."""
    match = _HFOV.search(text)
    if match is None:
        return text, None
    return f"{text[: match.start()]} {text[match.end() :]}", float(match[1])
