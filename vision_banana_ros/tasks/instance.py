"""INSTANCE: every thing of one class in a colour of its own, which the generator picks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from vision_banana_ros.codecs import Palette, instances
from vision_banana_ros.codecs.instances_steps import decode_steps
from vision_banana_ros.core import Answer, Ask, Frame, Layers, Rgb, Target, Task, Truth, UInt8Array
from vision_banana_ros.tasks.layers import label_layers, laid_under
from vision_banana_ros.tasks.room import (
    Decoded,
    DecodeSettings,
    Paint,
    Room,
    Wishes,
    Wording,
    known,
    pick,
)
from vision_banana_ros.tasks.words import class_region

_BLACK: Rgb = (0, 0, 0)  # around instances: found at once, where without a colour it would have to be guessed
_ASKED = re.compile(r"\binstances?\b", re.IGNORECASE)


class Instance(Room):
    task, order, topic = Task.INSTANCE, 50, "instances"
    layers = label_layers("instances", "instances/mask", dtype="uint16")

    def wordings(self, ask: Ask, say: Wording) -> Iterator[str]:
        name = ask.targets[0].text
        for said in (name, say.quote(name)):
            yield f"An instance segmentation of this image: every {said} has its own colour.{say.ground(ask)}"

    def claims(self, text: str, phrases: Sequence[str], *, is_map: bool) -> bool:
        return _ASKED.search(text) is not None

    def ask(self, wishes: Wishes) -> list[Ask]:
        return [Ask(self.task, (Target(name),), background=_BLACK) for name in wishes.instance_classes]

    def paints(self, ask: Ask) -> list[Paint]:
        return [Paint("free", ask.targets[0].text), Paint("background", color=ask.background or _BLACK)]

    def encode(self, ask: Ask, truth: Truth, wh: tuple[int, int], image: UInt8Array) -> UInt8Array:
        of_class = class_region(ask.targets[0].text, truth, wh)
        ids = pick(known(truth.instances, "instance mask"), wh) * of_class
        found = [int(i) for i in np.unique(ids) if i != 0]
        behind = ask.background or _BLACK
        colors = np.full((int(ids.max()) + 1, 3), behind, np.uint8)
        if found:
            colors[found] = Palette.distinct(len(found), avoid=(behind,)).targets
        return np.asarray(colors[ids])

    def decode(self, ask: Ask, rgb: UInt8Array, frame: Frame, settings: DecodeSettings) -> Decoded:
        if settings.instance_decoding == "steps":
            found = decode_steps(rgb, ask.background)
            sure = np.where(found > 0, np.uint8(255), np.uint8(0))  # the five steps know no doubt
            named = (ask.targets[0].text,) * int(found.max())
            return Decoded({"instances": found, "instances_confidence": sure}, {"instance_labels": named})
        decoded = instances.decode(rgb, ask.background)
        words = {"instance_labels": (ask.targets[0].text,) * decoded.count}
        return Decoded({"instances": decoded.instances, "instances_confidence": decoded.confidence}, words)

    def merge(self, answers: Sequence[Answer]) -> Layers:
        """All classes' instances in one image, numbered on; where two classes claim a pixel, the first has it."""
        merged = dict(answers[0].layers)
        for answer in answers[1:]:
            before, more = merged["instances"], answer.layers["instances"]
            merged["instances"] = laid_under(before, more, len(merged["instance_labels"]))
            if "instances_confidence" in merged and "instances_confidence" in answer.layers:
                added = merged["instances"] != before
                merged["instances_confidence"] = np.where(
                    added, answer.layers["instances_confidence"], merged["instances_confidence"]
                )
            merged["instance_labels"] += answer.layers["instance_labels"]
        return merged


ROOM = Instance()
