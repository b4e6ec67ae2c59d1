"""Tiny bases of all families (those of the editors' tests), and folders of a base's own work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from vision_banana_ros.tuning.lessons import write_pair


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small only wait for each other on two."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def base_folder(editor_folder: Callable[[str], Path]) -> Callable[[str], Path]:
    """The folder of a tiny base, where what tunes it is installed."""
    pytest.importorskip("peft")
    pytest.importorskip("accelerate")
    return editor_folder


@pytest.fixture(scope="session")
def tiny_qwen(tiny_editors: ModuleType) -> Iterator[Callable[[], Any]]:
    """Qwen-Image-Edit-Plus in memory (its processor needs torchvision to be loaded from disk), its megapixel small."""
    with tiny_editors.small_qwen(96):
        yield lambda: tiny_editors.qwen(plus=True)


@pytest.fixture(scope="session")
def own_work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pairs: three captions, three edits."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(5)
    for i in range(6):
        before = cv2.resize(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8), (100, 70))
        after = 255 - before
        write_pair(folder, f"p{i}", "as a negative" if i % 2 else "blots", after, before if i % 2 else None)
    return folder
