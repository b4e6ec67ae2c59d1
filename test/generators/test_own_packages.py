"""MoGe and Depth-Anything-3 by their own packages, whose places stand-ins take here (own_packages.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import own_packages as packages

from vision_banana_ros.core import Camera, DataError, Frame, GeneratorError, Task
from vision_banana_ros.generators import load_generator
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks import DecodeSettings

PLAIN = DecodeSettings(filter_flying_pixels=False)
DEPTH, NORMALS, RAYS = Instruction(Task.DEPTH), Instruction(Task.NORMALS), Instruction(Task.RAYS)
CAMERA = Camera(60.0, 60.0, 32.0, 23.5, 65, 48)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    packages.install(monkeypatch)


@pytest.fixture
def frame() -> Frame:
    """Red grows to the right; a band at the top is sky."""
    rgb = np.zeros((48, 65, 3), np.uint8)
    rgb[..., 0] = np.linspace(0, 255, 65)[None]
    rgb[:8, :, 2] = 255
    return Frame(rgb, camera=CAMERA)


def true_depth(frame: Frame) -> np.ndarray:
    return 1 + frame.rgb[..., 0].astype(np.float32) / 255


def test_moges_points_become_metres_normals_and_sky(tmp_path: Path, frame: Frame) -> None:
    generator = load_generator(f"moge:{packages.moge_checkpoint(tmp_path / 'model.pt')}")
    assert generator.tasks == {Task.DEPTH, Task.NORMALS, Task.RAYS}
    seen = perceive(frame, generator, [DEPTH, NORMALS], PLAIN)
    assert seen.depth_m is not None
    assert seen.normals is not None
    assert np.isnan(seen.depth_m[:7]).all()
    np.testing.assert_allclose(seen.depth_m[9:], true_depth(frame)[9:], rtol=0.01)
    np.testing.assert_allclose(seen.normals[12:].reshape(-1, 3).mean(0), (0.0, 0.6, -0.8), atol=0.01)


def test_moge_finds_the_lens_that_nobody_told(tmp_path: Path, frame: Frame) -> None:
    generator = load_generator(f"moge:{packages.moge_checkpoint(tmp_path / 'model.pt')}")
    seen = perceive(Frame(frame.rgb), generator, [DEPTH, RAYS], PLAIN)
    assert seen.camera is not None
    assert seen.camera.fx == pytest.approx(60, rel=0.03)
    np.testing.assert_allclose(seen.depth_m[9:], true_depth(frame)[9:], rtol=0.03)


def test_heads_that_a_checkpoint_leaves_out_are_not_asked_for(tmp_path: Path, frame: Frame) -> None:
    path = packages.moge_checkpoint(tmp_path / "model.pt", normals=False, mask=False)
    generator = load_generator(f"moge:{path}")
    assert generator.tasks == {Task.DEPTH, Task.RAYS}
    np.testing.assert_allclose(perceive(frame, generator, [DEPTH], PLAIN).depth_m, true_depth(frame), rtol=0.01)


def test_a_moge_3_file_is_read_without_its_refiner(tmp_path: Path, frame: Frame) -> None:
    """Its configuration leaves out how points are mapped, which is always exp: the stand-in insists on it."""
    path = packages.moge_checkpoint(tmp_path / "model.pt", refiner=True)
    seen = perceive(frame, load_generator(f"moge:{path}"), [DEPTH], PLAIN)
    np.testing.assert_allclose(seen.depth_m[9:], true_depth(frame)[9:], rtol=0.01)


def test_a_moge_file_that_lacks_weights_is_refused(tmp_path: Path) -> None:
    import torch

    path = packages.moge_checkpoint(tmp_path / "model.pt")
    stored = torch.load(path, weights_only=True)
    torch.save({**stored, "model": {}}, path)
    with pytest.raises(DataError, match="lacks weight and 0 more weights"):
        load_generator(f"moge:{path}")


def test_da3s_canonical_depth_is_metres_by_the_focal_length_of_what_it_saw(tmp_path: Path, frame: Frame) -> None:
    """65x48 is shown as 504x378: 60 pixels of focal length become 465.2 and 472.5, of which the mean counts."""
    generator = load_generator(f"da3:{packages.da3_folder(tmp_path / 'da3')}")
    assert generator.tasks == {Task.DEPTH}
    seen = perceive(frame, generator, [DEPTH], PLAIN).depth_m
    assert seen is not None
    assert np.isnan(seen[:7]).all()
    factor = (60 * 504 / 65 + 60 * 378 / 48) / 2 / 300
    np.testing.assert_allclose(seen[9:], factor * true_depth(frame)[9:], rtol=0.02)
    with pytest.raises(GeneratorError, match="needs the focal length for its metres"):
        generator.generate(Frame(frame.rgb), [DEPTH])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("da3-small", "whose depth is not metric: use DA3METRIC-LARGE"),
        ("da3metric-giant", "knows no 'da3metric-giant'"),
    ],
)
def test_another_da3_is_refused(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises((GeneratorError, DataError), match=said):
        load_generator(f"da3:{packages.da3_folder(tmp_path / 'da3', name)}")
