"""What tests of several folders share."""

import hashlib
from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture(scope="session")
def fake_encoder() -> Callable[[list[str]], np.ndarray]:
    """A unit vector per text that depends on nothing but the text, in place of the real sentence encoder."""
    from vision_banana_ros.student.text import EMBEDDING_SIZE  # here, for most tests need nothing of the student

    def encode(texts: list[str]) -> np.ndarray:
        seeds = [int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") for text in texts]
        vectors = np.stack([np.random.default_rng(seed).normal(size=EMBEDDING_SIZE) for seed in seeds])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    return encode
