"""NYU Depth v2, the 654 labelled test pictures, with the Kinect's own depth.

    nyu_depth_v2_labeled.mat    MATLAB 7.3, which is HDF5: images, depths, rawDepths; its axes are reversed when read
    splits.mat                  MATLAB 5: testNdxs, counted from 1 (in cleinc/bts, utils/splits.mat)

Convention
    depth    `rawDepths`, with its holes (about 24 %), as BTS, Metric3D and plumbline score it; `depths` was filled in
             by colour and gives other numbers. The sensor saturates at 10 m.
    camera   fx 518.858, fy 519.470, cx 325.582, cy 253.736 (lpiccinelli-eth/UniK3D, datasets/nyuv2.py).
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from vision_banana_ros.core import Camera, Frame, MissingExtraError, Truth
from vision_banana_ros.data.example import Example, Source
from vision_banana_ros.data.readers.benchmarks.common import NamedDataset, require, require_some

SOURCE = Source("NYU Depth v2 test, raw depth", "no licence text by its owners; research")
LAYOUT = "nyu_depth_v2_labeled.mat and splits.mat"
CAMERA = Camera(518.858, 519.470, 325.582, 253.736, 640, 480)


def open_dataset(root: Path) -> NamedDataset:
    labelled = require(root / "nyu_depth_v2_labeled.mat", root, LAYOUT)
    split = require(root / "splits.mat", root, LAYOUT)
    hdf5, loadmat = _libraries()
    numbers = np.asarray(loadmat(str(split))["testNdxs"]).reshape(-1).astype(int)
    file = hdf5.File(labelled, "r")
    height, width = file["rawDepths"].shape[:0:-1]

    def read(name: str) -> Example:
        index = int(name) - 1
        rgb = np.ascontiguousarray(file["images"][index].transpose(2, 1, 0))
        depth = np.ascontiguousarray(file["rawDepths"][index].T, dtype=np.float32)
        camera = CAMERA.scaled_to(width, height)
        truth = Truth(camera=camera, depth_m=np.where(depth > 0, depth, np.float32(np.nan)))
        return Example(name, Frame(rgb, camera=camera), truth, SOURCE)

    return NamedDataset(SOURCE, require_some([f"{n:04}" for n in numbers.tolist()], root, LAYOUT), read)


def _libraries() -> tuple[Any, Any]:
    purpose = "Reading NYU's MATLAB files"
    try:
        return import_module("h5py"), import_module("scipy.io").loadmat
    except ModuleNotFoundError as error:
        raise MissingExtraError(package=error.name or "h5py", extra="benchmarks", purpose=purpose) from error
