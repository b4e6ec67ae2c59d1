"""Two processes train as one does, and a rank that is killed costs what came after the last checkpoint."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

pytest.importorskip("torch")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Twelve pictures of walls at depths that their brightness tells."""
    root = tmp_path / "frames"
    for kind in ("rgb", "depth"):
        (root / kind).mkdir(parents=True)
    rng = np.random.default_rng(0)
    camera = {"fx": 60.0, "fy": 60.0, "cx": 47.5, "cy": 31.5, "width": 96, "height": 64}
    for i in range(12):
        grey = 40 + 15 * i
        rgb = np.clip(rng.normal(grey, 8, (64, 96, 3)), 0, 255).astype(np.uint8)
        cv2.imwrite(str(root / "rgb" / f"{i}.png"), rgb)
        cv2.imwrite(str(root / "depth" / f"{i}.png"), np.full((64, 96), 500 + 300 * i, np.uint16))
    (root / "intrinsics.json").write_text(json.dumps({str(i): camera for i in range(12)}))
    return root


def command(run: Path, frames: Path, *, processes: int, batch: int, samples: int, **more: object) -> list[str]:
    entries = {
        "frames": [str(frames)],
        "initial": "imagenet",
        "samples": samples,
        "batch": batch,
        "questions": 2,
        "views": [{"width": 64, "height": 64}],
        "threads": 1,
        "warmup": 16,
        "learning_rate": 3e-4,
        "turn_share": 0.0,
        "paste_share": 0.0,
        "log_seconds": 0.0,
        **more,
    }
    config = run.with_suffix(".json")
    config.write_text(json.dumps(entries))
    train = ["-m", "vision_banana_ros.cli", "train", "--config", str(config), "--run", str(run)]
    if processes == 1:
        return [sys.executable, *train]
    torchrun = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        str(processes),
        "--max-restarts",
        "2",
    ]
    return [sys.executable, *torchrun, "--no-python", "--", sys.executable, *train]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def losses(run: Path) -> np.ndarray:
    log = run / "log.jsonl"
    entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return np.array([entry["depth"] for entry in entries if "depth" in entry])


def test_two_processes_learn_what_one_of_twice_the_batch_learns(tmp_path: Path, frames: Path) -> None:
    for name, processes, batch in (("one", 1, 8), ("two", 2, 4)):
        argv = command(tmp_path / name, frames, processes=processes, batch=batch, samples=1200, learning_rate=2e-3)
        done = subprocess.run(argv, env=environment(), capture_output=True, text=True, timeout=1500)
        assert done.returncode == 0, done.stderr[-2000:]
    # other samples in another order: equal within the noise of the last steps, and both far below the start
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    first, last = (np.array([run[part].mean() for run in (one, two)]) for part in (slice(0, 12), slice(-40, None)))
    noise = np.hypot(*(run[-40:].std() / np.sqrt(40) for run in (one, two)))
    assert (last < 0.8 * first).all(), (first, last)
    assert abs(last[0] - last[1]) < 3 * noise + 0.05 * first.mean(), (first, last, noise)


def test_a_rank_that_is_killed_comes_back_from_the_last_checkpoint(tmp_path: Path, frames: Path) -> None:
    run = tmp_path / "run"
    argv = command(run, frames, processes=2, batch=4, samples=240, checkpoint_seconds=0.0)
    with (tmp_path / "said.txt").open("w") as said:
        launcher = subprocess.Popen(argv, env=environment(), stdout=subprocess.DEVNULL, stderr=said)
    deadline = time.monotonic() + 900
    while not (run / "last.pt").exists() or len(losses(run)) < 6:
        assert launcher.poll() is None, "training ended before a rank could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.1)
    ranks = [p for p in psutil.Process(launcher.pid).children(recursive=True) if "RANK" in p.environ()]
    before = len(losses(run))
    next(p for p in ranks if p.environ()["RANK"] == "1").send_signal(signal.SIGKILL)
    assert launcher.wait(timeout=1200) == 0, (tmp_path / "said.txt").read_text()[-4000:]
    samples = [json.loads(line)["samples"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert samples[-1] >= 232
    after = samples[before:]
    assert min(after) > 8  # it did not start from the beginning again
