"""What helps the student to learn: asking the shared map changes no painting, and teaches what is shared."""

import dataclasses

import numpy as np
import pytest
import torch

from vision_banana_ros.student.network import Student
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.batch import Batch, collate
from vision_banana_ros.training.config import View
from vision_banana_ros.training.losses.depth import log_metres
from vision_banana_ros.training.losses.sight import seen_classes_loss, seen_depth_loss, seen_normals_loss
from vision_banana_ros.training.losses.total import total_loss
from vision_banana_ros.training.questions import OPEN, QuestionMaker
from vision_banana_ros.training.trainee import MIDDLES, Sight, Trainee
from vision_banana_ros.training.views import random_view


@pytest.fixture
def batch(make_sample, text) -> Batch:
    rng = np.random.default_rng(2)
    views = [random_view(make_sample(i), View(width=96, height=64), rng) for i in range(3)]
    maker = QuestionMaker(rng)
    return collate(views, [maker.ask(view, 3) for view in views], text)


@pytest.fixture
def trainee() -> Trainee:
    torch.manual_seed(0)
    return Trainee(Student()).eval()


def perfect(batch: Batch) -> Sight:
    classes = torch.nn.functional.one_hot(batch.classes.long().clamp(min=0), len(vocabulary.labels()))
    return Sight(
        log_metres(batch.position[MIDDLES].clamp(min=0)), 3 * batch.normals[MIDDLES], classes.permute(0, 3, 1, 2) * 30.0
    )


def test_asking_the_shared_map_changes_no_painting(batch, trainee) -> None:
    with torch.no_grad():
        painting, sight = trainee(batch.image.float(), batch.boxes)
        alone = trainee.student(batch.image.float(), batch.boxes)
    assert painting.canvas.shape[:2] == (3, 3)
    torch.testing.assert_close(painting.canvas, alone.canvas)
    torch.testing.assert_close(painting.lens, alone.lens)
    assert painting.lens.shape == (3,)
    assert sight.log_depth.shape == (3, 8, 12)
    assert sight.normals.shape == (3, 3, 8, 12)
    assert sight.classes.shape == (3, len(vocabulary.labels()), 8, 12)


def test_what_is_seen_teaches_the_shared_part_alone(batch, trainee) -> None:
    _, sight = trainee(batch.image.float(), batch.boxes)
    (seen_depth_loss(sight, batch) + seen_normals_loss(sight, batch) + seen_classes_loss(sight, batch)).backward()
    student = trainee.student
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in student.encoder.stem.parameters())
    assert all(p.grad is None for p in (*student.painter.parameters(), *student.reader.parameters()))


def test_the_truth_costs_nothing_and_what_is_unknown_counts_for_nothing(batch) -> None:
    sight = perfect(batch)
    known = batch.position[MIDDLES] >= 0
    assert known.any()
    assert not known.all()
    for loss, limit in ((seen_depth_loss, 1e-5), (seen_normals_loss, 1e-5), (seen_classes_loss, 1e-5)):
        assert 0 <= loss(sight, batch) < limit
    elsewhere = torch.where(known, sight.log_depth, torch.tensor(9.0))
    assert seen_depth_loss(dataclasses.replace(sight, log_depth=elsewhere), batch) < 1e-5
    off = seen_depth_loss(dataclasses.replace(sight, log_depth=sight.log_depth + 0.2), batch)
    assert off == pytest.approx(0.2, abs=1e-4)  # the same everywhere: the shape is right
    assert seen_normals_loss(dataclasses.replace(sight, normals=-sight.normals), batch) > 2
    assert seen_classes_loss(dataclasses.replace(sight, classes=-sight.classes), batch) > 10


def test_a_batch_says_what_is_in_the_middle_of_each_square(make_sample, text) -> None:
    sample = random_view(make_sample(1), View(width=96, height=64), np.random.default_rng(0))
    question = [QuestionMaker(np.random.default_rng(0)).ask(sample, 3)]
    batch = collate([sample], question, text)
    assert batch.classes.shape == (1, 8, 12)
    known = sample.mask[4::8, 4::8] != 255
    assert (batch.classes[0].numpy()[known] == sample.mask[4::8, 4::8][known]).all()
    assert (batch.classes[0].numpy()[~known] == OPEN).all()


def test_a_class_is_known_by_its_synonyms(make_sample, text) -> None:
    sample = make_sample(0)
    labels = ["something else"] * len(sample.labels)
    labels[vocabulary.class_id("sofa")] = "couch"
    mask = np.full_like(sample.mask, vocabulary.class_id("sofa"))
    mask[: len(mask) // 2] = vocabulary.class_id("wall")  # "something else" here
    named = dataclasses.replace(sample, labels=tuple(labels), mask=mask)
    classes = collate([named], [QuestionMaker(np.random.default_rng(0)).ask(sample, 3)], text).classes
    assert set(classes.flatten().tolist()) == {vocabulary.class_id("sofa"), OPEN}
    nobody_knows = dataclasses.replace(sample, mask=None)
    batch = collate([nobody_knows], [QuestionMaker(np.random.default_rng(0)).ask(nobody_knows, 3)], text)
    assert (batch.classes == OPEN).all()


def test_what_is_asked_directly_and_the_lens_count(batch, trainee) -> None:
    painting, sight = trainee(batch.image.float(), batch.boxes)
    losses = total_loss(painting, batch, sight)
    assert {"seen depth", "seen normals", "seen classes", "lens"} <= set(losses.parts)
    (gradient,) = torch.autograd.grad(losses.total, painting.lens)
    assert (gradient != 0).all()
