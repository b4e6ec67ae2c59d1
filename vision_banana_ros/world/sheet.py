"""Contact sheets: rows of frames with their depth, normals and classes, to look at what is rendered."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from vision_banana_ros.core import DataError, FloatArray, Truth, UInt8Array
from vision_banana_ros.data.example import Example
from vision_banana_ros.world.dataset import WorldSettings, render_sample

COLUMNS = 3  # samples per row; each is RGB, depth, normals and classes side by side


def contact_sheet(path: Path, settings: WorldSettings, *, first_seed: int, count: int) -> None:
    """Render `count` frames and write them as one picture."""
    panels = [panel(render_sample(first_seed + i, settings)) for i in range(count)]
    panels += [np.zeros_like(panels[0])] * (-len(panels) % COLUMNS)
    rows = [np.concatenate(panels[i : i + COLUMNS], axis=1) for i in range(0, len(panels), COLUMNS)]
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), np.ascontiguousarray(np.concatenate(rows)[..., ::-1])):
        raise DataError(f"{path} cannot be written: give a file name that ends in .png or .jpg")


def panel(sample: Example) -> UInt8Array:
    """One sample: RGB, depth, normals, classes, with its place and seed written on it."""
    rgb = sample.frame.rgb.copy()
    caption = f"{sample.place} {sample.seed}"
    rgb[:14] //= 3
    cv2.putText(rgb, caption, (3, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (255, 255, 255), 1, cv2.LINE_AA)
    truth = sample.truth
    return np.concatenate([rgb, _depth(truth), _normals(truth), _classes(truth)], axis=1)


def _depth(truth: Truth) -> UInt8Array:
    """Near is bright, far is dark; logarithmic from 0.2 to 100 m."""
    assert truth.depth_m is not None
    shade = np.log(np.clip(truth.depth_m, 0.2, 100) / 0.2) / np.log(500)
    grey = (255 * (1 - np.nan_to_num(shade, nan=1.0))).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO)[..., ::-1], dtype=np.uint8)


def _normals(truth: Truth) -> UInt8Array:
    assert truth.normals is not None
    facing: FloatArray = np.nan_to_num(truth.normals * np.float32(-127.5)) + np.float32(127.5)
    return facing.clip(0, 255).astype(np.uint8)


def _classes(truth: Truth) -> UInt8Array:
    """A fixed colour per class, darker and lighter per instance."""
    assert truth.mask is not None
    assert truth.instances is not None
    table = np.random.default_rng(5).integers(40, 235, (256, 3))
    lift = 0.75 + 0.25 * ((truth.instances.astype(np.int64) * 7) % 5) / 4
    return (table[truth.mask] * lift[..., None]).astype(np.uint8)
