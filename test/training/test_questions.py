"""Questions are answerable, their answers right, and the prompt is needed to answer them."""

import dataclasses

import numpy as np
import pytest

from vision_banana_ros.core import Camera, Task
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.questions import OPEN, PICTURES, Question, QuestionMaker, edited


@pytest.fixture
def asked(make_sample):
    """All questions of one task that 60 draws bring."""

    def ask(task: Task, **options: bool) -> list[Question]:
        maker, sample = QuestionMaker(np.random.default_rng(0)), make_sample(**options)
        found = [q for _ in range(60) for q in maker.ask(sample, 3) if q.instruction.task is task]
        assert found, f"{task} is never asked"
        return found

    return ask


def test_depth_is_always_asked_normals_mostly_and_the_rest_in_turn(make_sample) -> None:
    maker, sample = QuestionMaker(np.random.default_rng(1)), make_sample()
    rows = [[q.instruction.task for q in maker.ask(sample, 3)] for _ in range(200)]
    assert all(row[0] == Task.DEPTH and len(row) == 3 for row in rows)
    assert 90 < sum(Task.NORMALS in row for row in rows) < 150
    others = {Task.SEMANTIC, Task.INSTANCE, Task.REFERRING, Task.RAYS, Task.IMAGE, Task.DEPTH}
    assert {row[2] for row in rows} == others


def test_each_pixel_has_the_paint_of_its_class(asked, make_sample) -> None:
    mask = make_sample().mask
    for question in asked(Task.SEMANTIC):
        targets = question.instruction.targets
        words = [vocabulary.find(target.text) for target in targets]
        assert len({word.class_id for word in words}) == len(words)
        for paint, word in enumerate(words):
            assert np.array_equal(question.paints == paint, mask == word.class_id)
        rest = ~np.isin(mask, [word.class_id for word in words]) & (mask != 255)
        expected = len(targets) if question.instruction.background else OPEN
        assert (question.paints[rest] == expected).all()
        assert (question.paints[mask == 255] == OPEN).all()


def test_absent_classes_synonyms_and_backgrounds_come_and_go(asked, make_sample) -> None:
    questions = asked(Task.SEMANTIC)
    present = set(np.unique(make_sample().mask).tolist())
    names = {t.text for q in questions for t in q.instruction.targets}
    assert {vocabulary.find(n).class_id for n in names} - present  # asked for, nowhere to be seen
    assert any(vocabulary.find(n).name != n for n in names)
    assert {q.instruction.background is None for q in questions} == {True, False}


def test_photographs_are_asked_for_absent_things_but_not_for_stuff_that_their_segmenter_may_have_overlooked(
    asked, make_sample
) -> None:
    present = set(np.unique(make_sample().mask).tolist())
    words = [vocabulary.find(t.text) for q in asked(Task.SEMANTIC, real=True) for t in q.instruction.targets]
    absent = [word for word in words if word.class_id not in present]
    assert absent
    assert all(word.is_thing for word in absent)


def test_instances_of_one_class_are_numbered(asked, make_sample) -> None:
    sample = make_sample()
    counts = set()
    for question in asked(Task.INSTANCE):
        word = vocabulary.find(question.instruction.targets[0].text)
        assert np.array_equal(question.paints == 0, sample.mask == word.class_id)
        numbers = np.unique(question.instances)
        counts.add((word.name, len(numbers) - 1))
        assert numbers.tolist() == list(range(len(numbers)))
    assert counts == {("chair", 2), ("box", 1)}


def test_referring_questions_mark_the_region_and_nothing_else(asked, make_sample) -> None:
    sample = make_sample()
    for question in asked(Task.REFERRING):
        assert np.array_equal(question.paints == 0, sample.instances == 1)
        assert set(np.unique(question.paints)) == {0, 1}


def test_rays_are_the_camera(asked) -> None:
    question = asked(Task.RAYS)[0]
    middle = question.colors[37, 46]  # the principal point looks straight ahead: mid grey
    assert middle == pytest.approx([0.5] * 3, abs=0.003)
    assert question.colors[37, 90, 0] > middle[0]
    assert question.colors[70, 46, 1] > middle[1]


@pytest.mark.parametrize(("real", "fx", "guesses"), [(True, 150.0, False), (True, 80.0, True), (False, 150.0, True)])
def test_a_real_frame_through_a_long_lens_is_told_it_and_never_asked(make_sample, real, fx, guesses) -> None:
    sample = make_sample(real=real)
    sample = dataclasses.replace(sample, camera=dataclasses.replace(sample.camera, fx=fx, fy=fx))
    maker = QuestionMaker(np.random.default_rng(0))
    asked = [question.instruction for _ in range(60) for question in maker.ask(sample, 4)]
    told = {instruction.hfov_deg is not None for instruction in asked if instruction.task is Task.DEPTH}
    assert told == ({True, False} if guesses else {True})
    assert (Task.RAYS in {instruction.task for instruction in asked}) is guesses


def test_an_upright_picture_of_a_usual_camera_is_no_long_lens(make_sample) -> None:
    camera = Camera.from_hfov(58, 96, 72)
    upright = dataclasses.replace(camera, cx=23.5, width=48)  # a part of it; 31 degrees across
    assert upright.hfov_deg < 40
    assert not dataclasses.replace(make_sample(real=True), camera=upright).has_unusual_lens
    across = dataclasses.replace(camera, cx=23.5, width=48, cy=17.5, height=36)
    assert dataclasses.replace(make_sample(real=True), camera=across).has_unusual_lens


def test_real_frames_are_not_asked_what_nobody_knows(asked) -> None:
    assert asked(Task.SEMANTIC, real=True)
    for question in asked(Task.SEMANTIC, real=True):
        assert question.instruction.background is None  # an annotator leaves out what it does not know


@pytest.mark.parametrize("wording", PICTURES)
def test_pictures_can_be_edited_as_told(make_sample, wording: str) -> None:
    rgb = make_sample().rgb
    picture = edited(rgb, wording)
    assert picture.shape == rgb.shape
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert (np.abs(picture - rgb / 255).max() < 1e-6) == (wording == PICTURES[0])
