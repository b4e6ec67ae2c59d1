"""What a process holds, watched for a long time: memory, threads, open files, shared memory; read from /proc, as Linux
tells it. Beside it a camera is stopped, or killed, and started again every now and then.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

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


def held_by(pid: int) -> Held:
    folder = Path(f"/proc/{pid}")
    pages = int((folder / "statm").read_text(encoding="ascii").split()[1])
    status = (folder / "status").read_text(encoding="utf-8").splitlines()
    threads = next(int(line.split()[1]) for line in status if line.startswith("Threads:"))
    maps = (folder / "maps").read_text(encoding="utf-8").split()
    segments = frozenset(word for word in maps if word.startswith(f"{_SHM}/fast"))
    resident_mb = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return Held(resident_mb, threads, len(os.listdir(folder / "fd")), segments)


@dataclass(slots=True)
class Soak:
    """`camera` starts one, for the length of its block."""

    pid: int
    camera: Callable[[], AbstractContextManager[subprocess.Popen[str]]]
    samples: list[Held] = field(default_factory=list)
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
                if while_() and self.restarts % 2:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
            self.restarts += 1

    def ends(self) -> list[tuple[str, float, float, str, str]]:
        """Name, median of the first fifth of samples, of the last fifth, unit, bar."""
        part = max(1, len(self.samples) // 5)
        first, last = self.samples[:part], self.samples[-part:]

        def of(name: str, value: Callable[[Held], float], unit: str) -> tuple[str, float, float, str, str]:
            return name, median(map(value, first)), median(map(value, last)), unit, ""

        return [
            of("resident memory", lambda held: held.resident_mb, "MB"),
            of("threads", lambda held: held.threads, ""),
            of("open files", lambda held: held.files, ""),
            of("segments mapped", lambda held: len(held.segments), ""),
        ]

    def course(self) -> str:
        """Resident memory from tenth to tenth of the time."""
        part = max(1, len(self.samples) // 10)
        tenths = [self.samples[i : i + part] for i in range(0, len(self.samples), part)]
        return " ".join(f"{median(held.resident_mb for held in tenth):.0f}" for tenth in tenths)

    def left_behind(self) -> list[str]:
        """Segments that the process had mapped and that are still there, after all have ended. Not ports, which have a
        number and are opened again by whoever comes next.
        """
        return sorted(segment for segment in self._seen if "_port" not in segment and Path(segment).exists())
