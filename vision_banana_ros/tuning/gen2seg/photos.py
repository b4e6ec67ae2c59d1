"""Real pictures by eye: what each trained painter paints of them, and what the decoder finds in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from vision_banana_ros.codecs import instances as codec
from vision_banana_ros.core import DataError, UInt8Array
from vision_banana_ros.tuning.gen2seg.judging import find
from vision_banana_ros.tuning.gen2seg.painters import side_of
from vision_banana_ros.tuning.instance_painters import load_painter, paint_instances
from vision_banana_ros.tuning.lessons import read_picture

if TYPE_CHECKING:
    from vision_banana_ros.tuning.gen2seg.experiment import Experiment

_KINDS = frozenset({".jpg", ".jpeg", ".png"})


def paint_photos(experiment: Experiment, models: list[str], folder: Path) -> int:
    """RUN/photos/PICTURE-NAME.png: the middle square of the picture, the canvas, the pieces found; side by side."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _KINDS) if folder.is_dir() else []
    if not paths:
        raise DataError(f"{folder} has no pictures (.jpg, .png)")
    out = experiment.folder / "photos"
    out.mkdir(exist_ok=True)
    made = 0
    for model in models:
        side = side_of(model, experiment.settings.side)
        for start in ("tuned", "fresh"):
            name = f"{Path(model).name}-{start}"
            painter: Any = experiment.painter(model, start)
            load_painter(painter, experiment.folder / f"{name}.pt")
            for path in paths:
                rgb = _square(read_picture(path), side)
                with torch.no_grad():
                    canvas = paint_instances(painter, rgb)
                pieces = codec.encode(find(canvas).astype(np.uint16))
                row = np.concatenate([rgb, canvas, pieces], axis=1)
                cv2.imwrite(str(out / f"{path.stem}-{name}.png"), row[..., ::-1])
                made += 1
    return made


def _square(rgb: UInt8Array, side: int) -> UInt8Array:
    height, width = rgb.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    cut = rgb[top : top + edge, left : left + edge]
    return np.ascontiguousarray(np.asarray(cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA), np.uint8))
