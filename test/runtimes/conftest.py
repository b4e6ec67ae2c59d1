"""One exported model for all tests here, and copies of it to damage."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the seeded model and the fakes beside this file

import torch
from seeded_model import export_to

from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Precision

torch.set_num_threads(1)  # OpenMP's waiting threads are slow beyond measure where other processes want the cores


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "student"
    export_to(folder, Precision.FP32, Precision.FP16, with_weights=True)
    return folder


@pytest.fixture(scope="session")
def model(exported: Path) -> ModelFolder:
    return ModelFolder.open(exported)


@pytest.fixture(scope="session")
def several(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """The same network with graphs for several images in one call beside those for one."""
    folder = tmp_path_factory.mktemp("models") / "several"
    export_to(folder, Precision.FP32, Precision.FP16, with_weights=True, several_images=True)
    return ModelFolder.open(folder)


@pytest.fixture
def copied(exported: Path, tmp_path: Path) -> Path:
    """A model that a test may damage."""
    return Path(shutil.copytree(exported, tmp_path / "copy"))
