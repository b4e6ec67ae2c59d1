"""Real frames as a camera that is turned a little would have seen them.

Real frames are few, and a network soon knows them by heart (docs/LOG.md): depth of a training room is then remembered,
not seen. Turned by other angles each time, no picture comes twice, and all that is known of the frame is turned with
it: depth along z changes with the axis it is measured along. Beyond the frame the picture is mirrored, and unknown.

Convention
    Optical frame, x right, y down, z forward; `turn` takes old coordinates to new ones.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from vision_banana_ros.codecs.curve import curve
from vision_banana_ros.core import UNLABELLED, FloatArray
from vision_banana_ros.training.samples import UNKNOWN, TrainingSample, metres, normals_of

#: Degrees, one standard deviation: robots and hands hold cameras level, look up and down somewhat, and anywhere around.
_ROLL, _TILT, _PAN = 5.0, 7.0, 7.0
_WIDEST = 2.0  # standard deviations


def turned(sample: TrainingSample, rng: np.random.Generator) -> TrainingSample:
    """`sample` from the same place in another direction."""
    return turn(sample, random_turn(rng))


def random_turn(rng: np.random.Generator) -> FloatArray:
    """A rotation matrix."""
    angles = np.clip(rng.standard_normal(3), -_WIDEST, _WIDEST) * np.radians((_TILT, _PAN, _ROLL))
    return np.asarray(cv2.Rodrigues(angles)[0], np.float32)


def turn(sample: TrainingSample, rotation: FloatArray) -> TrainingSample:
    """`rotation` takes directions in the old camera's frame to the new one's; the new camera has the old lens."""
    camera = sample.camera
    height, width = sample.rgb.shape[:2]
    v, u = np.mgrid[:height, :width].astype(np.float32)
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones_like(u)], axis=-1)
    old = rays @ rotation  # the transpose of the rotation, applied to each row
    forward = np.maximum(old[..., 2], 1e-3)
    x = old[..., 0] / forward * camera.fx + camera.cx
    y = old[..., 1] / forward * camera.fy + camera.cy
    rgb = np.asarray(cv2.remap(sample.rgb, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.uint8)
    columns, rows = np.rint(x).astype(np.intp), np.rint(y).astype(np.intp)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height) & (old[..., 2] > 0)
    columns, rows = columns.clip(0, width - 1), rows.clip(0, height - 1)

    old_position = sample.position[rows, columns]
    # a point at old z lies on the old ray old / old_z; in the new frame that ray is rays / old_z, whose z is 1 / old_z
    depth = metres(old_position) / forward
    position = np.where(np.isfinite(depth), curve(np.nan_to_num(depth, posinf=1.0)), old_position.astype(np.float32))
    position = np.where(inside, position, UNKNOWN)
    normals = normals_of(sample.normals[rows, columns]) @ rotation.T * inside[..., None]
    return replace(
        sample,
        rgb=rgb,
        position=position.astype(np.float16),
        normals=np.rint(normals * 127).astype(np.int8),
        mask=None if sample.mask is None else np.where(inside, sample.mask[rows, columns], np.uint8(UNLABELLED)),
        instances=None if sample.instances is None else sample.instances[rows, columns] * inside,
        referring=(),
    )
