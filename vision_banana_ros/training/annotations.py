"""Class masks that a segmenter gave to the frames of a folder, in one file: ROOT/FOLDER.npz.

labels      the names that the masks' ids index
mask/NAME   (H, W) uint8 of the frame NAME, 255 where the segmenter does not know
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_banana_ros.core import DataError, UInt8Array

_MASK = "mask/"


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """The masks of one folder, by frame."""

    labels: tuple[str, ...]
    masks: dict[str, UInt8Array]

    @classmethod
    def read(cls, root: Path, folder: str) -> Annotations | None:
        """None where the folder was never annotated."""
        path = root / f"{folder}.npz"
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as file:
            masks = {name.removeprefix(_MASK): file[name] for name in file.files if name.startswith(_MASK)}
            if not masks:
                raise DataError(f"{path} holds no masks of frames: annotate {folder} again")
            return cls(tuple(file["labels"].tolist()), masks)

    def write(self, root: Path, folder: str) -> None:
        root.mkdir(parents=True, exist_ok=True)
        masks = {f"{_MASK}{name}": mask for name, mask in self.masks.items()}
        np.savez_compressed(root / f"{folder}.npz", labels=np.array(self.labels), **masks)  # type: ignore[arg-type]
