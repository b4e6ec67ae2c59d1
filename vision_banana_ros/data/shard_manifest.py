"""manifest.json of a folder of shards: what it holds, and how exactly the same is made again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError

FILE_NAME = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`code_version` is a digest of everything that decides what a seed shows (world/manifest.py)."""

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


def read_manifest(folder: Path) -> Manifest:
    path = folder / FILE_NAME
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        fields["places"], fields["labels"] = tuple(fields["places"]), tuple(fields["labels"])
        return Manifest(**fields)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path} must be the manifest of a render: {error!r}; give the folder of one") from error
