"""Which view of a frame a sample shows: part of it, nearer, mirrored, in another direction; many at once.

A view is the picture of a camera that was never there but could have been: at the same place, turned, with another
lens. Its pixels are squares of the frame's, so one 3x3 matrix says where each of them looks in the frame:

    (x, y, 1) forward = K_frame R^T K_view^-1 (u, v, 1)

and `forward` is also what depth along z is divided by, since it is measured along another axis. Beyond the frame the
picture is mirrored and nothing is known, which is also how frames of other shapes fit the canvas
(generators/student.py).

Convention
    Pixels as in core.Camera, integers at centres. R takes directions in the frame's camera to the view's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from vision_banana_ros.data.mixture import NARROW_FOV_DEG
from vision_banana_ros.training.config import View

Floats = npt.NDArray[np.float64]
#: Crops of this much of the frame teach what the canonical camera needs: things at all sizes (docs/LOG.md).
_SMALLEST_CROP = 0.35
_SMALLEST_USUAL_CROP = 0.75
#: Of the samples: shown whole, and cropped far closer than any usual lens would show.
_WHOLE_SHARE, _CLOSE_SHARE = 0.3, 0.4
#: Degrees across a canvas of 4:3, mean and standard deviation, of the lenses that renders are cut to: where a picture
#: does not tell, the network expects what it was shown, and depth follows. Renders are of 73 degrees (median), robots'
#: cameras of 55 to 63 (4:3) and 65 to 84 (16:9): wider pictures see wider, but not by as much.
_USUAL_HFOV_DEG, _HFOV_SPREAD_DEG = 60.0, 11.0
_HFOV_RANGE_DEG = (38.0, 100.0)
_USUAL_SHAPE, _WIDER_SEE_WIDER = 4 / 3, 0.5
#: Frames whose shape is further from the canvas's than this are cut to it; others are shown whole, as robots see.
_LARGEST_PADDING = 1.2
#: Degrees, one standard deviation: robots and hands hold cameras level, look up and down, and anywhere around.
_TILT, _PAN, _ROLL = 7.0, 7.0, 5.0
_WIDEST = 2.0  # standard deviations


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """N views as arrays."""

    matrix: Floats  # (N, 3, 3) canvas pixels to the frame's
    rotation: Floats  # (N, 3, 3) directions in the frame's camera to the view's, the mirror with it
    camera: Floats  # (N, 4) fx fy cx cy of the view
    usual: npt.NDArray[np.bool_]  # whether such a lens is one to expect
    whole: npt.NDArray[np.bool_]  # nothing was cut off or turned away
    mirrored: npt.NDArray[np.bool_]

    def only(self, which: list[int]) -> Views:
        return Views(*(getattr(self, f.name)[which] for f in fields(self)))

    @property
    def zoom(self) -> Floats:
        """(N,) pixels of the frame that one of the canvas covers, side by side, at the corner of the view."""
        zoom: Floats = np.abs(self.matrix[:, 0, 0] / self.matrix[:, 2, 2])
        return zoom


def draw(
    cameras: Floats,
    sizes_wh: Floats,
    real: npt.NDArray[np.bool_],
    view: View,
    rng: np.random.Generator,
    *,
    turn_share: float | Floats,
    narrow_teach: npt.NDArray[np.bool_] | None = None,
) -> Views:
    """A random view of each frame: `cameras` (N, 4), `sizes_wh` (N, 2).

    `narrow_teach`: through which of them even a long lens is one to expect; by default the frames that are not real.
    """
    count, shape = len(cameras), view.width / view.height
    width, height = sizes_wh.T
    inside = np.minimum(width, height * shape)  # the widest part of the canvas's shape
    around = np.maximum(width, height * shape)  # the narrowest that holds the whole frame
    kind = rng.random(count)
    whole = kind < _WHOLE_SHARE
    close = kind > 1 - _CLOSE_SHARE
    usual = np.where(
        real,
        inside * rng.uniform(_SMALLEST_USUAL_CROP, 1, count),
        np.minimum(_usual_width(cameras[:, 0], shape, rng), inside),
    )
    nearer = inside * np.exp(rng.uniform(math.log(_SMALLEST_CROP), 0, count))
    padded = np.where(around < _LARGEST_PADDING * inside, around, inside)
    across = np.where(whole, padded, np.where(close, nearer, usual))
    left = rng.random(count) * (width - across)
    top = rng.random(count) * (height - across / shape)
    mirrored, turned = rng.random(count) < 0.5, rng.random(count) < turn_share
    rotation = np.where(turned[:, None, None], _turns(count, rng), np.eye(3))
    views = cut(cameras, left, top, across, view, rotation, mirrored)
    longer = np.maximum(view.width / views.camera[:, 0], view.height / views.camera[:, 1])
    narrow = longer < 2 * math.tan(math.radians(NARROW_FOV_DEG / 2))
    taught = ~close & ~(narrow & (real if narrow_teach is None else ~narrow_teach))
    return Views(views.matrix, views.rotation, views.camera, taught, whole & ~turned, mirrored)


def cut(
    cameras: Floats,
    left: Floats,
    top: Floats,
    across: Floats,
    view: View,
    rotation: Floats,
    mirrored: npt.NDArray[np.bool_],
) -> Views:
    """Views `across` pixels of their frames wide, from `left` and `top`, after the frames were turned by `rotation`."""
    scale = view.width / across
    moved = np.stack(
        [
            cameras[:, 0] * scale,
            cameras[:, 1] * scale,
            (cameras[:, 2] + 0.5 - left) * scale - 0.5,
            (cameras[:, 3] + 0.5 - top) * scale - 0.5,
        ],
        axis=1,
    )
    flip = np.tile(np.eye(3), (len(cameras), 1, 1))
    flip[mirrored, 0, 0], flip[mirrored, 0, 2] = -1, view.width - 1
    matrix = _intrinsics(cameras) @ rotation.transpose(0, 2, 1) @ np.linalg.inv(_intrinsics(moved)) @ flip
    moved[mirrored, 2] = view.width - 1 - moved[mirrored, 2]
    sides = np.ones((len(cameras), 3, 1))
    sides[mirrored, 0] = -1
    always = np.ones(len(cameras), bool)
    return Views(matrix, sides * rotation, moved, always, always, mirrored)


def _usual_width(fx: Floats, shape: float, rng: np.random.Generator) -> Floats:
    """Pixels of each frame that a usual camera of this shape would have seen side by side."""
    hfov_deg = np.clip(rng.normal(_USUAL_HFOV_DEG, _HFOV_SPREAD_DEG, len(fx)), *_HFOV_RANGE_DEG)
    width: Floats = 2 * np.tan(np.radians(hfov_deg) / 2) * (shape / _USUAL_SHAPE) ** _WIDER_SEE_WIDER * fx
    return width


def _turns(count: int, rng: np.random.Generator) -> Floats:
    """(N, 3, 3) rotations by small angles about x, y and z (Rodrigues)."""
    angles = np.clip(rng.standard_normal((count, 3)), -_WIDEST, _WIDEST) * np.radians((_TILT, _PAN, _ROLL))
    size = np.linalg.norm(angles, axis=1)[:, None, None] + 1e-12
    x, y, z = (angles / size[:, 0]).T
    zero = np.zeros(count)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    turn: Floats = np.eye(3) + np.sin(size) * cross + (1 - np.cos(size)) * (cross @ cross)
    return turn


def _intrinsics(cameras: Floats) -> Floats:
    k = np.zeros((len(cameras), 3, 3))
    k[:, 0, 0], k[:, 1, 1], k[:, 0, 2], k[:, 1, 2], k[:, 2, 2] = *cameras.T, 1.0
    return k
