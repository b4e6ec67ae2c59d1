"""Lessons as the network takes them: latents and words, encoded once and kept on disk.

    cache/latents/HASH.safetensors    z of one picture, named by its pixels and by what encoded it
    cache/words/HASH.safetensors      one prompt (with its picture, for bases that read both together)
    cache/index.jsonl                 a line per lesson; an item is done when its own last line says so

Written whole or not at all. So that the encoders, the largest part of most bases, are not on the card while it learns.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from vision_banana_ros.core import DataError, UInt8Array
from vision_banana_ros.tuning.bases import Base
from vision_banana_ros.tuning.lessons import Lesson
from vision_banana_ros.tuning.mixture import Item

Tensor = torch.Tensor
INDEX = "index.jsonl"
#: What must stay free on the disk, beside twice the largest item so far.
_SPARE_BYTES = 64 << 20
_MEASURED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One lesson of the book; `target`, `picture` and `words` name files; words "": encoded every time."""

    item: str
    name: str
    kind: str
    prompt: str
    target: str
    picture: str | None
    words: str
    source: str


class Book:
    """What is cached in a folder for one base; `entries` are those of whole items."""

    def __init__(
        self, folder: Path, base: Base, name: str, *, keep_words: bool = True, keep_canvases: bool = False
    ) -> None:
        self.folder = folder
        self._base = base
        self._name = f"{name} {type(base.pipeline).__name__} {base.dtype}"
        self._keep_words = keep_words
        self.keeps_canvases = keep_canvases
        self._read = lru_cache(maxsize=4096)(self._load)
        for part in ("latents", "words"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        self.entries, self._done = _read_index(folder / INDEX)

    def prepare(self, items: Iterable[Item], tell: Callable[[str], None]) -> None:
        """Encode what is not there yet; the entries become those of `items`, in their order."""
        wanted: list[str] = []
        largest = 0
        _end_line(self.folder / INDEX)
        for item in items:
            wanted.append(item.name)
            if item.name in self._done:
                continue
            if shutil.disk_usage(self.folder).free < _SPARE_BYTES + 2 * largest:
                raise self._full()
            lessons = item.make()
            try:
                before = _size(self.folder) if len(wanted) <= _MEASURED else 0
                lines = [asdict(self._entry(item, lesson)) for lesson in lessons]
                if len(wanted) <= _MEASURED:
                    largest = max(largest, _size(self.folder) - before)
                with (self.folder / INDEX).open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps(line) + "\n" for line in (*lines, {"done": item.name}))
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise self._full() from error
                raise
            self._done.add(item.name)
            self.entries += [Entry(**line) for line in lines]
            if len(wanted) % 50 == 0:
                tell(f"{len(self.entries)} lessons are encoded")
        order = {name: number for number, name in enumerate(wanted)}
        self.entries = sorted((e for e in self.entries if e.item in order), key=lambda e: order[e.item])
        if not self._base.words_see_picture:
            self.unsaid()

    def target(self, entry: Entry) -> Tensor:
        return self._read(f"latents/{entry.target}")["z"]

    def canvas(self, entry: Entry) -> Tensor:
        """(3, H, W) uint8: the wanted picture itself, for a loss on pixels."""
        found = self._read(f"latents/{entry.target}")
        if "rgb" not in found:
            raise DataError(
                f"{self.folder} was filled without canvases, which a loss on the canvas needs: give another --cache"
            )
        return found["rgb"]

    def picture(self, entry: Entry) -> Tensor | None:
        return None if entry.picture is None else self._read(f"latents/{entry.picture}")["z"]

    def words(self, entry: Entry) -> Mapping[str, Tensor]:
        if entry.words:
            return self._read(f"words/{entry.words}")
        return {name: value.cpu() for name, value in self._base.words(entry.prompt, None).items()}

    def unsaid(self) -> Mapping[str, Tensor]:
        """The words of an empty prompt."""
        return self._read(f"words/{self._save_words('', None)}")

    def _entry(self, item: Item, lesson: Lesson) -> Entry:
        base = self._base
        if lesson.picture is None and not base.paints_without_picture:
            raise DataError(f"{base.family.name} paints only from a picture: {lesson.name} of {lesson.source} has none")
        keeps = self._keep_words or base.words_see_picture
        return Entry(
            item=item.name,
            name=lesson.name,
            kind=lesson.kind if lesson.kind != "replay" or lesson.picture is None else "replay-edit",
            prompt=lesson.prompt,
            target=self._save(lesson.target, "target", base.encode),
            picture=None if lesson.picture is None else self._save(lesson.picture, "picture", base.encode_source),
            words=self._save_words(lesson.prompt, lesson.picture) if keeps else "",
            source=lesson.source,
        )

    def _save(self, rgb: UInt8Array, role: str, encode: Callable[[UInt8Array], Tensor]) -> str:
        whole = self.keeps_canvases and role == "target"
        name = self._hash((f"{role} and pixels" if whole else role).encode(), str(rgb.shape).encode(), rgb.tobytes())
        path = self.folder / "latents" / f"{name}.safetensors"
        if not path.exists():
            kept = {"z": encode(rgb)}
            if whole:
                kept["rgb"] = torch.from_numpy(rgb.copy()).permute(2, 0, 1)
            _write(path, kept)
        return name

    def _save_words(self, prompt: str, picture: UInt8Array | None) -> str:
        seen = picture.tobytes() if picture is not None and self._base.words_see_picture else b""
        name = self._hash(b"words", prompt.encode(), seen)
        path = self.folder / "words" / f"{name}.safetensors"
        if not path.exists():
            _write(path, self._base.words(prompt, picture))
        return name

    def _hash(self, *parts: bytes) -> str:
        found = hashlib.sha256(self._name.encode())
        for part in parts:
            found.update(hashlib.sha256(part).digest())
        return found.hexdigest()[:32]

    def _load(self, name: str) -> dict[str, Tensor]:
        path = self.folder / f"{name}.safetensors"
        try:
            return load_file(path)
        except Exception as error:  # the library has no class of its own for a damaged file
            raise DataError(f"{path} is damaged or gone: delete {self.folder} and tune again") from error

    def _full(self) -> DataError:
        return DataError(
            f"the disk of {self.folder} is full: {len(self.entries)} lessons are encoded and kept; free some space, "
            "or give --cache DIR on another disk, and run the same command again"
        )


def _read_index(path: Path) -> tuple[list[Entry], set[str]]:
    """Lessons of whole items; what a stopped item left is made again."""
    if not path.is_file():
        return [], set()
    found: list[Entry] = []
    waiting: list[Entry] = []
    done: set[str] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
            if "done" in row:
                found += [entry for entry in waiting if entry.item == row["done"]]
                done.add(row["done"])
                waiting = []
            else:
                waiting.append(Entry(**row))
        except (ValueError, TypeError):  # the line at which a machine went down
            waiting = []
    return found, done


def _end_line(path: Path) -> None:
    """A line that was cut off is ended, so that the next one is whole."""
    if path.is_file() and not path.read_bytes().endswith(b"\n"):
        with path.open("ab") as file:
            file.write(b"\n")


def _write(path: Path, tensors: Mapping[str, Tensor]) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, part)
        os.replace(part, path)
    except Exception as error:
        part.unlink(missing_ok=True)
        if "No space left" in str(error):
            raise OSError(errno.ENOSPC, "No space left on device", str(path)) from error
        raise


def _size(folder: Path) -> int:
    return sum(f.stat().st_size for part in ("latents", "words") for f in (folder / part).iterdir())
