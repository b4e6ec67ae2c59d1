"""Class sets by name, file and list; what the prompt topic takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from vision_banana_ros.core import DataError, Target, Task
from vision_banana_ros.prompts import class_set_names, read_class_set, read_request

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["indoor", "street", "nav2_demo"])
def test_named_sets_are_instructions_and_lie_in_config_too(name: str) -> None:
    assert name in class_set_names()
    classes = read_class_set(name)
    assert classes.background == (0, 0, 0)
    assert len(classes.instruction().targets) >= 5
    inside = ROOT / "vision_banana_ros" / "prompts" / "data" / "classes" / f"{name}.yaml"
    assert (ROOT / "config" / "classes" / f"{name}.yaml").read_bytes() == inside.read_bytes()


def test_a_list_keeps_its_order_and_fills_in_colours() -> None:
    classes = read_class_set("floor=#80C000, chair=#800000, table")
    assert [target.text for target in classes.targets] == ["floor", "chair", "table"]
    assert classes.targets[0] == Target("floor", (128, 192, 0))
    assert classes.targets[2].color is not None


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text('background: yellow\nclasses:\n  "garden hose": "#00FF00"\n  shed: null\n', encoding="utf-8")
    classes = read_class_set(str(file))
    assert classes.background == (255, 255, 0)
    assert classes.targets[0] == Target("garden hose", (0, 255, 0))


@pytest.mark.parametrize("text", ["classes: [floor]", "floor: red", "a: b: c", "classes: {}"])
def test_a_file_that_is_no_class_set_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"bad\.yaml"):
        read_class_set(str(file))


def test_a_prompt_in_the_papers_form_keeps_its_colours() -> None:
    instruction = read_request("Segment the door handle in pure yellow (<255, 255, 0>).")
    assert instruction is not None
    assert instruction.task is Task.SEMANTIC
    assert [target.color for target in instruction.targets] == [(255, 255, 0)]


def test_plain_words_are_one_region_in_white() -> None:
    instruction = read_request("the red chair left of the table")
    assert instruction is not None
    assert instruction.targets == (Target("the red chair left of the table", (255, 255, 255)),)


def test_no_words_ask_for_nothing() -> None:
    assert read_request("  ") is None


@pytest.mark.parametrize(
    ("prompt", "task"),
    [
        ("The surface normal map of this picture.", Task.NORMALS),
        ("An instance segmentation of this image: every box has its own colour.", Task.INSTANCE),
        ('Paint a semantic segmentation with the colours {"floor": "lime", "box": "red"}.', Task.SEMANTIC),
    ],
)
def test_a_full_prompt_is_of_the_task_that_it_says(prompt: str, task: Task) -> None:
    asked = read_request(prompt)
    assert asked is not None
    assert asked.task is task
