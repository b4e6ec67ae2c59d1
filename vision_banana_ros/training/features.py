"""Patch features of a pretrained encoder beside real frames: FOLDER/features/NAME.npy, float16 (h, w, C).

`vision-banana label --features hf:ID` makes them. A map covers the whole frame, whatever the sizes of both; a view
takes from it what it sees, in the middles of the squares that the shared map is asked about (trainee.py). Where nothing
is known (renders, beyond the frame, pictures that things were pasted into) the vector is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vision_banana_ros.core import DataError
from vision_banana_ros.training.config import TrainingConfig, View, folders
from vision_banana_ros.training.store import Stack
from vision_banana_ros.training.trainee import MIDDLES, STRIDE

_FOLDER = "features"


def feature_size(config: TrainingConfig) -> int:
    """C, 0 where the run does not learn from features."""
    if not config.features_weight:
        return 0
    for folder in folders(config.frames):
        for path in sorted((Path(folder.path) / _FOLDER).glob("*.npy"))[:1]:
            return int(np.load(path, mmap_mode="r").shape[-1])
    raise DataError(
        "features_weight is set, but no folder of `frames` holds features/: label with --features hf:ID, or leave it 0"
    )


def read_features(folder: Path, name: str, size: int) -> npt.NDArray[np.float16] | None:
    path = folder / _FOLDER / f"{name}.npy"
    if not size or not path.is_file():
        return None
    found = np.load(path)
    if found.ndim != 3 or found.shape[-1] != size:
        raise DataError(f"{path} must be (h, w, {size}) as the first of the run is, got {found.shape}: one encoder")
    return np.asarray(found, np.float16)


def look_up(
    picked: Sequence[tuple[Stack, int]], matrix: npt.NDArray[np.float64], view: View, size: int, device: torch.device
) -> Tensor:
    """(B, C, H/8, W/8): `matrix` (B, 3, 3) leads from pixels of the canvas to those of the frame."""
    v, u = torch.meshgrid(torch.arange(view.height), torch.arange(view.width), indexing="ij")
    middles = torch.stack([u[MIDDLES], v[MIDDLES], torch.ones_like(u[MIDDLES])], dim=-1).double()
    found = torch.zeros((len(picked), size, view.height // STRIDE, view.width // STRIDE), device=device)
    for i, (stack, row) in enumerate(picked):
        features = stack.features[row]
        if features is None:
            continue
        ahead = middles @ torch.from_numpy(matrix[i]).T
        forward = ahead[..., 2:]
        at = (ahead[..., :2] / forward.clamp(min=1e-3) + 0.5) / torch.tensor(stack.hw[::-1])
        inside = ((at > 0) & (at < 1)).all(-1) & (forward[..., 0] > 0)
        grid = (2 * at - 1).float().to(device)
        seen = F.grid_sample(features[None].float(), grid[None], padding_mode="border", align_corners=False)
        found[i] = seen[0] * inside.to(device)
    return found
