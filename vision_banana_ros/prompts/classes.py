"""Class lists as parameters and options give them: "floor=#80C000, chair=#800000, table"."""

from __future__ import annotations

import re

from vision_banana_ros.codecs.palette import Palette
from vision_banana_ros.core import Ask, InstructionError, Rgb, Target, Task
from vision_banana_ros.prompts.colors import color_from_text
from vision_banana_ros.prompts.quotes import Masked, mask

_SEPARATOR = re.compile(r"[,\n](?![^(\[<]*[)\]>])")


def parse_classes(text: str, *, background: Rgb = (0, 0, 0)) -> tuple[Target, ...]:
    """The targets of a class list; those without a colour get one far from all others and from the background's."""
    masked = mask(text)
    named = [_entry(masked, item) for item in _SEPARATOR.split(masked.text) if item.strip()]
    if not named:
        raise InstructionError(f"the class list {text!r} is empty: name classes, such as 'floor=#80C000, chair'")
    given = tuple(target.color for target in named if target.color is not None)
    missing = len(named) - len(given)
    spare = iter(Palette.distinct(missing, avoid=(*given, background)).targets if missing else ())
    targets = tuple(target if target.color is not None else Target(target.text, next(spare)) for target in named)
    Palette.from_instruction(Ask(Task.SEMANTIC, targets))  # refuses colours that the decoder would confuse
    return targets


def _entry(masked: Masked, item: str) -> Target:
    name, sign, color = item.partition("=")
    words = masked.restore(name)
    if not words.strip():
        raise InstructionError(f"expected NAME or NAME=COLOUR in the class list, got {masked.restore(item)!r}")
    return Target(words, color_from_text(masked.restore(color)) if sign else None)
