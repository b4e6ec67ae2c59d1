"""Stuff in the prompt's colours, things in their own: what is painted comes back with its classes and numbers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision_banana_ros.core import Frame, FrameError, InstructionError, Target, Task, Truth
from vision_banana_ros.generators import OracleGenerator
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Instruction, parse_classes
from vision_banana_ros.tasks import DecodeSettings, Wishes, room
from vision_banana_ros.world.moving import BALL, BOX, LABELS, MovingScene

SCENE = MovingScene(count=4, width=320, height=240)
TRUTH = SCENE.truth(1)
FRAME = Frame(SCENE.frame(1).rgb)
STUFF = tuple(target for target in parse_classes(", ".join(LABELS)) if target.text in ("floor", "wall", "sky"))
BOTH = Instruction(Task.PANOPTIC, (*STUFF, Target("box"), Target("ball")), (0, 0, 0))


def _large(class_id: int) -> list[int]:
    assert TRUTH.instances is not None
    ids, areas = np.unique(TRUTH.instances[TRUTH.mask == class_id], return_counts=True)
    return [int(i) for i, area in zip(ids, areas, strict=True) if area > 200 and i > 0]


@pytest.mark.parametrize("size", [None, (256, 192)])
@pytest.mark.parametrize("spoil", [None, "blur", "noise"])
def test_every_thing_and_every_stuff_comes_back(size: tuple[int, int] | None, spoil: str | None) -> None:
    class Painter(OracleGenerator):
        def generate(self, frame, instructions):  # type: ignore[no-untyped-def]
            canvases = super().generate(frame, instructions)
            rng = np.random.default_rng(3)
            for canvas in canvases:
                rgb = canvas.rgb.copy()
                if spoil == "blur":
                    rgb = cv2.GaussianBlur(rgb, (0, 0), 1.0)
                if spoil == "noise":
                    rgb = np.clip(rgb + rng.normal(0, 4, rgb.shape), 0, 255).astype(np.uint8)
                yield type(canvas)(rgb, canvas.instruction)

    seen = perceive(FRAME, Painter(SCENE, size=size), [BOTH])
    mask, segments = seen.layer("panoptic"), seen.layer("panoptic_segments")
    assert [s.id for s in segments] == list(range(1, len(segments) + 1))
    assert [s.is_thing for s in segments] == sorted(s.is_thing for s in segments), "stuff first"
    labels = {s.id: s.label for s in segments}
    assert TRUTH.mask is not None
    for name in ("floor", "wall"):
        region = TRUTH.mask == LABELS.index(name)
        found = np.isin(mask, [i for i, label in labels.items() if label == name])
        assert np.count_nonzero(region & found) / np.count_nonzero(region | found) > 0.9
    for class_id, name in ((BOX, "box"), (BALL, "ball")):
        for thing in _large(class_id):
            region = TRUTH.instances == thing
            number = int(np.bincount(mask[region]).argmax())
            assert labels[number] == name
            overlap = np.count_nonzero(region & (mask == number)) / np.count_nonzero(region | (mask == number))
            assert overlap > 0.8
    assert len({int(np.bincount(mask[TRUTH.instances == t]).argmax()) for t in _large(BOX)}) == len(_large(BOX))


def test_a_prompt_of_it_is_read_and_written() -> None:
    text = BOTH.to_text()
    assert "panoptic" in text
    assert "every box has its own colour, one of the reds" in text
    assert Instruction.from_text(text) == BOTH
    plain = Instruction.from_text("A panoptic segmentation: the floor is lime; every chair has its own colour.")
    assert plain.targets == (Target("floor", (0, 255, 0)), Target("chair"))


def test_things_are_the_instance_classes_else_what_can_be_counted() -> None:
    panoptic = room(Task.PANOPTIC)
    classes = parse_classes("floor, chair, wall, person")
    asked = panoptic.ask(Wishes(classes=classes, background=(0, 0, 0)))[0]
    assert [t.text for t in asked.targets if t.color is None] == ["chair", "person"]
    asked = panoptic.ask(Wishes(classes=classes, instance_classes=("person", "dog")))[0]
    assert [t.text for t in asked.targets] == ["floor", "chair", "wall", "person", "dog"]
    assert [t.text for t in asked.targets if t.color is None] == ["person", "dog"]
    assert panoptic.ask(Wishes()) == []


def test_more_thing_classes_than_hues_are_refused() -> None:
    many = Instruction(Task.PANOPTIC, tuple(Target(f"thing {i}") for i in range(7)))
    with pytest.raises(InstructionError, match="at most 6 classes"):
        room(Task.PANOPTIC).encode(many, Truth(camera=SCENE.camera), (32, 24), FRAME.rgb)


def test_its_own_score_knows_what_is_missing_and_what_is_too_much() -> None:
    panoptic = room(Task.PANOPTIC)
    (asked,) = panoptic.questions(TRUTH)
    assert {t.text for t in asked.targets if t.color is None} >= {"box", "ball"}
    perfect = perceive(FRAME, OracleGenerator(SCENE), [Instruction.of(asked)])
    layers = perfect.answers[0].layers
    whole = panoptic.score(asked, layers, TRUTH)["PQ"]
    assert whole > 0.8
    segments = layers["panoptic_segments"]
    forgotten = segments[0]
    without = {
        "panoptic": np.where(layers["panoptic"] == forgotten.id, 0, layers["panoptic"]),
        "panoptic_segments": segments,
    }
    assert panoptic.score(asked, without, TRUTH)["PQ"] < whole - 0.5 / len(segments)
    wrong = tuple(type(s)(s.id, "ceiling", s.is_thing, s.pixels) for s in segments)
    assert panoptic.score(asked, {**layers, "panoptic_segments": wrong}, TRUTH)["PQ"] < 0.3


def test_the_five_steps_are_there_beside_ours() -> None:
    boxes = Instruction(Task.INSTANCE, (Target("box"),), (0, 0, 0))
    ours, steps = (
        perceive(FRAME, OracleGenerator(SCENE), [boxes], DecodeSettings(instance_decoding=how))
        for how in ("blur", "steps")
    )
    assert ours.instances is not None
    assert steps.instances is not None
    assert np.mean((ours.instances > 0) == (steps.instances > 0)) > 0.99
    assert len(steps.instance_labels) == steps.instances.max() >= 2
    with pytest.raises(FrameError, match="instance_decoding must be one of"):
        DecodeSettings(instance_decoding="guess")
