"""pytest benchmarks/bench_geometry.py: geometry on one VGA frame of the moving room."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vision_banana_ros.core import Frame, Truth
from vision_banana_ros.geometry import (
    POINT_STEP,
    camera_from_rays,
    flying_pixels,
    pack_cloud,
    scale_from_height,
    unproject,
    upsample_depth,
    upsample_labels,
    upsample_normals,
)
from vision_banana_ros.world.moving import MovingScene

HW = (480, 640)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return MovingScene(width=640, height=480).truth(40)


@pytest.fixture(scope="module")
def frame() -> Frame:
    return MovingScene(width=640, height=480).frame(40)


@pytest.fixture(scope="module")
def small() -> Truth:
    return MovingScene(width=256, height=192).truth(40)


@pytest.mark.parametrize("guided", [False, True])
def test_upsample_depth(benchmark: Any, small: Truth, frame: Frame, guided: bool) -> None:
    benchmark(upsample_depth, small.depth_m, HW, frame.rgb if guided else None)


@pytest.mark.parametrize("guided", [False, True])
def test_upsample_labels(benchmark: Any, small: Truth, frame: Frame, guided: bool) -> None:
    benchmark(upsample_labels, small.mask, HW, frame.rgb if guided else None)


def test_upsample_normals(benchmark: Any, small: Truth) -> None:
    benchmark(upsample_normals, small.normals, HW)


def test_unproject(benchmark: Any, truth: Truth) -> None:
    benchmark(unproject, truth.depth_m, truth.camera)


def test_pack_cloud(benchmark: Any, truth: Truth, frame: Frame) -> None:
    out = np.empty(HW[0] * HW[1] * POINT_STEP, np.uint8)
    layers = {"rgb": frame.rgb, "normals": truth.normals, "mask": truth.mask, "confidence": truth.mask}
    benchmark(pack_cloud, truth.depth_m, truth.camera, **layers, far_point_m=20.0, out=out)


def test_flying_pixels(benchmark: Any, truth: Truth) -> None:
    benchmark(flying_pixels, truth.depth_m)


def test_camera_from_rays(benchmark: Any, small: Truth) -> None:
    view = unproject(np.ones((192, 256), np.float32), small.camera)
    benchmark(camera_from_rays, view, width=640, height=480)


def test_scale_from_height(benchmark: Any, truth: Truth) -> None:
    benchmark(scale_from_height, truth.depth_m, truth.camera, 1.0)
