"""ETH3D, 13 training scenes of high resolution, 454 pictures (eth3d.net; prs-eth/Marigold, eth3d_dataset.py).

    SCENE/images/dslr_images/DSC_xxxx.JPG                    as taken, 6048 x 4032
    SCENE/ground_truth_depth/dslr_images/DSC_xxxx.JPG        float32, row by row, NO picture in spite of its name

Convention
    depth    metres along z, +inf where there is none. It fits the pictures as taken, not `dslr_images_undistorted`.
    picture  reduced to 2048 columns by area, since no generator paints more; the truth keeps its own size, to which the
             protocol brings what was painted.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vision_banana_ros.core import DataError, FloatArray, Frame, Truth, UInt8Array
from vision_banana_ros.data.example import Example, Source
from vision_banana_ros.data.readers.benchmarks.common import NamedDataset, read_rgb, require_some, stand_in

SOURCE = Source("ETH3D high-res training", "CC BY-NC-SA 4.0", non_commercial=True)
LAYOUT = "SCENE/images/dslr_images/*.JPG and SCENE/ground_truth_depth/dslr_images/*.JPG (raw float32)"
_WIDEST = 2048


def open_dataset(root: Path) -> NamedDataset:
    truths = root.glob("*/ground_truth_depth/dslr_images/*.JPG")
    names = sorted(f"{path.parents[2].name}/{path.name}" for path in truths)

    def read(name: str) -> Example:
        scene, _, file = name.partition("/")
        rgb = read_rgb(root / scene / "images" / "dslr_images" / file)
        depth = _read_dump(root / scene / "ground_truth_depth" / "dslr_images" / file, (rgb.shape[0], rgb.shape[1]))
        truth = Truth(camera=stand_in(depth.shape), depth_m=depth)
        return Example(name, Frame(_reduced(rgb)), truth, SOURCE, camera_known=False, place=scene)

    return NamedDataset(SOURCE, require_some(names, root, LAYOUT), read)


def _read_dump(path: Path, hw: tuple[int, int]) -> FloatArray:
    values = np.fromfile(path, np.float32)
    if values.size != hw[0] * hw[1]:
        raise DataError(f"{path} must be {hw[0] * hw[1]} raw float32 values, the picture's size, got {values.size}")
    depth = values.reshape(hw)
    depth[~(np.isfinite(depth) & (depth > 0))] = np.nan
    return depth


def _reduced(rgb: UInt8Array) -> UInt8Array:
    height, width = rgb.shape[:2]
    if width <= _WIDEST:
        return rgb
    size = (_WIDEST, round(height * _WIDEST / width))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
