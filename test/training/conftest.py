"""Batches of small made-up frames, the same on disk, and a text table of random directions."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # for made_frames

from made_frames import CPU, make_frame, seen_whole, stack_of, write_frames

from vision_banana_ros.core import Task
from vision_banana_ros.data import Example, Source
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.batch import Batch, Words
from vision_banana_ros.training.collate import collate, facts
from vision_banana_ros.training.config import View
from vision_banana_ros.training.questions import Recipe
from vision_banana_ros.training.tasks import Asker, Question
from vision_banana_ros.world.manifest import Manifest, write_manifest
from vision_banana_ros.world.shards import shard_path, write_shard


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Threads that wait for each other on a busy machine cost more than they bring."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def text(fake_encoder: Callable[[list[str]], np.ndarray]) -> TextTable:
    return TextTable.build(["floor"], fake_encoder)


def asking(asker: Asker, about, task: Task) -> list[Question]:
    """The first row of questions that is depth, normals and `task`."""
    while True:
        row = Recipe().ask(about, 3, asker)
        if [question.task for question in row][1:] == [Task.NORMALS, task]:
            return row


@pytest.fixture
def make_batch(text) -> Callable[..., Batch]:
    """Whole frames; each is asked for depth, normals and one of `tasks`, in turn."""

    def make(*tasks: Task, view: View | None = None, usual: Sequence[bool] | None = None) -> Batch:
        view = view or View(width=96, height=64)
        stack = stack_of(*(make_frame(i) for i in range(len(tasks))))
        seen, views = seen_whole(stack, view)
        said = [stack.referring[i] for i in range(stack.count)]
        usual = usual or [True] * len(tasks)
        told = facts(seen, views.camera, [False] * len(tasks), usual, said)
        asker = Asker(np.random.default_rng(0))
        rows = [asking(asker, about, task) for about, task in zip(told, tasks, strict=True)]
        return collate(seen, rows, views.camera, usual, Words.of(text, CPU))

    return make


@pytest.fixture
def frames(tmp_path):
    return write_frames(tmp_path / "set")


@pytest.fixture
def shards(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    labels = vocabulary.labels()
    for shard in range(2):
        samples = []
        for seed in (2 * shard, 2 * shard + 1):
            frame, truth = make_frame(seed)
            samples.append(Example(f"{seed}", frame, truth, Source("made up"), place="hall", seed=seed))
        write_shard(shard_path(folder, shard), samples)
    write_manifest(
        folder,
        Manifest(
            code_version="0", first_seed=0, count=4, per_shard=2, width=96, height=72, places=(),
            samples_per_pixel=1, sensor=False, labels=labels,
        ),
    )  # fmt: skip
    return folder
