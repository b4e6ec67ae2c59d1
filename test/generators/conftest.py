"""Tiny checkpoints and graphs, made once a session."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the tiny models beside this file

from vision_banana_ros.core import Camera, Frame

WH = (65, 48)  # odd and even, neither square


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny checkpoint by its name in tiny_models, built when it is first asked for."""
    root = tmp_path_factory.mktemp("tiny")

    def folder(name: str) -> Path:
        import tiny_models
        import torch

        torch.set_num_threads(1)
        place = root / name
        if not place.exists():
            tiny_models.BUILDERS[name](place)
        return place

    return folder


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small ONNX files with their cards."""
    import tiny_graphs

    root = tmp_path_factory.mktemp("graphs")
    tiny_graphs.write_all(root)
    return root


@pytest.fixture
def frame() -> Frame:
    rgb = np.random.default_rng(0).integers(0, 255, (WH[1], WH[0], 3), np.uint8)
    return Frame(rgb, camera=Camera(60.0, 60.0, 32.0, 24.0, *WH))
