"""A pixel's truth survives as one number; stacks keep the newest frames; folders and shards are read alike."""

import numpy as np
import pytest
import torch
from made_frames import CPU, make_frame, stack_of

from vision_banana_ros.core import DataError, Frame, Truth
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.annotations import Annotations
from vision_banana_ros.training.batch import Words
from vision_banana_ros.training.config import TrainingConfig, View
from vision_banana_ros.training.samples import Sampler
from vision_banana_ros.training.sources import read_real
from vision_banana_ros.training.store import Labels, Stack, record, shard_records
from vision_banana_ros.world.shards import shard_path


def test_instances_are_numbered_by_their_size_and_expressions_follow() -> None:
    frame, truth = make_frame()
    kept = record(frame, truth, Labels())
    instances = (kept.truth >> 48) & 255
    assert sorted(np.unique(instances).tolist()) == [0, 1, 2, 3]
    (number,) = kept.referring[0].instance_ids
    assert np.array_equal(instances == number, truth.instances == 700)


def test_large_frames_are_made_smaller_with_their_camera() -> None:
    frame, truth = make_frame()
    small = record(frame, truth, Labels(), longest=48)
    assert small.rgb.shape == (36, 48, 3)
    assert small.camera[:2] == pytest.approx((35.0, 36.0))
    assert set(np.unique((small.truth >> 40) & 255)) <= set(np.unique(truth.mask))


def test_foreign_labels_get_the_vocabularys_numbers_or_new_ones() -> None:
    labels = Labels()
    table = labels.table(("couch", "flux capacitor", "wall"))
    assert table[[0, 2]].tolist() == [vocabulary.class_id("sofa"), vocabulary.class_id("wall")]
    assert labels.names[table[1]] == "flux capacitor"
    assert labels.table(("flux capacitor",))[0] == table[1]
    assert table[3] == 255


def test_a_full_stack_keeps_the_newest_frames() -> None:
    stack = Stack.empty((72, 96), 2, CPU)
    frames = [make_frame(i) for i in range(3)]
    stack.put(record(frame, truth, Labels()) for frame, truth in frames)
    assert (stack.count, stack.capacity) == (2, 2)
    for row, seed in ((0, 2), (1, 1)):
        assert np.array_equal(stack.rgb[row].permute(1, 2, 0).numpy(), frames[seed][0].rgb)


def test_a_shards_frames_are_those_that_were_written(shards) -> None:
    found = list(shard_records(shard_path(shards, 0), Labels(), vocabulary.labels()))
    direct = [record(*make_frame(i), Labels()) for i in range(2)]
    for a, b in zip(found, direct, strict=True):
        assert np.array_equal(a.truth, b.truth)
        assert a.referring == b.referring
        assert np.abs(a.rgb.astype(int) - b.rgb).mean() < 6  # JPEG


def sampler(text, **options) -> Sampler:
    config = TrainingConfig(
        views=(View(width=64, height=32), View(width=96, height=32)), batch=4, questions=3, **options
    )
    return Sampler(config, Words.of(text, CPU), CPU)


def test_batches_mix_renders_and_real_frames_at_their_share(shards, frames, text) -> None:
    made = sampler(text, shards=(str(shards),), frames=(str(frames),), real_share=0.25)
    assert made.renders.stacks[72, 96].count == 4
    again = sampler(text, shards=(str(shards),), frames=(str(frames),), real_share=0.25)
    one, other = next(iter(made)), next(iter(again))
    assert torch.equal(one.image, other.image)
    assert torch.equal(one.boxes.color, other.boxes.color)
    assert one.image.shape[0] == 4
    drawn = [made._pick()[0] for _ in range(400)]
    assert np.mean(drawn) == pytest.approx(0.25, abs=0.07)


def test_training_needs_something_to_learn_from(text) -> None:
    with pytest.raises(DataError, match="shards, or frames"):
        sampler(text)


def test_annotations_reach_the_frames_that_they_are_of(frames, tmp_path) -> None:
    Annotations(("floor", "wall"), {"2": np.ones((72, 96), np.uint8)}).write(tmp_path / "masks", "set")
    (group,) = read_real((str(frames),), str(tmp_path / "masks"), Labels(), CPU)
    classes = (group.stacks[0].truth >> 40) & 255
    assert (classes[2] == vocabulary.class_id("wall")).all()
    assert (classes[[0, 1, 3, 4, 5]] == 255).all()
    Annotations(("floor",), {"2": np.ones((16, 48), np.uint8)}).write(tmp_path / "masks", "set")
    with pytest.raises(DataError, match="annotate the folder again"):
        read_real((str(frames),), str(tmp_path / "masks"), Labels(), CPU)


def test_frames_without_truth_of_a_kind_say_so() -> None:
    frame, truth = make_frame()
    bare = stack_of((Frame(frame.rgb), Truth(camera=truth.camera)))
    assert not (bare.truth & 0xFFFF).any()
    assert ((bare.truth >> 40) & 255 == 255).all()
