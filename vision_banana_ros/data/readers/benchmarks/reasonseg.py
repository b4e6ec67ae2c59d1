"""ReasonSeg val: 200 pictures with a question each (dvlab-research/LISA, README and utils/data_processing.py).

    reason_seg/ReasonSeg/val/NAME.jpg, NAME.json       {text: [..], is_sentence, shapes: [{label, points}]}

Convention
    shapes      labelled "flag" are dropped; the others are painted from the largest to the smallest, each with its
                outline: "ignore" in the label -> 255 (counts for nobody), else the target.
    mask        0 rest, 1 target, 255 ignored.    referring: text[0] alone.    place: "sentence" or "phrase".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import DataError, Frame, Referring, Truth, UInt8Array
from vision_banana_ros.data.example import Example, Source
from vision_banana_ros.data.readers.benchmarks.common import NamedDataset, read_rgb, require, require_some, stand_in

SOURCE = Source("ReasonSeg val", "not stated; pictures of OpenImages and ScanNet", non_commercial=True)
LAYOUT = "reason_seg/ReasonSeg/val/NAME.jpg with NAME.json"
LABELS = ("rest", "target")
TARGET, IGNORED = 1, 255


def open_dataset(root: Path, split: str = "val") -> NamedDataset:
    folder = require(root / "reason_seg" / "ReasonSeg" / split, root, LAYOUT)
    names = sorted(path.stem for path in folder.glob("*.json"))

    def read(name: str) -> Example:
        rgb = read_rgb(require(folder / f"{name}.jpg", root, LAYOUT))
        about = _read(folder / f"{name}.json")
        mask = paint(about["shapes"], (rgb.shape[0], rgb.shape[1]))
        truth = Truth(
            camera=stand_in(rgb.shape[:2]),
            mask=mask,
            labels=LABELS,
            instances=(mask == TARGET).astype(np.uint16),
            referring=(Referring(about["text"][0], (TARGET,)),),
        )
        kind = "sentence" if about["is_sentence"] else "phrase"
        return Example(name, Frame(rgb), truth, SOURCE, camera_known=False, place=kind)

    return NamedDataset(SOURCE, require_some(names, root, LAYOUT), read)


def paint(shapes: list[dict[str, Any]], hw: tuple[int, int]) -> UInt8Array:
    """Large shapes first, so that small ones stay on top."""
    painted = []
    for shape in shapes:
        label = shape["label"].lower()
        if label == "flag":
            continue
        region = np.zeros(hw, np.uint8)
        points = [np.array(shape["points"], dtype=np.int32)]  # cut, not rounded
        cv2.polylines(region, points, isClosed=True, color=1, thickness=1)
        cv2.fillPoly(region, points, color=1)
        painted.append((int(region.sum()), region == 1, IGNORED if "ignore" in label else TARGET))
    mask = np.zeros(hw, np.uint8)
    for _, region_mask, value in sorted(painted, key=lambda entry: -entry[0]):
        mask[region_mask] = value
    return mask


def _read(path: Path) -> dict[str, Any]:
    """UTF-8, but a few files are in Windows' code page."""
    content = path.read_bytes()
    try:
        try:
            about: dict[str, Any] = json.loads(content.decode("utf-8"))
        except UnicodeDecodeError:
            about = json.loads(content.decode("cp1252"))
        if not about["text"] or not isinstance(about["shapes"], list):
            raise KeyError("text and shapes")
        about["is_sentence"] = bool(about["is_sentence"])
        return about
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} must be a ReasonSeg annotation: {error!r}") from error
