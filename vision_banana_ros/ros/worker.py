"""The latest frame wins: callbacks put it into a slot and return, one thread takes it from there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

_T = TypeVar("_T")


class LatestWorker(Generic[_T]):
    """Calls `work` with the newest item put, on a thread of its own; older items that it had no time for are dropped.

    `work` must handle its own errors: one that gets out goes to `on_error`, and the thread lives on.
    """

    def __init__(self, work: Callable[[_T], None], *, on_error: Callable[[Exception], None], name: str) -> None:
        self._work = work
        self._on_error = on_error
        self._waiting: list[_T] = []  # none or one
        self._changed = threading.Condition()
        self._stopping = False
        self._at_work = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: _T) -> bool:
        """Never blocks. False when an item that nobody had taken yet was dropped for this one."""
        with self._changed:
            dropped = bool(self._waiting)
            self._waiting[:] = [item]
            self._changed.notify()
        return not dropped

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Nothing is worked on meanwhile; waits for the item at hand."""
        with self._at_work:
            yield

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Let the item at hand finish, drop the one that waits; False when it takes longer than the timeout."""
        with self._changed:
            self._stopping = True
            self._waiting.clear()
            self._changed.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or bool(self._waiting))
                if self._stopping:
                    return
                item = self._waiting.pop()
            try:
                with self._at_work:
                    self._work(item)
            except Exception as error:
                self._on_error(error)
            del item  # else megabytes live on until the next frame comes
