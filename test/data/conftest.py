"""A small scene of its own: a textured wall at 2 m and a box at 1 m before its left half."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from vision_banana_ros.core import Camera

CAMERA = Camera(60.0, 58.0, 31.0, 24.5, 64, 48)


@pytest.fixture
def picture() -> Callable[[int], np.ndarray]:
    """Picture number n, smooth enough to survive JPEG; each shows something else."""

    def paint(number: int) -> np.ndarray:
        coarse = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        return cv2.resize(coarse, (64, 48), interpolation=cv2.INTER_LINEAR)

    return paint
