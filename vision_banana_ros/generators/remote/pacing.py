"""How often a remote model is asked: so many pictures an hour, so many frames a second, and in a loop only if told so.

The loop asks `wait_s()` first and lets frames go by while it is above 0 (the latest wins); `take()` refuses in one line
what nobody waited for.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from vision_banana_ros.core import GeneratorError

_HOUR_S = 3600.0


class Pace:
    """A budget and a rate; safe to ask from several threads."""

    def __init__(
        self, *, max_per_hour: int, max_rate_hz: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.max_per_hour = max_per_hour
        self.max_rate_hz = max_rate_hz
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: deque[float] = deque()
        self._last = -float("inf")

    def wait_s(self, pictures: int = 1) -> float:
        """Seconds until a frame with so many pictures may be asked for; 0: now."""
        with self._lock:
            return max(self._budget_wait_s(pictures), self._rate_wait_s())

    def take(self, pictures: int) -> None:
        """Count `pictures` as asked for, or raise a GeneratorError that says when they may be."""
        if pictures > self.max_per_hour:
            raise GeneratorError(f"one frame asks for {pictures} pictures, the budget is {self.max_per_hour} an hour")
        with self._lock:
            wait_s = self._budget_wait_s(pictures)
            if wait_s > 0:
                raise GeneratorError(
                    f"the budget of {self.max_per_hour} remote pictures an hour is used up: next in {wait_s:.0f} s "
                    "(max_per_hour raises it)"
                )
            wait_s = self._rate_wait_s()
            if wait_s > 0:
                raise GeneratorError(f"asked faster than max_rate_hz = {self.max_rate_hz:g}: next in {wait_s:.1f} s")
            self._last = self._clock()
            self._taken.extend([self._last] * pictures)

    @property
    def left(self) -> int:
        """Pictures that may still be asked for in this hour."""
        with self._lock:
            self._forget()
            return self.max_per_hour - len(self._taken)

    def _budget_wait_s(self, pictures: int) -> float:
        self._forget()
        over = len(self._taken) + pictures - self.max_per_hour
        if over <= 0:
            return 0.0
        if over > len(self._taken):
            return float("inf")
        return self._taken[over - 1] + _HOUR_S - self._clock()

    def _rate_wait_s(self) -> float:
        if self.max_rate_hz <= 0:
            return 0.0
        return max(0.0, self._last + 1 / self.max_rate_hz - self._clock())

    def _forget(self) -> None:
        while self._taken and self._taken[0] <= self._clock() - _HOUR_S:
            self._taken.popleft()


def require_pace(generator: Any) -> None:
    """For whoever is about to ask `generator` frame by frame: a remote one needs a rate, or is asked by request."""
    if generator.about.cost == "remote" and not getattr(generator, "is_paced", False):
        raise GeneratorError(
            f"{generator.about.name} is remote and would be asked for every frame: set max_rate_hz, "
            "or ask it by a one-shot request"
        )
