"""Expressions name exactly one thing, by what the image shows; what is unclear is not said."""

import numpy as np
import pytest

from vision_banana_ros.core import Camera, DataError, Truth
from vision_banana_ros.world import colors, referring, sample
from vision_banana_ros.world.render import look
from vision_banana_ros.world.scene import Pose, Scene, View
from vision_banana_ros.world.stage import Finish, Stage

CAMERA = Camera.from_hfov(70, 96, 64)


def boxes(*rows: tuple[str, str, float, float, float]) -> Scene:
    """Things as cubes: name, colour, distance ahead (+x), to the LEFT (+y), half size; seen from 1 m up."""
    stage = Stage.empty(1)
    for name, color, ahead, left, half in rows:
        number = stage.build.material(color=colors.paint(stage.rng, color or "grey"))
        with stage.at(ahead, left), stage.thing(name, Finish(number, color)):
            stage.build.box((0, 0, 1.0), (half, half, half), number)
    return stage.build.build(View(camera=CAMERA, pose=Pose(position=(0, 0, 1))))


def said(scene: Scene) -> dict[str, tuple[int, ...]]:
    return {entry.text: entry.instance_ids for entry in referring.expressions(scene, look(scene, threads=1))}


def test_one_of_a_kind_needs_no_more_words() -> None:
    found = said(boxes(("chair", "red", 3, 0.6, 0.3), ("table", "brown", 3, -0.8, 0.4)))
    assert found["the chair"] == (1,)
    assert found["the table"] == (2,)


def test_left_right_near_far_and_large_of_three() -> None:
    found = said(boxes(("car", "", 9, 3.0, 0.5), ("car", "", 6, 0.0, 0.5), ("car", "", 3.5, -1.5, 0.7)))
    assert found["the leftmost car"] == (1,)
    assert found["the rightmost car"] == (3,)
    assert found["the car nearest to the camera"] == (3,)
    assert found["the car farthest away"] == (1,)
    assert found["the largest car"] == (3,)
    assert found["all cars"] == (1, 2, 3)
    assert "the car" not in found


def test_two_are_said_as_two() -> None:
    found = said(boxes(("dog", "", 4, 1.0, 0.3), ("dog", "", 4.1, -1.0, 0.3)))
    assert found["the dog on the left"] == (1,)
    assert found["the dog on the right"] == (2,)
    assert not any("camera" in text or "larger" in text for text in found), "4.0 against 4.1 m is too close to call"


def test_colour_tells_apart_only_where_light_cannot_confuse_it() -> None:
    found = said(boxes(("box", "red", 3, 0.8, 0.3), ("box", "blue", 3, -0.8, 0.3)))
    assert found["the red box"] == (1,)
    assert found["the blue box"] == (2,)
    found = said(boxes(("box", "white", 3, 0.8, 0.3), ("box", "grey", 3, -0.8, 0.3)))
    assert "the white box" not in found
    found = said(boxes(("box", "red", 3, 0.8, 0.3), ("box", "", 3, -0.8, 0.3)))
    assert "the red box" not in found, "the other one might be red too"


def test_people_wear_their_colour() -> None:
    found = said(boxes(("person", "red", 3, 0.8, 0.3), ("person", "blue", 3, -0.8, 0.3)))
    assert found["the person in red"] == (1,)
    assert not any("red person" in text for text in found)


def test_relations_to_an_anchor() -> None:
    scene = boxes(("chair", "", 4, 1.6, 0.3), ("table", "", 4, 0.0, 0.4), ("chair", "", 4, -1.6, 0.3))
    found = said(scene)
    assert found["the chair left of the table"] == (1,)
    assert found["the chair right of the table"] == (3,)


def test_on_the_table() -> None:
    stage = Stage.empty(1)
    skin = stage.build.material(color=(0.5, 0.5, 0.5))
    with stage.at(3, 0), stage.thing("table"):
        stage.build.box((0, 0, 0.4), (0.5, 0.8, 0.4), skin)
    for ahead, left, low in ((3.0, 0.3, 0.8), (2.5, -1.3, 0.0)):
        with stage.at(ahead, left), stage.thing("cup"):
            stage.build.box((0, 0, low + 0.15), (0.15, 0.15, 0.15), skin)
    scene = stage.build.build(View(camera=CAMERA, pose=Pose(position=(0, 0, 1.2), pitch_deg=-10)))
    assert said(scene)["the cup on the table"] == (2,)


def test_slivers_are_never_the_answer() -> None:
    found = said(boxes(("ball", "", 3, 0.8, 0.3), ("ball", "", 40, -6.0, 0.1)))
    assert "the ball on the right" not in found
    assert (2,) not in found.values()


@pytest.mark.parametrize("seed", [3, 7, 16, 28])
def test_expressions_of_the_world_hold_on_its_pixels(seed: int) -> None:
    """An independent reading of the label images: counts, columns, distances, in whole frames."""
    made = sample.world_frame(seed, 96, 72, samples=1, sensor=False)
    truth = made.truth
    masks = {i: truth.instances == i for i in np.unique(truth.instances) if i}
    names = {i: truth.labels[int(truth.mask[masks[i]][0])] for i in masks}
    for entry in truth.referring:
        assert len(set(entry.instance_ids)) == len(entry.instance_ids) > 0
        assert all(i in masks for i in entry.instance_ids)
        kind = {names[i] for i in entry.instance_ids}
        assert len(kind) == 1
        rivals = [i for i in masks if names[i] in kind]
        if entry.text in (f"the {name}" for name in kind):
            assert rivals == list(entry.instance_ids)
        if entry.text.startswith("the leftmost") and entry.text.endswith(tuple(kind)):
            middle = {i: np.nonzero(masks[i])[1].mean() for i in rivals}
            assert (
                min(middle, key=middle.__getitem__) in entry.instance_ids
                or "leftmost " + names[rivals[0]] not in entry.text
            )


def test_a_truth_without_instances_is_refused() -> None:
    scene = boxes(("chair", "", 3, 0, 0.3))
    with pytest.raises(DataError, match="need a truth with instances"):
        referring.expressions(scene, Truth(camera=CAMERA))
