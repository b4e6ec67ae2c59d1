"""SA-Co/Gold: pictures with a phrase each and every thing that it names (facebookresearch/sam3, scripts/eval/gold).

    gt-annotations/gold_SUBSET_merged_{a,b,c}_release_test.json     by three people
    metaclip-images/FILE, sa1b-images/FILE                           the latter for the subset sa1b

images[]: one entry per (picture, phrase): id, file_name, text_input, width, height, is_instance_exhaustive.
annotations[]: image_id, segmentation (compressed run lengths at the picture's size), iscrowd. A pair without one is
negative: the phrase names nothing there.

A pair is judged if it is exhaustive in `a` and not marked otherwise in `b` or `c` (sam3/eval/cgf1_eval.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from vision_banana_ros.core import BoolArray, Frame
from vision_banana_ros.data.example import Source
from vision_banana_ros.data.readers.benchmarks import coco_masks
from vision_banana_ros.data.readers.benchmarks.common import read_json, read_rgb, require, require_some

SUBSETS: tuple[str, ...] = (
    "metaclip",
    "sa1b",
    "crowded",
    "fg_food",
    "fg_sports_equipment",
    "attributes",
    "wiki_common",
)
ANNOTATORS: tuple[str, ...] = ("a", "b", "c")
SOURCE = Source("SA-Co/Gold", "SAM License (2025-11-19); pictures keep their owners' rights")
_PIECE = 32
LAYOUT = "gt-annotations/gold_SUBSET_merged_{a,b,c}_release_test.json, metaclip-images/ and sa1b-images/"


@dataclass(frozen=True, slots=True)
class Pair:
    """A phrase for a picture; `masks` decodes the things, no crowds, that one annotator marked: they may overlap."""

    subset: str
    pair_id: str
    text: str
    picture: Path
    hw: tuple[int, int]
    marked: tuple[tuple[Any, ...], ...]

    def frame(self) -> Frame:
        return _frame(self.picture)

    def masks(self, annotator: int) -> list[BoolArray]:
        return [coco_masks.decode(entry, self.hw) for entry in self.marked[annotator]]


@dataclass(frozen=True, slots=True)
class SacoGold:
    """Every subset whose annotations are there, pair by pair."""

    root: Path
    subsets: tuple[str, ...]

    @property
    def source(self) -> Source:
        return SOURCE

    def pairs(self, subset: str) -> list[Pair]:
        read = [_by_pair(read_json(_file(self.root, subset, annotator))) for annotator in ANNOTATORS]
        first = read[0]
        folder = self.root / ("sa1b-images" if subset == "sa1b" else "metaclip-images")
        pairs = []
        for pair_id, (image, _) in first.items():
            others = [person.get(pair_id) for person in read[1:]]
            if not image["is_instance_exhaustive"] or any(o and not o[0]["is_instance_exhaustive"] for o in others):
                continue
            marked = tuple(tuple(person[pair_id][1]) if pair_id in person else () for person in read)
            hw = (int(image["height"]), int(image["width"]))
            pairs.append(Pair(subset, str(pair_id), image["text_input"], folder / image["file_name"], hw, marked))
        return pairs

    def __iter__(self) -> Iterator[Pair]:
        for subset in self.subsets:
            yield from self.pairs(subset)

    def pieces(self) -> tuple[str, ...]:
        """SUBSET:NUMBER, each of `_PIECE` pairs: phrases of one picture follow each other, and are mostly together."""
        counts = {subset: len(self.pairs(subset)) for subset in self.subsets}
        return tuple(f"{subset}:{n}" for subset, count in counts.items() for n in range(-(-count // _PIECE)))

    def read_piece(self, piece: str) -> list[Pair]:
        subset, _, number = piece.partition(":")
        start = int(number) * _PIECE
        return _pairs(self, subset)[start : start + _PIECE]


def open_dataset(root: Path) -> SacoGold:
    require(root / "gt-annotations", root, LAYOUT)
    there = [s for s in SUBSETS if all(map(Path.is_file, map(partial(_file, root, s), ANNOTATORS)))]
    return SacoGold(root, require_some(there, root, LAYOUT))


@lru_cache(maxsize=1)
def _frame(picture: Path) -> Frame:
    """Phrases of one picture follow each other."""
    return Frame(read_rgb(picture))


@lru_cache(maxsize=1)
def _pairs(gold: SacoGold, subset: str) -> list[Pair]:
    return gold.pairs(subset)


def _file(root: Path, subset: str, annotator: str) -> Path:
    return root / "gt-annotations" / f"gold_{subset}_merged_{annotator}_release_test.json"


def _by_pair(content: dict[str, Any]) -> dict[Any, tuple[dict[str, Any], list[Any]]]:
    """Pair id -> (entry, its masks); crowds are no things to find."""
    marked = defaultdict(list)
    for annotation in content["annotations"]:
        if not annotation.get("iscrowd", annotation.get("is_crowd", 0)):
            marked[annotation["image_id"]].append(annotation["segmentation"])
    return {image["id"]: (image, marked[image["id"]]) for image in content["images"]}
