"""Geometry on one VGA frame of the moving room, with a 256x192 canvas as its source where something is upsampled."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.bench.rows import Row, timed
from vision_banana_ros.codecs import rays
from vision_banana_ros.core import AnyArray, Camera, FloatArray, Truth
from vision_banana_ros.geometry import (
    POINT_STEP,
    camera_from_rays,
    flying_pixels,
    pack_cloud,
    scale_from_height,
    unproject,
    upsample_confidence,
    upsample_depth,
    upsample_labels,
    upsample_normals,
)
from vision_banana_ros.geometry.sparse import Heights, sparse_cloud
from vision_banana_ros.world.moving import MovingScene

_INDEX = 40
_HW = (480, 640)


def measure() -> list[Row]:
    """Times of single calls, and how good what they return is."""
    scene = MovingScene(width=_HW[1], height=_HW[0])
    frame, truth = scene.frame(_INDEX), scene.truth(_INDEX)
    small = MovingScene(width=256, height=192).truth(_INDEX)
    return [*_upsampling(truth, small, frame.rgb), *_clouds(truth, frame.rgb), *_flying(truth, small), *_fits(truth)]


def _upsampling(truth: Truth, small: Truth, rgb: AnyArray) -> list[Row]:
    depth, normals, mask = small.depth_m, small.normals, small.mask
    assert depth is not None
    assert normals is not None
    assert mask is not None
    guided, plain = upsample_labels(mask, _HW, rgb), upsample_labels(mask, _HW)
    nearest = cv2.resize(mask, _HW[::-1], interpolation=cv2.INTER_NEAREST)
    wrong = [float((labels != truth.mask).mean()) for labels in (nearest, plain, guided)]
    return [
        _time("upsample depth 256x192 to VGA", lambda: upsample_depth(depth, _HW), bar_ms=3),
        _time("upsample depth, guided by the picture", lambda: upsample_depth(depth, _HW, rgb), bar_ms=3),
        _time("upsample normals", lambda: upsample_normals(normals, _HW), bar_ms=3),
        _time("upsample labels", lambda: upsample_labels(mask, _HW), bar_ms=3),
        _time("upsample labels, guided by the picture", lambda: upsample_labels(mask, _HW, rgb), bar_ms=3),
        _time("upsample confidence", lambda: upsample_confidence(mask, _HW), bar_ms=3),
        _row("labels wrong after upsampling", wrong[1] * 100, "%", against="nearest", ratio=wrong[0] / wrong[1]),
        _row("labels wrong, guided by the picture", wrong[2] * 100, "%", against="nearest", ratio=wrong[0] / wrong[2]),
    ]


def _clouds(truth: Truth, rgb: AnyArray) -> list[Row]:
    depth, camera = _depth(truth), truth.camera
    out = np.empty(depth.size * POINT_STEP, np.uint8)
    confidence = np.full(_HW, 200, np.uint8)

    def pack() -> AnyArray:
        return pack_cloud(
            depth,
            camera,
            rgb=rgb,
            normals=truth.normals,
            mask=truth.mask,
            confidence=confidence,
            far_point_m=20.0,
            out=out,
        )

    return [
        _time("unproject VGA", lambda: unproject(depth, camera), bar_ms=2),
        _time("pack cloud VGA, all fields", pack, bar_ms=4),
        *_sparse(truth),
    ]


def _sparse(truth: Truth) -> list[Row]:
    """Processor time of one thread, as the robot pays for it, whatever else runs here."""
    depth, camera, mask = _depth(truth), truth.camera, truth.mask
    everything: dict[str, Any] = {"mask": mask, "without": [0], "far_point_m": 20.0, "heights": Heights(0.1, 1.8, 1.0)}
    return [
        _cpu("cloud for costmaps VGA, 20,000 points", lambda: sparse_cloud(depth, camera), bar_ms=3),
        _cpu("  without classes, heights, with far ends", lambda: sparse_cloud(depth, camera, **everything), bar_ms=3),
    ]


def _cpu(name: str, work: Callable[[], object], *, bar_ms: float) -> Row:
    spent = []
    for _ in range(50):
        start = time.thread_time()
        work()
        spent.append(time.thread_time() - start)
    return _row(name, median(spent) * 1e3, "ms cpu", bar=f"< {bar_ms:g}")


def _flying(truth: Truth, small: Truth) -> list[Row]:
    depth = _depth(truth)
    sky_m = np.float32(80)
    clean = np.minimum(depth, sky_m)
    blended = np.asarray(cv2.resize(np.minimum(_depth(small), sky_m), _HW[::-1]), np.float32)
    nowhere = _belongs_nowhere(blended, clean)
    found = flying_pixels(blended)
    return [
        _time("flying pixels VGA", lambda: flying_pixels(depth), bar_ms=2),
        _row("flying pixels found", float(found[nowhere].mean()) * 100, "%", bar=">= 90"),
        _row("clean pixels taken", float(flying_pixels(depth).mean()) * 100, "%", bar="< 1"),
    ]


def _belongs_nowhere(depth: AnyArray, truth: AnyArray, radius: int = 3) -> AnyArray:
    """Where no true depth of the neighbourhood is within 5 %."""
    shifts = range(-radius, radius + 1)
    moved = (np.roll(truth, (dy, dx), axis=(0, 1)) for dy in shifts for dx in shifts)
    return np.logical_and.reduce([np.maximum(depth / near, near / depth) > 1.05 for near in moved])


def _fits(truth: Truth) -> list[Row]:
    rng = np.random.default_rng(0)
    focal_errors, centre_errors = [], []
    for hfov_deg in (60.0, 80.0, 100.0, 120.0):
        camera = Camera.from_hfov(hfov_deg, 320, 256)
        canvas = np.clip(np.round(rays.encode(camera) + rng.normal(0, 4, (256, 320, 3))), 0, 255).astype(np.uint8)
        decoded = rays.decode(canvas)
        found = camera_from_rays(decoded.directions, decoded.confidence, width=320, height=256).camera
        focal_errors.append(max(abs(found.fx / camera.fx - 1), abs(found.fy / camera.fy - 1)))
        centre_errors.append(max(abs(found.cx - camera.cx), abs(found.cy - camera.cy)))
    depth = _depth(truth)
    return [
        _time("camera from rays 320x256", lambda: camera_from_rays(decoded.directions, width=320, height=256)),
        _row("camera from rays, sigma 4: focal error", max(focal_errors) * 100, "%", bar="<= 0.5"),
        _row("camera from rays, sigma 4: centre error", max(centre_errors), "px", bar="<= 1"),
        _time("scale from height VGA", lambda: scale_from_height(depth, truth.camera, 1.0)),
    ]


def _depth(truth: Truth) -> FloatArray:
    assert truth.depth_m is not None
    return truth.depth_m


def _time(name: str, work: Callable[[], object], *, bar_ms: float | None = None) -> Row:
    return _row(name, timed(work).median_ms, "ms", bar="" if bar_ms is None else f"< {bar_ms:g}")


def _row(name: str, value: float, unit: str, *, against: str = "", ratio: float | None = None, bar: str = "") -> Row:
    return Row(area="geometry", name=name, value=value, unit=unit, against=against, ratio=ratio, bar=bar)
