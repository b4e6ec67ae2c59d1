"""An instruction that exists can be painted and decoded; one that cannot is refused where it is made."""

import math

import pytest

from vision_banana_ros.core import DEPTH_ENCODINGS, InstructionError, Target, Task
from vision_banana_ros.prompts import Instruction

RED, BLUE = (255, 0, 0), (0, 0, 255)
CHAIR, TABLE = Target("chair", RED), Target("table", BLUE)


def test_targets_become_a_tuple_and_colours_plain_ints() -> None:
    import numpy as np

    instruction = Instruction(Task.SEMANTIC, [Target("chair", np.array([1, 2, 3]).tolist())], [4, 5, 6])  # type: ignore[arg-type]
    assert instruction.targets == (Target("chair", (1, 2, 3)),)
    assert instruction.background == (4, 5, 6)
    assert hash(instruction) == hash(Instruction(Task.SEMANTIC, (Target("chair", (1, 2, 3)),), (4, 5, 6)))


@pytest.mark.parametrize("color", [(1, 2), (1, 2, 256), (-1, 0, 0), (1.0, 2, 3), "red", (True, 0, 0), None, 5])
def test_a_colour_is_three_ints_of_a_byte(color: object) -> None:
    if color is not None:
        with pytest.raises(InstructionError, match="three ints from 0 to 255"):
            Target("chair", color)  # type: ignore[arg-type]
    with pytest.raises(InstructionError):
        Instruction(Task.SEMANTIC, (Target("chair", color),))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "  ", None, 3])
def test_a_target_is_named_in_words(text: object) -> None:
    with pytest.raises(InstructionError, match=r"Target\.text must be words"):
        Target(text, RED)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["background", " Background", "everything  else", "the rest"])
def test_the_background_is_no_target(text: str) -> None:
    with pytest.raises(InstructionError, match=r"Instruction\.background"):
        Target(text, RED)


@pytest.mark.parametrize("task", [Task.SEMANTIC, Task.REFERRING])
@pytest.mark.parametrize(
    ("targets", "background", "complaint"),
    [
        ((), None, "needs at least one target"),
        ((Target("chair"),), None, r"a colour for every target; none for \['chair'\]"),
        ((CHAIR, Target("stool", RED)), None, r"'stool' and 'chair' have the same colour \(255, 0, 0\)"),
        ((CHAIR,), RED, "'chair' and the background have the same colour"),
        ((CHAIR, Target("chair", BLUE)), None, "'chair' is named twice"),
        (("chair",), None, "must be Targets, got str 'chair'"),
        (tuple(Target(str(i), (i, 0, 0)) for i in range(255)), None, "at most 254 targets"),
    ],
)
def test_segmentation_needs_targets_of_different_names_and_colours(
    task: Task, targets: tuple[Target, ...], background: tuple[int, int, int] | None, complaint: str
) -> None:
    with pytest.raises(InstructionError, match=complaint):
        Instruction(task, targets, background)


def test_instances_take_one_class_and_no_colour() -> None:
    assert Instruction(Task.INSTANCE, (Target("chair"),), RED).background == RED
    for targets in ((CHAIR,), (Target("chair"), Target("table"))):
        with pytest.raises(InstructionError, match="one class without a colour"):
            Instruction(Task.INSTANCE, targets)


@pytest.mark.parametrize("task", [Task.DEPTH, Task.NORMALS, Task.RAYS])
def test_geometry_takes_no_targets(task: Task) -> None:
    for wrong in ({"targets": (CHAIR,)}, {"background": RED}):
        with pytest.raises(InstructionError, match="takes no targets and no background"):
            Instruction(task, **wrong)  # type: ignore[arg-type]


def test_only_depth_has_an_encoding() -> None:
    for name in DEPTH_ENCODINGS:
        assert Instruction(Task.DEPTH, depth_encoding=name).depth_encoding == name
    with pytest.raises(InstructionError, match=r"must be one of .*'cube'.*got 'jet'"):
        Instruction(Task.DEPTH, depth_encoding="jet")
    with pytest.raises(InstructionError, match="goes with DEPTH only"):
        Instruction(Task.NORMALS, depth_encoding="grey")


@pytest.mark.parametrize("hfov_deg", [0.5, 180, math.nan, math.inf, -60])
def test_a_field_of_view_lies_between_1_and_179_degrees(hfov_deg: float) -> None:
    with pytest.raises(InstructionError, match="between 1 and 179"):
        Instruction(Task.RAYS, hfov_deg=hfov_deg)


def test_a_picture_has_words_of_its_own_and_nothing_else_has() -> None:
    assert Instruction(Task.IMAGE, text="a cat").text == "a cat"
    with pytest.raises(InstructionError, match="text goes with IMAGE"):
        Instruction(Task.IMAGE)
    with pytest.raises(InstructionError, match="text goes with IMAGE"):
        Instruction(Task.DEPTH, text="a cat")


def test_a_task_is_no_string() -> None:
    with pytest.raises(InstructionError, match="must be a Task, got str 'depth'"):
        Instruction("depth")  # type: ignore[arg-type]
