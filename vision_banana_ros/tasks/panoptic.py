"""PANOPTIC: everything at once: stuff in the prompt's colours, every thing of the named classes in one of its own.

Of several thing classes each has its share of the circle of hues, in the order of the prompt: with two, reds and cyans.
So a thing's class is decodable from its colour, and which colour of the share it takes is the painter's choice.

Convention
    panoptic           uint16, 0 nothing, 1.. the segments: first the stuff, then the things, the largest first.
    panoptic_segments  one Segment per id, in order.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from vision_banana_ros.codecs import Palette, instances
from vision_banana_ros.core import (
    UNLABELLED,
    AnyArray,
    Ask,
    Frame,
    GeneratorError,
    InstructionError,
    Layers,
    Rgb,
    Target,
    Task,
    Truth,
    UInt8Array,
)
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.tasks.layers import ground, label_layers, target_paints
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

#: The middles of the shares of the first, second ... class, in words.
_FAMILIES = ("reds", "yellows", "greens", "cyans", "blues", "magentas")
MOST_CLASSES = len(_FAMILIES)
#: Levels around a stuff's colour that are this stuff; things keep well away from it.
_STUFF_RADIUS = 24.0
_LEAST_DISTANCE = 40.0
_BLACK: Rgb = (0, 0, 0)
_MOST_ASKED = 12
_ASKED = re.compile(r"\bpanoptic\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Segment:
    """What one id of the mask stands for."""

    id: int
    label: str
    is_thing: bool
    pixels: int


class Panoptic(Room):
    task, order, topic = Task.PANOPTIC, 70, "panoptic"
    layers = label_layers(
        "panoptic", "panoptic/mask", dtype="uint16", words="panoptic_segments", words_topic="panoptic/segments"
    )

    def wordings(self, ask: Ask, say: Wording) -> Iterator[str]:
        stuff, things = _split(ask)
        colors = f" with the colours {say.map(ask)}" if stuff else ""
        rest = "" if stuff else say.ground(ask)
        families = _families(len(things))
        for quoted in (False, True):
            names = [say.quote(thing.text) if quoted else thing.text for thing in things]
            each = "; ".join(
                f"every {name} has its own colour{f', one of the {family}' if len(things) > 1 else ''}"
                for name, family in zip(names, families, strict=True)
            )
            yield f"A panoptic segmentation of this picture{colors}{': ' if each else ''}{each}.{rest}"

    def claims(self, text: str, phrases: Sequence[str], *, is_map: bool) -> bool:
        return _ASKED.search(text) is not None

    def ask(self, wishes: Wishes) -> list[Ask]:
        """The classes of the mask; told apart are the instance classes, or what the vocabulary counts as things."""
        apart = set(wishes.instance_classes)
        if not apart:
            things = vocabulary.things()
            words = {t.text: vocabulary.find(t.text) for t in wishes.classes}
            apart = {text for text, word in words.items() if word is not None and word.name in things}
        stuff = [target for target in wishes.classes if target.text not in apart]
        things_first = sorted(apart, key=_place_in(wishes.classes))[:MOST_CLASSES]
        targets = (*stuff, *(Target(text) for text in things_first))
        return [Ask(self.task, targets, wishes.background)] if targets else []

    def paints(self, ask: Ask) -> list[Paint]:
        return target_paints(ask)

    def encode(self, ask: Ask, truth: Truth, wh: tuple[int, int], image: UInt8Array) -> UInt8Array:
        stuff, things = _split(ask)
        width, height = wh
        canvas = np.full((height, width, 3), ground(ask), np.uint8)
        for target in stuff:
            canvas[class_region(target.text, truth, wh)] = target.color or (0, 0, 0)
        taken = [ground(ask), *(target.color for target in stuff if target.color is not None)]
        ids = pick(known(truth.instances, "instance mask"), wh) if things else None
        for place, target in enumerate(things):
            region = class_region(target.text, truth, wh)
            for thing in np.unique(ids[region & (ids > 0)]).tolist() if ids is not None else ():
                color = _free_color(place, len(things), tuple(taken))
                taken.append(color)
                canvas[region & (ids == thing)] = color
        return canvas

    def decode(self, ask: Ask, rgb: UInt8Array, frame: Frame, settings: DecodeSettings) -> Decoded:
        """Areas of one colour, as instances are found; each is the stuff whose colour it has, or else a thing."""
        stuff, things = _split(ask)
        behind = ground(ask)
        found = instances.decode(rgb, behind)
        colors = _mean_colors(rgb, found.instances, found.count)
        named = [(t.text, np.array(t.color, np.float32)) for t in stuff]
        of_stuff: dict[str, list[int]] = {text: [] for text, _ in named}
        of_things: list[tuple[int, str]] = []
        for area in range(1, found.count + 1):
            distances = [float(np.linalg.norm(colors[area] - color)) for _, color in named]
            if distances and min(distances) <= _STUFF_RADIUS:
                of_stuff[named[int(np.argmin(distances))][0]].append(area)
            elif things:
                of_things.append((area, things[_share_of(colors[area], len(things))].text))
        table = np.zeros(found.count + 1, np.uint16)
        segments: list[Segment] = []
        sizes = np.bincount(found.instances.ravel(), minlength=found.count + 1)
        groups = [(areas, text, False) for text, areas in of_stuff.items() if areas]
        groups += [([area], text, True) for area, text in of_things]
        for number, (areas, text, is_thing) in enumerate(groups, start=1):
            table[areas] = number
            segments.append(Segment(number, text, is_thing, int(sizes[areas].sum())))
        return Decoded(
            {"panoptic": table[found.instances], "panoptic_confidence": found.confidence},
            {"panoptic_segments": tuple(segments)},
        )

    def questions(self, truth: Truth) -> list[Ask]:
        """Of the classes in the frame the largest ones, the things among them told apart."""
        if truth.mask is None or truth.instances is None:
            return []
        ids, areas = np.unique(truth.mask[truth.mask != UNLABELLED], return_counts=True)
        names = [truth.labels[i] for i in ids[np.argsort(-areas)][:_MOST_ASKED].tolist()]
        colors = Palette.distinct(max(1, len(names)), avoid=(_BLACK,)).targets
        classes = tuple(Target(name, color) for name, color in zip(names, colors, strict=True)) if names else ()
        return self.ask(Wishes(classes=classes, background=_BLACK))

    def score(self, ask: Ask, layers: Layers, truth: Truth) -> dict[str, float]:
        """PQ: the mean overlap of matched segments, over all that are there or were painted (Kirillov et al. 2019).

        Segments match where they are of one class and overlap by more than a half. All classes count as one.
        """
        wanted, labels = _true_segments(ask, truth)
        pairs: dict[tuple[int, int], int] = {}
        keys, counts = np.unique(wanted.astype(np.int64) << 16 | layers["panoptic"], return_counts=True)
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            pairs[key >> 16, key & 0xFFFF] = count
        true_sizes = np.bincount(wanted.ravel(), minlength=len(labels) + 1)
        segments = [s for s in layers["panoptic_segments"] if (layers["panoptic"] == s.id).any()]
        overlaps = []
        for segment in segments:
            painted = int((layers["panoptic"] == segment.id).sum())
            for true_id, label in enumerate(labels, start=1):
                both = pairs.get((true_id, segment.id), 0)
                overlap = both / max(1, int(true_sizes[true_id]) + painted - both)
                if label == segment.label and overlap > 0.5:
                    overlaps.append(overlap)
        there = int((true_sizes[1:] > 0).sum())
        return {"PQ": 2 * sum(overlaps) / (there + len(segments))} if there + len(segments) else {}


def _true_segments(ask: Ask, truth: Truth) -> tuple[AnyArray, list[str]]:
    """Ids as a perfect answer would number them, and the class of each."""
    stuff, things = _split(ask)
    size = (truth.camera.width, truth.camera.height)
    wanted = np.zeros((truth.camera.height, truth.camera.width), np.int32)
    labels: list[str] = []
    for target in stuff:
        labels.append(target.text)
        wanted[class_region(target.text, truth, size)] = len(labels)
    ids = known(truth.instances, "instance mask")
    for target in things:
        region = class_region(target.text, truth, size)
        for thing in np.unique(ids[region & (ids > 0)]).tolist():
            labels.append(target.text)
            wanted[region & (ids == thing)] = len(labels)
    return wanted, labels


def _split(ask: Ask) -> tuple[list[Target], list[Target]]:
    stuff = [target for target in ask.targets if target.color is not None]
    things = [target for target in ask.targets if target.color is None]
    if len(things) > MOST_CLASSES:
        raise InstructionError(
            f"at most {MOST_CLASSES} classes of things can be told apart by hue in one canvas, got {len(things)}"
        )
    return stuff, things


def _place_in(classes: Sequence[Target]) -> Callable[[str], tuple[int, str]]:
    texts = [target.text for target in classes]
    return lambda text: (texts.index(text) if text in texts else len(texts), text)


def _families(count: int) -> list[str]:
    return [_FAMILIES[round(place * MOST_CLASSES / count) % MOST_CLASSES] for place in range(count)]


def _share_of(color: AnyArray, count: int) -> int:
    """Which class's share of the hues a colour is of."""
    hue = colorsys.rgb_to_hsv(*(color / 255))[0]
    return round(hue * count) % count


@lru_cache(maxsize=16)
def _candidates(place: int, count: int) -> AnyArray:
    """Colours that are surely of a class's share: well inside of it, neither grey nor dark."""
    found = []
    for color in product((*range(0, 256, 24), 255), repeat=3):
        hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in color))
        off = abs((hue - place / count + 0.5) % 1 - 0.5)
        if saturation >= 0.4 and value >= 0.4 and (count == 1 or off <= 0.35 / count):
            found.append(color)
    return np.array(found, np.int64)


def _free_color(place: int, count: int, taken: tuple[Rgb, ...]) -> Rgb:
    """Of a class's share the colour that is the farthest from all that are taken."""
    candidates = _candidates(place, count)
    squared = ((candidates[:, None] - np.array(taken, np.int64)) ** 2).sum(-1).min(1)
    best = int(squared.argmax())
    if squared[best] < _LEAST_DISTANCE**2 / 4:
        raise GeneratorError(f"no colour is left for one more of {count} classes beside {len(taken)} colours")
    red, green, blue = candidates[best].tolist()
    return red, green, blue


def _mean_colors(rgb: UInt8Array, ids: AnyArray, count: int) -> AnyArray:
    flat = ids.ravel()
    sizes = np.maximum(np.bincount(flat, minlength=count + 1), 1)
    sums = [np.bincount(flat, weights=rgb[..., c].ravel(), minlength=count + 1) / sizes for c in range(3)]
    return np.stack(sums, axis=1).astype(np.float32)


ROOM = Panoptic()
