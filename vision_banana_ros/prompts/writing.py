"""Instruction -> prompt in the paper's form.

The wording is the most natural one that reads back as the same instruction: names that would be misread ("the shop
called: red. Left") are quoted, and an IMAGE text that sounds like another task is announced as a picture.
"""

from __future__ import annotations

from vision_banana_ros.core import Ask, InstructionError, Rgb
from vision_banana_ros.prompts.colors import color_to_text
from vision_banana_ros.prompts.quotes import quote
from vision_banana_ros.prompts.reading import read_ask
from vision_banana_ros.tasks import Wording, room


def write(ask: Ask) -> str:
    """A prompt for which `read(write(i)) == i`."""
    plain, hint = Ask.of(ask), _hfov_hint(ask.hfov_deg)
    for text in room(ask.task).wordings(ask, _ENGLISH):
        if _reads_back(f"{text}{hint}", plain):
            return f"{text}{hint}"
    raise InstructionError(f"no prompt says {ask}: a target may not be called like the background")


def _reads_back(text: str, ask: Ask) -> bool:
    try:
        return read_ask(text) == ask
    except InstructionError:
        return False


class _English(Wording):
    def color(self, color: Rgb) -> str:
        return color_to_text(color)

    def quote(self, words: str) -> str:
        return quote(words)

    def map(self, ask: Ask) -> str:
        entries = [f"{quote(t.text)}: {quote(color_to_text(t.color))}" for t in ask.targets if t.color is not None]
        if ask.background is not None:
            entries.append(f'"background": {quote(color_to_text(ask.background))}')
        return "{" + ", ".join(entries) + "}"

    def sentences(self, ask: Ask) -> str:
        said = "; the ".join(f"{t.text} is {color_to_text(t.color)}" for t in ask.targets if t.color is not None)
        rest = "" if ask.background is None else f" Everything else is {color_to_text(ask.background)}."
        return f"The {said}.{rest}"

    def ground(self, ask: Ask) -> str:
        return "" if ask.background is None else f" The background is {color_to_text(ask.background)}."


_ENGLISH = _English()


def _hfov_hint(hfov_deg: float | None) -> str:
    if hfov_deg is None:
        return ""
    short = f"{hfov_deg:g}"
    number = short if float(short) == hfov_deg else repr(float(hfov_deg))
    return f" The horizontal field of view is {number} degrees."
