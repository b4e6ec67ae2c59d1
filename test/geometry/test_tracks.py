"""Instances keep their numbers: along the motion, through gaps, and when they come back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision_banana_ros.core import Frame, Perception
from vision_banana_ros.evaluation.identity import Identities
from vision_banana_ros.evaluation.journeys import open_journey
from vision_banana_ros.geometry.steady import Steadier


@pytest.fixture(scope="module")
def journey():
    return open_journey("moving", width=192)


def seen_of(frame: Frame, instances: np.ndarray, labels) -> Perception:
    return Perception(
        stamp_ns=frame.stamp_ns,
        frame_id="camera",
        hw=frame.hw,
        layers={"instances": instances.astype(np.uint16), "instance_labels": tuple(labels)},
    )


def shuffled(true: np.ndarray, rng) -> np.ndarray:
    """As a painter numbers them: otherwise in every frame."""
    ids = np.unique(true[true > 0])
    table = np.zeros(int(true.max()) + 1, np.uint16)
    table[ids] = rng.permutation(len(ids)) + 1
    return table[true]


def test_numbers_stay_where_a_painter_shuffles_them(journey):
    rng, steadier = np.random.default_rng(3), Steadier()
    naive, tracked = Identities(), Identities()
    for index in range(30):
        frame, true = journey.frame(index), journey.truth(index).instances
        found = shuffled(true, rng)
        made = steadier.steady(frame, seen_of(frame, found, ["thing"] * 12))
        naive.add(found, true)
        tracked.add(made.instances, true)
        for track in steadier.tracks:
            assert made.instance_labels[track.number - 1] == track.label == "thing"
            inside = made.instances == track.number
            rows, columns = np.nonzero(inside)
            assert track.box == (columns.min(), rows.min(), columns.max(), rows.max())
            assert track.pixels == inside.sum()
    assert naive.switches > 100
    assert tracked.switches <= naive.switches / 20
    assert tracked.idf1 > 0.95 > naive.idf1


def scene(x: int, *, color=(200, 40, 40)) -> tuple[Frame, np.ndarray]:
    rng = np.random.default_rng(7)
    rgb = cv2.GaussianBlur(rng.integers(60, 160, (120, 160, 3), dtype=np.uint8), (0, 0), 1.5)
    mask = np.zeros((120, 160), np.uint16)
    if 0 <= x < 130:
        mask[40:80, x : x + 30] = 1
        rgb[mask > 0] = (np.array(color) * (0.7 + 0.3 * rng.uniform(size=(int(mask.sum()), 1)))).astype(np.uint8)
    return rgb, mask


def test_a_thing_that_leaves_and_returns_gets_its_number_back():
    steadier, numbers = Steadier(), []
    places = [20, 22, 24] + [-1] * 20 + [100, 102]
    for index, x in enumerate(places):
        rgb, mask = scene(x)
        steadier.steady(Frame(rgb, index * 10**8, "camera"), seen_of(Frame(rgb, index * 10**8), mask, ["box"]))
        numbers.append([track.number for track in steadier.tracks])
    assert numbers[0] == numbers[2] == numbers[-1] == [1]
    rgb, mask = scene(60, color=(30, 60, 220))  # nothing like it
    frame = Frame(rgb, len(places) * 10**8, "camera")
    for missing in range(12):
        empty, nothing = scene(-1)
        late = Frame(empty, (len(places) + missing) * 10**8, "camera")
        steadier.steady(late, seen_of(late, nothing, []))
    frame = Frame(rgb, (len(places) + 12) * 10**8, "camera")
    steadier.steady(frame, seen_of(frame, mask, ["box"]))
    assert [track.number for track in steadier.tracks] == [2]


def test_a_missed_frame_costs_no_number_and_another_class_is_another_thing():
    steadier, numbers = Steadier(), []
    for index, label in enumerate(("box", "box", "", "box", "ball", "ball")):
        rgb, mask = scene(50)
        frame = Frame(rgb, index * 10**8, "camera")
        steadier.steady(frame, seen_of(frame, mask if label else np.zeros_like(mask), [label]))
        numbers.append([track.number for track in steadier.tracks])
    assert numbers == [[1], [1], [], [1], [2], [2]]


def test_what_fell_apart_and_grows_together_again_has_the_eldest_number():
    rgb, _ = scene(-1)
    whole, halves = np.zeros((120, 160), np.uint16), np.zeros((120, 160), np.uint16)
    whole[40:80, 40:110] = 1
    halves[40:80, 40:72], halves[40:80, 74:110] = 2, 1
    steadier, numbers = Steadier(), []
    for index, mask in enumerate((halves[:, ::1] * (halves == 2), halves, halves, whole, whole)):
        frame = Frame(rgb, index * 10**8, "camera")
        steadier.steady(frame, seen_of(frame, mask, ["box", "box"]))
        numbers.append({track.number for track in steadier.tracks})
    assert numbers == [{1}, {1, 2}, {1, 2}, {1}, {1}]  # though the younger half is the larger
