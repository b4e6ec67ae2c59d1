"""A small text table of random directions, and networks with seeded random weights."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from vision_banana_ros.student.network import Student
from vision_banana_ros.student.text import TextTable


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Threads that wait for each other on a busy machine cost more than they bring."""
    torch.set_num_threads(1)


@pytest.fixture
def text(fake_encoder: Callable[[list[str]], np.ndarray]) -> TextTable:
    return TextTable.build(["floor", "wall", "chair", "table", "the sky"], fake_encoder)


@pytest.fixture(scope="module")
def student() -> Student:
    torch.manual_seed(3)
    network = Student()
    with torch.no_grad():  # untrained logits lie near 0; these choose paints as decidedly as trained ones
        for name, parameter in network.named_parameters():
            if name.startswith("reader.key"):
                parameter.mul_(8)
    return network.eval()
