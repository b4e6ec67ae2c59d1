"""Edges kept as edges: from the canvas's size to the frame's, and depth that belongs to no surface marked.

Upsampling blends inside surfaces only (sampling.py has the rule where surfaces meet):
    depth       in inverse depth, which is affine in (u, v) on every plane: a slanted floor comes out exactly.
    normals     per component, then renormalised.
    labels      never blended: every value of the result is a value of the source.
    confidence  plainly bilinear.

A flying pixel lies on the ramp that blur draws between two surfaces: with q = 1 / depth, along a row or a column,
    q is clear of the nearest and of the farthest depth within reach by the factor `ratio`,         (neither side)
    min(|q' before|, |q' after|) with one sign: it rises or falls through the pixel,                (on a slope)
    and this is STEEPER times the flattest step found on either side within the reach.            (a ramp with two ends)
The last condition spares slanted floors, where the slope goes on; the second spares thin objects, where it turns, and
clean edges, where it is flat on the pixel's own side.

Convention
    Pixel centres as in core/camera.py. Depth in metres along z, NaN invalid, +inf beyond range; both survive, neither
    is blended with anything. Depth that is not positive is invalid. Same size: the input itself is returned, no copy.
"""

from __future__ import annotations

import math
from typing import TypeVar

import cv2
import numpy as np

from vision_banana_ros.core import (
    AnyArray,
    BoolArray,
    FloatArray,
    FrameError,
    UInt8Array,
    UInt16Array,
    describe,
    require_array,
)
from vision_banana_ros.geometry.sampling import ballots, cells

Labels = TypeVar("Labels", UInt8Array, UInt16Array)

#: Samples whose inverse depths differ by less than this share of the larger one are of one surface.
_DEPTH_STEP = 0.05
#: Normals closer than 25 degrees are of one surface: (2 sin(25 deg / 2))^2, the squared chord.
_NORMAL_STEP = 0.187

# Stand-ins for "invalid" that agree with each other and with nothing valid: an inverse depth and a normal that
# cannot be. Blends only see them among themselves.
_NO_INVERSE_DEPTH = np.float32(-1)
_NO_NORMAL = np.float32(4)

#: A ramp is that much steeper than where it ends; the limb of a sphere, the steepest clean surface, stays below 2.
_STEEPER = 2.5
#: Rows or columns that are looked through at once, so that all their numbers stay in a processor's cache.
_STRIP = 64


def upsample_labels(mask: Labels, hw: tuple[int, int], guide_rgb: UInt8Array | None = None) -> Labels:
    """Class or instance ids at size `hw`; where ids meet, the one with most votes of the four samples around."""
    if not isinstance(mask, np.ndarray) or mask.dtype not in (np.uint8, np.uint16) or mask.ndim != 2 or not mask.size:
        raise FrameError(f"mask must be a uint8 or uint16 array of shape (H, W), got {describe(mask)}")
    _require_target(hw, guide_rgb)
    if mask.shape == hw:
        return mask
    result: Labels = np.asarray(cv2.resize(mask, (hw[1], hw[0]), interpolation=cv2.INTER_NEAREST_EXACT), mask.dtype)
    contested = cells(mask[:, 1:] != mask[:, :-1], mask[1:] != mask[:-1])
    for vote in ballots(contested, mask.shape, hw, guide_rgb):
        result.reshape(-1)[vote.targets] = vote.elect(mask.reshape(-1).take(vote.samples), np.equal)
    return result


def upsample_depth(depth_m: FloatArray, hw: tuple[int, int], guide_rgb: UInt8Array | None = None) -> FloatArray:
    """Depth at size `hw`: planes stay planes, and no value lies between a foreground and its background."""
    require_array(depth_m, name="depth_m", dtype="float32", error=FrameError)
    _require_target(hw, guide_rgb)
    if depth_m.shape == hw:
        return depth_m
    inverse = _inverse_depth(depth_m, invalid=_NO_INVERSE_DEPTH)
    contested = cells(_depth_steps(inverse), _depth_steps(inverse.T).T)
    result = np.asarray(cv2.resize(inverse, (hw[1], hw[0]), interpolation=cv2.INTER_LINEAR))
    for vote in ballots(contested, inverse.shape, hw, guide_rgb):
        around = inverse.reshape(1, -1).take(vote.samples, axis=1)
        (result.reshape(-1)[vote.targets],) = vote.blend(around, _same_surface)
    result[result < 0] = np.nan
    with np.errstate(divide="ignore"):
        return np.divide(np.float32(1), result, out=result)


def upsample_normals(normals: FloatArray, hw: tuple[int, int], guide_rgb: UInt8Array | None = None) -> FloatArray:
    """Unit normals at size `hw`: round on round things, creases stay sharp."""
    require_array(normals, name="normals", dtype="float32", channels=3, error=FrameError)
    _require_target(hw, guide_rgb)
    if normals.shape[:2] == hw:
        return normals
    source_hw = normals.shape[0], normals.shape[1]
    known: FloatArray = np.stack(cv2.split(normals)).astype(np.float32, copy=False)
    known[np.isnan(known)] = _NO_NORMAL
    contested = cells(
        ~_same_facing(known[:, :, 1:], known[:, :, :-1]),
        ~_same_facing(known[:, 1:], known[:, :-1]),
    )
    planes = [cv2.resize(plane, (hw[1], hw[0]), interpolation=cv2.INTER_LINEAR) for plane in known]
    for vote in ballots(contested, source_hw, hw, guide_rgb):
        around = known.reshape(3, -1).take(vote.samples, axis=1)
        for plane, values in zip(planes, vote.blend(around, _same_facing), strict=True):
            plane.reshape(-1)[vote.targets] = values
    return _renormalised(planes)


def upsample_confidence(confidence: UInt8Array, hw: tuple[int, int]) -> UInt8Array:
    """Confidence at size `hw`."""
    require_array(confidence, name="confidence", dtype="uint8", error=FrameError)
    _require_target(hw, None)
    if confidence.shape == hw:
        return confidence
    return np.asarray(cv2.resize(confidence, (hw[1], hw[0]), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def flying_pixels(depth_m: FloatArray, *, ratio: float = 1.05, reach_px: int = 6) -> BoolArray:
    """True where depth lies between two surfaces and on neither.

    `ratio`: how clear of both, as a factor. `reach_px`: how far away either surface may begin; ramps that are wider
    than that, blurred by more than about a third of it, are slopes.
    """
    require_array(depth_m, name="depth_m", dtype="float32", error=FrameError)
    if not 1 < ratio < math.inf:
        raise FrameError(f"ratio must be a factor above 1, got {ratio!r}")
    if not (isinstance(reach_px, int) and reach_px > 0):
        raise FrameError(f"reach_px must be a positive int, got {describe(reach_px)}")
    inverse = _inverse_depth(depth_m, invalid=np.float32(0))  # holes and sky: infinitely far away
    flying = np.zeros(inverse.shape, np.bool_)
    for axis in (0, 1):
        for start in range(0, inverse.shape[1 - axis], _STRIP):
            some = slice(start, start + _STRIP)
            strip = (some,) if axis == 1 else (slice(None), some)
            flying[strip] |= _on_ramp(inverse[strip], np.float32(ratio), reach_px, axis)
    return flying


def _on_ramp(inverse: FloatArray, ratio: np.float32, reach: int, axis: int) -> BoolArray:
    """The conditions of a flying pixel, going along `axis`."""
    if inverse.shape[axis] < 3:
        return np.zeros(inverse.shape, np.bool_)
    # One sample is mirrored on at either end, so that a slope goes on beyond the border.
    margin = (1, 1, 0, 0) if axis == 0 else (0, 0, 1, 1)
    framed = cv2.copyMakeBorder(inverse, *margin, borderType=cv2.BORDER_REFLECT_101)
    before, after = _all_but_last(axis), _all_but_first(axis)
    # OpenCV's arithmetic: along rows NumPy's takes two to three times as long on views that begin between its strides.
    step = cv2.subtract(framed[after], framed[before])  # [before] leads to the pixel, [after] away from it
    steepness = np.abs(step)
    slope = cv2.min(steepness[before], steepness[after])
    one_way = _line(reach, axis)
    start = (0, 0)
    end = (0, reach - 1) if axis == 0 else (reach - 1, 0)
    ends = cv2.max(
        cv2.erode(steepness, one_way, anchor=end)[before], cv2.erode(steepness, one_way, anchor=start)[after]
    )
    flying: BoolArray = slope > ends * np.float32(_STEEPER)
    flying &= cv2.multiply(step[before], step[after]) > 0
    both_ways = _line(2 * reach + 1, axis)
    flying &= cv2.dilate(inverse, both_ways) > inverse * ratio
    flying &= cv2.erode(inverse, both_ways) < inverse / ratio
    return flying


def _line(length: int, axis: int) -> UInt8Array:
    return np.ones((length, 1) if axis == 0 else (1, length), np.uint8)


def _all_but_last(axis: int) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, slice(None, -1))


def _all_but_first(axis: int) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, slice(1, None))


def _inverse_depth(depth_m: FloatArray, *, invalid: np.float32) -> FloatArray:
    with np.errstate(divide="ignore"):
        inverse = np.divide(np.float32(1), depth_m)
    inverse[~(depth_m > 0)] = invalid
    return inverse


def _depth_steps(inverse: FloatArray) -> BoolArray:
    """(H, W - 1): where neighbours in a row are of two surfaces: neither alike nor on one slope with a next pair."""
    left, right = inverse[:, :-1], inverse[:, 1:]
    real = (left > 0) & (right > 0)
    step = np.where(real, right - left, np.float32(np.inf))  # no slope leads into a hole or the sky
    with np.errstate(invalid="ignore"):
        bend = np.abs(np.diff(step, axis=1))
    bend[np.isnan(bend)] = np.inf
    both = np.minimum(np.hstack([bend[:, :1], bend]), np.hstack([bend, bend[:, -1:]]))
    unlike = both if bend.size else np.abs(step)
    apart = real & (unlike > _DEPTH_STEP * np.maximum(left, right))
    return np.asarray(apart | (np.sign(left) != np.sign(right)))


def _same_surface(a: FloatArray, b: FloatArray) -> BoolArray:
    """`a` and `b` are (1, N)."""
    alike = np.abs(a - b) <= _DEPTH_STEP * np.maximum(np.abs(a), np.abs(b))
    return np.asarray(alike[0])


def _same_facing(a: FloatArray, b: FloatArray) -> BoolArray:
    """`a` and `b` are (3, ...)."""
    chord = a - b
    chord *= chord
    return np.asarray(chord[0] + chord[1] + chord[2] < _NORMAL_STEP)


def _renormalised(planes: list[AnyArray]) -> FloatArray:
    """(H, W, 3) of unit length; NaN where the planes hold the stand-in for no normal."""
    x, y, z = planes
    length = cv2.magnitude(cv2.magnitude(x, y), z)
    length[length > 2] = np.nan  # valid ones are 1 at most
    for plane in planes:
        cv2.divide(plane, length, dst=plane)
    return np.asarray(cv2.merge(planes))


def _require_target(hw: tuple[int, int], guide_rgb: UInt8Array | None) -> None:
    if len(hw) != 2 or not all(isinstance(side, int) and side > 0 for side in hw):
        raise FrameError(f"hw must be (height, width) of positive ints, got {hw!r}")
    if guide_rgb is not None:
        require_array(guide_rgb, name="guide_rgb", dtype="uint8", channels=3, hw=hw, error=FrameError)
