"""A network that is to learn one task more than the usual student: PANOPTIC."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from made_frames import make_frame, write_frames

from vision_banana_ros.core import DataError, Target, Task
from vision_banana_ros.generators.registry import load_generator
from vision_banana_ros.generators.student import StudentGenerator
from vision_banana_ros.models.pack import ExportSettings, write_model
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.runtimes.torch import TorchRuntime
from vision_banana_ros.student.network import Student, StudentConfig
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.training.checkpoint import averaged_student, save_checkpoint
from vision_banana_ros.training.config import TrainingConfig, View
from vision_banana_ros.training.loop import train
from vision_banana_ros.training.questions import Recipe
from vision_banana_ros.training.start import start_from
from vision_banana_ros.world.moving import MovingScene

EIGHT = Recipe(first={}, in_turn={"panoptic": 0.9, "image": 0.1}).tasks()


def test_a_run_that_asks_it_makes_a_network_that_paints_it(tmp_path: Path, text: TextTable, shards: Path) -> None:
    torch.manual_seed(5)
    save_checkpoint(tmp_path / "seven.pt", {"average": Student().state_dict()})
    config = TrainingConfig(
        shards=(str(shards),), views=(View(width=64, height=32),), batch=2, samples=4, questions=3, bfloat16=False,
        threads=1, initial=str(tmp_path / "seven.pt"), asked_in_turn={"panoptic": 0.98, "depth": 0.02},
    )  # fmt: skip
    last = train(config, tmp_path / "run", text)
    student = averaged_student(last)
    assert student.config.tasks == (
        "depth", "normals", "rays", "semantic", "instance", "referring", "image", "panoptic",
    )  # fmt: skip
    generator = StudentGenerator(TorchRuntime(student), text, [(64, 32)], tasks=student.config.tasks)
    targets = (Target("floor", (0, 200, 0)), Target("chair"))
    frame = make_frame()[0]
    (canvas,) = generator.generate(frame, [Instruction(Task.PANOPTIC, targets, background=(0, 0, 0))])
    assert canvas.rgb.shape[2] == 3
    usual = StudentGenerator(TorchRuntime(Student().eval()), text, [(64, 32)])
    assert Task.PANOPTIC in generator.tasks
    assert Task.PANOPTIC not in usual.tasks
    settings = ExportSettings(sizes_wh=((64, 32),))
    write_model(student, text, tmp_path / "model", settings, footage=MovingScene(), vocabulary=(), tell=lambda _: None)
    packed = load_generator(str(tmp_path / "model"), backend="onnxruntime:fp32")
    (again,) = packed.generate(frame, [Instruction(Task.PANOPTIC, targets, background=(0, 0, 0))])
    assert Task.PANOPTIC in packed.tasks
    assert np.abs(again.rgb.astype(int) - canvas.rgb).max() <= 2


def test_a_student_that_learns_one_more_task_keeps_what_it_knew(tmp_path: Path, text: TextTable) -> None:
    torch.manual_seed(6)
    seven = Student().eval()
    save_checkpoint(tmp_path / "seven.pt", {"average": seven.state_dict()})
    eight = Student(StudentConfig(tasks=EIGHT))
    start_from(eight, str(tmp_path / "seven.pt"))
    targets = (Target("floor", (0, 200, 0)), Target("wall", (200, 0, 0)))
    asks = [Instruction(Task.DEPTH), Instruction(Task.SEMANTIC, targets, background=(0, 0, 0))]
    frame = make_frame()[0]
    one = StudentGenerator(TorchRuntime(seven), text, [(64, 32)]).generate(frame, asks)
    other = StudentGenerator(TorchRuntime(eight.eval()), text, [(64, 32)], tasks=EIGHT).generate(frame, asks)
    for a, b in zip(one, other, strict=True):
        assert np.abs(a.rgb.astype(int) - b.rgb).max() <= 1  # summed in another order


def test_a_run_that_was_begun_without_it_is_told_to_start_anew(tmp_path: Path, text: TextTable) -> None:
    write_frames(tmp_path / "set")
    config = TrainingConfig(
        frames=(str(tmp_path / "set"),), views=(View(width=64, height=32),), batch=2, samples=2, questions=1,
        bfloat16=False, threads=1, initial=None,
    )  # fmt: skip
    train(config, tmp_path / "run", text)
    more = dataclasses.replace(config, asked_in_turn={"panoptic": 0.5, "depth": 0.5})
    with pytest.raises(DataError, match=r"panoptic.*start another run"):
        train(more, tmp_path / "run", text)
