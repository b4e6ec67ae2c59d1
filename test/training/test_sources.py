"""What a source may teach and how often it is drawn: weight, lens, kinds of labels, licence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_frames import CPU, make_frame, write_frames

from vision_banana_ros.core import DataError
from vision_banana_ros.data import Lens
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.annotations import Annotations
from vision_banana_ros.training.batch import Words
from vision_banana_ros.training.config import Folder, TrainingConfig, View
from vision_banana_ros.training.samples import Sampler
from vision_banana_ros.training.sources import Group, read_real, sources
from vision_banana_ros.training.store import Labels, Stack, record, shard_records
from vision_banana_ros.world.shards import shard_path

VIEW = View(width=64, height=32)


def sampler(text: TextTable, **options: Any) -> Sampler:
    config = TrainingConfig(views=(VIEW,), batch=16, questions=2, turn_share=0.0, paste_share=0.0, **options)
    return Sampler(config, Words.of(text, CPU), CPU)


def with_focal(folder: Path, focal: float) -> str:
    write_frames(folder)
    camera = {"fx": focal, "fy": focal, "cx": 46, "cy": 37, "width": 96, "height": 72}
    (folder / "intrinsics.json").write_text(json.dumps({str(i): camera for i in range(6)}))
    return str(folder)


def test_a_weight_counts_as_naming_it_so_often(tmp_path: Path) -> None:
    """Beside the square root of the number of frames."""
    one, other = with_focal(tmp_path / "one", 70), with_focal(tmp_path / "other", 70)
    for name in ("4", "5"):
        (tmp_path / "other" / "rgb" / f"{name}.png").unlink()
    thrice = read_real((Folder(path=one, weight=3), other), None, Labels(), CPU)
    named = read_real((one, one, one, other), None, Labels(), CPU)
    assert thrice[0].weight / thrice[1].weight == pytest.approx(3 * (6 / 4) ** 0.5)
    assert sum(group.weight for group in named[:3]) == pytest.approx(thrice[0].weight)
    assert named[0].stacks[0] is named[3].stacks[0]
    assert named[0].stacks[0].count == 10  # read once


@pytest.mark.parametrize(("lens", "usual"), [("all", True), ("no narrow", False), ("none", False), (None, False)])
def test_a_real_source_through_long_lenses_teaches_which_to_expect_only_where_it_may(
    tmp_path: Path, text: TextTable, lens: str | None, usual: bool
) -> None:
    made = sampler(text, frames=(Folder(path=with_focal(tmp_path / "long", 150), lens=lens),))
    assert bool(made.batch(VIEW).usual.any()) == usual


def test_a_source_that_teaches_no_lens_teaches_none_however_wide(tmp_path: Path, text: TextTable) -> None:
    folder = with_focal(tmp_path / "wide", 60)
    assert sampler(text, frames=(folder,)).batch(VIEW).usual.any()
    assert not sampler(text, frames=(Folder(path=folder, lens="none"),)).batch(VIEW).usual.any()
    (tmp_path / "wide" / "intrinsics.json").unlink()  # a stand-in camera is no truth
    assert not sampler(text, frames=(folder,)).batch(VIEW).usual.any()


def test_only_the_labels_that_are_named_are_used(tmp_path: Path) -> None:
    folder = with_focal(tmp_path / "set", 70)
    Annotations(("wall",), {"2": np.zeros((72, 96), np.uint8)}).write(tmp_path / "masks", "set")

    def kept(*labels: str) -> tuple[bool, bool, set[Lens]]:
        (group,) = read_real((Folder(path=folder, labels=labels),), str(tmp_path / "masks"), Labels(), CPU)
        stack = group.stacks[0]
        classes = (stack.truth >> 40) & 255
        return bool((stack.truth & 0xFFFF).any()), bool((classes != 255).any()), set(stack.lens)

    assert kept() == (True, True, {Lens.NO_NARROW})
    assert kept("depth", "camera") == (True, False, {Lens.NO_NARROW})
    assert kept("mask") == (False, True, {Lens.NONE})


def test_only_the_labels_of_a_shard_that_are_named_are_used(shards: Path) -> None:
    def bits(*kinds: str) -> tuple[dict[str, bool], Lens, int]:
        first = next(
            shard_records(shard_path(shards, 0), Labels(), vocabulary.labels(), kinds=frozenset(kinds), weight=2.0)
        )
        assert first.weight == 2.0
        truth = first.truth
        known = {
            "depth": bool((truth & 0xFFFF).any()),
            "normals": bool((((truth >> 16) & 0xFFFFFF) != 0x808080).any()),
            "mask": bool((((truth >> 40) & 255) != 255).any()),
            "instances": bool(((truth >> 48) & 255).any()),
        }
        return known, first.lens, len(first.referring)

    nothing = dict.fromkeys(("depth", "normals", "mask", "instances"), False)
    for kind in nothing:
        assert bits(kind) == ({**nothing, kind: True}, Lens.NONE, 0)
    assert bits("camera") == (nothing, Lens.ALL, 0)
    assert bits("instances", "referring")[2] == 2


def test_renders_of_more_weight_are_drawn_more_often(shards: Path, tmp_path: Path, text: TextTable) -> None:
    """Their frames are of a size of their own and in a stack with the others'."""
    (tmp_path / "more").mkdir()
    for path in shards.iterdir():
        (tmp_path / "more" / path.name).write_bytes(path.read_bytes())
    made = sampler(text, shards=(str(shards), Folder(path=str(tmp_path / "more"), weight=3.0)))
    assert made.renders is not None
    (stack,) = made.renders.stacks.values()
    assert sorted(stack.weight[: stack.count]) == [1.0] * 4 + [3.0] * 4
    drawn = [stack.weight[row] for _, (_, row) in (made._pick() for _ in range(600))]
    assert np.mean(np.array(drawn) == 3.0) == pytest.approx(0.75, abs=0.06)


def test_weighted_rows_are_those_of_their_own_stack() -> None:
    stacks = []
    for seed, longest, weights in ((0, None, (1.0, 0.0)), (2, 48, (0.0, 0.0, 2.0))):
        records = [record(*make_frame(seed + i), Labels(), longest=longest) for i in range(len(weights))]
        stack = Stack.empty(records[0].truth.shape, 4, CPU)
        stack.put(records)
        stack.weight[: len(weights)] = weights
        stacks.append(stack)
    rng = np.random.default_rng(0)
    picked = [Group(1.0, stacks).pick(rng, weighted=True) for _ in range(300)]
    found = {(stacks.index(stack), row) for stack, row in picked}
    assert found == {(0, 0), (1, 2)}
    assert np.mean([stack is stacks[1] for stack, _ in picked]) == pytest.approx(2 / 3, abs=0.09)


def test_frames_that_take_a_place_bring_their_own_lens_and_weight() -> None:
    stack = Stack.empty((72, 96), 2, CPU)
    frame, truth = make_frame()
    stack.put([record(frame, truth, Labels())])
    stack.lens[:], stack.weight[:] = Lens.NONE, 5.0
    assert list(stack.advance(1)) == [1]
    assert (stack.lens[1], stack.weight[1]) == (Lens.ALL, 1.0)
    assert (stack.lens[0], stack.weight[0]) == (Lens.NONE, 5.0)


def test_what_forbids_commercial_use_needs_to_be_allowed_and_all_is_written_down(
    tmp_path: Path, shards: Path, text: TextTable
) -> None:
    folder = with_focal(tmp_path / "closed", 70)
    source = {"name": "closed rooms", "licence": "CC-BY-NC-4.0", "revision": "1", "non_commercial": True}
    (tmp_path / "closed" / "source.json").write_text(json.dumps(source))
    with pytest.raises(DataError, match="closed rooms: not for commercial use"):
        sampler(text, frames=(folder,))
    allowed = {"frames": (folder, folder), "shards": (str(shards),), "allow_non_commercial": True}
    assert torch.isfinite(sampler(text, **allowed).batch(VIEW).image).all()
    told = [(source.name, source.licence, count) for source, count in sources(TrainingConfig(**allowed))]
    assert told == [("vision_banana_ros world", "Apache-2.0", 4), ("closed rooms", "CC-BY-NC-4.0", 6)]
