"""Patch features of another encoder: where a view finds them, that they pull, and that the head stays behind."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_frames import CPU, HW, make_frame, whole_views

from vision_banana_ros.core import DataError, Task
from vision_banana_ros.student.network import Student
from vision_banana_ros.training.checkpoint import LAST, averaged_student, load_checkpoint
from vision_banana_ros.training.config import TrainingConfig, View
from vision_banana_ros.training.features import feature_size, look_up
from vision_banana_ros.training.loop import train
from vision_banana_ros.training.losses import total_loss
from vision_banana_ros.training.sight import seen_features_loss
from vision_banana_ros.training.store import Labels, Stack, record
from vision_banana_ros.training.trainee import Trainee


def ramps() -> np.ndarray:
    """(6, 8, 3): where a cell's middle lies in the picture, across and down, and 1."""
    down, across = np.mgrid[0.5:6, 0.5:8]
    return np.stack([across / 8, down / 6, np.ones((6, 8))], axis=-1).astype(np.float16)


def stack_with(features: np.ndarray | None) -> Stack:
    stack = Stack.empty(HW, 1, CPU)
    stack.put([replace(record(*make_frame(), Labels()), features=features)])
    return stack


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_view_finds_what_lies_where_it_looks(mirrored: bool) -> None:
    stack, view = stack_with(ramps()), View(width=96, height=64)
    views = whole_views(stack, 1, view, mirrored=mirrored)
    found = look_up([(stack, 0)], views.matrix, view, 3, CPU)[0].numpy()
    assert found.shape == (3, 8, 12)
    across = (np.arange(12) * 8 + 4.5) / 96  # the canvas shows all columns, and rows 4 to 68 of 72
    down = (np.arange(8) * 8 + 4.5 + 4) / 72
    # between the middles of the outermost cells; beyond them the border goes on
    expected = 1 - across if mirrored else across
    np.testing.assert_allclose(found[0, :, 1:-1], np.tile(expected[1:-1], (8, 1)), atol=0.01)
    np.testing.assert_allclose(found[1, 1:-1], np.tile(down[1:-1, None], (1, 12)), atol=0.01)
    np.testing.assert_allclose(found[2], 1, atol=1e-6)


def test_beyond_the_frame_and_without_features_nothing_is_known() -> None:
    view = View(width=96, height=64)
    stack = stack_with(ramps())
    matrix = whole_views(stack, 1, view).matrix.copy()
    matrix[0, 0, 2] += 48  # half a frame to the right
    found = look_up([(stack, 0)], matrix, view, 3, CPU)[0]
    assert (found[:, :, 6:] == 0).all()
    assert (found[2, :, :5] > 0.999).all()
    assert (look_up([(stack_with(None), 0)], matrix, view, 3, CPU) == 0).all()


def test_the_loss_is_of_directions_and_of_what_is_known() -> None:
    truth = torch.zeros((1, 3, 1, 2))
    truth[0, :, 0, 0] = torch.tensor([0.0, 2.0, 0.0])
    said = torch.tensor([0.0, 5.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 1, 2)
    assert seen_features_loss(said, truth) == pytest.approx(0)
    assert seen_features_loss(-said, truth) == pytest.approx(2)
    assert seen_features_loss(said, torch.zeros_like(truth)) == 0


def test_the_shared_map_is_pulled(make_batch) -> None:
    torch.manual_seed(0)
    batch = make_batch(Task.SEMANTIC, Task.INSTANCE, view=View(width=64, height=32))
    target = torch.nn.functional.interpolate(batch.image / 255 - 0.5, scale_factor=1 / 8)
    batch = replace(batch, features=torch.cat([target, -target.flip(1)], dim=1))
    trainee = Trainee(Student(), features=6)
    trainee.learn(frozen_blocks=0, batch_norms=True)
    optimiser = torch.optim.AdamW(trainee.parameters(), lr=2e-3)
    found = []
    for _ in range(20):
        painting, sight = trainee(batch.image, batch.boxes, batch.log_focal)
        losses = total_loss(painting, batch, sight, features_weight=1.0)
        found.append(float(losses.parts["seen features"]))
        optimiser.zero_grad()
        losses.total.backward()
        assert trainee.student.encoder.stem.conv.weight.grad.abs().sum() > 0
        optimiser.step()
    assert found[-1] < 0.6 * found[0]
    without = total_loss(painting, batch, sight, features_weight=0.0).total
    with_them = total_loss(painting, batch, sight, features_weight=2.0)
    assert float(with_them.total - without) == pytest.approx(2 * float(with_them.parts["seen features"]), rel=1e-3)


def test_a_run_learns_from_them_and_the_head_stays_behind(frames, tmp_path, text) -> None:
    config = TrainingConfig(
        frames=(str(frames),),
        views=(View(width=64, height=32),),
        batch=2,
        samples=4,
        questions=3,
        initial=None,
        features_weight=0.5,
        log_seconds=0.0,
    )
    with pytest.raises(DataError, match="label with --features"):
        feature_size(config)
    assert feature_size(replace(config, features_weight=0.0)) == 0
    (frames / "features").mkdir()
    for i in range(5):  # the sixth frame has none
        np.save(frames / "features" / f"{i}.npy", ramps())
    assert feature_size(config) == 3
    last = train(config, tmp_path / "run", text)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert 0 < lines[0]["seen features"] < 2
    state = load_checkpoint(tmp_path / "run" / LAST)
    assert state["helpers"]["features.weight"].shape[0] == 3
    assert set(averaged_student(last).state_dict()) == set(Student().state_dict())
    np.save(frames / "features" / "4.npy", np.zeros((2, 2, 7), np.float16))
    with pytest.raises(DataError, match="one encoder"):
        train(config, tmp_path / "other", text)
