"""What learns how fast, and when; that the loop asks for it stands in test_uses.py."""

from itertools import pairwise

import pytest

from vision_banana_ros.student.network import Student
from vision_banana_ros.training.config import TrainingConfig
from vision_banana_ros.training.optimisation import learning_rate, parameter_groups
from vision_banana_ros.training.trainee import Trainee


def test_the_rate_rises_stays_level_and_falls() -> None:
    config = TrainingConfig(samples=10_000, warmup=1_000, learning_rate=1.0, cooldown=0.25)
    rates = [learning_rate(config, seen) for seen in range(0, 10_000, 100)]
    assert rates[0] < 0.01
    assert rates[10:75] == pytest.approx([1.0] * 65)
    assert all(a > b for a, b in pairwise(rates[76:]))
    assert rates[-1] < 0.02


def test_each_weight_is_in_the_group_whose_rate_and_decay_are_meant_for_it() -> None:
    trainee = Trainee(Student())
    trainee.learn(frozen_blocks=1, batch_norms=False)
    config = TrainingConfig(initial="imagenet", encoder_rate=0.1, weight_decay=0.3)
    groups = parameter_groups(trainee, config)
    assert [(group["share"], group["weight_decay"]) for group in groups] == [(0.1, 0.3), (0.1, 0), (1, 0.3), (1, 0)]
    where = {id(p): i for i, group in enumerate(groups) for p in group["params"]}
    for name, p in trainee.named_parameters():
        inside = name.startswith("student.encoder.")
        expected = (0 if inside else 2) + (0 if p.ndim > 1 else 1)
        assert where.get(id(p)) == (expected if p.requires_grad else None), name
    assert all(group["share"] == 1.0 for group in parameter_groups(trainee, TrainingConfig(initial=None)))


def test_the_rate_by_time_falls_as_it_does_by_samples() -> None:
    config = TrainingConfig(samples=100, warmup=0, learning_rate=3.0, cooldown=0.5)
    assert learning_rate(config, 10) == learning_rate(config, 0, 0.4) == pytest.approx(3.0)
    assert learning_rate(config, 75) == pytest.approx(3.0 * 0.505)
    assert learning_rate(config, 0, 0.75) == pytest.approx(3.0 * 0.505)
    assert learning_rate(config, 100) == learning_rate(config, 0, 1.5) == pytest.approx(0.03)


def test_the_first_sample_counts_and_the_last_of_the_shortest_run_too() -> None:
    assert learning_rate(TrainingConfig(samples=10_000, warmup=1_000, learning_rate=1.0), 0) == pytest.approx(1e-3)
    assert learning_rate(TrainingConfig(samples=1, warmup=0, learning_rate=1.0), 1) == pytest.approx(0.01)
