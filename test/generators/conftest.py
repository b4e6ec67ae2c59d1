"""Parts that tests of several generators share: tiny editing pipelines, servers that stand in for remote models."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _beside(name: str) -> ModuleType:
    """A module of this folder; tests are no package."""
    spec = spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny_editors() -> ModuleType:
    """The module tiny_editors: builders of pipelines, and make_echo()."""
    pytest.importorskip("diffusers")
    return _beside("tiny_editors")


@pytest.fixture(scope="session")
def editor_folder(tiny_editors: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny pipeline by the name of its builder; built when it is first asked for."""
    root = tmp_path_factory.mktemp("editors")

    def folder(name: str) -> Path:
        if not (root / name).is_dir():
            tiny_editors.BUILDERS[name](root / name)
        return root / name

    return folder


@pytest.fixture(scope="session")
def tiny_qwen(tiny_editors: ModuleType) -> Iterator[Callable[[bool], Any]]:
    """A Qwen-Image-Edit (plus or not) in memory, whose own megapixel is made a small one."""
    import diffusers.pipelines.qwenimage.pipeline_qwenimage_edit as single
    import diffusers.pipelines.qwenimage.pipeline_qwenimage_edit_plus as plus

    original = single.calculate_dimensions
    patch = pytest.MonkeyPatch()
    patch.setattr(plus, "CONDITION_IMAGE_SIZE", 64 * 64)
    patch.setattr(plus, "VAE_IMAGE_SIZE", 128 * 128)
    patch.setattr(single, "calculate_dimensions", lambda _area, ratio: original(128 * 128, ratio))
    patch.setattr(single, "VAE_IMAGE_SIZE", 128 * 128, raising=False)
    yield lambda is_plus: tiny_editors.qwen(plus=is_plus)
    patch.undo()


@pytest.fixture
def fake_server() -> Iterator[Any]:
    """A fake_server.FakeServer of one test."""
    server = _beside("fake_server").FakeServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def tiny_vlm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny vision-language model."""
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("vlm")
    _beside("tiny_vlm").build(folder)
    return folder
