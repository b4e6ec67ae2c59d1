"""What is believed of several answers, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from vision_banana_ros.core import Camera, Perception
from vision_banana_ros.geometry import unproject
from vision_banana_ros.geometry.floor import normals_of
from vision_banana_ros.labelling.belief import Belief, BeliefSettings, Vote, believe
from vision_banana_ros.labelling.votes import agree_on_classes, agree_on_normals, matched_share

H, W = 48, 64
CAMERA = Camera(50.0, 50.0, 31.5, 23.5, W, H)
SURE = np.full((H, W), 255, np.uint8)


def slope(factor: float = 1.0) -> np.ndarray:
    """A floor that runs away from the camera: 1 m to 4 m."""
    return np.linspace(4.0, 1.0, H, dtype=np.float32)[:, None].repeat(W, 1) * np.float32(factor)


def vote(
    number: int = 0,
    depth: np.ndarray | None = None,
    confidence: np.ndarray = SURE,
    normals: np.ndarray | None = None,
    metric: bool = True,
) -> Vote:
    layers: dict[str, np.ndarray] = {}
    if depth is not None:
        layers |= {"depth_m": depth, "depth_confidence": confidence}
    if normals is not None:
        layers |= {"normals": normals, "normals_confidence": SURE}
    seen = Perception(stamp_ns=0, frame_id="", hw=(H, W), layers=layers)
    return Vote(number, seen, metric)


def weigh(*votes: Vote, sensor: np.ndarray | None = None, camera: Camera | None = CAMERA, **settings: object) -> Belief:
    return believe(votes, camera, sensor, BeliefSettings(**settings))  # type: ignore[arg-type]


def test_one_teacher_alone_is_believed_as_far_as_its_colours_are_of_the_code() -> None:
    doubtful = SURE.copy()
    doubtful[:, :16] = 10
    belief = weigh(vote(depth=slope(), confidence=doubtful))
    np.testing.assert_allclose(belief.depth_m, slope(), rtol=1e-6)
    np.testing.assert_array_equal(belief.depth_confidence, doubtful)
    assert belief.agreement["depth_share"] == 0.75


def test_a_canvas_of_no_code_is_refused() -> None:
    belief = weigh(vote(depth=slope(), confidence=np.full((H, W), 20, np.uint8)))
    assert belief.is_empty
    assert "only 0%" in belief.left_out["depth"]


def test_pixels_that_teachers_disagree_about_lose_their_confidence() -> None:
    other = slope(1.02)
    other[10:20, 20:40] *= 2
    belief = weigh(vote(0, slope()), vote(1, other))
    assert belief.depth_confidence is not None
    assert belief.depth_confidence[10:20, 20:40].max() == 0
    outside = np.ones((H, W), bool)
    outside[10:20, 20:40] = False
    assert belief.depth_confidence[outside].min() > 200
    np.testing.assert_allclose(belief.depth_m[outside] / slope()[outside], 1.01, atol=0.003)  # type: ignore[index]


def test_of_three_the_middle_one_wins() -> None:
    wrong = slope()
    wrong[10:20] *= 1.2
    belief = weigh(vote(0, slope()), vote(1, wrong), vote(2, slope()))
    np.testing.assert_allclose(belief.depth_m, slope(), rtol=1e-4)


def test_teachers_of_other_scales_are_refused_and_a_sensor_decides() -> None:
    belief = weigh(vote(0, slope()), vote(1, slope(1.8)))
    assert "differ by 1.80 times in scale" in belief.left_out["depth"]
    sensor = np.full((H, W), np.nan, np.float32)
    sensor[::6, ::6] = slope(1.3)[::6, ::6]
    belief = weigh(vote(0, slope()), vote(1, slope(1.8)), sensor=sensor)
    np.testing.assert_allclose(belief.depth_m, slope(1.3), rtol=1e-3)
    assert belief.agreement["sensor_share"] == 1.0


def test_a_teacher_without_metres_is_believed_beside_a_sensor_or_a_metric_one_only() -> None:
    assert "nobody knows the scale" in weigh(vote(depth=slope(), metric=False)).left_out["depth"]
    sensor = slope(0.4)
    np.testing.assert_allclose(weigh(vote(depth=slope(), metric=False), sensor=sensor).depth_m, sensor, rtol=1e-3)
    beside = weigh(vote(0, slope(0.1), metric=False), vote(1, slope(2.0)))
    np.testing.assert_allclose(beside.depth_m, slope(2.0), rtol=1e-3)


def test_depth_that_a_sensor_contradicts_is_refused() -> None:
    rng = np.random.default_rng(0)
    sensor = np.exp(rng.normal(0, 1, (H, W))).astype(np.float32)
    belief = weigh(vote(depth=slope()), sensor=sensor)
    assert "a sensor agrees with only" in belief.left_out["depth"]


def test_depth_and_normals_that_contradict_each_other_are_both_refused() -> None:
    depth = np.full((H, W), 2.0, np.float32)
    wall, floor = np.zeros((H, W, 3), np.float32), np.zeros((H, W, 3), np.float32)
    wall[..., 2], floor[..., 1] = -1, -1
    good = weigh(vote(depth=depth, normals=wall))
    assert good.left_out == {}
    assert good.agreement["depth_normals_deg"] < 1
    bad = weigh(vote(depth=depth, normals=floor))
    assert set(bad.left_out) == {"depth", "normals"}
    assert "contradict each other by 90 degrees" in bad.left_out["depth"]
    assert weigh(vote(depth=depth, normals=floor), camera=None).left_out == {}  # without a lens nobody can tell


def test_holes_in_depth_hide_no_contradiction() -> None:
    """It is looked at in small, by picked pixels: averaged over 4x4 of them, one hole would take the others with it."""
    depth, floor = np.full((H, W), 2.0, np.float32), np.zeros((H, W, 3), np.float32)
    floor[..., 1] = -1
    depth[::4, ::4] = np.nan
    assert "contradict each other" in weigh(vote(depth=depth, normals=floor), least_share=0.0).left_out["depth"]


def test_a_slope_agrees_with_its_own_normals() -> None:
    gentle = np.linspace(2.6, 2.0, H, dtype=np.float32)[:, None].repeat(W, 1)
    own = normals_of(unproject(gentle, CAMERA))
    belief = weigh(vote(depth=gentle, normals=own), least_share=0.0)
    assert belief.agreement["depth_normals_deg"] < 3


def test_the_sky_stays_sky() -> None:
    depth = slope()
    depth[:10] = np.inf
    belief = weigh(vote(0, depth), vote(1, depth * 1.05))
    assert np.isposinf(belief.depth_m[:10]).all()  # type: ignore[index]
    assert belief.depth_confidence[:10].min() == 255  # type: ignore[index]


def test_normals_are_believed_by_their_angle() -> None:
    a, b = np.zeros((H, W, 3), np.float32), np.zeros((H, W, 3), np.float32)
    a[..., 2] = b[..., 2] = -1
    b[:, 32:] = (0, -1, 0)
    agreed = agree_on_normals([a, b], [SURE, SURE], limit_deg=30)
    assert agreed.confidence[:, :32].min() == 255
    assert agreed.confidence[:, 32:].max() == 0


def test_classes_need_more_than_half_of_those_who_speak() -> None:
    votes = [np.full((2, 4), 1, np.uint8) for _ in range(3)]
    votes[0][0] = (1, 2, 255, 255)
    votes[1][0] = (1, 2, 1, 255)
    votes[2][0] = (1, 1, 2, 1)
    agreed = agree_on_classes(votes, [np.full((2, 4), 240, np.uint8)] * 3)
    assert agreed.values[0].tolist() == [1, 2, 255, 255]
    assert agreed.confidence[0].tolist() == [240, 160, 0, 0]


@pytest.mark.parametrize(("moved", "share"), [(1, 1.0), (8, 0.0)])
def test_instances_are_matched_by_overlap(moved: int, share: float) -> None:
    one = np.zeros((20, 20), np.uint16)
    one[2:10, 2:10], one[12:18, 2:10] = 1, 2
    assert matched_share(one, np.roll(one, moved, axis=1)) == share
