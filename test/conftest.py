"""What tests of several folders share."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the helpers beside this file

from load_file import load_file


@pytest.fixture(scope="session")
def fake_encoder() -> Callable[[list[str]], np.ndarray]:
    """A unit vector per text that depends on nothing but the text, in place of the real sentence encoder."""
    from vision_banana_ros.student.text import EMBEDDING_SIZE  # here, for most tests need nothing of the student

    def encode(texts: list[str]) -> np.ndarray:
        seeds = [int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") for text in texts]
        vectors = np.stack([np.random.default_rng(seed).normal(size=EMBEDDING_SIZE) for seed in seeds])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    return encode


@pytest.fixture(scope="session")
def tiny_editors() -> ModuleType:
    """The module generators/tiny_editors.py: builders of pipelines, and make_echo()."""
    pytest.importorskip("diffusers")
    path = Path(__file__).parent / "generators" / "tiny_editors.py"
    return load_file(path)


@pytest.fixture(scope="session")
def editor_folder(tiny_editors: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny pipeline by the name of its builder ("klein", "pix2pix" ...), built when first asked for."""
    root = tmp_path_factory.mktemp("editors")

    def folder(name: str) -> Path:
        if not (root / name).is_dir():
            tiny_editors.BUILDERS[name](root / name)
        return root / name

    return folder
