"""What a pretrained image encoder makes of each patch of a picture: TIPSv2, DINOv2, SigLIP and others of transformers.

The whole picture is stretched to the checkpoint's size, so that cell (i, j) of the grid covers the same share of the
picture whatever its shape; nothing is cropped. Patch tokens are the last ones in all of these models, after class and
register tokens.

Convention
    float16 (h, w, C), each vector of unit length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import About, GeneratorError, UInt8Array
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.specialists.checkpoint import Checkpoint, numpy_of, open_checkpoint, said_by
from vision_banana_ros.generators.specialists.specialist import shrink

_PREFIX = "hf:"


@dataclass(frozen=True, slots=True, eq=False)
class PatchEncoder:
    checkpoint: Checkpoint
    model: Any
    size_hw: tuple[int, int]
    grid_hw: tuple[int, int]

    @property
    def about(self) -> About:
        it = self.checkpoint
        return About(name=_PREFIX + it.name, licence=it.licence, revision=it.revision, metric=None)

    def see(self, rgb: UInt8Array) -> npt.NDArray[np.float16]:
        import torch

        said, (height, width) = self.checkpoint.preprocessing(), self.size_hw
        pixels = shrink(rgb, (width, height)).astype(np.float32) / np.float32(255)
        if said.get("do_normalize", True) and said.get("image_mean") is not None:
            mean, std = (np.asarray(said[name], np.float32) for name in ("image_mean", "image_std"))
            pixels = np.asarray((pixels - mean) / std, np.float32)
        tensor = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))[None])
        with said_by(self.checkpoint.name), torch.inference_mode():
            tokens = self.model(pixel_values=tensor.to(self.checkpoint.device, self.checkpoint.dtype))
        rows, columns = self.grid_hw
        found = numpy_of(tokens.last_hidden_state)[0, -rows * columns :]
        if len(found) != rows * columns:
            raise GeneratorError(f"{self.checkpoint.name} has no token for each patch: name a vision transformer")
        unit = found / np.maximum(np.linalg.norm(found, axis=-1, keepdims=True), 1e-6)
        return np.asarray(unit.reshape(rows, columns, -1), np.float16)


def load_patches(name: str, options: GeneratorOptions) -> PatchEncoder:
    """ "hf:ID" or "hf:FOLDER" -> its image encoder; of a model of pictures and texts the half that sees."""
    if not name.startswith(_PREFIX) or len(name) == len(_PREFIX):
        raise GeneratorError(f"features are those of a checkpoint of transformers, hf:ID, got {name!r}")
    checkpoint = open_checkpoint(name.removeprefix(_PREFIX), options)
    whole = checkpoint.model("AutoModel")
    model = getattr(whole, "vision_model", whole)
    patch, size = getattr(model.config, "patch_size", None), getattr(model.config, "image_size", None)
    if patch is None or size is None:
        raise GeneratorError(f"{checkpoint.name} ({checkpoint.model_type}) sees no patches: name a vision transformer")
    size_hw, patch_hw = _pair(size), _pair(patch)
    grid_hw = size_hw[0] // patch_hw[0], size_hw[1] // patch_hw[1]
    return PatchEncoder(checkpoint, model, size_hw, grid_hw)


def _pair(size: Any) -> tuple[int, int]:
    return (int(size), int(size)) if isinstance(size, int) else (int(size[0]), int(size[1]))
