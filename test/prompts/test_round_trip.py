"""read(write(i)) == i for every valid instruction; read(s) is an instruction or an InstructionError for every str."""

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import BACKGROUND_WORDS, DEPTH_ENCODINGS, InstructionError, Takes, Target, Task
from vision_banana_ros.prompts import Instruction, read, write
from vision_banana_ros.tasks import rooms

FEW = settings(max_examples=80, deadline=None)
colors = st.tuples(*[st.integers(0, 255)] * 3)
fields_of_view = st.none() | st.floats(1, 179) | st.integers(1, 179)
#: Words that a careless reader would take for wording.
TRICKY = st.sampled_from(
    (
        "floor", "the red chair", 'a "quoted" box', "it's", "Türen", "椅子", "كرسي", "red", "black, shiny box", "A. B.",
        "is red", "x is #FF0000; y", "{a: b}", '19" rack', "back\\slash", "two\nlines", "every box", "depth map",
        "person in the pink shirt", "field of view of 70 degrees", "background colour", "\x00", "surface normal",
        "' : '",
    )
)  # fmt: skip
texts = (TRICKY | st.text(min_size=1, max_size=20)).filter(
    lambda text: text.strip() and " ".join(text.casefold().split()) not in BACKGROUND_WORDS
)


@st.composite
def instructions(draw: st.DrawFn) -> Instruction:
    task = draw(st.sampled_from([room.task for room in rooms()]))
    hfov_deg = draw(fields_of_view)
    if task is Task.DEPTH:
        return Instruction(task, hfov_deg=hfov_deg, depth_encoding=draw(st.sampled_from(DEPTH_ENCODINGS)))
    if task is Task.IMAGE:
        return Instruction(task, hfov_deg=hfov_deg, text=draw(texts | st.text(max_size=20)))
    if task.takes is Takes.MIXED:
        names = draw(st.lists(texts, min_size=1, max_size=6, unique=True))
        colored = draw(st.integers(0, len(names)))
        paints = draw(st.lists(colors, min_size=colored + 1, max_size=colored + 1, unique=True))
        stuff = tuple(Target(name, paint) for name, paint in zip(names[:colored], paints[1:], strict=True))
        things = tuple(Target(name) for name in names[colored:])
        return Instruction(task, (*stuff, *things), draw(st.none() | st.just(paints[0])), hfov_deg)
    if task is Task.INSTANCE:
        return Instruction(task, (Target(draw(texts)),), draw(st.none() | colors), hfov_deg)
    if task in (Task.SEMANTIC, Task.REFERRING):
        names = draw(st.lists(texts, min_size=1, max_size=5, unique=True))
        paints = draw(st.lists(colors, min_size=len(names) + 1, max_size=len(names) + 1, unique=True))
        targets = tuple(Target(name, paint) for name, paint in zip(names, paints[1:], strict=True))
        return Instruction(task, targets, draw(st.none() | st.just(paints[0])), hfov_deg)
    return Instruction(task, hfov_deg=hfov_deg)


@FEW
@given(instructions())
@example(Instruction(Task.IMAGE, text="A metric depth map of this picture."))
@example(Instruction(Task.IMAGE, text=""))
@example(Instruction(Task.IMAGE, text='A picture of these words: "a"'))
@example(Instruction(Task.SEMANTIC, (Target('", "a": "#000000', (1, 2, 3)),)))
def test_what_is_written_reads_back_as_the_same_instruction(instruction: Instruction) -> None:
    assert read(write(instruction)) == instruction
    assert Instruction.from_text(instruction.to_text()) == instruction


def test_plain_names_are_written_plainly() -> None:
    people = (Target("person in the pink shirt", (255, 255, 255)), Target("other person", (0, 128, 0)))
    assert write(Instruction(Task.REFERRING, people, (0, 0, 0))) == (
        "A referring segmentation of this picture. The person in the pink shirt is #FFFFFF; "
        "the other person is #008000. Everything else is #000000."
    )
    assert write(Instruction(Task.SEMANTIC, (Target("floor", (0, 255, 0)),), (0, 0, 0), 70)) == (
        'Paint a semantic segmentation of this picture with the colours {"floor": "#00FF00", "background": "#000000"}. '
        "The horizontal field of view is 70 degrees."
    )
    assert write(Instruction(Task.INSTANCE, (Target("wine glass"),))) == (
        "An instance segmentation of this image: every wine glass has its own colour."
    )
    assert write(Instruction(Task.IMAGE, text="A cat on a sofa.")) == "A cat on a sofa."


def outcome(text: str) -> Instruction | InstructionError:
    try:
        return read(text)
    except InstructionError as error:
        return error


@FEW
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    assert isinstance(outcome(text), Instruction) or str(outcome(text))


FRAGMENTS = st.sampled_from(
    (
        "{", "}", '"', "'", ":", ",", ";", ". ", " is ", " are shown as ", "red", "#12", "#123456", "(1,2", "(1, 2, 3)",
        "<999,0,0>", "segmentation ", "Segment ", "every box ", "its own colour", "background", "depth map", "normals ",
        "surface normal map", "\x00", "\x000\x00", " in the jet colours", "field of view 400", "\\", "“", "rgb(", "—",
        "\n",
        "A picture of these words: ", "instance segmentation of ", "the ", "everything else ", "1" * 30,
    )
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(FRAGMENTS, max_size=12).map("".join))
def test_broken_prompts_are_read_or_refused_too(text: str) -> None:
    assert isinstance(outcome(text), Instruction) or str(outcome(text))


@pytest.mark.parametrize(
    "text", ["a " * 20_000, " " * 20_000, "{a:" * 5_000, '"' * 9_999, "every a " * 5_000], ids=range(5)
)
def test_long_texts_are_read_without_delay(text: str) -> None:
    assert isinstance(outcome(text), Instruction | InstructionError)


def test_the_hint_about_the_field_of_view_keeps_all_its_digits() -> None:
    value = math.pi * 20
    assert read(write(Instruction(Task.RAYS, hfov_deg=value))).hfov_deg == value


@pytest.mark.parametrize("value", [None, 3, b"depth map"])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(InstructionError, match="prompt must be a str"):
        read(value)  # type: ignore[arg-type]
