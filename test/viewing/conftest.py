"""One loaded student for all commands of this folder: loading it is most of what a short run takes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision_banana_ros.generators import load_generator
from vision_banana_ros.world.moving import MovingScene

MODEL = "student@128x96"


@cache
def _loaded(model: str, backend: str = "auto"):
    return load_generator(model, backend=backend)


@pytest.fixture(autouse=True)
def loads_once(monkeypatch):
    for module in ("seeing", "bag"):
        monkeypatch.setattr(f"vision_banana_ros.commands.{module}.load_generator", _loaded)


@pytest.fixture(scope="session")
def scene() -> MovingScene:
    return MovingScene(count=12, width=160, height=120, rate_hz=10.0)


@pytest.fixture(scope="session")
def film(scene, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("films") / "in.mp4"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (160, 120))
    for i in range(12):
        writer.write(np.ascontiguousarray(scene.frame(i).rgb[..., ::-1]))
    writer.release()
    return path
