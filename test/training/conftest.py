"""Small made-up samples with every kind of truth, and a text table of random directions."""

import json
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch

from vision_banana_ros.core import Camera, Frame, Referring, Truth
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.samples import TrainingSample, compact

HW = (72, 96)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Threads that wait for each other on a busy machine cost more than they bring."""
    torch.set_num_threads(1)


@pytest.fixture
def text(fake_encoder: Callable[[list[str]], np.ndarray]) -> TextTable:
    return TextTable.build(["floor"], fake_encoder)


def _make_sample(seed: int = 0, *, real: bool = False) -> TrainingSample:
    """A wall above a floor, two chairs, one box, a patch of sky, a patch of nothing known."""
    rng = np.random.default_rng(seed)
    height, width = HW
    depth = np.full(HW, 4.0, np.float32)
    normals = np.zeros((*HW, 3), np.float32)
    normals[..., 2] = -1
    mask = np.full(HW, vocabulary.class_id("wall"), np.uint8)
    instances = np.zeros(HW, np.uint16)
    floor = slice(height // 2, None)
    depth[floor] = np.linspace(4, 1, height - height // 2, dtype=np.float32)[:, None]
    normals[floor] = (0, -1, 0)
    mask[floor] = vocabulary.class_id("floor")
    rgb = np.zeros((*HW, 3), np.uint8)
    rgb[...] = (180, 170, 150)
    rgb[floor] = (110, 80, 60)
    for number, (name, left, color) in enumerate(
        (("chair", 10, (200, 30, 30)), ("chair", 60, (30, 30, 200)), ("box", 36, (60, 160, 60)))
    ):
        top = 24 + int(rng.integers(8))
        region = (slice(top, top + 28), slice(left, left + 18))
        depth[region], mask[region], instances[region] = 1.5 + number, vocabulary.class_id(name), number + 1
        normals[region] = (0, 0, -1)
        rgb[region] = color
    depth[:8, :20], mask[:8, :20] = np.inf, vocabulary.class_id("sky")
    normals[:8, :20] = np.nan
    depth[:8, -6:], mask[:8, -6:], normals[:8, -6:] = np.nan, 255, np.nan
    rgb = np.clip(rgb + rng.normal(0, 6, rgb.shape), 0, 255).astype(np.uint8)
    camera = Camera(70.0, 72.0, 46.0, 37.0, width, height)
    truth = Truth(
        camera=camera,
        depth_m=depth,
        normals=normals,
        mask=mask,
        instances=instances,
        labels=vocabulary.labels(),
        referring=(Referring("the red chair", (1,)), Referring("the leftmost chair", (1,))),
    )
    return compact(Frame(rgb, camera=camera), truth, real=real)


@pytest.fixture(scope="session")
def make_sample() -> Callable[..., TrainingSample]:
    return _make_sample


@pytest.fixture
def sample() -> TrainingSample:
    return _make_sample()


@pytest.fixture
def frames(tmp_path, make_sample):
    """Six frames on disk, in the layout that people keep theirs in."""
    for kind in ("rgb", "depth"):
        (tmp_path / "set" / kind).mkdir(parents=True)
    for i in range(6):
        sample = make_sample(i)
        cv2.imwrite(str(tmp_path / "set" / "rgb" / f"{i}.png"), sample.rgb[..., ::-1])
        depth = np.where(sample.position >= 0, 2000 + 100 * i, 0).astype(np.uint16)
        cv2.imwrite(str(tmp_path / "set" / "depth" / f"{i}.png"), depth)
    camera = {"fx": 70, "fy": 72, "cx": 46, "cy": 37, "width": 96, "height": 72}
    (tmp_path / "set" / "intrinsics.json").write_text(json.dumps({str(i): camera for i in range(6)}))
    return tmp_path / "set"
