"""DIODE val, indoors: 325 laser scans seen as pictures (diode-dataset/diode-devkit, README).

    val/indoors/scene_%05d/scan_%05d/NAME.png, NAME_depth.npy, NAME_depth_mask.npy
                                              NAME_normal.npy (from the archive of normals)

The list in the devkit's diode_meta.json leaves a third out: what is on disk counts.

Convention
    depth     float32 (768, 1024, 1), metres along z; valid where the mask is 1.
    normals   (768, 1024, 3) right, up, towards the viewer (YvanYin/Metric3D turns y and z over), (0, 0, 0) unknown.
    camera    fx 886.81, fy 927.06, cx 512, cy 384: not square.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision_banana_ros.core import Camera, DataError, FloatArray, Frame, Truth
from vision_banana_ros.data.example import Example, Source
from vision_banana_ros.data.readers.benchmarks.common import (
    NamedDataset,
    read_array,
    read_rgb,
    require,
    require_some,
)

SOURCE = Source("DIODE val indoors", "MIT")
LAYOUT = (
    "val/indoors/scene_*/scan_*/NAME.png with NAME_depth.npy, NAME_depth_mask.npy and, for normals, NAME_normal.npy"
)
CAMERA = Camera(886.81, 927.06, 512.0, 384.0, 1024, 768)


def open_depth(root: Path) -> NamedDataset:
    folder = require(root / "val" / "indoors", root, LAYOUT)

    def read(name: str) -> Example:
        rgb = read_rgb(folder / f"{name}.png")
        depth = read_array(require(folder / f"{name}_depth.npy", root, LAYOUT)).astype(np.float32).squeeze()
        valid = read_array(require(folder / f"{name}_depth_mask.npy", root, LAYOUT)).squeeze()
        camera = CAMERA.scaled_to(rgb.shape[1], rgb.shape[0])
        depth = np.where((valid > 0) & (depth > 0), depth, np.float32(np.nan))
        return Example(name, Frame(rgb, camera=camera), Truth(camera=camera, depth_m=depth), SOURCE)

    return NamedDataset(SOURCE, _names(root, folder, "_depth_mask.npy"), read)


def open_normals(root: Path) -> NamedDataset:
    folder = require(root / "val" / "indoors", root, LAYOUT)

    def read(name: str) -> Example:
        rgb = read_rgb(folder / f"{name}.png")
        path = require(folder / f"{name}_normal.npy", root, LAYOUT)
        normals = read_array(path).astype(np.float32)
        if normals.ndim != 3 or normals.shape[2] != 3:
            raise DataError(f"{path} must be (H, W, 3), got {normals.shape}")
        camera = CAMERA.scaled_to(rgb.shape[1], rgb.shape[0])
        truth = Truth(camera=camera, normals=from_viewer_frame(normals))
        return Example(name, Frame(rgb, camera=camera), truth, SOURCE)

    return NamedDataset(SOURCE, _names(root, folder, "_normal.npy"), read)


def from_viewer_frame(normals: FloatArray) -> FloatArray:
    """(right, up, towards the viewer) -> the optical frame (right, down, forward), unit length; NaN where unknown."""
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(length > 0.5, normals / length, np.float32(np.nan))
    return np.ascontiguousarray(unit * np.array((1, -1, -1)), dtype=np.float32)


def _names(root: Path, folder: Path, suffix: str) -> tuple[str, ...]:
    found = (path.relative_to(folder).as_posix().removesuffix(suffix) for path in folder.glob(f"*/*/*{suffix}"))
    return require_some(sorted(found), root, LAYOUT)
