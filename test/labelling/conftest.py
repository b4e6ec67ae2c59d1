"""Recordings to label."""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # so that processes that are started find teachers.py by its name


@pytest.fixture
def recording(tmp_path: Path) -> Callable[..., Path]:
    """A folder of `count` pictures, each of something else, without intrinsics unless asked for."""

    def make(count: int, name: str = "walk", wh: tuple[int, int] = (64, 48)) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for i in range(count):
            coarse = np.random.default_rng(i).integers(0, 256, (6, 8, 3), dtype=np.uint8)
            rgb = cv2.resize(coarse, wh, interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(folder / f"{i:04d}.png"), rgb)
        return folder

    return make
