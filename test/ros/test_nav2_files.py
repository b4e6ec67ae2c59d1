"""What is shipped for Nav2: parameter files fit together and to our topics, and masks come of labelled points."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml
from load_file import load_file

from vision_banana_ros.prompts import read_class_set
from vision_banana_ros.ros.topics import CLOUD, NAV2, topics

ROOT = Path(__file__).parents[2]
NAMES = {1: "floor", 2: "grass", 3: "carpet"}


@pytest.fixture(scope="module")
def masks() -> ModuleType:
    return load_file(ROOT / "examples" / "nav2_masks.py")


def _yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / "config" / "nav2" / name).read_text(encoding="utf-8"))


def test_a_cell_is_marked_once_it_was_seen_often_enough_and_cleared_in_the_same_way(masks: Any) -> None:
    mask = masks.Mask({"grass": 100}, size_m=4.0, resolution_m=0.5)
    xy, ids = np.array([[0.3, -1.2], [0.3, 1.2], [9.0, 0.0]]), np.array([2, 1, 2], np.uint8)
    for _ in range(masks.ENOUGH - 1):
        mask.see(xy, ids, NAMES)
    assert not mask.grid().any()
    mask.see(xy, ids, NAMES)
    grid = mask.grid()
    assert grid[1, 4] == 100, "row by y, column by x, from the lower corner"
    assert grid.sum() == 100, "the floor is none, and what is outside of the mask is left alone"
    for _ in range(masks.MOST + masks.ENOUGH):
        mask.see(xy, ids, NAMES)
    for _ in range(masks.MOST):
        mask.see(xy[:1], np.array([1], np.uint8), NAMES)
    assert not mask.grid().any()


def test_a_cell_with_both_is_worth_the_more_and_unlabelled_points_say_nothing(masks: Any) -> None:
    mask = masks.Mask({"grass": 100, "carpet": 40}, size_m=2.0, resolution_m=1.0)
    xy = np.array([[0.5, 0.5], [0.6, 0.6], [-0.5, -0.5], [-0.5, -0.5]])
    for _ in range(masks.ENOUGH):
        mask.see(xy, np.array([3, 2, 3, 255], np.uint8), NAMES)
    np.testing.assert_array_equal(mask.grid(), [[40, 0], [0, 100]])


def test_words_of_the_command_line(masks: Any) -> None:
    assert masks.values_of("grass, road=90", default=100) == {"grass": 100, "road": 90}
    with pytest.raises(SystemExit, match="carpet needs a number"):
        masks.values_of("carpet")


def test_filters_and_their_servers_speak_of_the_same_topics() -> None:
    document = _yaml("semantic_masks.yaml")
    costmap = document["global_costmap"]["global_costmap"]["ros__parameters"]
    for name in costmap["filters"]:
        server = document[f"{name}_info_server"]["ros__parameters"]
        assert costmap[name]["filter_info_topic"] == server["filter_info_topic"]
        assert server["mask_topic"] == f"/{name}_mask"
    assert costmap["speed_filter"]["speed_limit_topic"] == document["controller_server"]["ros__parameters"][
        "speed_limit_topic"
    ]  # fmt: skip


def test_the_costmaps_topics_and_classes_are_ours() -> None:
    parameters = _yaml("local_costmap.yaml")["local_costmap"]["local_costmap"]["ros__parameters"]
    ours = {topic.name for topic in topics()} | {CLOUD, "segmentation/label_info"}
    assert parameters["voxel_layer"]["perception"]["topic"].strip("/") == NAV2
    semantic = parameters["semantic_layer"]["perception"]
    assert {semantic[key].strip("/") for key in semantic if key.endswith("_topic")} <= ours
    known = {target.text for target in read_class_set("nav2_demo").targets}
    for kind in semantic["class_types"]:
        assert set(semantic[kind]["classes"]) <= known
