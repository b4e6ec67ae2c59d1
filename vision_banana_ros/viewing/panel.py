"""One picture of all that was perceived: image, depth, normals and classes, side by side.

Depth is coloured over its own range, near red to far blue; the bar below tells the metres. Invalid pixels are black,
those beyond range white. Classes are shown in the prompt's colours over the image, with their names.
"""

from __future__ import annotations

import cv2
import numpy as np

from vision_banana_ros.codecs import Palette, normals
from vision_banana_ros.core import UNLABELLED, FloatArray, Frame, Perception, Task, UInt8Array

_BAR_HEIGHT = 22
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_panel(frame: Frame, seen: Perception) -> UInt8Array:
    """(H, W, 3) RGB, 2 x 2 tiles of the frame's size, each with a line of text under it."""
    empty = np.zeros_like(frame.rgb)
    depth_rgb, depth_text = (empty, "no depth") if seen.depth_m is None else paint_depth(seen.depth_m)
    normals_rgb = empty if seen.normals is None else normals.encode(seen.normals, invalid=(0, 0, 0))
    classes_rgb, classes_text = _classes_tile(frame, seen)
    camera = "camera unknown"
    if seen.camera is not None:
        how = "recovered" if seen.camera_recovered else "given"
        camera = f"camera {how}: fx {seen.camera.fx:.1f}, {seen.camera.hfov_deg:.1f} deg"
    top = np.hstack([_captioned(frame.rgb, camera), _captioned(depth_rgb, depth_text)])
    bottom = np.hstack([_captioned(normals_rgb, "normals"), _captioned(classes_rgb, classes_text)])
    return np.vstack([top, bottom])


def paint_depth(depth_m: FloatArray) -> tuple[UInt8Array, str]:
    """The picture of a depth map, and its scale in words."""
    finite = np.isfinite(depth_m)
    if not finite.any():
        return np.where(np.isinf(depth_m)[..., None], np.uint8(255), np.uint8(0)).repeat(3, axis=2), "no finite depth"
    near, far = (float(value) for value in np.percentile(depth_m[finite], (1, 99)))
    # Equal steps of 1 / depth: what is near is what a robot looks at.
    near, far = max(near, 0.01), max(far, 0.02)
    closeness = (1 / np.clip(depth_m, near, far) - 1 / far) / max(1 / near - 1 / far, 1e-9)
    levels = np.nan_to_num(255 * closeness).astype(np.uint8)
    rgb = np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_TURBO), np.uint8)[..., ::-1].copy()
    rgb[np.isnan(depth_m)] = 0
    rgb[np.isinf(depth_m)] = 255
    return rgb, f"depth: red {near:.2f} m, blue {far:.2f} m"


def _classes_tile(frame: Frame, seen: Perception) -> tuple[UInt8Array, str]:
    painted = next((c for c in seen.canvases if c.instruction.task is Task.SEMANTIC), None)
    if painted is None or seen.mask is None:
        return np.zeros_like(frame.rgb), "no classes"
    colors = Palette.from_instruction(painted.instruction).encode(seen.mask)
    rgb = np.asarray(cv2.addWeighted(frame.rgb, 0.4, colors, 0.6, 0), np.uint8)
    shares = np.bincount(seen.mask.reshape(-1), minlength=256) / seen.mask.size
    for class_id in np.flatnonzero((shares > 0.004) & (np.arange(256) != UNLABELLED)):
        # Where the class is thickest; its middle may well lie on something else.
        depth_inside = cv2.distanceTransform((seen.mask == class_id).astype(np.uint8), cv2.DIST_L1, 3)
        row, column = np.unravel_index(int(np.argmax(depth_inside)), seen.mask.shape)
        _write(rgb, seen.labels[class_id], (max(0, int(column) - 12), int(row) + 5))
    return rgb, f"classes: {np.count_nonzero(shares[:UNLABELLED] > 0)} seen, {shares[UNLABELLED]:.1%} unlabelled"


def _captioned(tile: UInt8Array, text: str) -> UInt8Array:
    bar = np.full((_BAR_HEIGHT, tile.shape[1], 3), 24, np.uint8)
    _write(bar, text, (5, 16))
    return np.vstack([tile, bar])


def _write(rgb: UInt8Array, text: str, at: tuple[int, int]) -> None:
    # The font has ASCII only; other scripts would come out as question marks one by one.
    said = text.encode("ascii", "replace").decode("ascii")
    cv2.putText(rgb, said, (at[0] + 1, at[1] + 1), _FONT, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.putText(rgb, said, at, _FONT, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
