"""Motion between frames, the camera's way, and what they serve: what flickers is held, what moves is followed."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from vision_banana_ros.core import Camera, Frame, FrameError, Perception
from vision_banana_ros.evaluation.journeys import open_journey
from vision_banana_ros.evaluation.video import VideoJudge, step_lag
from vision_banana_ros.geometry.alignment import align
from vision_banana_ros.geometry.egomotion import CameraMotion, as_turn
from vision_banana_ros.geometry.motion import MotionFinder, work_picture
from vision_banana_ros.geometry.odometry import OdometryFilter, scale_from_odometry
from vision_banana_ros.geometry.steady import Steadier, SteadySettings

FRAMES = 24


@pytest.fixture(scope="module")
def journey():
    return open_journey("moving", width=192)


def textured(hw=(120, 160), seed=0):
    picture = np.random.default_rng(seed).integers(0, 255, hw, dtype=np.uint8)
    return cv2.GaussianBlur(picture, (0, 0), 2).astype(np.float32).clip(0, 255).astype(np.uint8)


def seen_of(frame: Frame, **layers) -> Perception:
    return Perception(stamp_ns=frame.stamp_ns, frame_id="camera", hw=frame.hw, camera=frame.camera, layers=layers)


def test_a_shift_is_found_and_what_comes_into_view_is_new():
    old = textured()
    new = np.roll(old, (3, 7), axis=(0, 1))
    new[:, :7] = textured(seed=1)[:, :7]  # came into view
    motion = MotionFinder().between(old, new)
    inner = (slice(20, -20), slice(30, -20))
    assert motion.known[inner].mean() > 0.98
    ys, xs = np.mgrid[0:120, 0:160]
    assert np.abs(motion.source[..., 0] - (xs - 7))[inner].mean() < 0.2
    assert np.abs(motion.source[..., 1] - (ys - 3))[inner].mean() < 0.2
    assert motion.known[:, :4].mean() < 0.1
    carried = motion.carry(old.astype(np.float32))
    assert np.abs(carried - new)[inner].mean() < 3


def test_another_picture_has_no_motion():
    assert MotionFinder().between(textured(seed=3), textured(seed=4)).known.mean() < 0.35


def test_a_brighter_picture_is_the_same_picture():
    old = textured()
    new = np.clip(old.astype(np.int32) + 25, 0, 255).astype(np.uint8)
    assert MotionFinder().between(old, new).known.mean() > 0.95


def found_and_true(journey, first: int, step: int) -> tuple[CameraMotion, np.ndarray, np.ndarray]:
    """(motion found, true rotation, true translation), old camera to new."""
    finder = MotionFinder()
    old, new = journey.frame(first), journey.frame(first + step)
    pictures = work_picture(old), work_picture(new)
    start = as_turn(finder.between(*pictures), new.camera)
    how = align(*pictures, np.log(journey.truth(first + step).depth_m), new.camera, [start])
    (turn, place), (old_turn, old_place) = journey.pose(first + step), journey.pose(first)
    return how, turn.T @ old_turn, turn.T @ (old_place - place)


def test_the_cameras_way_is_found_though_things_move(journey):
    how, turn, way = found_and_true(journey, 40, 6)
    assert how is not None
    assert np.linalg.norm(how.translation - way) < 0.35 * np.linalg.norm(way)
    angle = np.degrees(np.linalg.norm(cv2.Rodrigues(how.rotation @ turn.T)[0]))
    assert angle < 0.6


def test_scale_is_checked_against_the_way():
    ways = [
        (
            CameraMotion(rotation=np.eye(3), translation=np.array([0, 0, -d]), share=0.9, sigma_px=0.2, way_px=3.0),
            1.25 * d,
        )
        for d in np.linspace(0.05, 0.2, 12)
    ]
    still = CameraMotion(rotation=np.eye(3), translation=np.array([0.01, 0, 0]), share=0.9, sigma_px=0.2, way_px=0.1)
    estimate = scale_from_odometry([*ways, (still, 5.0)])
    assert estimate.scale == pytest.approx(1.25, rel=1e-6)
    assert estimate.confidence == 1.0
    assert scale_from_odometry([(still, 1.0)]).confidence == 0
    assert estimate.spread == pytest.approx(0, abs=1e-9)
    assert estimate.steps == 12
    with pytest.raises(FrameError, match="odometry must give metres"):
        scale_from_odometry([(still, -1.0)])
    kept = OdometryFilter()
    for how, metres in ways[:2]:
        kept.add(how, metres)
    assert kept.scale is None, "two steps are too few"
    for how, metres in [*ways[2:], (still, 5.0), (ways[0][0], 9.0)]:  # one of them slipped
        kept.add(how, metres)
    kept.add(None, 1.0)
    assert kept.newest.steps == 13, "what hardly moves the picture is no step"
    for _ in range(9):  # but several of it are, each of 0.3 px
        slow = CameraMotion(rotation=np.eye(3), translation=np.array([0.01, 0, 0]), share=0.9, sigma_px=0.2, way_px=0.3)
        kept.add(slow, 0.0125)
    assert kept.newest.steps == 14
    kept.add(None, 0.0)
    for sign in (1, -1) * 8:  # nor there and back
        to_and_fro = CameraMotion(
            rotation=np.eye(3), translation=np.array([0.01 * sign, 0, 0]), share=0.9, sigma_px=0.2, way_px=1.0
        )
        kept.add(to_and_fro, 0.03)
    assert kept.newest.steps == 14
    assert kept.scale == pytest.approx(1.25, rel=1e-6)


def flickering(journey, index: int, rng) -> Perception:
    """The truth, with a scale and noise of this frame alone."""
    frame, truth = journey.frame(index), journey.truth(index)
    noise = cv2.GaussianBlur(rng.normal(0, 0.6, frame.hw).astype(np.float32), (0, 0), 4)
    return seen_of(frame, depth_m=(truth.depth_m * np.exp(noise + rng.normal(0, 0.12))).astype(np.float32))


@pytest.fixture(scope="module")
def judged(journey):
    rng, steadier = np.random.default_rng(5), Steadier()
    plain, steady = VideoJudge("plain"), VideoJudge("steady")
    pairs = []
    for index in range(FRAMES):
        frame, truth, pose = journey.frame(index), journey.truth(index), journey.pose(index)
        seen = flickering(journey, index, rng)
        made = steadier.steady(frame, seen)
        plain.add(frame, truth, pose, seen, 0)
        steady.add(frame, truth, pose, made, steadier.last.seconds)
        pairs.append((truth, seen, made))
    return plain.scores(), steady.scores(), pairs, steadier


def test_flicker_is_halved_and_truth_not_lost(judged):
    plain, steady, _, steadier = judged
    assert plain.flicker > 0.05
    assert steady.flicker < 0.5 * plain.flicker
    assert steady.scale_flicker < 0.3 * plain.scale_flicker
    assert steady.delta1 >= plain.delta1
    assert steady.abs_rel < plain.abs_rel
    assert steadier.last.held > 0.7


def test_nothing_is_smeared(judged):
    """Every pixel keeps this frame's own depth, times a factor near one: outlines and holes are this frame's."""
    for truth, seen, made in judged[2]:
        assert (np.isfinite(seen.depth_m) == np.isfinite(made.depth_m)).all()
        finite = np.isfinite(seen.depth_m)
        factor = np.log(made.depth_m[finite] / seen.depth_m[finite])
        assert np.abs(factor).max() <= np.log(2) + 1e-4
        ball = (truth.instances == 8) & finite
        if ball.sum() > 30:  # the red one, which flies
            assert np.abs(np.median(np.log(made.depth_m[ball] / truth.depth_m[ball]))) < 0.15


def test_true_steps_are_followed_at_once(journey):
    """The camera jumps: by a cut to another place, and by a stride that it can still follow."""
    for second in (60, 20):
        steadier, values, truths = Steadier(), [], []
        for index in [*range(10), *range(second, second + 8)]:
            frame, truth = journey.frame(index), journey.truth(index)
            frame = replace(frame, stamp_ns=len(values) * 66_000_000)
            made = steadier.steady(frame, seen_of(frame, depth_m=truth.depth_m.copy()))
            middle = (slice(60, 80), slice(80, 110))
            values.append(float(np.median(np.log(made.depth_m[middle]))))
            truths.append(float(np.median(np.log(truth.depth_m[middle]))))
        assert abs(step_lag(values, truths)) < 1


def test_a_fast_turn_brings_nothing_old():
    rng = np.random.default_rng(0)
    wide = cv2.GaussianBlur(rng.integers(0, 255, (120, 900, 3), dtype=np.uint8), (0, 0), 2)
    depth = np.repeat(np.linspace(1, 9, 900, dtype=np.float32)[None], 120, axis=0)
    steadier = Steadier()
    for step, left in enumerate((0, 1, 2, 400, 401)):
        frame = Frame(np.ascontiguousarray(wide[:, left : left + 160]), step * 10**8, "camera")
        true = np.ascontiguousarray(depth[:, left : left + 160])
        made = steadier.steady(frame, seen_of(frame, depth_m=true.copy()))
        assert np.abs(made.depth_m / true - 1).max() < 0.05


def test_classes_do_not_flicker_and_still_change():
    picture = cv2.cvtColor(textured(), cv2.COLOR_GRAY2RGB)
    rng, steadier = np.random.default_rng(1), Steadier()
    true = np.ones((120, 160), np.uint8)
    true[:, 80:] = 2
    changes = []
    for index in range(20):
        seen = np.where(rng.uniform(size=true.shape) < 0.15, np.uint8(3), true)
        frame = Frame(picture, index * 10**8, "camera")
        made = steadier.steady(frame, seen_of(frame, mask=seen, labels=("background", "a", "b", "c"))).mask
        changes.append(float((made != true).mean()))
    assert np.mean(changes[6:]) < 0.02  # of 0.15
    true[40:80, 40:80] = 3  # a real change is believed after as many frames as there are votes
    for index in range(20, 20 + SteadySettings().votes + 1):
        frame = Frame(picture, index * 10**8, "camera")
        made = steadier.steady(frame, seen_of(frame, mask=true, labels=("background", "a", "b", "c"))).mask
    assert (made == true).mean() > 0.995


def test_it_starts_anew_when_it_must(journey):
    steadier = Steadier()
    frame, truth = journey.frame(0), journey.truth(0)
    steadier.steady(frame, seen_of(frame, depth_m=truth.depth_m))
    later = replace(frame, stamp_ns=frame.stamp_ns + 60 * 10**9)
    made = steadier.steady(later, seen_of(later, depth_m=truth.depth_m * np.float32(1.4)))
    assert np.array_equal(made.depth_m, truth.depth_m * np.float32(1.4), equal_nan=True)
    small = Frame(frame.rgb[::2, ::2].copy(), later.stamp_ns + 10**8, "camera")
    assert steadier.steady(small, seen_of(small, depth_m=truth.depth_m[::2, ::2].copy())).hw == small.hw
    with pytest.raises(FrameError, match="memory must be a number above 0"):
        SteadySettings(memory=0)


def test_the_lens_is_recovered_once_and_held():
    picture = cv2.cvtColor(textured(), cv2.COLOR_GRAY2RGB)
    rng, steadier = np.random.default_rng(2), Steadier()
    for index in range(20):
        hfov = 70 + rng.normal(0, 0.6)
        seen = Perception(
            stamp_ns=index * 10**8,
            frame_id="camera",
            hw=(120, 160),
            camera=Camera.from_hfov(hfov, 160, 120),
            camera_recovered=True,
        )
        made = steadier.steady(Frame(picture, index * 10**8, "camera"), seen)
        if index == 15:
            held = made.camera
    assert steadier.camera == held == made.camera
    assert held.hfov_deg == pytest.approx(70, abs=0.5)
