"""KITTI, Eigen's test pictures that have annotated depth: 652 of 697 (J. Uhrig et al. 2017).

    2011_09_26/2011_09_26_drive_XXXX_sync/image_02/data/%010d.png      and 2011_09_26/calib_cam_to_cam.txt
    data_depth_annotated/{train,val}/DRIVE_sync/proj_depth/groundtruth/image_02/%010d.png
    eigen_test_files_with_gt.txt     a line each: picture, depth or None, focal length (cleinc/bts, train_test_inputs)

Convention
    depth    16-bit, metres = raw / 256, 0 = none; a name with None has no annotation and is left out.
    sizes    vary with the date: 370..376 x 1224..1242. Crops are the protocol's.
"""

from __future__ import annotations

from pathlib import Path

from vision_banana_ros.core import Camera, DataError, Frame, Truth
from vision_banana_ros.data.example import Example, Source
from vision_banana_ros.data.readers.benchmarks.common import NamedDataset, read_grey16, read_rgb, require, require_some

SOURCE = Source("KITTI Eigen test, annotated depth", "CC BY-NC-SA 3.0", "652", non_commercial=True)
LAYOUT = (
    "DATE/DATE_drive_*_sync/image_02/data/*.png, DATE/calib_cam_to_cam.txt, "
    "data_depth_annotated/{train,val}/DRIVE/proj_depth/groundtruth/image_02/*.png and eigen_test_files_with_gt.txt"
)


def open_dataset(root: Path) -> NamedDataset:
    lines = require(root / "eigen_test_files_with_gt.txt", root, LAYOUT).read_text(encoding="utf-8").splitlines()
    truths = {words[0]: words[1] for words in map(str.split, lines) if len(words) >= 2 and words[1] != "None"}

    def read(name: str) -> Example:
        rgb = read_rgb(require(root / name, root, LAYOUT))
        depth = read_grey16(_depth_file(root, truths[name]), 1 / 256)
        camera = _camera(root / name.partition("/")[0] / "calib_cam_to_cam.txt", rgb.shape[1], rgb.shape[0])
        return Example(
            name, Frame(rgb, camera=camera), Truth(camera=camera, depth_m=depth), SOURCE, place=name.split("/")[1]
        )

    return NamedDataset(SOURCE, require_some(list(truths), root, LAYOUT), read)


def _depth_file(root: Path, name: str) -> Path:
    """Of the test drives some lie in train, some in val."""
    folder = root / "data_depth_annotated"
    found = [path for part in ("train", "val") if (path := folder / part / name).exists()]
    return found[0] if found else require(folder / "val" / name, root, LAYOUT)


def _camera(path: Path, width: int, height: int) -> Camera:
    """P_rect_02, the projection of the rectified left colour camera."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            key, _, values = line.partition(":")
            if key == "P_rect_02":
                p = [float(value) for value in values.split()]
                return Camera(p[0], p[5], p[2], p[6], width, height)
    raise DataError(f"{path} must have a line P_rect_02: it belongs to the raw recordings of that date")
