"""A step on a CPU, with its shortcuts, has the loss and the gradients of a step of plain operations."""

from __future__ import annotations

import torch

from vision_banana_ros.core import Task
from vision_banana_ros.student import blocks, mixer
from vision_banana_ros.student.network import Student
from vision_banana_ros.training import losses
from vision_banana_ros.training.config import View
from vision_banana_ros.training.losses import total_loss
from vision_banana_ros.training.trainee import Trainee


def test_shortcuts_change_nothing(make_batch, monkeypatch) -> None:
    torch.manual_seed(0)
    batch = make_batch(Task.SEMANTIC, Task.INSTANCE, Task.REFERRING, Task.RAYS, view=View(width=64, height=32))
    student = Student()
    student.to(memory_format=torch.channels_last)
    trainee = Trainee(student)
    trainee.learn(frozen_blocks=3, batch_norms=False)

    def step() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        trainee.zero_grad(set_to_none=True)
        painting, sight = trainee(batch.image, batch.boxes, batch.log_focal)
        total = total_loss(painting, batch, sight).total
        total.backward()
        return total.detach(), {name: p.grad for name, p in trainee.named_parameters() if p.grad is not None}

    quick, gradients = step()
    for module in (blocks, mixer):
        monkeypatch.setattr(module, "by_hand", lambda *_: False)
    monkeypatch.setattr(losses._Apart, "of", lambda whole: whole)
    plain, expected = step()
    torch.testing.assert_close(quick, plain, rtol=1e-4, atol=0)
    assert gradients.keys() == expected.keys()
    largest = max(float(g.norm()) for g in expected.values())
    for name, gradient in gradients.items():
        # the bias of all keys moves no share: its gradient is noise
        off = float((gradient - expected[name]).norm())
        assert off <= 1e-4 * float(expected[name].norm()) + 1e-6 * largest, name
