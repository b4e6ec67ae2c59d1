"""The same runs on a real local Ray: the same shards, whoever dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from teachers import told
from test_label import hashes, run, settings

from vision_banana_ros.commands.label import prompts
from vision_banana_ros.labelling.belief import BeliefSettings
from vision_banana_ros.labelling.on_ray import OnRay
from vision_banana_ros.labelling.run import label
from vision_banana_ros.scaling.actors import RaySettings

Recorder = Callable[..., Path]
QUICK = BeliefSettings(mirror=False)

# Ray is not imported here: what start_ray says to it must come first.
pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra scale")


@pytest.fixture(autouse=True)
def _workers_find_the_teachers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)]))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def ray(workers: int = 2, batch: int = 2) -> Callable[..., OnRay]:
    return lambda spec: OnRay(spec, RaySettings(workers=workers, batch=batch))


def test_an_actor_that_dies_costs_nothing_and_only_this_host_hears(tmp_path: Path, recording: Recorder) -> None:
    folder, fuse = recording(10), tmp_path / "fuse"
    here = run(tmp_path / "here", settings(folder, teachers=(f"mortal:{fuse}",), belief=QUICK))
    fuse.write_text("")
    listening: list[str] = []

    def look(_what: str, _progress: object) -> None:
        if not listening:
            listening.extend(_open_to_others())
            listening.append("looked")

    there = label(
        tmp_path / "there",
        settings(folder, teachers=(f"mortal:{fuse}",), belief=QUICK),
        engine=ray(),
        load=told,
        say=print,
        tell=lambda what, progress: look(what, progress) if progress else None,
    )
    assert there is not None
    assert not fuse.exists()  # somebody died of it
    assert there.shards == here.shards == hashes(tmp_path / "there")
    assert there.refused == {}
    assert listening == ["looked"]


def _open_to_others() -> list[str]:
    """Sockets that this process and its children listen on, beyond the loopback."""
    mine = psutil.Process()
    found = []
    for process in (mine, *mine.children(recursive=True)):
        try:
            connections = process.net_connections(kind="inet")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        found += [
            f"{process.name()} {c.laddr}"
            for c in connections
            if c.status == psutil.CONN_LISTEN and c.laddr.ip not in ("127.0.0.1", "::1", "::ffff:127.0.0.1")
        ]
    return found


def test_a_driver_that_is_killed_is_gone_on_with(tmp_path: Path, recording: Recorder) -> None:
    folder, count = recording(12), tmp_path / "asked"
    teachers = (f"counting:{count}", "sleepy:0.1")
    here = run(tmp_path / "here", settings(folder, teachers=teachers, belief=QUICK))
    count.unlink()
    code = (
        "from pathlib import Path\nimport teachers\nfrom test_label import settings\n"
        "from test_on_ray import QUICK, ray\n"
        "from vision_banana_ros.labelling.run import label\n"
        f"wanted = settings(Path({str(folder)!r}), teachers={teachers!r}, belief=QUICK)\n"
        f"label(Path({str(tmp_path / 'there')!r}), wanted, engine=ray(), load=teachers.told, say=print)\n"
    )
    driver = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    work = tmp_path / "there" / "work"
    deadline = time.monotonic() + 60
    while len(list(work.glob("*.label.tar"))) + 4 * len(hashes(tmp_path / "there")) < 5:
        assert driver.poll() is None, "the driver ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    driver.kill()
    driver.wait()
    there = run(tmp_path / "there", settings(folder, teachers=teachers, belief=QUICK))
    assert there.shards == here.shards == hashes(tmp_path / "there")
    # two calls a picture; what was settled before the kill is never asked about again, the rest at most once more
    assert len(count.read_text().splitlines()) <= 2 * (12 + 7)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_workers_are_at_least_one_and_a_half_times_as_fast(tmp_path: Path, recording: Recorder) -> None:
    """A teacher that waits, as one on a GPU or behind a network does. Start-up is not counted."""
    folder = recording(16)
    rates = {}
    for workers in (1, 2):
        stamps: list[float] = []
        label(
            tmp_path / f"out{workers}",
            settings(folder, teachers=("sleepy:1.5",), prompts=prompts("depth", None, [], []), belief=QUICK),
            engine=ray(workers, batch=1),
            load=told,
            say=print,
            tell=lambda _what, progress, stamps=stamps: stamps.append(time.monotonic()) if progress else None,
        )
        rates[workers] = (len(stamps) - 1) / (stamps[-1] - stamps[0])
    assert hashes(tmp_path / "out1") == hashes(tmp_path / "out2")
    assert rates[2] > 1.6 * rates[1], rates


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_world_is_rendered_on_ray_as_it_is_here(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    from vision_banana_ros.cli import main

    for folder, more in (("here", ["--processes", "1"]), ("there", ["--ray", "auto"])):
        argv = ["render", "--out", str(tmp_path / folder), "--count", "6", "--per-shard", "2", "--size", "64x48"]
        assert main([*argv, "--samples", "1", "--json", *more]) == 0
    here = {file.name: file.read_bytes() for file in (tmp_path / "here").glob("shard_*.npz")}
    assert len(here) == 3
    assert here == {file.name: file.read_bytes() for file in (tmp_path / "there").glob("shard_*.npz")}
