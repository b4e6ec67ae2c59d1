"""How far a build is: TensorRT's nested phases, told as lines that are rare enough to log.

A build takes minutes on a Jetson; silent minutes are taken for a hang, and killed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from vision_banana_ros.runtimes.tensorrt.bindings import Bindings

_SECONDS_BETWEEN_LINES = 2.0


class BuildProgress:
    """Keeps the open phases; tells of the outermost one. Called from several of TensorRT's threads."""

    def __init__(self, tell: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._lock = threading.Lock()
        self._outer: dict[str, int] = {}
        self._told_at: float | None = None

    def start(self, phase: str, parent: str | None, steps: int) -> None:
        with self._lock:
            if not parent:
                self._outer[phase] = max(1, steps)
                self._say(f"building engine: {phase}", important=True)

    def step(self, phase: str, step: int) -> None:
        with self._lock:
            steps = self._outer.get(phase)
            if steps is not None:
                self._say(f"building engine: {phase}, {100 * min(step + 1, steps) // steps} %")

    def finish(self, phase: str) -> None:
        with self._lock:
            if self._outer.pop(phase, None) is not None:
                self._say(f"building engine: {phase} done", important=True)

    def _say(self, line: str, *, important: bool = False) -> None:
        now = self._clock()
        if important or self._told_at is None or now - self._told_at >= _SECONDS_BETWEEN_LINES:
            self._told_at = now
            self._tell(line)


def make_monitor(bindings: Bindings, progress: BuildProgress) -> Any:
    """An IProgressMonitor for `progress`; the caller keeps it alive as long as the builder's configuration."""

    base: Any = bindings.trt.IProgressMonitor

    class Monitor(base):  # type: ignore[misc]
        def __init__(self) -> None:
            base.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            progress.start(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            progress.step(phase_name, step)
            return True  # False would cancel the build

        def phase_finish(self, phase_name: str) -> None:
            progress.finish(phase_name)

    return Monitor()
