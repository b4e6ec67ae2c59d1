"""The judge of the hour: what grows is told, what goes up and down is not; a real process that leaks, too."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import nullcontext
from typing import Any

import pytest

from vision_banana_ros.bench import soak
from vision_banana_ros.bench.soak import Held, Soak

#: Takes so many megabytes at once, says so, and then so many each second.
_TAKES = """
import sys, time
kept = [bytearray(b"1" * (int(sys.argv[1]) << 20))]
print("here", flush=True)
while True:
    time.sleep(0.02)
    kept.append(bytearray(b"1" * int(float(sys.argv[2]) * 2**20 * 0.02)))
"""


def _judged(minutes: float, resident_mb: Any, **counts: Any) -> set[str]:
    """What grows too much of a process with so much memory, threads, files and segments at each second."""
    watched = Soak(0, nullcontext)  # type: ignore[arg-type]
    for second in range(int(minutes * 60)):
        values = {"threads": 22, "files": 25, "segments": 10} | {name: of(second) for name, of in counts.items()}
        segments = frozenset(str(number) for number in range(values.pop("segments")))
        watched.samples.append(Held(resident_mb(second), segments=segments, **values))
        watched.moments.append(float(second))
    return {grown.name for grown in watched.grown() if grown.leaks}


@pytest.mark.parametrize("minutes", [2, 5, 8, 60])
def test_five_megabytes_a_minute_are_a_leak_however_long_it_is_watched(minutes: float) -> None:
    assert _judged(minutes, lambda s: 420 + 5 * s / 60) == {"resident memory"}


def test_a_slow_leak_is_told_after_an_hour() -> None:
    assert _judged(60, lambda s: 420 + 0.25 * s / 60) == {"resident memory"}


def test_what_goes_up_and_down_is_no_leak() -> None:
    assert _judged(8, lambda s: 420 + 10 * (s % 7 == 0) + (s % 3)) == set()


def test_a_step_of_two_clouds_is_not_let_pass() -> None:
    """It must have come while the node warmed up, or it is one of many to come."""
    assert _judged(8, lambda s: 393 if s < 120 else 413) == {"resident memory"}


@pytest.mark.parametrize("name", ["threads", "files", "segments"])
def test_one_more_at_the_end_is_told(name: str) -> None:
    more = {"threads": "threads", "files": "open files", "segments": "segments mapped"}
    assert _judged(8, lambda _: 420.0, **{name: lambda s: 30 + (s > 300)}) == {more[name]}
    assert _judged(8, lambda _: 420.0, **{name: lambda s: 30 + (s % 2)}) == set()


def test_the_course_has_ten_parts_in_their_order() -> None:
    watched = Soak(0, nullcontext)  # type: ignore[arg-type]
    for second in range(1234):
        watched.samples.append(Held(float(second // 124), 1, 1, frozenset()))
        watched.moments.append(float(second))
    assert watched.grown()[0].course == "0 1 2 3 4 5 6 7 8 9"


@pytest.mark.parametrize(("mb_a_second", "leaks"), [(10.0, True), (0.0, False)])
def test_a_real_process_is_watched(monkeypatch: pytest.MonkeyPatch, mb_a_second: float, leaks: bool) -> None:
    """Three seconds stand for an hour: 30 MB more are a leak, as 300 MB are in an hour at 5 MB a minute."""
    monkeypatch.setattr(soak, "_SAMPLE_S", 0.05)
    words = [sys.executable, "-c", _TAKES, "100", str(mb_a_second)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        watched = Soak(process.pid, lambda: nullcontext(process))
        until = time.monotonic() + 3
        watched.run(while_=lambda: time.monotonic() < until, warm_up_s=0.2)
        process.kill()
    memory = next(grown for grown in watched.grown() if grown.unit == "MB")
    assert memory.begin > 100
    assert (memory.end - memory.begin > 2) == leaks
    assert memory.leaks == leaks
