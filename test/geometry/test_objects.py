"""Instances in the picture and in space."""

from __future__ import annotations

import numpy as np
import pytest

from vision_banana_ros.core import Camera
from vision_banana_ros.geometry.objects import seen_objects

CAMERA = Camera(100.0, 120.0, 30.0, 20.0, 80, 60)


def _instances() -> np.ndarray:
    instances = np.zeros((60, 80), np.uint16)
    instances[10:30, 20:50] = 1
    instances[40, 7] = 4  # numbers need not be dense
    return instances


def test_boxes_scores_and_labels() -> None:
    confidence = np.full((60, 80), 51, np.uint8)
    first, second = seen_objects(_instances(), ("box",), confidence=confidence)
    assert (first.number, first.label, first.box, first.pixels) == (1, "box", (20, 10, 30, 20), 600)
    assert first.score == pytest.approx(0.2)
    assert (second.number, second.label, second.box, second.pixels) == (4, "", (7, 40, 1, 1), 1)
    assert first.centre_m is None


def test_metres_are_of_the_things_own_pixels() -> None:
    depth = np.full((60, 80), 9.0, np.float32)
    depth[10:30, 20:50] = 2.0
    depth[10, 20:40] = 9.0  # some of its edge shows what is behind: under 5 % of it
    depth[11, 20] = np.nan
    first, second = seen_objects(_instances(), ("box",), depth_m=depth, camera=CAMERA)
    assert first.centre_m is not None
    assert first.size_m is not None
    assert first.centre_m[2] == pytest.approx(2.0, abs=0.01)
    assert first.size_m[2] == pytest.approx(0.0, abs=0.01)
    assert first.centre_m[0] == pytest.approx((34.5 - 30) / 100 * 2, abs=0.05)
    assert first.centre_m[1] == pytest.approx((20 - 20) / 120 * 2, abs=0.05)
    assert first.size_m[0] == pytest.approx(0.9 * 30 / 100 * 2, abs=0.05)
    assert second.centre_m is None, "one pixel is no measure"


def test_nothing_is_nothing_and_8_bits_serve() -> None:
    assert seen_objects(np.zeros((4, 5), np.uint16), ()) == []
    mask = np.zeros((4, 5), np.uint8)
    mask[1:3, 2:4] = 2
    assert [(o.number, o.label, o.box) for o in seen_objects(mask, ("a", "b"))] == [(2, "b", (2, 1, 2, 2))]
