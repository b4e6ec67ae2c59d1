"""Every form of a prompt that the paper shows, and what people make of them."""

import pytest

from vision_banana_ros.core import InstructionError, Rgb, Task
from vision_banana_ros.prompts import Instruction, read


def painted(instruction: Instruction) -> dict[str, Rgb | None]:
    return {target.text: target.color for target in instruction.targets}


@pytest.mark.parametrize(
    "value",
    ['"#FFA500"', "#FFA500", "orange", '"orange"', "'orange'", "<255, 165, 0>", "(255, 165, 0)", "[255,165,0]",
     "rgb(255, 165, 0)", "RGB(255,165,0)", '"<255, 165, 0>"', "pure orange", "orange (#FFA500)", "ORANGE"],
)  # fmt: skip
@pytest.mark.parametrize("key", ['"floor"', "floor", "'floor'"])
def test_maps_take_quoted_and_bare_names_and_every_colour_code(key: str, value: str) -> None:
    instruction = read(f"Segmentation of this picture with the colors {{{key}: {value}, door: blue,}}.")
    assert instruction.task is Task.SEMANTIC
    assert painted(instruction) == {"floor": (255, 165, 0), "door": (0, 0, 255)}


def test_the_map_form_of_the_paper() -> None:
    instruction = read(
        "Paint a semantic segmentation of this picture with the colours "
        '{"floor": "lime", "sofa": "light purple", "background": "yellow"}.'
    )
    assert painted(instruction) == {"floor": (0, 255, 0), "sofa": (192, 128, 192)}
    assert instruction.background == (255, 255, 0)


def test_a_sentence_for_each_class() -> None:
    instruction = read(
        "A per-pixel labelling of the input. The crates are shown as (255, 255, 0). "
        "The pallets are (255, 192, 128). The forklift is #4040C0."
    )
    assert instruction.task is Task.SEMANTIC
    assert painted(instruction) == {
        "crates": (255, 255, 0),
        "pallets": (255, 192, 128),
        "forklift": (64, 64, 192),
    }
    assert instruction.background is None


def test_one_target() -> None:
    instruction = read("Segment the door handle in pure yellow (<255, 255, 0>).")
    assert painted(instruction) == {"door handle": (255, 255, 0)}
    assert painted(read('Segment the "cat" with the color <255, 0, 0>.')) == {"cat": (255, 0, 0)}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("An instance segmentation of this image: every box has its own colour.", "box"),
        ("Instance segmentation. Each person is coloured differently.", "person"),
        ("Instance segmentation: each wine glass in a different color.", "wine glass"),
        ("Paint each car a unique colour; an instance segmentation.", "car"),
        ("Instance segmentation of the parked bicycles in this photo.", "parked bicycles"),
        ("Perform instance segmentation on the cars. Each instance should be assigned a different color.", "cars"),
        ('Instance segmentation: every "box, open" has its own colour.', "box, open"),
    ],
)
def test_instances_name_one_class_and_no_colour(text: str, name: str) -> None:
    instruction = read(text + " The background is RGB(88, 50, 82).")
    assert (instruction.task, painted(instruction)) == (Task.INSTANCE, {name: None})
    assert instruction.background == (88, 50, 82)
    assert read(text).background is None


def test_referring_expressions_keep_the_colours_of_clothes_apart_from_those_to_paint() -> None:
    instruction = read(
        "A segmentation map. The person in the pink shirt is solid white; the other person is green. "
        "Everything else is black."
    )
    assert instruction.task is Task.REFERRING
    assert painted(instruction) == {"person in the pink shirt": (255, 255, 255), "other person": (0, 128, 0)}
    assert instruction.background == (0, 0, 0)
    instruction = read("Segment the man in black in red and the woman in green in pinkish red.")
    assert list(painted(instruction)) == ["man in black", "woman in green"]
    instruction = read("A segmentation of this picture. The person in the pink shirt is #FFFFFF. The rest is black.")
    assert painted(instruction) == {"person in the pink shirt": (255, 255, 255)}


@pytest.mark.parametrize("encoding", ["cube", "plasma", "inferno", "viridis", "grey"])
@pytest.mark.parametrize("word", ["colours", "colors", "colour map"])
def test_depth_names_its_colours(encoding: str, word: str) -> None:
    instruction = read(f"A metric depth map of this picture in the {encoding} {word}.")
    assert (instruction.task, instruction.depth_encoding) == (Task.DEPTH, encoding)


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("A metric depth map of this picture in the cube colours.", Task.DEPTH),
        ("Generate a metric depth visualization of the image.", Task.DEPTH),
        ("depth map in grayscale", Task.DEPTH),
        ("Estimate the depth of every pixel", Task.DEPTH),
        ("The surface normal map of this picture.", Task.NORMALS),
        ("Show the surface normals", Task.NORMALS),
        ("The camera ray map of this picture.", Task.RAYS),
        ("A cat on a sofa.", Task.IMAGE),
        ("Make the walls green.", Task.IMAGE),
        ("A photo with a shallow depth of field.", Task.IMAGE),
        ("Visualize the depth of this image.", Task.DEPTH),
        ("A portrait; the shirt is red and the background is blue.", Task.IMAGE),
        ("Paint the walls light green.", Task.IMAGE),
        ("A room whose walls are painted in lavish patterns", Task.IMAGE),
        ("A slice and an orange segment on a plate", Task.IMAGE),
        ("Draw the formula {x | x > 0}", Task.IMAGE),
        ("a perfectly normal picture", Task.IMAGE),
    ],
)
def test_each_wording_asks_for_its_task(text: str, task: Task) -> None:
    instruction = read(text)
    assert instruction.task is task
    assert instruction.text == (text if task is Task.IMAGE else None)


@pytest.mark.parametrize(
    "hint",
    ["The horizontal field of view is 70 degrees.", "hfov 70", "with a horizontal field of view of 70°", "FOV: 70.0"],
)
def test_the_field_of_view_may_be_told(hint: str) -> None:
    assert read(f"A metric depth map of this picture. {hint}").hfov_deg == 70
    assert read(f"The camera ray map, {hint}").hfov_deg == 70


def test_the_words_around_may_vary_freely() -> None:
    sky_and_road = {"sky": (0, 0, 255), "road": (128, 128, 128)}
    for text in (
        "Semantic segmentation. Color the sky blue, the road gray.",
        "Paint the sky #0000FF and the road (128, 128, 128).",
        "Segment: the sky (blue), the road (grey).",
        "Produce a semantic map: sky=<0, 0, 255>, road=rgb(128,128,128)",
        "Generate an image of the segmentation mask where the sky is pure blue and the road should be shown as gray.",
        "A segmentation of this picture, the sky in blue, the road in grey.",
    ):
        for background in (
            "",
            " Everything else is black.",
            " All other pixels should be (0, 0, 0).",
            " The rest: black.",
        ):
            instruction = read(text.rstrip(".") + "." + background)
            assert painted(instruction) == sky_and_road, text
            assert instruction.background == ((0, 0, 0) if background else None), text
    assert read("Segment the sky in blue, on a light grey background").background == (211, 211, 211)
    assert painted(read("A segmentation mask of 'the left person' in pure blue.")) == {"the left person": (0, 0, 255)}
    reasoning = read("Reasoning segmentation: the thing that holds water is painted green; all other pixels are black.")
    assert (reasoning.task, reasoning.background) == (Task.REFERRING, (0, 0, 0))


def test_names_in_any_script_number_and_quotes() -> None:
    instruction = read(
        'A segmentation. The 椅子 are shown as teal. Die Türen are dark teal. The "red, round; box" is <1,2,3>.'
    )
    assert list(painted(instruction)) == ["椅子", "Die Türen", "red, round; box"]


def test_headers_end_where_the_classes_begin() -> None:
    expected = {"floor": (255, 0, 0), "wall": (0, 0, 255)}
    for text in (
        "Semantic segmentation with the floor in red and the wall in blue.",
        "Semantic segmentation where the floor is red and the wall is blue.",
        "Segmentation map. floor: red, wall: blue",
        "A segmentation map: the floor is red, the wall is painted in the colour blue",
        "Segmentation\n- floor -> red\n- wall -> blue",
    ):
        assert painted(read(text)) == expected, text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("   ", "empty"),
        ("Segment the chair.", "in which colour"),
        ("A segmentation. The floor is blurple. The wall is red.", "unknown colour 'blurple'"),
        ("A segmentation. The wall is red. The floor is blurple.", "unknown colour 'blurple'"),
        ("A segmentation. The wall is shown as very odd paint.", "unknown colour 'very odd paint'"),
        ('Segmentation {"cat": "blurple"}', "unknown colour 'blurple'"),
        ('Segmentation {"cat": "red or blue"}', "ambiguous"),
        ('Segmentation {"cat": (300, 0, 0)}', "0 to 255"),
        ('Segmentation {"cat": red, "dog": "#FF0000"}', "'dog' and 'cat' have the same colour"),
        ("A segmentation. The cat is lime; the background is #00FF00.", "'cat' and the background"),
        ('Segmentation {"cat": red, "cat": blue}', "named twice"),
        ('Segmentation {"cat"}', "expected \"name\": colour"),
        ("A segmentation. The cat is red. The background is blue. Everything else is black.", "two colours"),
        ("depth map and surface normal map", "depth and normals"),
        ("A depth map in the jet colours", "'jet'"),
        ("A depth map, field of view 400 degrees", "between 1 and 179"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_refused_with_its_reason(text: str, complaint: str) -> None:
    with pytest.raises(InstructionError, match=complaint) as caught:
        read(text)
    assert "\n" not in str(caught.value)
