"""Rendered frames onto disk: a folder of shards, each one file with the frames of consecutive seeds.

data/readers/shards.py says how a shard is laid out, and reads it. A shard file appears under its name only when it is
complete, so an interrupted run is continued by running it again.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vision_banana_ros.core import AnyArray, DataError
from vision_banana_ros.data.example import Example
from vision_banana_ros.data.readers.shards import read_shard, shard_files
from vision_banana_ros.data.shard_codes import encode_depth, encode_normals, to_jpeg
from vision_banana_ros.world.manifest import write_atomically

__all__ = ["read_shard", "shard_files", "shard_path", "write_shard"]  # training/samples.py reads through here


def write_shard(path: Path, examples: Sequence[Example]) -> None:
    """One complete file or none: written beside `path` and renamed when done."""
    jpegs = [to_jpeg(example.frame.rgb) for example in examples]
    truths = [example.truth for example in examples]
    arrays: dict[str, AnyArray] = {
        "jpeg": np.concatenate(jpegs),
        "jpeg_end": np.cumsum([len(jpeg) for jpeg in jpegs]),
        "depth": np.stack([encode_depth(_known(truth.depth_m, "depth")) for truth in truths]),
        "normals": np.stack([encode_normals(_known(truth.normals, "normals")) for truth in truths]),
        "mask": np.stack([_known(truth.mask, "mask") for truth in truths]),
        "instances": np.stack([_known(truth.instances, "instances") for truth in truths]),
        "camera": np.array([[c.fx, c.fy, c.cx, c.cy] for c in (truth.camera for truth in truths)]),
        "about": np.array([_about(example) for example in examples]),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # numpy's stub takes allow_pickle for an array
    write_atomically(path, buffer.getvalue())


def shard_path(folder: Path, shard: int) -> Path:
    return folder / f"shard_{shard:06d}.npz"


def _about(example: Example) -> str:
    if example.seed is None:
        raise DataError(f"a shard needs the seed of every frame, got {example.name!r} without one")
    referring = [[entry.text, list(entry.instance_ids)] for entry in example.truth.referring]
    return json.dumps({"seed": example.seed, "place": example.place, "referring": referring})


def _known(value: AnyArray | None, name: str) -> AnyArray:
    if value is None:
        raise DataError(f"a shard needs the {name} of every sample, got a truth without it")
    return value
