"""REFERRING: the regions that phrases point at, each in the colour that the prompt gives it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from vision_banana_ros.core import Answer, Ask, Frame, Layers, Task, Truth, UInt8Array
from vision_banana_ros.tasks.layers import (
    compare_labels,
    decode_labels,
    ground,
    label_layers,
    laid_under,
    target_paints,
)
from vision_banana_ros.tasks.room import (
    Decoded,
    DecodeSettings,
    Difference,
    Paint,
    Room,
    Wishes,
    Wording,
    known,
    pick,
)
from vision_banana_ros.tasks.words import class_region, plain

_ASKED = re.compile(r"\brefer(?:ring|red|s)?\b|\bexpressions?\b", re.IGNORECASE)
_CLASSES = re.compile(r"\bsemantic|\bclass(?:es)?\b|\bper-?pixel\b|\blabell?ing\b", re.IGNORECASE)
#: A phrase with one of these points at one thing among several, as a class name hardly ever does.
_POINTING = re.compile(
    r"\b(?:in|on|at|of|to|near|nearest|next|behind|under|above|below|between|left|right|other|with|without|who|that"
    r"|which|wearing|holding|standing|sitting|first|second|third|last|leftmost|rightmost|largest|biggest|smallest"
    r"|closest|farthest|furthest|tallest|middle|same)\b",
    re.IGNORECASE,
)


class ReferringRoom(Room):
    task, order, topic = Task.REFERRING, 60, "referring"
    layers = label_layers("referring", "referring/mask", confidence_topic="referring/confidence")

    def wordings(self, ask: Ask, say: Wording) -> Iterator[str]:
        yield f"A referring segmentation of this picture. {say.sentences(ask)}"
        yield f"Paint a referring segmentation of this picture with the colours {say.map(ask)}."

    def claims(self, text: str, phrases: Sequence[str], *, is_map: bool) -> bool:
        """What the wording says; without a word of it, phrases that point at one thing among several."""
        if _ASKED.search(text):
            return True
        if is_map or _CLASSES.search(text):
            return False
        return any(_POINTING.search(phrase) for phrase in phrases)

    def ask(self, wishes: Wishes) -> list[Ask]:
        return []  # nobody knows what is pointed at until a prompt says it

    def paints(self, ask: Ask) -> list[Paint]:
        return target_paints(ask)

    def encode(self, ask: Ask, truth: Truth, wh: tuple[int, int], image: UInt8Array) -> UInt8Array:
        width, height = wh
        canvas = np.full((height, width, 3), ground(ask), np.uint8)
        for target in ask.targets:
            said = next((r for r in truth.referring if plain(r.text) == plain(target.text)), None)
            if said is not None:
                region = np.isin(pick(known(truth.instances, "instance mask"), wh), said.instance_ids)
            else:
                region = class_region(target.text, truth, wh)
            if target.color is not None:
                canvas[region] = target.color
        return canvas

    def decode(self, ask: Ask, rgb: UInt8Array, frame: Frame, settings: DecodeSettings) -> Decoded:
        return decode_labels(ask, rgb, settings, "referring", "referring_labels")

    def merge(self, answers: Sequence[Answer]) -> Layers:
        """Regions of all prompts, numbered on; where two claim a pixel, the first has it."""
        merged = dict(answers[0].layers)
        for answer in answers[1:]:
            more = answer.layers
            merged["referring"] = laid_under(
                merged["referring"], more["referring"], len(merged["referring_labels"]) - 1
            )
            merged["referring_labels"] += more["referring_labels"][1:]
        return merged

    def compare(self, ask: Ask, painted: UInt8Array, wanted: UInt8Array, precision: str) -> list[Difference]:
        return compare_labels(ask, painted, wanted, precision)


ROOM = ReferringRoom()
