"""A small text table of random directions, and networks with seeded random weights."""

import hashlib

import numpy as np
import pytest
import torch

from vision_banana_ros.student.network import Student
from vision_banana_ros.student.text import EMBEDDING_SIZE, TextTable


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Threads that wait for each other on a busy machine cost more than they bring."""
    torch.set_num_threads(1)


def fake_encoder(texts: list[str]) -> np.ndarray:
    """A unit vector per text that depends on nothing but the text."""
    seeds = [int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") for text in texts]
    vectors = np.stack([np.random.default_rng(seed).normal(size=EMBEDDING_SIZE) for seed in seeds])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def text() -> TextTable:
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
