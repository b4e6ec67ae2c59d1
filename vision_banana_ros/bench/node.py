"""The node end to end: three processes (camera, perception, receiver), everything on, at camera rate.

The generator is the oracle, whose canvases are look-ups once its footage was played: what is measured is the node.
What a model adds is the model's own row.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2

from vision_banana_ros.bench.rows import Row
from vision_banana_ros.bench.soak import Soak
from vision_banana_ros.core import VisionBananaError
from vision_banana_ros.ros.process import import_rclpy
from vision_banana_ros.ros.processes import isolated_environment, running_node, stop
from vision_banana_ros.world.moving import MovingScene

_RATE_HZ = 30.0
_CAMERA = ("camera_node", {"source": "moving", "rate_hz": _RATE_HZ})
_PERCEPTION = ("node", {"model": "oracle:moving", "diagnostics_period_s": 0.5})
#: With canvases so small that those which the oracle keeps are no part of what is watched.
_SMALL = ("node", {"model": "oracle:moving@160x120", "diagnostics_period_s": 0.5, "instance_class": ["box"]})
_LARGE = ((1280, 720), (1920, 1080))
_PATIENCE_S = 90.0
#: Five frames of everything, on a busy machine too.
_STANDSTILL_S = 8.0


def measure(*, seconds: float = 20, minutes: float = 0) -> list[Row]:
    """`seconds` at full rate; with `minutes` also what the node holds while everything around it comes and goes."""
    import_rclpy()
    large = [row for wh in _LARGE for best_effort in (False, True) for row in _large(wh, best_effort, seconds)]
    return [*_start(), *_throughput(seconds), *large, *(_soak(minutes) if minutes > 0 else [])]


def _start() -> list[Row]:
    """From the process's start to the first output at the other end; the camera and the receiver are there before."""
    with _first_frames(1) as camera, running_node("camera_node", camera), _receiver(_PATIENCE_S, "first") as receiver:
        assert receiver.stdout is not None
        receiver.stdout.readline()  # it is ready
        started = time.time()
        with running_node(*_PERCEPTION):
            first = _report_of(receiver, _PATIENCE_S)["first_receipt"]
    return [_row("process start to first receipt", first - started if first else float("nan"), "s", bar="< 2")]


def _throughput(seconds: float) -> list[Row]:
    with running_node(*_CAMERA), _receiver(seconds, "count") as receiver:
        started = time.time()
        with running_node(*_PERCEPTION) as perception:
            cpu_before = _cpu_s(perception.pid)
            report = _report_of(receiver, seconds)
            cpu_s, wall_s = _cpu_s(perception.pid) - cpu_before, time.time() - started
    against = f"{report['sent']} frames of 640x480 at {_RATE_HZ:.0f} Hz, six outputs each"
    return [
        _row("frames not complete", report["lost"], "frames", against=against, bar="0"),
        _row("complete frames", report["rate_hz"], "Hz"),
        _row("stamp to last receipt, p50", report["p50_ms"], "ms"),
        _row("stamp to last receipt, p95", report["p95_ms"], "ms", bar="< 50"),
        *(_row(f"  p95 of {topic}", value, "ms") for topic, value in report["p95_ms_of"].items()),
        _row("the node's own share, p50", report["own_p50_ms"], "ms", bar="< 15"),
        _row("generating (look-ups), p50", report["generate_p50_ms"], "ms"),
        _row("processor time of the node, start included", cpu_s / wall_s, "cores"),
    ]


def _large(wh: tuple[int, int], best_effort: bool, seconds: float) -> list[Row]:
    """Of large pictures: frames may be left out, but what was published arrives, or the node says that it may not."""
    with (
        _first_frames(3, wh) as camera,
        running_node("camera_node", camera),
        running_node(*_SMALL),
        _receiver(seconds, "large", *(["--best-effort"] if best_effort else [])) as receiver,
    ):
        report = _report_of(receiver, 6 * seconds + _PATIENCE_S)
    lost = {topic: count for topic, count in report["lost"].items() if count}
    words = f"{report['published']} of {report['sent']} frames published, six messages each"
    words += "".join(f"; {count} of {topic} lost" for topic, count in lost.items())
    words += f"; told: {report['told'][:60]}..." if report["told"] else "; nothing to tell"
    name = f"{wh[0]}x{wh[1]} {'best effort' if best_effort else 'reliable'}: lost in silence"
    return [_row(name, 0 if report["told"] else sum(lost.values()), "messages", against=words, bar="0")]


def _soak(minutes: float) -> list[Row]:
    """What the node holds a while after its start against the end: memory, threads, files, shared memory. Meanwhile
    subscribers come and go, prompts change, and the camera is stopped or killed and comes again.
    """
    warm_up_s = min(max(60.0, minutes * 6), minutes * 30)  # a tenth: until the largest of everything has come once
    with (
        _first_frames(12) as camera,
        running_node(*_SMALL) as perception,
        _receiver(warm_up_s + minutes * 60, "churn") as receiver,
    ):
        with running_node("camera_node", camera):
            _fill_histories(receiver)
        soak = Soak(perception.pid, lambda: running_node("camera_node", camera))
        soak.run(while_=lambda: receiver.poll() is None, warm_up_s=warm_up_s)
        report = json.loads(receiver.communicate()[0])
        alive = perception.poll() is None
    words = (
        f"{minutes:g} min, {report['changes']} subscribers of {report['topics']} topics came or went, "
        f"{report['received']} messages, {report['prompts']} prompts, {report['answers']} answers, "
        f"{soak.restarts} cameras stopped or killed"
    )
    grown = soak.grown()
    rows = [_row(f"{g.name} at the end", g.end, g.unit, against=g.course) for g in grown]
    rows += [_row(f"growth of {g.name}", g.end - g.begin, g.unit, bar=f"at most {g.allowed:.3g}") for g in grown]
    rows.append(_row("of these grow too much", sum(g.leaks for g in grown), "", bar="0"))
    left = soak.left_behind()
    rest = [
        _row("segments left in /dev/shm", len(left), "files", against=", ".join(left[:4]), bar="0"),
        _row("the node still runs", float(alive), "", against=words, bar="1"),
    ]
    return [*rows, *rest]


def _fill_histories(receiver: subprocess.Popen[str]) -> None:
    """Two things are needed once and kept, and chance says when: in one run memory rose by 29 MB after four minutes as
    if something leaked. The largest frame: everything at once, with each prompt, which the receiver asks for first.
    And the middleware's last four messages of each topic, kept until all have them: a receiver that stands still for a
    while lets all four be kept at once.
    """
    assert receiver.stdout is not None
    receiver.stdout.readline()  # it takes everything
    receiver.send_signal(signal.SIGSTOP)
    time.sleep(_STANDSTILL_S)
    receiver.send_signal(signal.SIGCONT)


def _row(name: str, value: float, unit: str, *, against: str = "", bar: str = "") -> Row:
    return Row(area="node", name=name, value=float(value), unit=unit, against=against, bar=bar)


@contextmanager
def _first_frames(count: int, wh: tuple[int, int] | None = None) -> Iterator[dict[str, object]]:
    """Parameters of a camera that plays so few frames that the oracle has soon found and painted them all."""
    scene = MovingScene()
    with tempfile.TemporaryDirectory() as folder:
        for index in range(count):
            bgr = cv2.cvtColor(scene.frame(index).rgb, cv2.COLOR_RGB2BGR)
            bgr = bgr if wh is None else cv2.resize(bgr, wh, interpolation=cv2.INTER_LINEAR)
            cv2.imwrite(f"{folder}/{index:02d}.png", bgr, (cv2.IMWRITE_PNG_COMPRESSION, 0))
        yield {"source": folder, "rate_hz": _RATE_HZ, "hfov_deg": 70.0}


@contextmanager
def _receiver(seconds: float, mode: str, *more: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "vision_banana_ros.bench.receiver", "--seconds", str(seconds), "--mode", mode, *more],
        env=isolated_environment(),
        text=True,
        stdout=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        stop(process)


def _report_of(receiver: subprocess.Popen[str], seconds: float) -> dict[str, Any]:
    try:
        output, _ = receiver.communicate(timeout=seconds + _PATIENCE_S)
        report: dict[str, Any] = json.loads(output)
    except (subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        raise VisionBananaError(f"the benchmark's receiver gave no report ({error}): see the lines above") from error
    return report


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
