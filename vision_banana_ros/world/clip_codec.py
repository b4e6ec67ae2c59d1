"""Truth of a 640x480 frame in some ten kilobytes, without loss where surfaces are flat.

Formula
    A flat surface is a plane n . X = d in the optical frame; at a pixel with ray r = ((u - cx) / fx, (v - cy) / fy, 1)
    its depth along z is d / (n . r). So a map of segments with (class, instance, n, d) each gives depth and normals of
    all flat pixels to float32 precision. Curved pixels have segments with n = 0; their depth (16-bit code, 8e-5
    relative) and normals (int8, 0.4 degrees) are kept at every third row and column and are NaN between.
    d = inf is sky. Class and instance are exact everywhere.

Layout, little-endian: counts (uint32: segments, bytes of the PNG, curved samples); per segment class uint8, instance
uint16, n and d float32; the segment map as 16-bit PNG; curved depth codes uint16; curved normals int8 x 3. The tables
and the curved samples are deflated, with equal bytes of neighbouring values beside each other.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import AnyArray, BoolArray, Camera, DataError, FloatArray, Truth, UInt16Array
from vision_banana_ros.data.shard_codes import decode_depth, decode_normals, encode_depth, encode_normals

MIN_PIXELS = 12  # a plane with fewer is kept as curved
MAX_RESIDUAL = 1e-4  # relative depth error at which a segment counts as flat
_HEAD = struct.Struct("<4I")


@dataclass(frozen=True, slots=True, eq=False)
class _Segments:
    """One row per segment of a frame, and the map of their numbers."""

    classes: AnyArray
    instances: AnyArray
    normals: FloatArray
    offsets: FloatArray
    index: UInt16Array


def rays(camera: Camera) -> FloatArray:
    """(H, W, 3): the point at depth 1 that each pixel centre sees."""
    u = (np.arange(camera.width) - camera.cx) / camera.fx
    v = (np.arange(camera.height) - camera.cy) / camera.fy
    x, y = np.meshgrid(u, v)
    return np.stack([x, y, np.ones_like(x)], axis=-1).astype(np.float32)


def encode_truth(truth: Truth) -> bytes:
    """A complete truth (depth, normals, mask, instances) as bytes."""
    if truth.depth_m is None or truth.normals is None or truth.mask is None or truth.instances is None:
        raise DataError("the clip keeps complete truths: depth, normals, mask and instances are needed")
    segments = _segment(truth)
    curved = _curved(segments) & _grid(segments.index.shape)
    ok, png = cv2.imencode(".png", segments.index, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not ok:
        raise DataError("OpenCV could not write a 16-bit PNG: check its build")
    codes = encode_depth(truth.depth_m)[curved].astype(np.int64)
    steps = np.diff(codes, prepend=0).astype(np.uint16)
    directions = np.diff(encode_normals(truth.normals)[curved], axis=0, prepend=np.zeros((1, 3), np.int8))
    tables = b"".join(
        (
            segments.classes.astype("<u1").tobytes(),
            _planes(segments.instances.astype("<u2")),
            _planes(segments.normals.astype("<f4")),
            _planes(segments.offsets.astype("<f4")),
            _planes(steps.astype("<u2")),
            np.ascontiguousarray(directions.T).tobytes(),
        )
    )
    packed = zlib.compress(tables, 9)
    return _HEAD.pack(len(segments.classes), png.size, len(codes), len(packed)) + png.tobytes() + packed


def decode_truth(data: bytes, camera: Camera, labels: tuple[str, ...]) -> Truth:
    """The truth of a frame; see the module for what is exact."""
    try:
        return _decode(data, camera, labels)
    except (struct.error, ValueError, zlib.error) as error:
        raise DataError(f"the clip's truth is damaged: {error}; install the package again") from error


def _decode(data: bytes, camera: Camera, labels: tuple[str, ...]) -> Truth:
    count, png_bytes, curved_count, packed_bytes = _HEAD.unpack_from(data)
    body = memoryview(data)[_HEAD.size :]
    index = cv2.imdecode(np.frombuffer(body[:png_bytes], np.uint8), cv2.IMREAD_UNCHANGED)
    if index is None or index.shape != (camera.height, camera.width):
        raise ValueError("the map of segments is no image of the camera's size")
    reader = _Reader(zlib.decompress(body[png_bytes : png_bytes + packed_bytes]))
    classes = reader.take("<u1", count)
    instances = reader.take("<u2", count).astype(np.uint16)
    normals = reader.take("<f4", count * 3).reshape(count, 3).astype(np.float32)
    offsets = reader.take("<f4", count).astype(np.float32)
    steps = reader.take("<u2", curved_count)
    directions = np.frombuffer(reader.rest(), np.int8).reshape(3, curved_count).T
    segments = _Segments(classes, instances, normals, offsets, index.astype(np.uint16))
    depth, direction = _flat(segments, camera)
    curved = _curved(segments) & _grid(index.shape)
    depth[curved] = decode_depth(np.cumsum(steps, dtype=np.uint16))
    direction[curved] = decode_normals(np.cumsum(directions, axis=0, dtype=np.int8))
    return Truth(
        camera=camera,
        depth_m=depth,
        normals=direction,
        mask=classes[index].astype(np.uint8),
        instances=instances[index],
        labels=labels,
    )


def _flat(segments: _Segments, camera: Camera) -> tuple[FloatArray, FloatArray]:
    """Depth and normals of all flat pixels; NaN on curved ones, +inf and NaN in the sky."""
    normal = segments.normals[segments.index]
    offset = segments.offsets[segments.index]
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = offset / (normal * rays(camera)).sum(-1)
    flat = np.abs(normal).sum(-1) > 0
    depth = np.where(np.isinf(offset), np.float32(np.inf), np.where(flat, depth, np.float32(np.nan)))
    return depth.astype(np.float32), np.where(flat[..., None], normal, np.float32(np.nan)).astype(np.float32)


def _segment(truth: Truth) -> _Segments:
    """Pixels of equal class, instance and plane; what fits no plane well goes to a segment of its instance."""
    assert truth.depth_m is not None
    assert truth.normals is not None
    assert truth.mask is not None
    assert truth.instances is not None
    ray, finite = rays(truth.camera).astype(np.float64), np.isfinite(truth.depth_m)
    normal = np.where(finite[..., None], truth.normals, 0).astype(np.float64)
    facing = (normal * ray).sum(-1)
    offset = np.where(finite, truth.depth_m, 0) * facing
    who = truth.mask.astype(np.int64) * 65536 + truth.instances
    keys = np.concatenate([who[..., None], np.rint(normal * 500), np.rint(offset * 250)[..., None]], axis=-1)
    group = _groups(keys.reshape(-1, keys.shape[-1]).astype(np.int64))
    count = np.bincount(group)
    sums = np.stack([np.bincount(group, normal[..., i].ravel()) for i in range(3)], axis=-1)
    mean: FloatArray = (sums / count[:, None]).astype(np.float32)
    plane: FloatArray = (np.bincount(group, offset.ravel()) / count).astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        rebuilt = plane[group] / (mean[group] * ray.reshape(-1, 3)).sum(-1)
        wrong = np.abs(rebuilt / truth.depth_m.ravel() - 1)
    worst = np.zeros(len(count))
    np.maximum.at(worst, group, np.where(finite.ravel(), np.nan_to_num(wrong, nan=1.0), 0))
    bad = (count < MIN_PIXELS) | (worst > MAX_RESIDUAL)
    first = np.unique(group, return_index=True)[1]
    sky = ~finite.ravel()[first]
    return _numbered(who.ravel(), group, bad & ~sky, mean, np.where(sky, np.inf, plane), truth.mask.shape)


def _numbered(
    who: npt.NDArray[np.int64],
    group: npt.NDArray[np.int64],
    curved: BoolArray,
    normals: FloatArray,
    offsets: AnyArray,
    shape: tuple[int, ...],
) -> _Segments:
    """Merge curved groups by instance and number all segments, the largest first."""
    lone = np.where(curved[group], who + 2**40, group)
    values, at, index, count = np.unique(lone, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(-count, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    if len(values) > 65535:
        raise DataError(f"a frame of the clip may have 65535 segments, got {len(values)}")
    at = at[order]
    is_curved = curved[group[at]]
    n, d = normals[group[at]].copy(), offsets[group[at]].astype(np.float32)
    n[is_curved], d[is_curved] = 0, 0
    n[np.isinf(d)] = 0
    numbered = rank[index.ravel()].astype(np.uint16).reshape(shape)
    return _Segments(who[at] // 65536, who[at] % 65536, n, d, numbered)


def _groups(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A number per distinct row; rows are mixed into one 64-bit word, which is a thousand times as fast to sort."""
    mixed = np.zeros(len(keys), np.uint64)
    for column in keys.T.astype(np.uint64):
        mixed = (mixed ^ column) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed, return_inverse=True)[1].ravel().astype(np.int64)


def _curved(segments: _Segments) -> BoolArray:
    flat = (np.abs(segments.normals).sum(-1) > 0) | np.isinf(segments.offsets)
    return np.asarray(~flat[segments.index], dtype=np.bool_)


def _grid(shape: tuple[int, ...]) -> BoolArray:
    grid = np.zeros(shape, np.bool_)
    grid[::3, ::3] = True
    return grid


def _planes(values: AnyArray) -> bytes:
    """First all first bytes, then all second ones ...: what deflate likes."""
    raw = np.ascontiguousarray(values).view(np.uint8).reshape(-1, values.itemsize)
    return np.ascontiguousarray(raw.T).tobytes()


class _Reader:
    """Takes typed arrays off a buffer, undoing `_planes`."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, kind: str, count: int) -> AnyArray:
        dtype = np.dtype(kind)
        raw = np.frombuffer(self._data, np.uint8, count * dtype.itemsize, self._at)
        self._at += raw.size
        return np.ascontiguousarray(raw.reshape(dtype.itemsize, count).T).reshape(-1).view(dtype)

    def rest(self) -> bytes:
        return self._data[self._at :]
