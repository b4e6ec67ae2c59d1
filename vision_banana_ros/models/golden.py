"""The golden frame: one image and the canvases that the network painted for it where it was trained.

Every runtime paints the same frame at load and is compared with these (selfcheck.py). The prompts are kept as texts in
the manifest, so reading a prompt is part of what is checked.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_banana_ros.core import DataError, UInt8Array, describe
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Role
from vision_banana_ros.prompts import Instruction


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Golden:
    """image (H, W, 3) at the model's first size; canvases (K, H, W, 3), one per instruction."""

    image: UInt8Array
    instructions: tuple[Instruction, ...]
    canvases: UInt8Array

    def save(self, path: Path) -> None:
        np.savez_compressed(path, image=self.image, canvases=self.canvases)


def load_golden(folder: ModelFolder) -> Golden:
    manifest = folder.manifest
    instructions = tuple(Instruction.from_text(text) for text in manifest.golden_prompts)
    try:
        with np.load(io.BytesIO(folder.read(Role.GOLDEN)), allow_pickle=False) as arrays:
            image, canvases = arrays["image"], arrays["canvases"]
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"the golden file of {folder.root} cannot be read ({error}): export the model anew") from error
    width, height = manifest.sizes_wh[0]
    shape = (height, width, 3)
    for name, array, wanted in (
        ("image", image, shape),
        ("canvases", canvases, (len(instructions), *shape)),
    ):
        if array.dtype != np.uint8 or array.shape != wanted:
            raise DataError(
                f"golden {name} of {folder.root} must be uint8 of shape {wanted}, got {describe(array)}: "
                "export the model anew"
            )
    return Golden(image=image, instructions=instructions, canvases=canvases)
