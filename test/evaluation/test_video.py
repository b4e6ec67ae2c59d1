"""Scores over time: zero where nothing flickers, and as large as what was put in."""

from __future__ import annotations

import numpy as np
import pytest

from vision_banana_ros.core import DataError, Perception
from vision_banana_ros.evaluation.identity import Identities
from vision_banana_ros.evaluation.journeys import open_journey
from vision_banana_ros.evaluation.video import VideoJudge, corresponding, step_lag


@pytest.fixture(scope="module")
def journey():
    return open_journey("moving", width=128)


def scored(journey, factor) -> VideoJudge:
    judge = VideoJudge("x", names=("floor", "wall"))
    for i in range(6):
        frame, truth = journey.frame(i), journey.truth(i)
        layers = {"depth_m": (truth.depth_m * np.float32(factor(i))).astype(np.float32)}
        seen = Perception(stamp_ns=frame.stamp_ns, frame_id="", hw=frame.hw, layers=layers)
        judge.add(frame, truth, journey.pose(i), seen, 0.001)
    return judge.scores()


def test_pairs_show_one_place(journey):
    p, q = corresponding(journey.truth(3), journey.pose(3), journey.truth(4), journey.pose(4))
    assert len(p) > 0.8 * 128 * 96 * 0.9
    now, before = journey.frame(4).rgb.reshape(-1, 3).astype(int), journey.frame(3).rgb.reshape(-1, 3).astype(int)
    assert np.abs(now[p] - before[q]).mean() < 8


def test_truth_does_not_flicker_and_a_wrong_scale_is_no_flicker(journey):
    for scale in (1.0, 1.3):
        scores = scored(journey, lambda _, scale=scale: scale)
        assert scores.flicker < 1e-6
        assert scores.scale_spread < 1e-6
    assert scored(journey, lambda _: 1.0).delta1 == 1.0


def test_flicker_is_what_was_put_in(journey):
    scores = scored(journey, lambda i: np.exp(0.05 * (-1) ** i))
    assert scores.flicker == pytest.approx(0.1, abs=1e-3)
    assert scores.scale_flicker == pytest.approx(0.1, abs=1e-3)
    assert scores.scale_spread == pytest.approx(0.05, abs=1e-3)
    drifting = scored(journey, lambda i: np.exp(0.02 * i))
    assert drifting.flicker == pytest.approx(0.02, abs=1e-3)
    assert drifting.scale_drift == pytest.approx(0.1, abs=1e-3)


def test_lag_counts_frames():
    truth = [1.0] * 5 + [2.0] * 5
    assert step_lag(truth, truth) == 0
    assert step_lag([1.0] * 6 + [2.0] * 4, truth) == pytest.approx(1)
    assert step_lag([1.5] * 7 + [2.5] * 3, truth) == pytest.approx(2)  # an offset is no lag
    assert step_lag([0.0] * 10, [3.0] * 10) == 0


def test_identities_count_switches_and_idf1():
    truth = np.zeros((20, 40), np.uint16)
    truth[:, :20], truth[:, 20:] = 1, 2
    steady, swapped = Identities(), Identities()
    for frame in range(4):
        steady.add(truth + 10 * (truth > 0), truth)
        swapped.add(truth if frame % 2 else 3 - truth, truth)
    assert (steady.switches, steady.idf1) == (0, 1.0)
    assert swapped.switches == 6
    assert swapped.idf1 == pytest.approx(0.5)
    missed = Identities()
    missed.add(np.zeros_like(truth), truth)
    assert missed.idf1 == 0
    assert np.isnan(Identities().idf1)


def test_the_truth_of_a_narrow_journey_is_picked_and_never_blended():
    """A blend of two surfaces, or of two ids, would be of neither."""
    whole, narrow = open_journey("moving").truth(2), open_journey("moving", width=85).truth(2)
    for name in ("depth_m", "mask", "instances"):
        values = getattr(narrow, name)
        assert values.shape == (narrow.camera.height, 85)
        assert set(np.unique(values)) <= set(np.unique(getattr(whole, name)))


def strips(numbers, hw=(10, 60)):
    """Ten columns for each number, 0 for nothing."""
    picture = np.zeros(hw, np.uint16)
    for place, number in enumerate(numbers):
        picture[:, 10 * place : 10 * place + 10] = number
    return picture


def hota_of(truths, found):
    judge = Identities(least_pixels=1)
    for true, seen in zip(truths, found, strict=True):
        judge.add(seen, true)
    return judge.hota


def test_hota_by_hand():
    truth = [strips([1, 2])] * 4
    assert hota_of(truth, truth) == pytest.approx(1)
    assert hota_of(truth, [strips([0])] * 4) == 0
    assert np.isnan(Identities().hota)
    # One object whose number changes half way: DetA 1, AssA 2 / (4 + 2 - 2) = 1/2.
    assert hota_of([strips([1])] * 4, [strips([7])] * 2 + [strips([8])] * 2) == pytest.approx(np.sqrt(0.5))
    # One of two objects never found: DetA 1/2, AssA 1.
    assert hota_of(truth, [strips([5, 0])] * 4) == pytest.approx(np.sqrt(0.5))
    # Painted half as large as it is, IoU 1/2: right at the ten thresholds up to it, nothing above.
    half = strips([1])
    half[:, 5:] = 0
    assert hota_of([strips([1])] * 4, [half] * 4) == pytest.approx(10 / 19)


def slow_hota(truths, found):
    """The definition over again, by loops over every one-to-one matching of every frame."""
    from itertools import permutations

    ids = [[int(n) for n in np.unique(p) if n] for p in truths], [[int(n) for n in np.unique(p) if n] for p in found]

    def iou(t, a, b):
        one, other = truths[t] == a, found[t] == b
        return (one & other).sum() / (one | other).sum()

    alike = {}
    for a in {n for row in ids[0] for n in row}:
        for b in {n for row in ids[1] for n in row}:
            both = 0.0
            for t in range(len(truths)):
                if a in ids[0][t] and b in ids[1][t]:
                    across = sum(iou(t, a, o) for o in ids[1][t]) + sum(iou(t, o, b) for o in ids[0][t]) - iou(t, a, b)
                    both += iou(t, a, b) / across if across else 0.0
            alike[a, b] = both / (sum(a in row for row in ids[0]) + sum(b in row for row in ids[1]) - both)
    total = 0.0
    for k in range(1, 20):
        matched = []
        for t in range(len(truths)):
            mine, others = ids[0][t], ids[1][t] + [None] * len(ids[0][t])
            best, pairs = -1.0, []
            for order in set(permutations(others, len(mine))):
                chosen = [(a, b) for a, b in zip(mine, order, strict=True) if b is not None and iou(t, a, b) >= k / 20]
                score = sum(alike[a, b] * iou(t, a, b) for a, b in chosen)
                if score > best:
                    best, pairs = score, chosen
            matched += pairs
        hits, misses = len(matched), sum(map(len, ids[0])) - len(matched)
        false = sum(map(len, ids[1])) - hits
        shares = []
        for a, b in matched:
            c = matched.count((a, b))
            shares.append(c / (sum(a in row for row in ids[0]) + sum(b in row for row in ids[1]) - c))
        total += np.sqrt(hits / (hits + misses + false) * (np.mean(shares) if shares else 0.0))
    return total / 19


def test_hota_is_that_of_the_definition():
    rng = np.random.default_rng(4)
    for _ in range(4):
        truths, found = [], []
        for _ in range(5):
            truths.append(strips(rng.permutation(4)[:3], hw=(6, 30)))
            found.append(np.roll(strips(rng.permutation(4)[:3], hw=(6, 30)), int(rng.integers(-4, 5)), axis=1))
        assert hota_of(truths, found) == pytest.approx(slow_hota(truths, found), abs=1e-9)


def test_a_path_may_lead_through_another_place_and_only_a_path():
    for wrong in ("clip@7", "drive@", "drive@x", "nowhere@7"):
        with pytest.raises(DataError, match="no footage is called"):
            open_journey(wrong)


def normals_scored(journey, turn_deg):
    judge = VideoJudge("x")
    for i in range(6):
        frame, truth = journey.frame(i), journey.truth(i)
        angle = np.radians(turn_deg(i))
        turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
        normals = (truth.normals @ turn.T).astype(np.float32)
        seen = Perception(stamp_ns=frame.stamp_ns, frame_id="", hw=frame.hw, layers={"normals": normals})
        judge.add(frame, truth, journey.pose(i), seen, 0.003, 0.001)
    return judge.scores()


def test_normals_flicker_by_what_was_put_in_and_not_by_the_cameras_turn(journey):
    true = normals_scored(journey, lambda _: 0.0)
    assert true.normals_flicker_deg < 0.3
    assert true.normals_deg < 0.1
    flickering = normals_scored(journey, lambda i: 5.0 * (-1) ** i)
    assert 5 < flickering.normals_flicker_deg < 10  # 10 about one axis; normals along it do not turn
    assert flickering.own_normals_ms == pytest.approx(1)
    assert flickering.own_ms == pytest.approx(3)
    assert np.isnan(scored(journey, lambda _: 1.0).normals_flicker_deg)
