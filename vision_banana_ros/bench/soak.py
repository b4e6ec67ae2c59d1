"""What a process holds, watched for a long time: memory, threads, open files, shared memory; read from /proc, as Linux
tells it. Beside it a camera is stopped, or killed, and started again every now and then.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

#: Memory may end so much above where it began: this part of it, and no more than this a minute.
_GROWTH, _GROWTH_MB_A_MINUTE = 0.02, 2.0
_SAMPLE_S = 2.0
#: A camera lives so long.
_CAMERA_S = 45.0
_SHM = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Held:
    """By one process at one moment. `segments` are files of shared memory that it has mapped, its own and others'."""

    resident_mb: float
    threads: int
    files: int
    segments: frozenset[str]


def _course(values: Sequence[float]) -> str:
    bounds = [len(values) * tenth // 10 for tenth in range(11)]
    tenths = [values[a:b] for a, b in pairwise(bounds) if a < b]
    return " ".join(f"{median(tenth):.0f}" for tenth in tenths)


def held_by(pid: int) -> Held:
    folder = Path(f"/proc/{pid}")
    pages = int((folder / "statm").read_text(encoding="ascii").split()[1])
    status = (folder / "status").read_text(encoding="utf-8").splitlines()
    threads = next(int(line.split()[1]) for line in status if line.startswith("Threads:"))
    maps = (folder / "maps").read_text(encoding="utf-8").split()
    segments = frozenset(word for word in maps if word.startswith(f"{_SHM}/fast"))
    resident_mb = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return Held(resident_mb, threads, len(os.listdir(folder / "fd")), segments)


_WATCHED: tuple[tuple[str, str, Callable[[Held], float]], ...] = (
    ("resident memory", "MB", lambda held: held.resident_mb),
    ("threads", "", lambda held: held.threads),
    ("open files", "", lambda held: held.files),
    ("segments mapped", "", lambda held: len(held.segments)),
)


@dataclass(frozen=True, slots=True)
class Grown:
    """What was held at the beginning and at the end; `course` from tenth to tenth of the time."""

    name: str
    unit: str
    begin: float
    end: float
    allowed: float
    course: str

    @property
    def leaks(self) -> bool:
        return self.end - self.begin > self.allowed


@dataclass(slots=True)
class Soak:
    """`camera` starts one, for the length of its block."""

    pid: int
    camera: Callable[[], AbstractContextManager[subprocess.Popen[str]]]
    samples: list[Held] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    restarts: int = 0
    _seen: set[str] = field(default_factory=set)

    def run(self, *, while_: Callable[[], bool], warm_up_s: float) -> None:
        """Every second camera is killed, as one whose plug is pulled; the others end in order."""
        start = time.monotonic()
        while while_():
            with ExitStack() as stack:
                process = stack.enter_context(self.camera())
                until = time.monotonic() + _CAMERA_S
                while while_() and time.monotonic() < until:
                    time.sleep(_SAMPLE_S)
                    held = held_by(self.pid)
                    self._seen |= held.segments
                    if time.monotonic() - start > warm_up_s:
                        self.samples.append(held)
                        self.moments.append(time.monotonic())
                if while_() and self.restarts % 2:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
            self.restarts += 1

    def grown(self) -> list[Grown]:
        """Medians of the first and of the last fifth of the samples."""
        part = max(1, len(self.samples) // 5)
        minutes = (self.moments[-1] - self.moments[0]) / 60
        found = []
        for name, unit, value in _WATCHED:
            values = [value(held) for held in self.samples]
            begin, end = median(values[:part]), median(values[-part:])
            allowed = min(_GROWTH * begin, _GROWTH_MB_A_MINUTE * minutes) if unit == "MB" else 0.0
            found.append(Grown(name, unit, begin, end, allowed, _course(values)))
        return found

    def left_behind(self) -> list[str]:
        """Segments that the process had mapped and that are still there, after all have ended. Not ports, which have a
        number and are opened again by whoever comes next.
        """
        return sorted(segment for segment in self._seen if "_port" not in segment and Path(segment).exists())
