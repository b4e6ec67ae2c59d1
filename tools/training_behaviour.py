"""What training does, as digests of every batch, every loss and the weights: to show that a change changed nothing.

    python tools/training_behaviour.py record before.json      on the old tree
    python tools/training_behaviour.py record after.json       on the new one
    python tools/training_behaviour.py compare before.json after.json

A tiny run of its own, with renders, two folders of real frames, one of them named twice, and annotations. It goes
through the public functions, so it runs on either tree: go there, and put it first on PYTHONPATH. Processors and
libraries round differently: both records must be of one machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path.cwd() / "test" / "training"))

from made_frames import make_frame, write_frames

from vision_banana_ros.data import Example, Source
from vision_banana_ros.student.text import EMBEDDING_SIZE, TextTable
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training import loop
from vision_banana_ros.training.annotations import Annotations
from vision_banana_ros.training.config import TrainingConfig, View
from vision_banana_ros.world.manifest import Manifest, write_manifest
from vision_banana_ros.world.shards import shard_path, write_shard

BATCH = 4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ways = parser.add_subparsers(dest="way", required=True)
    record = ways.add_parser("record")
    record.add_argument("file", type=Path)
    record.add_argument("--steps", type=int, default=40)
    compare = ways.add_parser("compare")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    args = parser.parse_args()
    if args.way == "record":
        args.file.write_text(json.dumps(recorded(args.steps), indent=1) + "\n", encoding="utf-8")
        return 0
    before, after = (json.loads(file.read_text(encoding="utf-8")) for file in (args.before, args.after))
    differ = [
        f"step {i}: {key}" for i, (a, b) in enumerate(zip(before, after, strict=True)) for key in a if a[key] != b[key]
    ]
    print("\n".join(differ) or f"{len(before)} entries: the same to the bit")
    return 1 if differ else 0


def recorded(steps: int) -> list[dict[str, Any]]:
    """One entry for each step, and the weights at the end."""
    torch.set_num_threads(1)
    entries: list[dict[str, Any]] = []
    total_loss = loop.total_loss

    def noted(painting: Any, batch: Any, sight: Any) -> Any:
        losses = total_loss(painting, batch, sight)
        parts = {name: value.item().hex() for name, value in losses.parts.items()}
        entries.append({"batch": digest(tensors(batch)), "total": losses.total.item().hex(), **parts})
        return losses

    loop.total_loss = noted
    with tempfile.TemporaryDirectory() as scratch:
        run = loop.train(made_up(Path(scratch), steps), Path(scratch) / "run", text_table())
        state = torch.load(run, weights_only=True)
    weights = {kind: digest(state[kind].values()) for kind in ("weights", "helpers", "average")}
    return [*entries, weights]


def made_up(folder: Path, steps: int) -> TrainingConfig:
    for name, focal in (("usual", 70), ("narrow", 150)):
        write_frames(folder / name)
        camera = {"fx": focal, "fy": focal + 2, "cx": 46, "cy": 37, "width": 96, "height": 72}
        (folder / name / "intrinsics.json").write_text(json.dumps({str(i): camera for i in range(6)}))
    masks = {str(i): make_frame(i)[1].mask for i in range(6)}
    Annotations(vocabulary.labels(), {name: m for name, m in masks.items() if m is not None}).write(
        folder / "masks", "usual"
    )
    shards = folder / "shards"
    shards.mkdir()
    for shard in range(4):
        made = ((seed, make_frame(seed)) for seed in (2 * shard, 2 * shard + 1))
        samples = [Example(f"{seed}", *frame, Source("made up"), place="hall", seed=seed) for seed, frame in made]
        write_shard(shard_path(shards, shard), samples)
    manifest = Manifest(
        code_version="0", first_seed=0, count=8, per_shard=2, width=96, height=72, places=(),
        samples_per_pixel=1, sensor=False, labels=vocabulary.labels(),
    )  # fmt: skip
    write_manifest(shards, manifest)
    return TrainingConfig(
        shards=(str(shards),), frames=tuple(str(folder / name) for name in ("usual", "narrow", "usual")),
        annotations=str(folder / "masks"), views=(View(width=64, height=32), View(width=96, height=64, share=2.0)),
        batch=BATCH, questions=5, samples=steps * BATCH, initial=None, bfloat16=False, threads=1, warmup=16,
    )  # fmt: skip


def text_table() -> TextTable:
    def directions(texts: list[str]) -> np.ndarray:
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") for text in texts]
        vectors = np.stack([np.random.default_rng(seed).standard_normal(EMBEDDING_SIZE) for seed in seeds])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    return TextTable.build(["floor"], directions)


def tensors(value: Any) -> Iterable[Tensor]:
    """Those of a batch, in the order of its fields; whether few of a kind stand alone or by task is no difference."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for name in sorted(value):
            yield from tensors(value[name])
    elif isinstance(value, tuple):
        for part in value:
            yield from tensors(part)
    elif value is not None:
        for field in fields(value):
            yield from tensors(getattr(value, field.name))


def digest(values: Iterable[Tensor]) -> str:
    found = hashlib.sha256()
    for value in values:
        found.update(value.detach().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
