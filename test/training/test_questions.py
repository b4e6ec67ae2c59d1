"""Questions are answerable, their answers right, and the prompt is needed to answer them."""

import dataclasses
import hashlib

import numpy as np
import pytest
import torch
from made_frames import make_frame, seen_whole, stack_of

from vision_banana_ros.codecs import rays as rays_code
from vision_banana_ros.core import Camera, DataError, Task
from vision_banana_ros.student.paintbox import BACKGROUND
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.collate import facts
from vision_banana_ros.training.config import View
from vision_banana_ros.training.questions import Recipe
from vision_banana_ros.training.tasks import BY_INSTANCE, OPEN, Asker, Facts, Question, exercise, exercises
from vision_banana_ros.training.tasks.image import PICTURES, edited
from vision_banana_ros.training.tasks.rays import ray_colors

TRUTH = make_frame()[1]


@pytest.fixture(scope="module")
def about() -> Facts:
    stack = stack_of(make_frame())
    seen, views = seen_whole(stack, View(width=96, height=64))
    return facts(seen, views.camera, [False], [True], [stack.referring[0]])[0]


def asked(about: Facts, task: Task, **options: bool) -> list[Question]:
    """All questions of one task that 60 draws bring."""
    asker, facts_now = Asker(np.random.default_rng(0)), dataclasses.replace(about, **options)
    found = [q for _ in range(60) for q in Recipe().ask(facts_now, 3, asker) if q.task is task]
    assert found, f"{task} is never asked"
    return found


def test_counts_are_those_of_the_picture(about) -> None:
    part = TRUTH.mask[4:68]
    assert about.classes[vocabulary.class_id("floor")] == (part == vocabulary.class_id("floor")).sum()
    assert about.classes.sum() == about.pixels == 96 * 64
    assert sorted(about.instances[1:4].tolist()) == [28 * 18] * 3
    assert {vocabulary.labels()[i] for i in about.class_of[1:4]} == {"chair", "box"}


def test_depth_is_always_asked_normals_mostly_and_the_rest_in_turn(about) -> None:
    asker = Asker(np.random.default_rng(1))
    rows = [[q.task for q in Recipe().ask(about, 3, asker)] for _ in range(300)]
    assert all(row[0] is Task.DEPTH and len(row) == 3 for row in rows)
    assert 140 < sum(Task.NORMALS in row for row in rows) < 225
    assert {row[2] for row in rows} == {
        Task.SEMANTIC, Task.INSTANCE, Task.REFERRING, Task.RAYS, Task.IMAGE, Task.DEPTH,
    }  # fmt: skip


def test_each_class_has_its_paint_and_the_rest_the_background_or_nothing(about) -> None:
    for question in asked(about, Task.SEMANTIC):
        ids = [vocabulary.find(text).class_id for text in question.words]
        assert len(set(ids)) == len(ids)
        present = [(i, paint) for paint, i in enumerate(ids) if about.classes[i]]
        assert present
        assert all(question.by_class[i] == paint for i, paint in present)
        rest = np.setdiff1d(np.flatnonzero(about.classes[:255]), ids)
        has_background = bool(question.kind[-1, BACKGROUND])
        assert (question.by_class[rest] == (len(ids) if has_background else OPEN)).all()
        assert question.by_class[255] == OPEN


def test_absent_classes_synonyms_and_backgrounds_come_and_go(about) -> None:
    questions = asked(about, Task.SEMANTIC)
    words = [vocabulary.find(text) for q in questions for text in q.words]
    assert any(about.classes[word.class_id] == 0 for word in words)
    assert any(word.name not in q.words for q in questions for word in [vocabulary.find(q.words[0])])
    assert {bool(q.kind[-1, BACKGROUND]) for q in questions} == {True, False}


def test_photographs_are_asked_for_absent_things_but_not_for_stuff_and_have_no_background(about) -> None:
    questions = asked(about, Task.SEMANTIC, real=True)
    absent = [w for q in questions for t in q.words if about.classes[(w := vocabulary.find(t)).class_id] == 0]
    assert absent
    assert all(word.is_thing for word in absent)
    assert not any(q.kind[-1, BACKGROUND] for q in questions)  # an annotator leaves out what it does not know


def test_instances_of_one_class_are_numbered(about) -> None:
    counts = set()
    for question in asked(about, Task.INSTANCE):
        word = vocabulary.find(question.words[0])
        assert question.by_class[word.class_id] == BY_INSTANCE
        numbers = np.unique(question.numbers)
        counts.add((word.name, len(numbers) - 1))
        assert numbers.tolist() == list(range(len(numbers)))
        assert ((question.by_instance == 0) == (question.numbers > 0)).all()
    assert counts == {("chair", 2), ("box", 1)}


def test_a_lens_that_is_not_to_be_expected_is_told_and_never_asked(about) -> None:
    for usual in (True, False):
        told = {q.told for q in asked(about, Task.DEPTH, usual_lens=usual)}
        assert told == ({True, False} if usual else {True})
    asker = Asker(np.random.default_rng(0))
    hidden = dataclasses.replace(about, usual_lens=False)
    assert Task.RAYS not in {q.task for _ in range(80) for q in Recipe().ask(hidden, 4, asker)}


def test_the_rays_on_the_device_are_those_of_the_code() -> None:
    camera = Camera(70.0, 74.0, 40.0, 30.0, 96, 64)
    expected = rays_code.encode(rays_code.camera_directions(camera)).astype(np.float32)
    painted = ray_colors(torch.tensor([[70.0, 74.0, 40.0, 30.0]]), (64, 96))[0].permute(1, 2, 0).numpy() * 255
    # the code measures down in the y-z plane of the pixel's direction, as atan2(y, z) does
    assert painted == pytest.approx(expected, abs=0.6)


@pytest.mark.parametrize("wording", PICTURES)
def test_pictures_can_be_edited_as_told(wording: str) -> None:
    rgb = torch.from_numpy(make_frame()[0].rgb.astype(np.float32) / 255).permute(2, 0, 1)
    picture = edited(rgb, wording)
    assert picture.shape == rgb.shape
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert bool((picture - rgb).abs().max() < 1e-6) == (wording == PICTURES[0])


def test_pictures_are_edited_by_as_much_as_told() -> None:
    """Two colours side by side; what becomes of each, and that a blurred plain picture is plain up to its border."""
    left, right = torch.tensor([0.2, 0.5, 0.8]), torch.tensor([0.1, 0.3, 0.2])
    rgb = torch.where(torch.arange(11) < 6, left[:, None, None], right[:, None, None]).expand(3, 9, 11)
    for wording, change in (
        ("the same picture", lambda c: c),
        ("the picture in shades of grey", lambda c: c.mean().expand(3)),
        ("the picture, brighter", lambda c: c**0.6),
        ("the picture, darker", lambda c: c**1.7),
        ("the picture as a negative", lambda c: 1 - c),
    ):
        picture = edited(rgb, wording)
        torch.testing.assert_close(picture[:, 3, 2], change(left))
        torch.testing.assert_close(picture[:, 8, 10], change(right))
    plain = left[:, None, None].expand(3, 20, 16)
    torch.testing.assert_close(edited(plain, "the picture, blurred"), plain)


@pytest.mark.parametrize(("task", "least"), [("semantic", 13), ("instance", 12), ("referring", 7)])
def test_what_is_too_small_is_not_asked(about: Facts, task: str, least: int) -> None:
    """Of 6,144 pixels: 0.2 % of a class, 0.1 % of what a sentence means, a dozen pixels of an instance."""
    for pixels in (least - 1, least):
        classes, instances = (np.where(counts > 0, pixels, 0) for counts in (about.classes, about.instances))
        small = dataclasses.replace(about, classes=classes, instances=instances)
        asker = Asker(np.random.default_rng(0))
        found = [exercise(task).ask(small, asker) is not None for _ in range(10)]
        assert any(found) == (pixels == least)


def test_answers_are_looked_up_pixel_by_pixel(make_batch) -> None:
    part = np.s_[4:68]
    batch = make_batch(Task.INSTANCE, Task.REFERRING, Task.SEMANTIC)
    images = {task: batch.rows[task][0].tolist() for task in batch.paints}
    assert images == {Task.SEMANTIC: [2], Task.INSTANCE: [0], Task.REFERRING: [1]}
    masks = [make_frame(i)[1] for i in range(3)]
    chairs = masks[1].instances[part] == 700
    assert np.array_equal(batch.paints[Task.REFERRING][0].numpy() == 0, chairs)
    numbers, paints = batch.numbers[Task.INSTANCE][0].numpy(), batch.paints[Task.INSTANCE][0].numpy()
    assert np.array_equal(numbers > 0, paints == 0)
    assert (paints[masks[0].mask[part] == 255] == OPEN).all()
    assert {tuple(np.unique(numbers[masks[0].instances[part] == i])) for i in (700, 701, 702)} <= {(0,), (1,), (2,)}
    assert batch.lens.tolist() == pytest.approx([np.log(96 / 70)] * 3)


def test_the_shipped_recipe_draws_what_it_always_drew(about) -> None:
    """The very questions of 40 pictures; another order of the dice is another training. New words change it rightly."""
    asker, digest = Asker(np.random.default_rng(11)), hashlib.sha256()
    for i in range(40):
        for question in Recipe().ask(dataclasses.replace(about, real=i % 3 == 0, usual_lens=i % 4 > 0), 6, asker):
            digest.update(f"{question.task} {question.words} {question.encoding} {question.told}".encode())
            for array in (question.kind, question.by_class, question.by_instance, question.numbers):
                digest.update(b"" if array is None else array.astype(np.int16).tobytes())
            digest.update((255 * question.color).round().astype(np.uint8).tobytes())
    assert digest.hexdigest()[:16] == "1214118ac884f836"


def test_questions_are_as_small_as_they_say(about) -> None:
    """What they hold is stacked for a batch by its first one's type."""
    asker = Asker(np.random.default_rng(5))
    questions = [question for _ in range(40) for question in Recipe().ask(about, 6, asker)]
    assert {question.task for question in questions} == {*Recipe().tasks()}
    for question in questions:
        assert question.kind.dtype == question.color.dtype == np.float32
        tables = (question.by_class, question.by_instance, question.numbers)
        assert all(table.dtype == np.int16 and table.shape == (256,) for table in tables if table is not None)


def test_a_recipe_says_what_is_asked_and_how_often(about) -> None:
    asker = Asker(np.random.default_rng(2))
    recipe = Recipe(first={"rays": 1.0, "depth": 0.25}, in_turn={"image": 0.25, "semantic": 0.75, "instance": 0.0})
    rows = [[q.task for q in recipe.ask(about, 4, asker)] for _ in range(300)]
    assert all(row[0] is Task.RAYS and len(row) == 4 for row in rows)
    assert np.mean([row[1] is Task.DEPTH for row in rows]) == pytest.approx(0.25, abs=0.07)
    rest = [task for row in rows for task in row[1:] if task is not Task.DEPTH]
    assert set(rest) == {Task.IMAGE, Task.SEMANTIC}
    assert np.mean([task is Task.IMAGE for task in rest]) == pytest.approx(0.25, abs=0.05)
    hidden = dataclasses.replace(about, usual_lens=False)
    assert all(len(row) == 2 and Task.RAYS not in {q.task for q in row} for row in [recipe.ask(hidden, 2, asker)])


def test_shares_need_not_sum_to_one(about) -> None:
    asker = Asker(np.random.default_rng(2))
    recipe = Recipe(first={}, in_turn={"image": 0.1, "depth": 0.3})
    asked_for = [q.task for _ in range(200) for q in recipe.ask(about, 2, asker)]
    assert np.mean([task is Task.IMAGE for task in asked_for]) == pytest.approx(0.25, abs=0.07)


@pytest.mark.parametrize(
    ("first", "in_turn", "what"),
    [
        ({"depht": 1.0}, {"depth": 1.0}, "no task 'depht' can be taught: there are depth, normals"),
        ({}, {"semantic": 0.9, "depth": 0.0}, "every picture has an answer to.*got semantic"),
        ({}, {}, "got nothing"),
        ({"depth": 1.5}, {"depth": 1.0}, "share of 0 to 1, got depth: 1.5"),
        ({}, {"depth": 1.0, "image": -0.1}, "share of 0 to 1, got image: -0.1"),
    ],
)
def test_a_recipe_that_cannot_be_asked_is_refused(
    first: dict[str, float], in_turn: dict[str, float], what: str
) -> None:
    with pytest.raises(DataError, match=what):
        Recipe(first, in_turn)


def test_a_network_hears_of_the_usual_tasks_and_of_what_else_is_asked() -> None:
    usual = ("depth", "normals", "rays", "semantic", "instance", "referring", "image")
    assert Recipe().tasks() == Recipe(first={}, in_turn={"depth": 1.0, "panoptic": 0.0}).tasks() == usual
    assert Recipe(first={}, in_turn={"depth": 1.0, "panoptic": 0.5}).tasks() == (*usual, "panoptic")
    assert Recipe(first={"panoptic": 0.5}).tasks() == (*usual, "panoptic")


def test_every_file_of_the_room_is_a_task_in_the_order_of_instructions() -> None:
    assert [e.task for e in exercises()] == [
        Task.DEPTH, Task.NORMALS, Task.RAYS, Task.SEMANTIC, Task.INSTANCE, Task.REFERRING, Task.PANOPTIC, Task.IMAGE,
    ]  # fmt: skip
    assert {e.task for e in exercises() if e.always} == {Task.DEPTH, Task.NORMALS, Task.IMAGE}
