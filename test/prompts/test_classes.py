"""Class lists as parameters give them: colours kept where given, chosen well and always the same where not."""

import math
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import InstructionError, Task
from vision_banana_ros.prompts import Instruction, Palette, parse_classes


def test_given_colours_are_kept_and_missing_ones_found() -> None:
    floor, chair, table = parse_classes("floor=#80C000, chair=#800000, table")
    assert (floor.text, floor.color) == ("floor", (128, 192, 0))
    assert (chair.text, chair.color) == ("chair", (128, 0, 0))
    assert table.text == "table"
    assert table.color is not None
    for other in (floor.color, chair.color, (0, 0, 0)):
        assert math.dist(table.color, other) > 100  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "door=(255, 0, 0), coffee table = light purple, box=<1,2,3>",
        "door=rgb(255,0,0),coffee table=light purple,box=[1, 2, 3],",
        'door=red\ncoffee table="light purple"\n"box"=#010203',
    ],
)
def test_every_way_to_write_a_colour_is_read(text: str) -> None:
    assert [(target.text, target.color) for target in parse_classes(text)] == [
        ("door", (255, 0, 0)),
        ("coffee table", (192, 128, 192)),
        ("box", (1, 2, 3)),
    ]


def test_quoted_names_may_hold_commas() -> None:
    assert [target.text for target in parse_classes('"box, open", 椅子, Tür')] == ["box, open", "椅子", "Tür"]


@settings(max_examples=10, deadline=None)
@given(count=st.integers(1, 60))
def test_chosen_colours_can_be_told_apart_from_each_other_and_the_background(count: int) -> None:
    listed = ", ".join(f"class {i}" for i in range(count))
    targets = parse_classes(listed)
    assert targets == parse_classes(listed)
    instruction = Instruction(Task.SEMANTIC, targets, (0, 0, 0))
    Palette.from_instruction(instruction)
    colors = [target.color for target in targets if target.color is not None] + [(0, 0, 0)]
    assert min(math.dist(a, b) for a, b in combinations(colors, 2)) >= (250 if count < 5 else 40)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        (" , ,", "is empty"),
        ("=red", "expected NAME or NAME=COLOUR"),
        ("chair=blurple", "unknown colour 'blurple'"),
        ("chair=", "unknown colour"),
        ("chair=red, stool=#FE0000", "'chair' .*'stool' .*cannot be told apart"),
        ("chair=red, stool=red", "same colour"),
        ("chair, chair", "named twice"),
        ("background=red", "Instruction.background"),
    ],
)
def test_lists_that_cannot_be_meant_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(InstructionError, match=complaint):
        parse_classes(text)
