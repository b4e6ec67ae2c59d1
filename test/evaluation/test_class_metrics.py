"""Pixel accuracy and mIoU against torchmetrics and against counting by hand; the class that a constant would paint."""

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix, MulticlassJaccardIndex

from vision_banana_ros.evaluation.class_metrics import ClassScores
from vision_banana_ros.evaluation.intervals import estimate, estimate_of_sums


@pytest.mark.parametrize("seed", range(5))
def test_the_same_as_torchmetrics(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = ClassScores(5)
    truths, answers = rng.integers(0, 5, (4, 7, 11)), rng.integers(0, 5, (4, 7, 11))
    answers = np.where(rng.random(answers.shape) < 0.6, truths, answers)
    truths[rng.random(truths.shape) < 0.2] = 255
    for truth, answer in zip(truths, answers, strict=True):
        scores.add(answer.astype(np.uint8), truth.astype(np.uint8))
    t, a = torch.from_numpy(truths), torch.from_numpy(answers)
    summary = scores.summary()
    accuracy = MulticlassAccuracy(5, average="micro", ignore_index=255)(a, t)
    iou = MulticlassJaccardIndex(5, average="macro", ignore_index=255)(a, t)
    table = MulticlassConfusionMatrix(5, ignore_index=255)(a, t)
    assert summary.pixel_accuracy.value == pytest.approx(float(accuracy), abs=1e-6)
    assert summary.mean_iou.value == pytest.approx(float(iou), abs=1e-6)
    assert np.array_equal(scores.confusion.counts[:, :5], table.numpy())
    assert summary.mean_iou.value == pytest.approx(scores.confusion.mean_iou(), abs=1e-6)
    assert summary.pixels == int((truths != 255).sum())
    assert summary.pixel_accuracy.low <= summary.pixel_accuracy.value <= summary.pixel_accuracy.high


def test_the_best_constant_is_the_most_frequent_class_of_the_set() -> None:
    scores = ClassScores(3)
    # class 1 is most frequent in the set, though not in the first frame
    for truth in ([[0, 0, 0, 2]], [[1, 1, 1, 1]], [[1, 2, 255, 255]]):
        scores.add(np.uint8(truth), np.uint8(truth))
    constant = scores.best_constant()
    assert constant.pixel_accuracy.value == pytest.approx(5 / 10)
    assert constant.mean_iou.value == pytest.approx((5 / 10 + 0 + 0) / 3)
    painted = ClassScores(3)
    for truth in ([[0, 0, 0, 2]], [[1, 1, 1, 1]], [[1, 2, 255, 255]]):
        painted.add(np.ones((1, 4), np.uint8), np.uint8(truth))
    assert painted.summary().mean_iou.value == constant.mean_iou.value
    assert painted.summary().pixel_accuracy.value == constant.pixel_accuracy.value
    assert scores.summary().mean_iou.value == 1


def test_nothing_labelled_gives_no_scores() -> None:
    scores = ClassScores(2)
    scores.add(np.zeros((2, 3), np.uint8), np.full((2, 3), 255, np.uint8))
    assert scores.summary() is None
    assert scores.best_constant() is None


def test_intervals_of_sums_are_those_of_resampled_frames() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(3, 1, 60)
    rows = np.stack([values, np.ones(60)], axis=1)
    of_sums = estimate_of_sums(rows, lambda sums: sums[:, 0] / sums[:, 1])
    plain = estimate(values)
    assert of_sums.value == pytest.approx(plain.value)
    assert of_sums.low == pytest.approx(plain.low, abs=0.05)
    assert of_sums.high == pytest.approx(plain.high, abs=0.05)
