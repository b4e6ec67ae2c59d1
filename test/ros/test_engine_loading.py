"""A model on its way into the node: warmed up where it is large, closed where it is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from std_msgs.msg import Header

from vision_banana_ros.core import About, Canvas, Frame, Task
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.ros import engine as room
from vision_banana_ros.ros.engine import Engine, load_engine, self_test
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.questions import Questions
from vision_banana_ros.ros.specs import ParameterError


class Painter:
    """Paints black, and counts."""

    def __init__(self, cost: str) -> None:
        self.about = About(name="painter", licence="MIT", cost=cost)
        self.tasks = frozenset({Task.DEPTH, Task.SEMANTIC})
        self.asked: list[tuple[str, ...]] = []
        self.closed = 0

    def generate(self, _frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        self.asked.append(tuple(i.task.value for i in instructions))
        return [Canvas(np.zeros((48, 64, 3), np.uint8), i) for i in instructions]

    def unknown_words(self, texts: Sequence[str]) -> dict[str, list[str]]:
        return {text: [] for text in texts if text == "zorble"}

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What load_generator is called with; `painter` is what it gives."""
    seen: dict[str, Any] = {"painter": Painter("gpu")}

    def load(model: str, **options: Any) -> Painter:
        seen.update(options, model=model)
        return seen["painter"]  # type: ignore[no-any-return]

    monkeypatch.setattr(room, "load_generator", load)
    return seen


def test_every_choice_is_passed_on(given: dict[str, Any]) -> None:
    lines: list[str] = []
    settings = Settings(
        model="hf:x", device="cuda:1", precision="bf16", anchor="sparse", words="~/w.yaml", accept_licence=True,
        max_rate_hz=2.0,
    )  # fmt: skip
    engine = load_engine(settings, tell=lines.append)
    assert (given["model"], given["device"], given["precision"], given["anchor"]) == (
        "hf:x", "cuda:1", "bf16", "sparse",
    )  # fmt: skip
    assert (given["accept_licence"], given["allow_remote"], given["max_rate_hz"]) == (True, False, 2.0)
    assert given["remembers"] is True
    assert given["words"].is_absolute()
    assert given["painter"].asked == [("depth", "semantic")], "one frame, of all that it paints"
    assert lines == ["painter: the first frame, to warm up"]
    assert "warmed up in" in engine.about.ready
    assert (engine.about.licence, engine.about.metres, engine.about.cost) == ("MIT", "yes", "gpu")


@pytest.mark.parametrize("cost", ["light", "remote"])
def test_small_and_remote_models_are_not_warmed_up(given: dict[str, Any], cost: str) -> None:
    given["painter"] = Painter(cost)
    engine = load_engine(Settings(), tell=lambda _: None)
    assert given["painter"].asked == []
    assert "warmed" not in engine.about.ready
    assert engine.only_asked == (cost == "remote")


def test_a_model_that_does_not_know_the_words_is_closed_again(given: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="zorble"):
        load_engine(Settings(classes="zorble"), tell=lambda _: None)
    assert given["painter"].closed == 1


@pytest.mark.usefixtures("given")
def test_a_self_test_says_what_a_model_did_and_what_it_does_not_do() -> None:
    engine = load_engine(Settings(), tell=lambda _: None)
    passed, words = self_test(engine, Settings(), None)
    assert passed
    assert words.startswith("painted and decoded depth, semantic in ")
    passed, words = self_test(engine, Settings(tasks=("normals",)), None)
    assert (passed, words) == (False, "nothing was painted: no task of the parameter tasks is its")
    assert self_test(None, Settings(), None)[0] is False


def test_an_answer_that_fails_says_why_once() -> None:
    questions = Questions("")
    questions.take("the lamp", None)
    assert questions.pending is None, "nobody asked yet"
    questions.owe("the lamp")
    assert questions.tasks == {Task.REFERRING, Task.DEPTH}
    answer = questions.failed("out of memory")
    assert answer is not None
    assert json.loads(answer.data) == {"prompt": "the lamp", "accepted": False, "reason": "out of memory"}
    assert (questions.pending, questions.failed("again")) == (None, None)


def test_an_answer_waits_for_a_frame_that_was_asked() -> None:
    from vision_banana_ros.core import Perception, Unanswered

    questions = Questions("")
    questions.take("the lamp", None)
    questions.owe("the lamp")
    seen = Perception(stamp_ns=0, frame_id="", hw=(2, 2))
    assert questions.answer(seen, Header()) is None
    assert questions.prompt is not None
    refused = Perception(stamp_ns=0, frame_id="", hw=(2, 2), unanswered=(Unanswered(questions.prompt, "not mine"),))
    answer = questions.answer(refused, Header())
    assert answer is not None
    told = json.loads(answer.data)
    assert (told["accepted"], told["reason"], told["regions"]) == (False, "not mine", [])


def test_what_a_pace_forbids_is_waited_for() -> None:
    from vision_banana_ros.generators.remote import Pace

    painter: Any = Painter("remote")
    engine = Engine(painter, room.about_engine(painter))
    assert not engine.must_wait(3), "no pace, no wait"
    painter.pace = Pace(max_per_hour=2)
    assert engine.must_wait(3)
    assert not engine.must_wait(2)
    painter.pace.take(1)
    assert engine.must_wait(2)
    engine.paced(5.0)
    assert painter.pace.max_rate_hz == 5.0
