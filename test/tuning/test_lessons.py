"""What is learnt from: prompts that read back, canvases that decode, true edits, the folders of users."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vision_banana_ros.core import Camera, DataError, Frame, Target, Task, Truth
from vision_banana_ros.data import Example, Source
from vision_banana_ros.prompts import Instruction, read
from vision_banana_ros.tasks import DecodeSettings, room
from vision_banana_ros.tuning.lessons import Pair, fit_picture, load_pair, read_pairs, write_pair
from vision_banana_ros.tuning.questions import Asker
from vision_banana_ros.tuning.wordings import draw_colors, word


def example(*, seed: int | None = 1, unlabelled: float = 0.0) -> Example:
    """A floor, a wall and two chairs."""
    height, width = 48, 64
    mask = np.zeros((height, width), np.uint8)
    mask[24:] = 1
    instances = np.zeros((height, width), np.uint16)
    for number, left in ((1, 8), (2, 40)):
        mask[16:36, left : left + 12] = 2
        instances[16:36, left : left + 12] = number
    mask[: round(unlabelled * height)] = 255
    depth = np.full((height, width), 3.0, np.float32)
    normals = np.zeros((height, width, 3), np.float32)
    normals[..., 2] = -1
    truth = Truth(
        camera=Camera.from_hfov(70, width, height), depth_m=depth, normals=normals, mask=mask, instances=instances,
        labels=("wall", "floor", "chair", "lamp", "table"),
    )  # fmt: skip
    rgb = np.zeros((height, width, 3), np.uint8)
    return Example("e", Frame(rgb=rgb), truth, Source("test", "CC0"), seed=seed)


def test_every_prompt_reads_back_and_every_canvas_decodes_to_the_truth() -> None:
    asker = Asker(np.random.default_rng(0), (64, 48))
    asked, kinds, said = example(), Counter[str](), set()
    for _ in range(16):
        for question in asker.ask(asked, 5):
            assert read(question.prompt) == question.instruction
            kinds[question.instruction.task.value] += 1
            said.add(question.prompt)
            frame = Frame(rgb=asked.frame.rgb)
            values = (
                room(question.instruction.task)
                .decode(question.instruction, question.canvas, frame, DecodeSettings())
                .values
            )
            if question.instruction.task is Task.INSTANCE:
                found = np.asarray(values["instances"])
                expected = 2 if "chair" in question.instruction.targets[0].text else found.max()
                assert found.max() == expected
            if question.instruction.task is Task.DEPTH:
                assert np.nanmedian(np.asarray(values["depth_m"])) == pytest.approx(3.0, rel=0.05)
    assert set(kinds) == {"depth", "normals", "semantic", "instance"}  # it has no referring expressions
    assert len(said) > 30
    assert {"plasma", "cube"} <= {w for s in said for w in s.replace(",", " ").split()}
    assert any("#" in s for s in said)
    assert any("<" in s for s in said)
    assert any("rgb(" in s for s in said)


def test_absent_classes_are_asked_for_and_painted_nowhere() -> None:
    asker = Asker(np.random.default_rng(1), (64, 48), {Task.SEMANTIC: 1.0})
    lamps = 0
    for _ in range(40):
        for question in asker.ask(example(), 1):
            for target in question.instruction.targets:
                if "lamp" in target.text or "table" in target.text:
                    lamps += 1
                    assert not (question.canvas == target.color).all(-1).any()
    assert lamps > 5


def test_photographs_answer_no_question_in_metres_and_none_about_what_nobody_labelled() -> None:
    asker = Asker(np.random.default_rng(0), (64, 48))
    kinds = {q.instruction.task for _ in range(8) for q in asker.ask(example(seed=None), 4)}
    assert kinds == {Task.SEMANTIC, Task.INSTANCE}
    only = Asker(np.random.default_rng(0), (64, 48), {Task.SEMANTIC: 1.0})
    assert only.ask(example(seed=None, unlabelled=0.3), 3) == []
    with pytest.raises(DataError, match="shares are numbers from 0 for depth, normals"):
        Asker(np.random.default_rng(0), (64, 48), {Task.RAYS: 1.0})


def test_colours_at_random_can_be_told_apart() -> None:
    colors = np.array(draw_colors(12, np.random.default_rng(3)), np.int64)
    distances = np.linalg.norm(colors[:, None] - colors[None], axis=-1)[~np.eye(12, dtype=bool)]
    assert distances.min() >= 40
    assert len(draw_colors(60, np.random.default_rng(3))) == 60


def test_a_plural_and_a_phrase_are_said_as_people_say_them() -> None:
    ask = Instruction(Task.SEMANTIC, (Target("chairs", (255, 0, 0)), Target("floor", (0, 255, 0))), (0, 0, 0))
    said = {word(ask, np.random.default_rng(k)) for k in range(40)}
    assert any("The chairs are" in s for s in said)
    assert not any("The chairs is" in s or "The the" in s for s in said)
    assert len(said) > 25


def test_a_folder_of_pairs_comes_back_and_both_pictures_are_cut_alike(tmp_path: Path) -> None:
    picture = np.zeros((40, 100, 3), np.uint8)
    picture[:, 45:55] = 255
    write_pair(tmp_path, "a", "a bar", picture)
    write_pair(tmp_path, "b", "brighter", 255 - picture, picture)
    pairs = read_pairs(tmp_path)
    assert [(p.kind, p.text) for p in pairs] == [("caption", "a bar"), ("edit", "brighter")]
    lesson = load_pair(pairs[1], (32, 32), kind="edit", source="x")
    assert lesson.target.shape == (32, 32, 3)
    assert lesson.picture is not None
    np.testing.assert_allclose(lesson.picture.astype(int) + lesson.target, 255, atol=3)
    assert fit_picture(picture, (32, 32))[:, 16].mean() > 250
    (tmp_path / "c.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"c.png cannot be read as a picture"):
        load_pair(Pair(tmp_path / "c.png", "x"), (32, 32), kind="caption", source="x")


@pytest.mark.parametrize("seed", [41, 46])
def test_an_edit_changes_what_it_says_and_nothing_else(seed: int) -> None:
    pytest.importorskip("numba")
    from vision_banana_ros.tuning.edits import NIGHT_KEY, caption, possible_edits
    from vision_banana_ros.world.render import look, render
    from vision_banana_ros.world.sample import place_of, sample_scene

    scene = sample_scene(seed, place_of(seed), width=48, height=48)
    truth = look(scene, threads=1)
    assert truth.instances is not None
    assert truth.mask is not None
    edits = {e.kind: e for e in possible_edits(scene, truth, np.random.default_rng(0))}
    assert {"remove", "night"} <= set(edits)
    after = look(edits["remove"].scene, threads=1)
    assert after.instances is not None
    gone = set(np.unique(truth.instances)) - set(np.unique(after.instances))
    assert len(gone) == 1
    elsewhere = truth.instances != gone.pop()
    np.testing.assert_array_equal(after.mask[elsewhere], truth.mask[elsewhere])  # type: ignore[index]
    night = edits["night"]
    assert night.key == NIGHT_KEY
    np.testing.assert_array_equal(look(night.scene, threads=1).mask, truth.mask)
    day = render(scene, samples=1, seed=1, threads=1).frame.rgb
    assert render(night.scene, samples=1, seed=1, threads=1, key=night.key).frame.rgb.mean() < 0.75 * day.mean()
    if "walls" in edits:
        np.testing.assert_array_equal(look(edits["walls"].scene, threads=1).depth_m, truth.depth_m)
    assert caption("kitchen", scene, truth).startswith("a kitchen")


def test_the_same_picture_of_two_frames_is_no_reason_to_mix_their_questions() -> None:
    """Dice of a frame are its own: the order of the sources changes no lesson."""
    first = [q.prompt for q in Asker(np.random.default_rng((0, 5)), (64, 48)).ask(example(), 4)]
    again = [q.prompt for q in Asker(np.random.default_rng((0, 5)), (64, 48)).ask(replace(example(), name="f"), 4)]
    assert first == again
