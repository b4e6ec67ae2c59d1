"""Several threads, one generator: nobody waits for more than one frame of each other, nor pays for its faults."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from vision_banana_ros.core import About, Canvas, Frame, GeneratorError, Task
from vision_banana_ros.perceiver import Perceiver, PerceiverSettings
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.turns import Turns, require_for_several

DEPTH = [Instruction(Task.DEPTH)]
PATIENCE_S = 20.0


def frame(number: int) -> Frame:
    return Frame(np.full((4, 6, 3), number, np.uint8), stamp_ns=number, frame_id="eye")


class Painter:
    """Paints the frame's own colour; notes who asked, and whether two ever asked at once."""

    tasks = frozenset({Task.DEPTH})
    about = About(name="painter", licence="none")

    def __init__(self) -> None:
        self.order: list[int] = []
        self.gate = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)
        self.at_once = 0
        self._inside = 0

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        self._inside += 1
        self.at_once = max(self.at_once, self._inside)
        self.order.append(frame.stamp_ns)
        self.entered.release()
        assert self.gate.acquire(timeout=PATIENCE_S)
        self._inside -= 1
        if frame.stamp_ns == 13:
            raise GeneratorError("thirteen")
        return [Canvas(frame.rgb, instruction) for instruction in instructions]


class TogetherPainter(Painter):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[int]] = []

    def generate_together(self, asked: Sequence[tuple[Frame, Sequence[Instruction]]]) -> list[list[Canvas]]:
        self.calls.append([frame.stamp_ns for frame, _ in asked])
        if any(frame.stamp_ns == 13 for frame, _ in asked):
            raise GeneratorError("one of them is thirteen")
        return [[Canvas(frame.rgb, i) for i in instructions] for frame, instructions in asked]


def _asked(turns: Turns, pool: ThreadPoolExecutor, painter: Painter, numbers: list[int]) -> list[object]:
    """The first is being painted when the others come, one after the other."""
    answers = []
    for number in numbers:
        answers.append(pool.submit(turns.generate, frame(number), DEPTH))
        if number == numbers[0]:
            assert painter.entered.acquire(timeout=PATIENCE_S)
        else:
            _wait_for_row(turns, len(answers) - 1)
    painter.gate.release(10)
    return [answer.exception(PATIENCE_S) or answer.result()[0].rgb[0, 0, 0] for answer in answers]


def _wait_for_row(turns: Turns, length: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while len(turns._waiting) < length:
        assert time.monotonic() < end, f"{len(turns._waiting)} wait"
        time.sleep(0.001)


def test_who_asks_first_is_served_first_and_one_at_a_time() -> None:
    painter = Painter()
    with ThreadPoolExecutor(4) as pool:
        answers = _asked(Turns(painter), pool, painter, [1, 2, 3, 4])
    assert answers == [1, 2, 3, 4], "each gets the canvas of its own frame"
    assert painter.order == [1, 2, 3, 4]
    assert painter.at_once == 1


def test_a_fast_camera_takes_no_turn_of_a_slow_one() -> None:
    painter = Painter()
    painter.gate.release(100_000)
    before: list[int] = []

    class Row(deque[Any]):
        """Notes how much was painted when the slow one began to wait; its thread may have slept until then."""

        def append(self, ask: Any) -> None:
            if ask.frame.stamp_ns == 2:
                before.append(len(painter.order))
            super().append(ask)

    turns = Turns(painter, Row())
    done = threading.Event()

    def fast() -> None:
        while not done.is_set():
            turns.generate(frame(1), DEPTH)

    thread = threading.Thread(target=fast)
    thread.start()
    try:
        for _ in range(20):
            turns.generate(frame(2), DEPTH)
            assert painter.order[before[-1] :].index(2) <= 2, "at most the frame at hand and one more"
    finally:
        done.set()
        thread.join(PATIENCE_S)


def test_what_fails_is_the_matter_of_whoever_asked() -> None:
    painter = Painter()
    with ThreadPoolExecutor(4) as pool:
        answers = _asked(Turns(painter), pool, painter, [1, 13, 3])
    assert answers[0] == 1
    assert str(answers[1]) == "thirteen"
    assert answers[2] == 3


def test_a_generator_that_can_paints_all_that_wait_in_one_call() -> None:
    painter = TogetherPainter()
    with ThreadPoolExecutor(4) as pool:
        answers = _asked(Turns(painter), pool, painter, [1, 2, 3, 4])
    assert answers == [1, 2, 3, 4]
    assert painter.order == [1], "alone, for nobody else waited"
    assert painter.calls == [[2, 3, 4]]


def test_where_a_joint_call_fails_each_is_asked_alone() -> None:
    painter = TogetherPainter()
    with ThreadPoolExecutor(4) as pool:
        answers = _asked(Turns(painter), pool, painter, [1, 2, 13, 4])
    assert answers[:2] == [1, 2]
    assert str(answers[2]) == "thirteen"
    assert answers[3] == 4
    assert painter.order == [1, 2, 13, 4]


def test_it_is_the_generator_in_all_else() -> None:
    painter = Painter()
    painter.gate.release(1)
    turns = Turns(painter)
    sight = Perceiver(turns).see(frame(5), DEPTH, PerceiverSettings())
    assert sight.perception.canvases[0].rgb[0, 0, 0] == 5
    assert turns.about is painter.about
    assert not hasattr(turns, "give_depth")
    assert turns.order == [5]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(anchor="height:1.2"), "the scale of one camera's frames"),
        (Settings(model="mix:/tmp/mix.yaml"), "an older frame"),
    ],
)
def test_what_remembers_frames_is_refused_for_several_cameras(settings: Settings, words: str) -> None:
    with pytest.raises(GeneratorError, match=words):
        require_for_several(Painter(), settings)


def test_a_model_that_takes_measured_depth_is_refused_for_several_cameras() -> None:
    painter = Painter()
    painter.give_depth = lambda *_: None  # type: ignore[attr-defined]
    with pytest.raises(GeneratorError, match="painter takes the measured depth of one camera"):
        require_for_several(painter, Settings())
    require_for_several(Painter(), Settings())
