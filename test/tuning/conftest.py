"""Tiny bases of all families (those of the editors' tests), and folders of a base's own work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
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
def tiny_editors() -> ModuleType:
    pytest.importorskip("diffusers")
    pytest.importorskip("peft")
    pytest.importorskip("accelerate")
    path = Path(__file__).parents[1] / "generators" / "tiny_editors.py"
    spec = spec_from_file_location("tuning_tiny_editors", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["tuning_tiny_editors"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def base_folder(tiny_editors: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny pipeline: "klein", "klein-distilled", "pix2pix", "kontext"."""
    root = tmp_path_factory.mktemp("bases")

    def folder(name: str) -> Path:
        if not (root / name).is_dir():
            tiny_editors.BUILDERS[name](root / name)
        return root / name

    return folder


@pytest.fixture(scope="session")
def tiny_qwen(tiny_editors: ModuleType) -> Iterator[Callable[[], Any]]:
    """Qwen-Image-Edit-Plus in memory (its processor needs torchvision to be loaded from disk), its megapixel small."""
    import diffusers.pipelines.qwenimage.pipeline_qwenimage_edit_plus as plus

    patch = pytest.MonkeyPatch()
    patch.setattr(plus, "CONDITION_IMAGE_SIZE", 64 * 64)
    patch.setattr(plus, "VAE_IMAGE_SIZE", 96 * 96)
    yield lambda: tiny_editors.qwen(plus=True)
    patch.undo()


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
