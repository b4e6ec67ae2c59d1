"""The golden frame: one image and the canvases that the network painted for it where it was trained.

Every runtime paints the same frame at load and is compared with these (selfcheck.py). The prompts are kept as texts in
the manifest, so reading a prompt is part of what is checked. A model that takes several images at once has a second
frame, which asks for some of the same, in another order.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_banana_ros.core import DataError, UInt8Array, describe
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Role
from vision_banana_ros.prompts import Instruction


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Golden:
    """image (H, W, 3) at the model's first size; canvases (K, H, W, 3), one per instruction. `second`: of the other."""

    image: UInt8Array
    instructions: tuple[Instruction, ...]
    canvases: UInt8Array
    second: Golden | None = None

    def save(self, path: Path) -> None:
        if self.second is None:
            np.savez_compressed(path, image=self.image, canvases=self.canvases)
            return
        np.savez_compressed(
            path, image=self.image, canvases=self.canvases,
            second_image=self.second.image, second_canvases=self.second.canvases,
        )  # fmt: skip


def second_of(instructions: Sequence[Instruction]) -> tuple[Instruction, ...]:
    """What the second frame is asked: another number of them, in another order."""
    return tuple(instructions[:0:-1]) or tuple(instructions)


def load_golden(folder: ModelFolder) -> Golden:
    manifest = folder.manifest
    instructions = tuple(Instruction.from_text(text) for text in manifest.golden_prompts)
    try:
        with np.load(io.BytesIO(folder.read(Role.GOLDEN)), allow_pickle=False) as arrays:
            image, canvases = arrays["image"], arrays["canvases"]
            second = (arrays["second_image"], arrays["second_canvases"]) if "second_image" in arrays else None
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"the golden file of {folder.root} cannot be read ({error}): export the model anew") from error
    width, height = manifest.sizes_wh[0]
    shape = (height, width, 3)
    named = [("image", image, shape), ("canvases", canvases, (len(instructions), *shape))]
    asked = second_of(instructions)
    if second is not None:
        named += [("second image", second[0], shape), ("second canvases", second[1], (len(asked), *shape))]
    elif manifest.file(Role.SEVERAL) is not None:
        raise DataError(f"the golden file of {folder.root} has no second frame for its graph: export the model anew")
    for name, array, wanted in named:
        if array.dtype != np.uint8 or array.shape != wanted:
            raise DataError(
                f"golden {name} of {folder.root} must be uint8 of shape {wanted}, got {describe(array)}: "
                "export the model anew"
            )
    other = None if second is None else Golden(image=second[0], instructions=asked, canvases=second[1])
    return Golden(image=image, instructions=instructions, canvases=canvases, second=other)
