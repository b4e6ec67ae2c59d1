"""What learns how fast, and when."""

from __future__ import annotations

import math
from typing import Any

from vision_banana_ros.training.config import TrainingConfig
from vision_banana_ros.training.trainee import Trainee


def parameter_groups(trainee: Trainee, config: TrainingConfig) -> list[dict[str, Any]]:
    """The encoder learns slowly when it was trained before; biases and normalisation are not decayed."""
    encoder = {id(p) for p in trainee.student.encoder.parameters()}
    groups = []
    for in_encoder in (True, False):
        share = config.encoder_rate if in_encoder and config.initial else 1.0
        for decays in (True, False):
            chosen = [
                p
                for p in trainee.parameters()
                if p.requires_grad and (id(p) in encoder) == in_encoder and (p.ndim > 1) == decays
            ]
            groups.append({"params": chosen, "share": share, "weight_decay": config.weight_decay if decays else 0.0})
    return groups


def learning_rate(config: TrainingConfig, seen: int, done: float | None = None) -> float:
    """Up in a straight line, level, and down along a cosine at the end: a run can be lengthened while it is level.

    `done`: the share of the run that is over, where time and not samples ends it.
    """
    up = min(1.0, (seen + 1) / max(1, config.warmup))
    left = 1 - (seen / max(1, config.samples) if done is None else done)
    down = 0.5 - 0.5 * math.cos(math.pi * min(1.0, max(0.0, left / max(1e-6, config.cooldown))))
    return config.learning_rate * up * (0.01 + 0.99 * down)
