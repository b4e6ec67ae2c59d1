"""The camera's way from two pictures and one depth: what was put in comes out, depth's shape with it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision_banana_ros.core import Camera
from vision_banana_ros.geometry.alignment import align
from vision_banana_ros.geometry.egomotion import CameraMotion, source_at_rest
from vision_banana_ros.geometry.fusion import DepthFusion, FusionSettings
from vision_banana_ros.geometry.motion import Motion, carry

HW = (120, 160)
CAMERA = Camera(140.0, 150.0, 78.0, 61.0, 160, 120)


def road() -> tuple[np.ndarray, np.ndarray]:
    """A picture, and log depth that falls from 20 m at the top to 3 m at the bottom."""
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 255, HW, dtype=np.uint8), (0, 0), 2.5)
    log_depth = np.repeat(np.linspace(np.log(20), np.log(3), HW[0], dtype=np.float32)[:, None], HW[1], axis=1)
    return cv2.convertScaleAbs(picture, alpha=2.0, beta=-128), log_depth


def motion_of(turn_deg: float, way: tuple[float, float, float]) -> CameraMotion:
    rotation, _ = cv2.Rodrigues(np.radians((0.3, turn_deg, -0.2)))
    return CameraMotion(rotation=rotation, translation=np.array(way), share=1.0, sigma_px=0.2, way_px=1.0)


STILL = motion_of(0.0, (0, 0, 0))


@pytest.mark.parametrize("way", [(0.0, 0.0, -0.6), (0.25, -0.05, -0.1)])
def test_what_was_put_in_comes_out(way):
    old, log_depth = road()
    true = motion_of(1.0, way)
    new = carry(old, source_at_rest(log_depth, CAMERA, true))
    found = align(old, new, log_depth, CAMERA, [STILL])
    assert found is not None
    assert np.abs(found.translation - true.translation).max() < 0.06
    assert np.degrees(np.linalg.norm(cv2.Rodrigues(found.rotation @ true.rotation.T)[0])) < 0.3
    assert found.share > 0.7


def test_far_things_that_are_painted_too_near_are_told_from_the_way():
    old, log_depth = road()
    true = motion_of(0.0, (0.0, 0.0, -0.6))
    new = carry(old, source_at_rest(log_depth, CAMERA, true))
    painted = (1.5 + (log_depth - 1.5) / 1.3).astype(np.float32)  # compressed around exp(1.5) m
    found = align(old, new, painted, CAMERA, [STILL])
    for _ in range(4):
        found = align(old, new, painted, CAMERA, [found])
    assert found.bend == pytest.approx(0.3, abs=0.12)
    straight = align(old, new, log_depth, CAMERA, [STILL])
    assert abs(straight.bend) < 0.05


def test_a_blank_picture_tells_nothing():
    blank = np.full(HW, 90, np.uint8)
    assert align(blank, blank, road()[1], CAMERA, [STILL]) is None


def test_what_is_new_takes_the_change_of_its_neighbours():
    """The left third flickers by 20 %; a patch in it that nobody saw before must not stand out."""
    picture, log_depth = road()
    fusion = DepthFusion(FusionSettings(memory=12, scale_memory=12, scale_jump=0.5, least_gate=0.3))
    ys, xs = np.mgrid[0 : HW[0], 0 : HW[1]].astype(np.float32)
    everywhere = np.ones(HW, np.bool_)
    motion = Motion(np.stack([xs, ys], axis=-1), everywhere, everywhere, np.zeros(HW, np.float32))
    for _ in range(6):
        fusion.fuse(log_depth, motion, (picture, picture), CAMERA)
    changed, flickers = picture.copy(), log_depth.copy()
    changed[50:62, 20:34] = 255 - changed[50:62, 20:34]
    flickers[:, :56] += 0.2
    result = fusion.fuse(flickers, motion, (picture, changed), CAMERA)
    assert result.share < 1
    assert result.scale == pytest.approx(1, abs=0.03)
    assert np.median(result.change[:, :56]) == pytest.approx(-0.2 * 6 / 7, abs=0.02)
    assert np.abs(result.change[50:62, 20:34] + 0.2 * 6 / 7).max() < 0.05
