"""SEMANTIC: every pixel in the colour that the prompt gives its class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from vision_banana_ros.core import Ask, Frame, Task, Truth, UInt8Array
from vision_banana_ros.tasks.layers import (
    compare_labels,
    decode_labels,
    ground,
    label_layers,
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
from vision_banana_ros.tasks.words import matches


class Semantic(Room):
    task, order, topic = Task.SEMANTIC, 40, "segmentation"
    layers = label_layers("mask", "segmentation/mask", confidence_topic="segmentation/confidence")

    def wordings(self, ask: Ask, say: Wording) -> Iterator[str]:
        yield f"Paint a semantic segmentation of this picture with the colours {say.map(ask)}."

    def claims(self, text: str, phrases: Sequence[str], *, is_map: bool) -> bool:
        """What names colours and is meant for no other task."""
        return True

    def ask(self, wishes: Wishes) -> list[Ask]:
        return [Ask(self.task, wishes.classes, wishes.background)] if wishes.classes else []

    def paints(self, ask: Ask) -> list[Paint]:
        return target_paints(ask)

    def encode(self, ask: Ask, truth: Truth, wh: tuple[int, int], image: UInt8Array) -> UInt8Array:
        """A target that the truth has no name for is painted nowhere: a perfect generator answers what is not there."""
        colors = np.full((256, 3), ground(ask), np.uint8)
        for class_id, label in enumerate(truth.labels):
            target = next((t for t in ask.targets if matches(t.text, label)), None)
            if target is not None and target.color is not None:
                colors[class_id] = target.color
        return np.asarray(colors[pick(known(truth.mask, "class mask"), wh)])

    def decode(self, ask: Ask, rgb: UInt8Array, frame: Frame, settings: DecodeSettings) -> Decoded:
        return decode_labels(ask, rgb, settings, "mask", "labels")

    def compare(self, ask: Ask, painted: UInt8Array, wanted: UInt8Array, precision: str) -> list[Difference]:
        return compare_labels(ask, painted, wanted, precision)


ROOM = Semantic()
