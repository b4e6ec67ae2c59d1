"""iBims-1: 100 indoor pictures with laser depth (isl-org/ZoeDepth, data/ibims.py).

    ibims1_core_raw/{rgb,depth,mask_invalid,mask_transp}/NAME.png, calib/NAME.txt, imagelist.txt

Convention
    depth   16-bit, metres = raw * 50 / 65535.
    masks   despite its name mask_invalid is above 0 where depth is VALID, and mask_transp where nothing is transparent.
    calib   a text of fx, fy, cx, cy.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from vision_banana_ros.core import Camera, DataError, Frame, Truth
from vision_banana_ros.data.example import Example, Source
from vision_banana_ros.data.readers.benchmarks.common import (
    NamedDataset,
    read_grey16,
    read_raw,
    read_rgb,
    require,
    require_some,
)

SOURCE = Source("iBims-1", "no licence found; research (TU Munich)", non_commercial=True)
LAYOUT = "ibims1_core_raw/{rgb,depth,mask_invalid,mask_transp}/NAME.png, calib/NAME.txt and imagelist.txt"
UNIT_M = 50 / 65535


def open_dataset(root: Path) -> NamedDataset:
    listed = root if (root / "imagelist.txt").exists() else root / "ibims1_core_raw"
    names = require(listed / "imagelist.txt", root, LAYOUT).read_text(encoding="utf-8").split()
    folder = root / "ibims1_core_raw"

    def read(name: str) -> Example:
        rgb = read_rgb(require(folder / "rgb" / f"{name}.png", root, LAYOUT))
        depth = read_grey16(require(folder / "depth" / f"{name}.png", root, LAYOUT), UNIT_M)
        for mask in ("mask_invalid", "mask_transp"):
            kept = read_raw(require(folder / mask / f"{name}.png", root, LAYOUT), np.uint8)
            depth[kept == 0] = np.nan
        camera = _camera(require(folder / "calib" / f"{name}.txt", root, LAYOUT), rgb.shape[1], rgb.shape[0])
        return Example(name, Frame(rgb, camera=camera), Truth(camera=camera, depth_m=depth), SOURCE)

    return NamedDataset(SOURCE, require_some(names, root, LAYOUT), read)


def _camera(path: Path, width: int, height: int) -> Camera:
    numbers = [float(word) for word in re.split(r"[,\s]+", path.read_text(encoding="utf-8").strip()) if word]
    if len(numbers) != 4:
        raise DataError(f"{path} must hold fx, fy, cx, cy, got {numbers}")
    fx, fy, cx, cy = numbers
    return Camera(fx, fy, cx, cy, width, height)
