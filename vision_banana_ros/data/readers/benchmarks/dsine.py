"""Normals in the set of baegwangbin/DSINE (`dsine_eval`): NYUv2 654, ScanNet 300, Virtual KITTI 2 1,000 pictures.

    dsine_eval/nyuv2/test/%06d_img.png, %06d_normal.png, %06d_intrins.npy
    dsine_eval/scannet/SCENE/%06d_img.png, ..          dsine_eval/vkitti/SceneNN/%06d_img.jpg, .. (16-bit normals)

Convention
    normals   value / 255 * 2 - 1 (vkitti: / 65535): right, down, forward and OUTWARD, so that a wall facing the camera
              is (0, 0, 1). Ours face the camera in the same axes: the negative. All channels 0: unknown.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np

from vision_banana_ros.core import Camera, DataError, FloatArray, Frame, Truth
from vision_banana_ros.data.example import Example, Source
from vision_banana_ros.data.readers.benchmarks.common import NamedDataset, read_array, read_rgb, require, require_some

_SOURCES = {
    "nyuv2": Source("NYU Depth v2 test, DSINE's normals", "no licence text by its owners; research"),
    "scannet": Source("ScanNet, DSINE's 300 with FrameNet's normals", "ScanNet terms of use", non_commercial=True),
    "vkitti": Source("Virtual KITTI 2, DSINE's 1,000", "CC BY-NC-SA 3.0", non_commercial=True),
}
LAYOUT = "dsine_eval/{}/**/NAME_img.png|jpg with NAME_normal.png and NAME_intrins.npy"


def open_dataset(root: Path, part: str) -> NamedDataset:
    layout, source = LAYOUT.format(part), _SOURCES[part]
    folder = require(root / "dsine_eval" / part, root, layout)
    found = (path.relative_to(folder).as_posix().removesuffix("_normal.png") for path in folder.rglob("*_normal.png"))
    names = require_some(sorted(found), root, layout)
    return NamedDataset(source, names, partial(_read, folder, source))


def _read(folder: Path, source: Source, name: str) -> Example:
    picture = next((p for end in (".png", ".jpg") if (p := folder / f"{name}_img{end}").exists()), None)
    if picture is None:
        raise DataError(f"{folder}/{name}_normal.png has no {name}_img.png or .jpg beside it: copy the set again")
    rgb = read_rgb(picture)
    k = read_array(folder / f"{name}_intrins.npy").astype(float)
    camera = Camera(k[0, 0], k[1, 1], k[0, 2], k[1, 2], rgb.shape[1], rgb.shape[0])
    truth = Truth(camera=camera, normals=read_normals(folder / f"{name}_normal.png"))
    return Example(name, Frame(rgb, camera=camera), truth, source, place=name.rpartition("/")[0])


def read_normals(path: Path) -> FloatArray:
    code = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if code is None or code.ndim != 3 or code.dtype not in (np.uint8, np.uint16):
        raise DataError(f"{path} must be a colour PNG of 8 or 16 bits: copy it again")
    code = code[..., 2::-1]
    outward = code.astype(np.float64) / (255 if code.dtype == np.uint8 else 65535) * 2 - 1
    length = np.linalg.norm(outward, axis=-1, keepdims=True)
    known = (code != 0).any(-1, keepdims=True) & (length > 0)
    facing = np.where(known, -outward / np.where(known, length, 1), np.nan)
    return np.ascontiguousarray(facing, dtype=np.float32)
