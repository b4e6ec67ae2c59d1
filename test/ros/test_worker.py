"""The latest item wins, nothing queues, errors do not end the thread."""

from __future__ import annotations

import threading

from vision_banana_ros.ros.worker import LatestWorker

PATIENCE_S = 20.0


class Gate:
    """Work that waits to be let through, and remembers what it was given."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.leave = threading.Semaphore(0)
        self.seen: list[int] = []

    def __call__(self, item: int) -> None:
        self.seen.append(item)
        self.entered.release()
        assert self.leave.acquire(timeout=PATIENCE_S)


def test_while_busy_only_the_newest_item_waits() -> None:
    gate = Gate()
    worker = LatestWorker(gate, on_error=lambda _: None, name="test")
    assert worker.put(1)
    assert gate.entered.acquire(timeout=PATIENCE_S)
    assert [worker.put(item) for item in (2, 3, 4)] == [True, False, False]
    gate.leave.release(2)
    assert gate.entered.acquire(timeout=PATIENCE_S)
    assert worker.stop()
    assert gate.seen == [1, 4]


def test_an_error_is_told_and_the_next_item_still_done() -> None:
    errors: list[Exception] = []
    done = threading.Event()

    def work(item: str) -> None:
        if item == "bad":
            raise ValueError(item)
        done.set()

    failed = threading.Event()

    def on_error(error: Exception) -> None:
        errors.append(error)
        failed.set()

    worker = LatestWorker(work, on_error=on_error, name="test")
    worker.put("bad")
    assert failed.wait(PATIENCE_S)
    worker.put("good")
    assert done.wait(PATIENCE_S)
    assert worker.stop()
    assert [str(error) for error in errors] == ["bad"]


def test_stopping_lets_the_item_at_hand_finish_and_drops_the_waiting_one() -> None:
    gate = Gate()
    worker = LatestWorker(gate, on_error=lambda _: None, name="test")
    worker.put(1)
    assert gate.entered.acquire(timeout=PATIENCE_S)
    worker.put(2)
    assert not worker.stop(timeout_s=0.05), "it cannot have ended with its item at hand"
    gate.leave.release(2)
    assert worker.stop()
    assert gate.seen == [1]
