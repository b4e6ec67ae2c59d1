"""What a base learns from, one lesson at a time, and the folders that users give it in.

A folder of the base's own work holds pictures and `pairs.jsonl`, a line each:

    {"picture": "after.png", "text": "make it snow", "from": "before.png"}     an edit
    {"picture": "cat.png", "text": "a cat on a wall"}                          a caption
    cat.png beside cat.txt                                                     a caption, too

Pictures are cut to the shape that is trained on, about their middle, both of a pair alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vision_banana_ros.core import DataError, UInt8Array

#: What belongs to the base's own work; every other kind is the name of a task.
OWN = ("caption", "edit", "replay")
PAIRS = "pairs.jsonl"
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Lesson:
    """`kind`: a task's name, or one of OWN. `picture` goes in, `target` should come out; `source` and its licence go
    onto the training card."""

    name: str
    kind: str
    prompt: str
    target: UInt8Array
    picture: UInt8Array | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A line of a folder, before its pictures are read."""

    picture: Path
    text: str
    before: Path | None = None

    @property
    def kind(self) -> str:
        return "caption" if self.before is None else "edit"


def read_pairs(folder: Path) -> list[Pair]:
    """What a folder of own work holds, in a fixed order; DataError where no picture has words."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder: give one with pictures and {PAIRS}, or NAME.png beside NAME.txt")
    listed = folder / PAIRS
    pairs = _listed(folder, listed) if listed.is_file() else _beside(folder)
    if not pairs:
        words, pictures = len(list(folder.glob("*.txt"))), len(_pictures(folder))
        raise DataError(
            f"{folder} has {pictures} pictures and {words} texts, but no picture with its words: "
            f"call them NAME.png and NAME.txt, or list them in {PAIRS}"
        )
    return pairs


def load_pair(pair: Pair, size_wh: tuple[int, int], *, kind: str, source: str) -> Lesson:
    """The lesson of a pair, at the size that is trained on."""
    after = read_picture(pair.picture)
    before = None if pair.before is None else read_picture(pair.before)
    if before is not None and before.shape != after.shape:
        before = np.asarray(cv2.resize(before, after.shape[1::-1], interpolation=cv2.INTER_AREA), np.uint8)
    return Lesson(
        name=pair.picture.stem,
        kind=kind,
        prompt=pair.text,
        target=fit_picture(after, size_wh),
        picture=None if before is None else fit_picture(before, size_wh),
        source=source,
    )


def read_picture(path: Path) -> UInt8Array:
    found = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if found is None:
        raise DataError(f"{path} cannot be read as a picture: take it out of the folder, or write it again")
    return np.ascontiguousarray(found[..., ::-1])


def fit_picture(rgb: UInt8Array, size_wh: tuple[int, int]) -> UInt8Array:
    """The middle of a picture that has the wanted shape, resized."""
    width, height = size_wh
    if rgb.shape[1::-1] == size_wh:
        return rgb
    scale = max(width / rgb.shape[1], height / rgb.shape[0])
    wide, high = max(width, round(rgb.shape[1] * scale)), max(height, round(rgb.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = np.asarray(cv2.resize(rgb, (wide, high), interpolation=how), np.uint8)
    left, top = (wide - width) // 2, (high - height) // 2
    return np.ascontiguousarray(resized[top : top + height, left : left + width])


def write_pair(folder: Path, name: str, text: str, picture: UInt8Array, before: UInt8Array | None = None) -> None:
    """Add a pair to a folder; its line comes last, so that a line always has its pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    entry = {"picture": f"{name}.png", "text": text}
    cv2.imwrite(str(folder / entry["picture"]), picture[..., ::-1])
    if before is not None:
        entry["from"] = f"{name}.before.png"
        cv2.imwrite(str(folder / entry["from"]), before[..., ::-1])
    with (folder / PAIRS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def _listed(folder: Path, listed: Path) -> list[Pair]:
    pairs = []
    for number, line in _lines(listed):
        try:
            entry = json.loads(line)
            before = entry.get("from")
            pair = Pair(folder / entry["picture"], str(entry["text"]), None if before is None else folder / before)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f'{listed}, line {number}, must be {{"picture": ..., "text": ...}}: {error!r}') from error
        for path in (pair.picture, pair.before):
            if path is not None and not path.is_file():
                raise DataError(f"{listed}, line {number}, names {path.name}, which is not in {folder}")
        pairs.append(pair)
    return pairs


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            yield number, line


def _beside(folder: Path) -> list[Pair]:
    found = []
    for path in _pictures(folder):
        words = path.with_suffix(".txt")
        text = words.read_text(encoding="utf-8").strip() if words.is_file() else ""
        if text:
            found.append(Pair(path, text))
    return found


def _pictures(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)
