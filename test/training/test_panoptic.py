"""PANOPTIC as it is taught: its box is that of an instruction, and what its loss wants decodes to the truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from made_frames import CPU, make_frame, seen_whole, stack_of

from vision_banana_ros.core import Ask, Frame, Target, Task
from vision_banana_ros.student.lens import Guess
from vision_banana_ros.student.network import Painting
from vision_banana_ros.student.paintbox import BACKGROUND, FREE, KINDS, TARGET, pack
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.tasks import DecodeSettings, room, vocabulary
from vision_banana_ros.training.batch import Batch, Words
from vision_banana_ros.training.collate import collate, facts
from vision_banana_ros.training.config import View
from vision_banana_ros.training.losses import total_loss
from vision_banana_ros.training.questions import Recipe
from vision_banana_ros.training.tasks import BY_INSTANCE, OPEN, Asker, Facts, Question, exercise
from vision_banana_ros.training.tasks.instance import middles
from vision_banana_ros.training.tasks.panoptic import hint, hue, things_loss

VIEW = View(width=96, height=64)
TEACHES = Recipe(first={}, in_turn={"panoptic": 0.9, "image": 0.1})
TRUTH = make_frame()[1]


def about_one() -> tuple[Facts, Callable[[Question, TextTable], Batch]]:
    stack = stack_of(make_frame())
    seen, views = seen_whole(stack, VIEW)
    fact = facts(seen, views.camera, [False], [True], [()])[0]

    def batch(question: Question, text: TextTable) -> Batch:
        return collate(seen, [[question]], views.camera, [True], Words.of(text, CPU), TEACHES.tasks())

    return fact, batch


def asked(count: int, about: Facts | None = None) -> list[Question]:
    asker = Asker(np.random.default_rng(0))
    about = about or about_one()[0]
    found: list[Question] = []
    while len(found) < count:
        question = exercise("panoptic").ask(about, asker)
        if question is not None:
            found.append(question)
    return found


def instruction(question: Question) -> Ask:
    """What a user would have to say for this box."""
    colors = [tuple(round(255 * float(c)) for c in color) for color in question.color]
    kinds = question.kind.argmax(1).tolist()
    targets = tuple(
        Target(word, color if kind == TARGET else None)
        for word, color, kind in zip(question.words, colors, kinds, strict=False)
    )
    return Ask(Task.PANOPTIC, targets, colors[-1] if kinds[-1] == BACKGROUND else None)


def test_boxes_are_those_that_instructions_make(text: TextTable) -> None:
    for question in asked(40):
        boxes = pack([instruction(question)], text, TEACHES.tasks())
        assert np.array_equal(boxes.kind[0], question.kind)
        assert boxes.color[0] == pytest.approx(question.color, abs=1e-6)
        assert question.kind.shape[1] == KINDS


def test_stuff_has_the_prompts_colours_and_things_are_told_apart_within_their_class() -> None:
    absent, backgrounds = set(), set()
    about = about_one()[0]
    for question in asked(60):
        ids = [vocabulary.find(word).class_id for word in question.words]
        kinds = question.kind.argmax(1).tolist()
        things = {i for i, kind in zip(ids, kinds, strict=False) if kind == FREE}
        assert things >= {vocabulary.class_id("chair"), vocabulary.class_id("box")}
        assert all(vocabulary.labels()[i] in vocabulary.things() for i in things)
        assert not {i for i, k in zip(ids, kinds, strict=False) if k == TARGET} & {
            vocabulary.class_id(name) for name in vocabulary.things()
        }
        assert sorted(question.numbers.tolist())[-3:] == [1, 2, 3]
        for number in (1, 2, 3):
            (instance,) = np.flatnonzero(question.numbers == number)
            class_id = about.class_of[instance]
            assert question.by_class[class_id] == BY_INSTANCE
            assert question.by_instance[instance] == ids.index(class_id)
        for i, paint in zip(ids, range(len(ids)), strict=True):
            if kinds[paint] == TARGET:
                assert question.by_class[i] == paint
        rest = np.setdiff1d(np.flatnonzero(about.classes[:255]), ids)
        backgrounds.add(kinds[-1] == BACKGROUND)
        assert (question.by_class[rest] == (len(ids) if kinds[-1] == BACKGROUND else OPEN)).all()
        assert question.by_class[255] == OPEN
        absent |= {(i in things) for i in ids if about.classes[i] == 0}
    assert absent == backgrounds == {True, False}


def test_pictures_without_instances_are_not_asked_and_photographs_have_no_background() -> None:
    about = about_one()[0]
    bare = dataclasses.replace(about, instances=np.zeros(256, np.int64))
    asker = Asker(np.random.default_rng(0))
    assert all(exercise("panoptic").ask(bare, asker) is None for _ in range(10))
    real = asked(30, dataclasses.replace(about, real=True))
    assert not any(question.kind[:, BACKGROUND].any() for question in real)


def painted(batch: Batch, goal: torch.Tensor) -> Painting:
    """Every thing in its colour of `goal` (1, 3, M), all else as the prompt says."""
    numbers, paints = batch.numbers[Task.PANOPTIC], batch.paints[Task.PANOPTIC].clamp(min=0)
    canvas = batch.boxes.color[0, 0][paints[0]].permute(2, 0, 1).clone()
    things = numbers[0] > 0
    canvas[:, things] = goal[0][:, numbers[0][things]]
    canvas = canvas[None, None]
    logits = torch.nn.functional.one_hot(paints[:, 2::4, 2::4], batch.boxes.kind.shape[2]).permute(0, 3, 1, 2) * 30.0
    place = torch.zeros(1, 1, 32, 48)
    guess = Guess(batch.lens.clone(), torch.zeros(1), torch.zeros(1))
    return Painting(canvas, place, canvas[..., 2::4, 2::4].clone(), logits[:, None], guess)


def goal_of(question: Question, batch: Batch, shift: int = 0) -> torch.Tensor:
    """The hints, with each class's hues or, by `shift`, those of another class."""
    _, _, middle = middles(batch.numbers[Task.PANOPTIC][:, 2::4, 2::4])
    classes = int(question.kind[:, FREE].sum())
    first = int(question.kind[:, FREE].argmax())
    paint = [first, *(int(question.by_instance[question.numbers == n][0]) for n in range(1, middle.shape[2]))]
    turn = torch.tensor([[((p - first + shift) % classes) / classes for p in paint]])
    return hint(middle, turn, torch.tensor([[float(classes)]]))


def test_what_the_loss_wants_decodes_to_the_true_segments(text: TextTable) -> None:
    _, collated = about_one()
    part = np.s_[4:68]
    for question in asked(12):
        batch = collated(question, text)
        painting = painted(batch, goal_of(question, batch))
        rgb = (painting.canvas[0, 0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        # a prompt without a background leaves the rest open; here as an instruction without one decodes it: far away
        ask = instruction(question)
        if ask.background is None:
            continue
        decoded = room(Task.PANOPTIC).decode(ask, rgb, Frame(rgb), DecodeSettings())
        panoptic, segments = decoded.values["panoptic"], decoded.words["panoptic_segments"]
        for name, ids in (("chair", (700, 701)), ("box", (702,))):
            found = [s for s in segments if s.is_thing and vocabulary.find(s.label).name == name]
            assert len(found) == len(ids)
            for i in ids:
                true = TRUTH.instances[part] == i
                best = max((((panoptic == s.id) & true).sum() / ((panoptic == s.id) | true).sum()) for s in found)
                assert best > 0.95


def test_hues_of_other_classes_and_colours_of_stuff_cost_more(text: TextTable) -> None:
    _, collated = about_one()
    for question in asked(12):
        batch = collated(question, text)
        right = goal_of(question, batch)
        cost = things_loss(painted(batch, right), batch)
        assert cost < 0.2
        assert things_loss(painted(batch, goal_of(question, batch, shift=1)), batch) > cost + 0.3
        stuff = right.clone()
        stuff[0, :, 1] = batch.boxes.color[0, 0, 0]
        assert things_loss(painted(batch, stuff), batch) > cost + 0.3
        one = right.clone()
        one[0, :, 1:] = right[0, :, 1:].mean(1, keepdim=True)
        assert things_loss(painted(batch, one), batch) > cost + 0.1


def test_one_class_may_have_any_hue_but_not_the_colour_of_stuff(text: TextTable) -> None:
    """A box with one free paint: the whole circle is its share."""
    _, collated = about_one()
    question = next(q for q in asked(200) if q.kind[:, FREE].sum() == 2)
    batch = collated(question, text)
    box = int(question.kind[:, FREE].argmax()) + 1
    batch.boxes.kind[0, 0, box] = 0  # the second class is no paint any more
    _, _, middle = middles(batch.numbers[Task.PANOPTIC][:, 2::4, 2::4])
    painting = painted(batch, hint(middle, torch.zeros(1, middle.shape[2]), torch.ones(1, 1)))
    turned = painted(batch, hint(middle, torch.full((1, middle.shape[2]), 0.5), torch.ones(1, 1)))
    difference = things_loss(turned, batch) - things_loss(painting, batch)
    assert float(difference) < 0.35  # the hint's distance alone, no share is left


def test_hues_are_those_of_the_code_and_grey_has_a_gradient() -> None:
    colors = torch.tensor([[1.0, 0.2, 0.2], [0.2, 1.0, 0.2], [0.2, 0.2, 1.0], [0.9, 0.9, 0.1], [0.5, 0.5, 0.5]]).T[None]
    assert torch.rad2deg(hue(colors))[0].tolist() == pytest.approx([0, 120, -120, 60, 0], abs=0.01)
    grey = torch.full((1, 3, 1), 0.5, requires_grad=True)
    hue(grey).sum().backward()
    assert torch.isfinite(grey.grad).all()


def test_a_panoptic_canvas_gets_a_gradient_by_all_of_its_parts(text: TextTable) -> None:
    _, collated = about_one()
    question = next(q for q in asked(30) if q.kind[-1, BACKGROUND])
    batch = collated(question, text)
    painting = painted(batch, goal_of(question, batch))
    canvas = torch.full_like(painting.canvas, 0.4, requires_grad=True)
    free = torch.full_like(painting.free, 0.4, requires_grad=True)
    losses = total_loss(dataclasses.replace(painting, canvas=canvas, free=free), batch)
    losses.total.backward()
    assert set(losses.parts) == {"panoptic", "things", "lens"}
    assert torch.isfinite(canvas.grad).all()
    assert torch.isfinite(free.grad).all()
    assert free.grad.abs().sum() > 0 < canvas.grad.abs().sum()


def test_its_terms_count_as_much_as_their_formulas_say(text: TextTable) -> None:
    """Pinned, on a canvas that is right nowhere."""
    _, collated = about_one()
    question = next(q for q in asked(30) if q.kind[-1, BACKGROUND])
    batch = collated(question, text)
    wave = 0.5 + 0.5 * torch.sin(torch.arange(3 * 64 * 96, dtype=torch.float64) * 0.0037).float().reshape(
        1, 1, 3, 64, 96
    )
    paints = len(question.kind)
    logits = 3 * torch.sin(torch.arange(paints * 16 * 24, dtype=torch.float64) * 0.37).float().reshape(
        1, 1, paints, 16, 24
    )
    painting = dataclasses.replace(
        painted(batch, goal_of(question, batch)), canvas=wave, free=wave[..., 2::4, 2::4].clone(), logits=logits
    )
    losses = total_loss(painting, batch)
    assert losses.parts["things"].item() == pytest.approx(1.9622014, rel=1e-4)
    assert losses.parts["panoptic"].item() == pytest.approx(4.1761, rel=1e-4)
    assert losses.parts["lens"] == 0
    assert losses.total.item() == pytest.approx(1.9622014 + 0.5 * 4.1761, rel=1e-4)
