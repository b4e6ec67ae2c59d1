"""Normals held along the motion, and panoptic maps whose ids stay."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from vision_banana_ros.core import Frame, Perception
from vision_banana_ros.evaluation.journeys import open_journey
from vision_banana_ros.evaluation.normal_metrics import angles_deg
from vision_banana_ros.evaluation.video import VideoJudge
from vision_banana_ros.geometry.normal_fusion import NormalFusion, unit
from vision_banana_ros.geometry.steady import Steadier
from vision_banana_ros.tasks.panoptic import Segment

FRAMES = 20


@pytest.fixture(scope="module")
def journey():
    return open_journey("moving", width=160)


def seen_of(frame: Frame, **layers) -> Perception:
    return Perception(stamp_ns=frame.stamp_ns, frame_id="camera", hw=frame.hw, camera=frame.camera, layers=layers)


def painted(normals: np.ndarray, rng) -> np.ndarray:
    """As a painter wobbles them: by patches, and each pixel a little."""
    hw = normals.shape[:2]
    patches = cv2.resize(rng.normal(0, 0.12, (6, 8, 3)).astype(np.float32), hw[::-1])
    return unit((normals + patches + rng.normal(0, 0.03, normals.shape)).astype(np.float32))


@pytest.fixture(scope="module")
def judged(journey):
    """(frame by frame, steady) scores, and the steadied true normals beside the true ones."""
    rng, noisy, true = np.random.default_rng(5), Steadier(), Steadier()
    plain, steady, pairs = VideoJudge("plain"), VideoJudge("steady"), []
    for index in range(FRAMES):
        frame, truth = journey.frame(index), journey.truth(index)
        seen = seen_of(frame, depth_m=truth.depth_m, normals=painted(truth.normals, rng))
        plain.add(frame, truth, journey.pose(index), seen, 0.0)
        steady.add(frame, truth, journey.pose(index), noisy.steady(frame, seen), 0.0)
        made = true.steady(frame, seen_of(frame, depth_m=truth.depth_m, normals=truth.normals.copy()))
        pairs.append((made.normals, truth.normals))
    return plain.scores(), steady.scores(), pairs


def test_flicker_of_normals_is_halved_and_their_error_falls(judged):
    plain, steady, _ = judged
    assert plain.normals_flicker_deg > 7
    assert steady.normals_flicker_deg < plain.normals_flicker_deg / 2
    assert steady.normals_deg < 0.8 * plain.normals_deg


def test_true_normals_turn_with_the_camera_and_nothing_is_smeared(judged):
    for index, (made, true) in enumerate(judged[2]):
        angles = angles_deg(made, true)
        assert np.nanmedian(angles) < 0.6, index
        assert np.nanmean(angles > 10) < 0.01, index  # even of a box that turns by itself


def test_normals_keep_their_holes_their_length_and_their_size():
    steadier, big = Steadier(), open_journey("moving")
    for index in range(4):
        frame, truth = big.frame(index), big.truth(index)
        assert frame.hw[1] > 192, "larger than the size that motion is found in"
        normals = truth.normals.copy()
        normals[20 + index : 60, 30:80] = np.nan
        made = steadier.steady(frame, seen_of(frame, depth_m=truth.depth_m, normals=normals)).normals
        np.testing.assert_array_equal(np.isnan(made), np.isnan(normals))
        np.testing.assert_allclose(np.linalg.norm(made, axis=-1)[~np.isnan(made[..., 0])], 1, atol=1e-4)
    assert np.mean(angles_deg(made, truth.normals)[~np.isnan(normals[..., 0])] > 20) < 0.01


def test_without_depth_and_unasked(journey):
    frame, truth = journey.frame(0), journey.truth(0)
    steadier = Steadier()
    assert steadier.steady(frame, seen_of(frame, depth_m=truth.depth_m)).normals is None
    rng, wobble, calm = np.random.default_rng(2), [], []
    for index in range(8):  # nobody knows how the camera turns
        frame = replace(journey.frame(0), stamp_ns=(index + 1) * 10**8)
        normals = painted(truth.normals, rng)
        made = steadier.steady(frame, seen_of(frame, normals=normals)).normals
        wobble.append(np.nanmean(angles_deg(normals, truth.normals)))
        calm.append(np.nanmean(angles_deg(made, truth.normals)))
    assert calm[-1] < 0.75 * wobble[-1]


def test_what_turns_by_more_than_noise_is_believed_at_once():
    fusion, hw = NormalFusion(8), (40, 50)
    before, after = np.zeros((*hw, 3), np.float32), np.zeros((*hw, 3), np.float32)
    before[..., 2], after[..., 2] = -1, -1
    after[:, 30:] = (1, 0, 0)
    from vision_banana_ros.geometry.motion import Motion

    ys, xs = np.mgrid[0 : hw[0], 0 : hw[1]].astype(np.float32)
    still = Motion(np.stack([xs, ys], -1), np.ones(hw, bool), np.ones(hw, bool), np.zeros(hw, np.float32))
    for _ in range(5):
        fusion.fuse(before.copy(), still, hw, None, None)
    made = fusion.fuse(after.copy(), still, hw, None, None)
    np.testing.assert_allclose(made, after, atol=1e-6)


WALL, FLOOR = "wall", "floor"


def panoptic(rng, slip: bool) -> tuple[np.ndarray, tuple[Segment, ...]]:
    """Two stuffs and two boxes, numbered anew in each frame; `slip`: a piece of the floor is called wall."""
    picture = np.full((120, 160), 1, np.uint16)
    picture[70:] = 2
    if slip:
        picture[80:100, 100:140] = 1
    picture[40:80, 20:50], picture[50:90, 60:90] = 3, 4
    order = rng.permutation(2)
    table = np.array([0, *(1 + order), 3 + order[0], 3 + order[1]], np.uint16)
    names = {1: (WALL, False), 2: (FLOOR, False), 3: ("box", True), 4: ("box", True)}
    pixels = np.bincount(picture.ravel(), minlength=5)
    segments = [Segment(int(table[k]), *names[k], int(pixels[k])) for k in names]
    return table[picture], tuple(sorted(segments, key=lambda segment: segment.id))


def test_ids_of_a_panoptic_map_stay_and_slips_are_held():
    rng, steadier = np.random.default_rng(1), Steadier()
    rgb = cv2.GaussianBlur(rng.integers(60, 200, (120, 160, 3), dtype=np.uint8), (0, 0), 1.5)
    numbers = []
    for index in range(8):
        ids, segments = panoptic(rng, slip=index == 6)
        frame = Frame(rgb, stamp_ns=index * 10**8, frame_id="camera")
        made = steadier.steady(frame, seen_of(frame, panoptic=ids, panoptic_segments=segments))
        held, told = made.layer("panoptic"), made.layer("panoptic_segments")
        assert held.dtype == np.uint16
        pixels = np.bincount(held.ravel())
        assert {segment.id: segment.pixels for segment in told} == {n: pixels[n] for n in np.flatnonzero(pixels)}
        assert [segment.is_thing for segment in told] == [False, False, True, True]
        at = {s.label: s.id for s in told if not s.is_thing}
        numbers.append((held[10, 10], held[110, 10], held[60, 30], held[60, 80]))
        assert numbers[-1][:2] == (at[WALL], at[FLOOR])
        assert [track.label for track in steadier.tracks] == ["box", "box"]
        assert {track.number for track in steadier.tracks} == set(numbers[-1][2:])
        assert held[90, 120] == at[FLOOR], "one frame's slip changes nothing"
    assert len(set(numbers)) == 1
    assert len(set(numbers[0])) == 4


def test_a_thing_that_one_frame_missed_stays_a_segment():
    rng, steadier = np.random.default_rng(1), Steadier()
    rgb = cv2.GaussianBlur(rng.integers(60, 200, (120, 160, 3), dtype=np.uint8), (0, 0), 1.5)
    told = ()
    for index in range(6):
        ids, segments = panoptic(rng, slip=False)
        if index == 5:
            gone = next(s for s in segments if s.is_thing)
            ids = np.where(ids == gone.id, 0, ids).astype(np.uint16)
            segments = tuple(s for s in segments if s is not gone)
        frame = Frame(rgb, stamp_ns=index * 10**8, frame_id="camera")
        before, made = told, steadier.steady(frame, seen_of(frame, panoptic=ids, panoptic_segments=segments))
        told = made.layer("panoptic_segments")
    assert {segment.id for segment in told} == {segment.id for segment in before}
    assert sum(segment.is_thing for segment in told) == 2
    assert len(steadier.tracks) == 1


def test_the_past_is_turned_with_the_camera():
    from vision_banana_ros.geometry.egomotion import CameraMotion
    from vision_banana_ros.geometry.motion import Motion

    fusion, hw = NormalFusion(8), (24, 32)
    turn, _ = cv2.Rodrigues(np.radians([0.0, 6.0, 0.0]))
    how = CameraMotion(rotation=turn, translation=np.zeros(3), share=1.0, sigma_px=0.1, way_px=0.0)
    ys, xs = np.mgrid[0 : hw[0], 0 : hw[1]].astype(np.float32)
    still = Motion(np.stack([xs, ys], -1), np.ones(hw, bool), np.ones(hw, bool), np.zeros(hw, np.float32))
    wall = np.array((0.0, 0.6, -0.8))
    for _ in range(5):
        wall = turn @ wall
        seen = np.broadcast_to(wall.astype(np.float32), (*hw, 3)).copy()
        made = fusion.fuse(seen, still, hw, how, None)
        np.testing.assert_allclose(made, np.broadcast_to(wall, (*hw, 3)), atol=1e-4)
