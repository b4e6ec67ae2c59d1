"""Cityscapes val: 500 street pictures with 19 classes (mcordts/cityscapesScripts, README and helpers/labels.py).

    leftImg8bit/val/CITY/CITY_SEQ_FRAME_leftImg8bit.png
    gtFine/val/CITY/CITY_SEQ_FRAME_gtFine_labelIds.png      8-bit label ids

Convention
    mask   train ids 0..18 in the order of LABELS; every other label id, the licence plate's too, is 255: not scored.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision_banana_ros.core import UNLABELLED, Frame, Truth
from vision_banana_ros.data.example import Example, Source
from vision_banana_ros.data.readers.benchmarks.common import (
    NamedDataset,
    read_raw,
    read_rgb,
    require,
    require_some,
    stand_in,
)

SOURCE = Source("Cityscapes val", "Cityscapes terms of use", non_commercial=True)
LAYOUT = "leftImg8bit/val/CITY/*_leftImg8bit.png and gtFine/val/CITY/*_gtFine_labelIds.png"
#: Label id -> class, in the order of the train ids.
CLASSES: dict[int, str] = {
    7: "road",
    8: "sidewalk",
    11: "building",
    12: "wall",
    13: "fence",
    17: "pole",
    19: "traffic light",
    20: "traffic sign",
    21: "vegetation",
    22: "terrain",
    23: "sky",
    24: "person",
    25: "rider",
    26: "car",
    27: "truck",
    28: "bus",
    31: "train",
    32: "motorcycle",
    33: "bicycle",
}
LABELS: tuple[str, ...] = tuple(CLASSES.values())
_PICTURE, _TRUTH = "_leftImg8bit.png", "_gtFine_labelIds.png"


def open_dataset(root: Path) -> NamedDataset:
    pictures = require(root / "leftImg8bit" / "val", root, LAYOUT)
    names = sorted(f"{p.parent.name}/{p.name.removesuffix(_PICTURE)}" for p in pictures.glob(f"*/*{_PICTURE}"))
    train_ids = np.full(256, UNLABELLED, np.uint8)
    train_ids[list(CLASSES)] = np.arange(len(CLASSES))

    def read(name: str) -> Example:
        rgb = read_rgb(pictures / f"{name}{_PICTURE}")
        ids = read_raw(require(root / "gtFine" / "val" / f"{name}{_TRUTH}", root, LAYOUT), np.uint8)
        truth = Truth(camera=stand_in(rgb.shape[:2]), mask=train_ids[ids], labels=LABELS)
        return Example(name, Frame(rgb), truth, SOURCE, camera_known=False, place=name.partition("/")[0])

    return NamedDataset(SOURCE, require_some(names, root, LAYOUT), read)
