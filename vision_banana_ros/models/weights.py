"""Weights as named arrays, never as a pickle, and back into the network that this package defines."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vision_banana_ros.core import DataError
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Role
from vision_banana_ros.student.network import Student, StudentConfig

#: The entry of the file that holds the network's configuration, as JSON.
_CONFIG = "config"


def save_student(student: Student, path: Path) -> None:
    state = {name: value.numpy() for name, value in student.state_dict().items()}
    arrays: dict[str, Any] = {_CONFIG: np.array(json.dumps(asdict(student.config))), **state}
    np.savez(path, **arrays)


def load_student(folder: ModelFolder) -> Student:
    """The network with the folder's weights, in evaluation mode on the CPU."""
    try:
        with np.load(io.BytesIO(folder.read(Role.WEIGHTS)), allow_pickle=False) as file:
            config = StudentConfig(**{k: _as_tuple(v) for k, v in json.loads(str(file[_CONFIG])).items()})
            state = {name: torch.from_numpy(file[name]) for name in file.files if name != _CONFIG}
        student = Student(config)
        student.load_state_dict(state)
    except (KeyError, TypeError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"the weights of {folder.root} do not fit the network: {error}; export the model anew"
        ) from error
    return student.eval()


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
