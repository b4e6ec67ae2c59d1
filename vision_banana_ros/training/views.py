"""A random view of a sample: a crop, perhaps mirrored, at the canvas's size, with the camera that would have taken it.

Geometry is only cut and resized (to slightly other aspect ratios too), so depth along z and normals stay what they
are; the intrinsics follow. Colours are changed elsewhere (photometry.py), on whole batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, Camera, Referring, UInt8Array
from vision_banana_ros.training.config import View
from vision_banana_ros.training.samples import TrainingSample

#: Real frames come from few places and lenses: they are cut less, so that their fields of view stay what cameras have.
_SMALLEST_CROP, _SMALLEST_REAL_CROP = 0.5, 0.75
#: Shown whole, as a robot sees them.
_WHOLE_SHARE, _WHOLE_REAL_SHARE = 0.3, 0.5
#: Degrees across a canvas of 4:3, mean and standard deviation, of the lenses that renders are cut to: where a picture
#: does not tell, the network expects what it was shown, and depth follows. Renders are of 73 degrees (median), robots'
#: cameras of 55 to 63 (4:3) and 65 to 84 (16:9): wider pictures see wider, but not by as much.
_USUAL_HFOV_DEG, _HFOV_SPREAD_DEG = 60.0, 11.0
_HFOV_RANGE_DEG = (38.0, 100.0)
_USUAL_SHAPE, _WIDER_SEE_WIDER = 4 / 3, 0.5
#: A canvas may be wider or narrower than its frame by this, as a logarithm: canvas sizes are few, and frames are shown
#: whole on the nearest (3:2 and 16:10 are .12 from theirs, 5:4 is .06).
_STRETCH = 0.16


@dataclass(frozen=True, slots=True)
class Crop:
    """Part of an image in pixels."""

    left: int
    top: int
    width: int
    height: int


def random_view(sample: TrainingSample, view: View, rng: np.random.Generator) -> TrainingSample:
    """A crop of about the view's shape, so that pixels stay about as square as a canvas shows them on a robot."""
    height, width = sample.rgb.shape[:2]
    shape = view.width / view.height
    whole = rng.random() < (_WHOLE_REAL_SHARE if sample.real else _WHOLE_SHARE)  # if the canvas is about of its shape
    nearest = np.clip(np.log(width / height / shape), -_STRETCH, _STRETCH)
    aspect = shape * np.exp(nearest if whole else rng.uniform(-_STRETCH, _STRETCH))
    widest = min(width, height * aspect)
    if whole:
        share = 1.0
    elif sample.real:
        share = rng.uniform(_SMALLEST_REAL_CROP, 1)
    else:
        share = np.clip(_usual_width(sample.camera, shape, rng) / widest, _SMALLEST_CROP, 1)
    w = round(share * widest)
    h = round(share * min(height, width / aspect))
    crop = Crop(int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1)), w, h)
    return cut(sample, crop, view, mirrored=bool(rng.random() < 0.5))


def _usual_width(camera: Camera, shape: float, rng: np.random.Generator) -> float:
    """Pixels of the frame that a usual camera of this shape would have seen side by side."""
    hfov_deg = np.clip(rng.normal(_USUAL_HFOV_DEG, _HFOV_SPREAD_DEG), *_HFOV_RANGE_DEG)
    half_width = math.tan(math.radians(hfov_deg) / 2) * (shape / _USUAL_SHAPE) ** _WIDER_SEE_WIDER
    return float(2 * half_width * camera.fx)


def cut(sample: TrainingSample, crop: Crop, view: View, *, mirrored: bool = False) -> TrainingSample:
    """The crop at the view's size; labels and depth are picked at pixel centres, never blended."""
    rows = crop.top + ((np.arange(view.height) + 0.5) * crop.height / view.height).astype(np.intp)
    columns = crop.left + ((np.arange(view.width) + 0.5) * crop.width / view.width).astype(np.intp)
    if mirrored:
        columns = columns[::-1]
    whole = crop == Crop(0, 0, sample.rgb.shape[1], sample.rgb.shape[0])
    part = sample.rgb[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
    # averaging is right for shrinking only; where the crop is smaller than the view it would show blocks
    shrinks = crop.width >= view.width and crop.height >= view.height
    rgb: UInt8Array = cv2.resize(  # type: ignore[assignment]  # its stub forgets that the dtype stays
        part, (view.width, view.height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    normals = _pick(sample.normals, rows, columns)
    if mirrored:
        rgb = np.ascontiguousarray(rgb[:, ::-1])
        normals = normals * np.array((-1, 1, 1), np.int8)
    return replace(
        sample,
        rgb=rgb,
        position=_pick(sample.position, rows, columns),
        normals=normals,
        camera=_cut_camera(sample.camera, crop, view, mirrored=mirrored),
        mask=None if sample.mask is None else _pick(sample.mask, rows, columns),
        instances=None if sample.instances is None else _pick(sample.instances, rows, columns),
        referring=_still_true(sample.referring, whole=whole, mirrored=mirrored),
    )


def _cut_camera(camera: Camera, crop: Crop, view: View, *, mirrored: bool) -> Camera:
    moved = Camera(
        camera.fx, camera.fy, camera.cx - crop.left, camera.cy - crop.top, crop.width, crop.height
    ).scaled_to(view.width, view.height)
    return replace(moved, cx=view.width - 1 - moved.cx) if mirrored else moved


def _still_true(referring: tuple[Referring, ...], *, whole: bool, mirrored: bool) -> tuple[Referring, ...]:
    """ "The largest box" may be another one in a part of the picture, and left is right in the mirror."""
    if not whole:
        return ()
    return tuple(r for r in referring if not (mirrored and ("left" in r.text or "right" in r.text)))


def _pick(array: AnyArray, rows: AnyArray, columns: AnyArray) -> AnyArray:
    return np.ascontiguousarray(array[rows[:, None], columns])
