"""Instructions as paint boxes."""

import numpy as np
import pytest

from vision_banana_ros.codecs import depth as depth_code
from vision_banana_ros.codecs.curve import uncurve
from vision_banana_ros.core import DEPTH_ENCODINGS, Target, Task
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.student.paintbox import (
    BACKGROUND,
    FREE,
    KNOT,
    TARGET,
    TASKS,
    lens_token,
    pack,
)
from vision_banana_ros.tasks.depth import KNOTS, knot_colors

CLASSES = (Target("floor", (0, 255, 0)), Target("chair", (255, 0, 51)))


def kinds(boxes, row: int) -> list[int]:
    present = boxes.kind[row].sum(-1) > 0
    return boxes.kind[row][present].argmax(-1).tolist()


def test_each_task_has_its_paints(text) -> None:
    boxes = pack(
        [
            Instruction(Task.DEPTH),
            Instruction(Task.NORMALS),
            Instruction(Task.RAYS),
            Instruction(Task.SEMANTIC, CLASSES),
            Instruction(Task.REFERRING, CLASSES[:1], background=(1, 2, 3)),
            Instruction(Task.INSTANCE, (Target("chair"),)),
            Instruction(Task.IMAGE, text="wall"),
        ],
        text,
    )
    assert [kinds(boxes, row) for row in range(7)] == [
        [KNOT] * KNOTS,
        [FREE],
        [FREE],
        [TARGET, TARGET],
        [TARGET, BACKGROUND],
        [FREE, BACKGROUND],
        [FREE],
    ]
    assert boxes.task.argmax(-1).tolist() == [TASKS.index(t) for t in (Task.DEPTH, Task.NORMALS, Task.RAYS)] + [
        TASKS.index(Task.SEMANTIC),
        TASKS.index(Task.REFERRING),
        TASKS.index(Task.INSTANCE),
        TASKS.index(Task.IMAGE),
    ]


def test_colours_and_words_are_the_prompts(text) -> None:
    boxes = pack([Instruction(Task.SEMANTIC, CLASSES, background=(0, 0, 255))], text)
    assert boxes.color[0] == pytest.approx(np.array([(0, 1, 0), (1, 0, 0.2), (0, 0, 1)]))
    assert np.array_equal(boxes.text[0, 1], text.embed("chair"))
    assert not boxes.text[0, 2].any()  # the background has no words


@pytest.mark.parametrize("encoding", DEPTH_ENCODINGS)
def test_knots_decode_to_their_places(encoding: str) -> None:
    """A knot's colour means the depth at its place, in every encoding of the package."""
    rgb = np.rint(knot_colors(encoding) * 255).astype(np.uint8)[None]
    decoded = depth_code.decode(rgb, encoding).depth_m[0]
    places = np.linspace(0, 1, KNOTS)[:-1]
    assert decoded[:-1] == pytest.approx(uncurve(places), rel=0.02, abs=0.03)


def test_corners_of_the_walk_are_knots() -> None:
    corners = knot_colors("cube")[::3]
    assert corners.tolist() == [
        [0, 0, 0],
        [1, 0, 0],
        [1, 1, 0],
        [0, 1, 0],
        [0, 1, 1],
        [0, 0, 1],
        [1, 0, 1],
        [1, 1, 1],
    ]


def test_a_lens_is_told_or_not() -> None:
    assert lens_token(None).tolist() == [0, 0]
    assert lens_token(90.0) == pytest.approx([1, np.log(2)])
    assert lens_token(60.0)[1] < lens_token(90.0)[1]


def test_more_classes_than_knots_make_the_boxes_wider(text) -> None:
    many = tuple(Target(f"class {i}", (i, 0, 255 - i)) for i in range(40))
    boxes = pack([Instruction(Task.DEPTH), Instruction(Task.SEMANTIC, many)], text)
    assert boxes.kind.shape == (2, 40, 4)
    assert len(kinds(boxes, 0)) == KNOTS
