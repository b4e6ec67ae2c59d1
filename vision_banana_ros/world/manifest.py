"""What a folder of shards holds, and how to make exactly the same again."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from vision_banana_ros import __version__
from vision_banana_ros.core import DataError

FILE_NAME = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a folder of shards holds and how to make exactly the same again."""

    format: int = 1
    code_version: str
    first_seed: int
    count: int
    per_shard: int
    width: int
    height: int
    places: tuple[str, ...]
    samples_per_pixel: int
    sensor: bool
    labels: tuple[str, ...]

    def shard_seeds(self, shard: int) -> range:
        start = self.first_seed + shard * self.per_shard
        return range(start, min(start + self.per_shard, self.first_seed + self.count))

    @property
    def shard_count(self) -> int:
        return -(-self.count // self.per_shard)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    write_atomically(folder / FILE_NAME, json.dumps(asdict(manifest), indent=1).encode())


def read_manifest(folder: Path) -> Manifest:
    path = folder / FILE_NAME
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        fields["places"], fields["labels"] = tuple(fields["places"]), tuple(fields["labels"])
        return Manifest(**fields)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path} must be the manifest of a render: {error!r}; give the folder of one") from error


def code_version() -> str:
    """Version of the package and a digest of everything that decides what a seed shows."""
    here = Path(__file__).parent
    files = sorted([*here.rglob("*.py"), *here.glob("data/*.json")])
    digest = sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    return f"{__version__}+{digest}"


def write_atomically(path: Path, content: bytes) -> None:
    """The whole file or none, whenever the process may be stopped."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
