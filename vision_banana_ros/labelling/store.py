"""The files of a labelling run, each written whole or not at all.

    DIR/labelling.json        what was asked for: a run that is started again must ask for the same
    DIR/plan.jsonl            the chosen pictures, one a line, in the order of the shards
    DIR/selection.html        the chosen pictures to look at
    DIR/work/KEY.*            picture, sensor's depth, and label or refusal of one picture, until its shard is written
    DIR/labels-000000.tar     shards (webdataset): `per_shard` consecutive lines of the plan, without the refused ones
    DIR/manifest.jsonl        a line for each shard: its SHA-256, its keys, who was refused and why
    DIR/samples.html          labels to look at

A shard is decided by the plan and the labels alone, never by who made them or when: its bytes are the same however
often the work was interrupted.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError
from vision_banana_ros.core.files import write_whole

SETTINGS, PLAN, MANIFEST = "labelling.json", "plan.jsonl", "manifest.jsonl"
SELECTION_PAGE, SAMPLES_PAGE, WORK = "selection.html", "samples.html", "work"
#: What lies in work/ of one picture.
WORK_SUFFIXES = ("jpg", "json", "sensor.png", "label.tar", "refused.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A line of the plan: the picture `at` of recording number `recording`. `key` is a digest of what it shows."""

    key: str
    recording: int
    at: int
    stamp_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardLine:
    """A line of the manifest."""

    shard: str
    sha256: str
    keys: tuple[str, ...]
    refused: tuple[Refusal, ...]
    licences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Store:
    """Where a run keeps what; knows nothing of pictures and teachers."""

    root: Path

    @property
    def work(self) -> Path:
        return self.root / WORK

    def shard_path(self, number: int) -> Path:
        return self.root / f"labels-{number:06d}.tar"

    def open(self, settings: dict[str, Any]) -> None:
        """A folder holds one run: go on with the same, refuse another."""
        self.work.mkdir(parents=True, exist_ok=True)
        path = self.root / SETTINGS
        mine = json.loads(json.dumps(settings))
        if path.is_file():
            there = _read_json(path)
            different = sorted(k for k in mine.keys() | there.keys() if mine.get(k) != there.get(k))
            if different:
                name = different[0]
                raise DataError(
                    f"{self.root} holds a run with {name} = {there.get(name)!r}, asked is {mine.get(name)!r}: "
                    "ask for the same, or use another --out"
                )
            return
        write_whole(path, (json.dumps(mine, indent=1) + "\n").encode())

    def write_plan(self, recordings: list[dict[str, Any]], plan: Iterable[Planned]) -> None:
        lines = [json.dumps({"recordings": recordings}), *(json.dumps(asdict(item)) for item in plan)]
        write_whole(self.root / PLAN, ("\n".join(lines) + "\n").encode())

    def read_plan(self) -> tuple[list[dict[str, Any]], list[Planned]] | None:
        path = self.root / PLAN
        if not path.is_file():
            return None
        try:
            head, *lines = path.read_text(encoding="utf-8").splitlines()
            return json.loads(head)["recordings"], [Planned(**json.loads(line)) for line in lines]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is no plan of `vision-banana label`: {error!r}; use another --out") from error

    def file(self, key: str, suffix: str) -> Path:
        return self.work / f"{key}.{suffix}"

    def is_settled(self, key: str) -> bool:
        return self.file(key, "label.tar").is_file() or self.file(key, "refused.json").is_file()

    def has_picture(self, key: str) -> bool:
        """The JSON file is the last one to be written of a picture, so all of it is there."""
        return self.file(key, "json").is_file()

    def refuse(self, key: str, reason: str) -> None:
        write_whole(self.file(key, "refused.json"), json.dumps({"reason": reason}).encode())

    def refusal(self, key: str) -> str | None:
        path = self.file(key, "refused.json")
        return str(_read_json(path)["reason"]) if path.is_file() else None

    def written(self) -> dict[str, ShardLine]:
        """Shards whose file and manifest line are both there."""
        path = self.root / MANIFEST
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        found = {}
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # cut off in the middle of a line: that shard is written again
            shard = ShardLine(
                shard=entry["shard"],
                sha256=entry["sha256"],
                keys=tuple(entry["keys"]),
                refused=tuple(Refusal(**refusal) for refusal in entry["refused"]),
                licences=tuple(entry["licences"]),
            )
            if (self.root / shard.shard).is_file():
                found[shard.shard] = shard
        return found

    def write_shard(self, number: int, items: list[Planned]) -> ShardLine:
        """From the labels of `items`, all of which are settled; their files in work/ are removed afterwards."""
        keys, refused, licences, members = [], [], set[str](), list[tuple[str, bytes]]()
        for item in items:
            reason = self.refusal(item.key)
            if reason is not None:
                refused.append(Refusal(key=item.key, reason=reason))
                continue
            content = self.file(item.key, "label.tar").read_bytes()
            for name, data in members_of(content):
                members.append((name, data))
                if name.endswith(".json"):
                    licences |= set(json.loads(data)["licences"])
            keys.append(item.key)
        path = self.shard_path(number)
        content = tar_of(members)
        write_whole(path, content)
        line = ShardLine(
            shard=path.name,
            sha256=sha256(content).hexdigest(),
            keys=tuple(keys),
            refused=tuple(refused),
            licences=tuple(sorted(licences)),
        )
        shards = self.written() | {line.shard: line}
        lines = [json.dumps(asdict(shards[name])) for name in sorted(shards)]
        write_whole(self.root / MANIFEST, ("\n".join(lines) + "\n").encode())
        for item in items:
            self.clear(item.key)
        return line

    def clear(self, key: str) -> None:
        """Remove what was kept of a picture for the time of the work."""
        for suffix in WORK_SUFFIXES:
            self.file(key, suffix).unlink(missing_ok=True)


def tar_of(members: Iterable[tuple[str, bytes]]) -> bytes:
    """The same members give the same bytes: no times, no owners."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def members_of(content: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
        for entry in tar:
            file = tar.extractfile(entry)
            if file is not None:
                yield entry.name, file.read()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        entries: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return entries
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}; remove it and run again") from error
