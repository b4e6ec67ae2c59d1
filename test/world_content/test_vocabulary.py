"""The words of the world: numbers never move, every wording finds its class."""

import pytest

from vision_banana_ros.core import DataError
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.world import colors


def test_there_are_enough_classes_and_things() -> None:
    assert len(vocabulary.words()) >= 60
    assert sum(word.is_thing for word in vocabulary.words()) >= 40


def test_ids_fit_a_mask_and_255_stays_free() -> None:
    assert len(vocabulary.labels()) <= 255
    assert [word.class_id for word in vocabulary.words()] == list(range(len(vocabulary.words())))


def test_ids_that_shards_on_disk_rely_on() -> None:
    """New classes go to the end: these positions are pinned."""
    pinned = {"wall": 0, "floor": 1, "sky": 3, "chair": 32, "person": 98, "car": 110, "gate": 132}
    assert {name: vocabulary.class_id(name) for name in pinned} == pinned


def test_every_wording_finds_its_own_class() -> None:
    for word in vocabulary.words():
        for text in word.wordings:
            found = vocabulary.find(text)
            assert found is not None
            assert found.name == word.name, f"{text!r} is claimed by {found.name!r} and {word.name!r}"


@pytest.mark.parametrize(
    ("text", "name"),
    [("the couch", "sofa"), ("  Curb ", "kerb"), ("all people", "person"), ("an apple", "apple"), ("mice", "mouse")],
)
def test_people_say_it_their_way(text: str, name: str) -> None:
    found = vocabulary.find(text)
    assert found is not None
    assert found.name == name


def test_unknown_words_are_none_for_prompts_and_an_error_for_builders() -> None:
    assert vocabulary.find("gryphon") is None
    with pytest.raises(DataError, match="no class is named 'gryphon'"):
        vocabulary.word("gryphon")


def test_named_colors_do_not_touch_each_other() -> None:
    """Two names whose ranges overlap in all of hue, saturation and value would make expressions ambiguous."""

    def overlap(a: tuple[float, float], b: tuple[float, float]) -> bool:
        return max(a[0], b[0]) <= min(a[1], b[1])

    everything = colors.NAMED_COLORS
    for i, a in enumerate(everything):
        for b in everything[i + 1 :]:
            hues = any(overlap(a.hue, (b.hue[0] + turn, b.hue[1] + turn)) for turn in (-360, 0, 360))
            both = overlap(a.saturation, b.saturation) and overlap(a.value, b.value)
            assert not (hues and both), f"{a.name} and {b.name} overlap"


def test_linear_light_of_known_colors() -> None:
    assert colors.linear((0.0, 1.0, 0.5)) == pytest.approx((0.0, 1.0, 0.2140), abs=1e-4)
    red = colors.hsv(0, 1, 1)
    assert red == pytest.approx((1, 0, 0))
