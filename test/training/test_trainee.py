"""What helps the student to learn: asking the shared map changes no painting, and teaches what is shared."""

import dataclasses

import pytest
import torch

from vision_banana_ros.core import Task
from vision_banana_ros.student.network import Student
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.batch import Batch
from vision_banana_ros.training.losses import total_loss
from vision_banana_ros.training.sight import seen_classes_loss, seen_depth_loss, seen_normals_loss
from vision_banana_ros.training.tasks.depth import log_metres
from vision_banana_ros.training.trainee import MIDDLES, Sight, Trainee


@pytest.fixture
def batch(make_batch) -> Batch:
    return make_batch(Task.SEMANTIC, Task.INSTANCE)


@pytest.fixture(scope="module")
def student() -> Student:
    torch.manual_seed(0)
    return Student()


@pytest.fixture
def trainee(student) -> Trainee:
    student.zero_grad()
    student.requires_grad_(True)
    return Trainee(student).eval()


def perfect(batch: Batch) -> Sight:
    classes = torch.nn.functional.one_hot(batch.classes.clamp(min=0), len(vocabulary.labels()))
    place = batch.place(canonical=True)[MIDDLES].clamp(min=0)
    return Sight(log_metres(place), 3 * batch.normals[MIDDLES], classes.permute(0, 3, 1, 2) * 30.0)


def test_asking_the_shared_map_changes_no_painting(batch, trainee) -> None:
    with torch.no_grad():
        painting, sight = trainee(batch.image, batch.boxes, batch.log_focal)
        alone = trainee.student.paint(trainee.student.see(batch.image), batch.boxes, batch.log_focal)
    assert painting.canvas.shape[:2] == (2, 3)
    torch.testing.assert_close(painting.canvas, alone.canvas)
    assert painting.guess.lens.shape == (2,)
    assert sight.log_depth.shape == (2, 8, 12)
    assert sight.normals.shape == (2, 3, 8, 12)
    assert sight.classes.shape == (2, len(vocabulary.labels()), 8, 12)


def test_what_is_seen_teaches_the_shared_part_alone(batch, trainee) -> None:
    _, sight = trainee(batch.image, batch.boxes, batch.log_focal)
    (seen_depth_loss(sight, batch) + seen_normals_loss(sight, batch) + seen_classes_loss(sight, batch)).backward()
    student = trainee.student
    assert student.encoder.stem.conv.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in (*student.painter.parameters(), *student.reader.parameters()))


def test_the_truth_costs_nothing_and_what_is_unknown_counts_for_nothing(batch) -> None:
    sight = perfect(batch)
    known = batch.place(canonical=True)[MIDDLES] >= 0
    assert known.any()
    assert not known.all()
    for loss in (seen_depth_loss, seen_normals_loss, seen_classes_loss):
        assert 0 <= loss(sight, batch) < 1e-5
    elsewhere = torch.where(known, sight.log_depth, torch.tensor(9.0))
    assert seen_depth_loss(dataclasses.replace(sight, log_depth=elsewhere), batch) < 1e-5
    off = seen_depth_loss(dataclasses.replace(sight, log_depth=sight.log_depth + 0.2), batch)
    assert off == pytest.approx(0.2, abs=1e-4)  # the same everywhere: the shape is right
    assert seen_normals_loss(dataclasses.replace(sight, normals=-sight.normals), batch) > 2
    assert seen_classes_loss(dataclasses.replace(sight, classes=-sight.classes), batch) > 10


def test_the_encoder_keeps_its_statistics_and_its_first_blocks(batch, trainee) -> None:
    trainee.learn(frozen_blocks=3, batch_norms=True)
    student = trainee.student
    before = student.encoder.blocks[7].look.norm.running_mean.clone()
    own = student.trunk.mix[0].norm.running_mean.clone()
    painting, sight = trainee(batch.image, batch.boxes, batch.log_focal)
    losses = total_loss(painting, batch, sight)
    assert {"seen depth", "seen normals", "seen classes", "lens", "scale"} <= set(losses.parts)
    losses.total.backward()
    assert torch.equal(student.encoder.blocks[7].look.norm.running_mean, before)
    assert not torch.equal(student.trunk.mix[0].norm.running_mean, own)
    assert student.encoder.blocks[2].look.conv.weight.grad is None
    assert student.encoder.blocks[3].look.conv.weight.grad.abs().sum() > 0
    assert student.lens.say.weight.grad.abs().sum() > 0
    trainee.learn(frozen_blocks=0, batch_norms=False)
    assert not any(m.training for m in trainee.modules() if isinstance(m, torch.nn.BatchNorm2d))
