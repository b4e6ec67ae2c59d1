"""Readers, one file each, and which of them reads a folder.

A reader is a module with `recognises(root) -> bool` and `open_dataset(root) -> Dataset`. To add one, write the file and
name it in READERS; the first that recognises a folder reads it.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from vision_banana_ros.core import DataError
from vision_banana_ros.data.example import Dataset

READERS: dict[str, str] = {
    "shards": "vision_banana_ros.data.readers.shards",
    "frames": "vision_banana_ros.data.readers.frames",
    "labels": "vision_banana_ros.data.readers.labels",
}


def open_dataset(root: Path | str, reader: str | None = None) -> Dataset:
    """The frames with truth in a folder, by the reader of that name or by the one that knows such folders."""
    root = Path(root)
    if reader is not None and reader not in READERS:
        raise DataError(f"no reader is called {reader!r}: there are {', '.join(READERS)}")
    for name in [reader] if reader else READERS:
        module = import_module(READERS[name])
        if reader or module.recognises(root):
            opened: Dataset = module.open_dataset(root)
            return opened
    raise DataError(
        f"{root} must hold shard_*.npz with a manifest.json (vision-banana render), labels-*.tar with a manifest.jsonl "
        "(vision-banana label), or rgb/ with depth/, normal/, label/ or instance/ beside it"
    )
