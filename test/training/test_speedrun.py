"""A miniature of tools/speedrun.sh on a CPU, and what of its way over a GPU can be tried without one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from made_frames import CPU, make_frame

from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.training.live import LiveWorld, packed_on_device
from vision_banana_ros.training.store import Labels, Stack, record
from vision_banana_ros.world.dataset import WorldSettings

ROOT = Path(__file__).parents[2]


def test_what_a_renderer_leaves_on_the_device_is_packed_as_shards_are() -> None:
    frame, truth = make_frame()
    normals = np.nan_to_num(truth.normals)
    geometry = torch.from_numpy(np.concatenate([truth.depth_m[..., None], normals], axis=-1))
    part = np.where(np.isposinf(truth.depth_m), -1, 5)
    mask = truth.mask.astype(np.int32)
    ids = torch.from_numpy(np.stack([part, np.where(mask == 255, -1, mask), truth.instances], axis=-1).astype(np.int32))
    packed = packed_on_device(geometry[None], ids[None])[0].numpy()
    wanted = record(frame, truth, Labels()).truth
    known = np.isfinite(truth.depth_m) | np.isposinf(truth.depth_m)
    for shift in (0, 40):  # depth, class
        bits = 0xFFFF if shift == 0 else 0xFF
        assert np.abs(((packed >> shift) & bits)[known] - ((wanted >> shift) & bits)[known]).max() <= (shift == 0)
    assert np.array_equal((packed >> 16)[known] & 0xFFFFFF, (wanted >> 16)[known] & 0xFFFFFF)
    assert ((packed >> 40) & 255)[mask == 255].tolist() == [255] * int((mask == 255).sum())
    instances = (packed >> 48) & 255
    assert len(np.unique(instances)) == len(np.unique(truth.instances))
    assert vocabulary.class_id("sky") in (packed >> 40) & 255


def test_a_renderer_that_fails_is_told_and_processes_take_over(monkeypatch) -> None:
    """The stack is said to lie on a GPU; nothing else of one is there, so all of its way fails."""
    told: list[str] = []
    live = LiveWorld(Stack.empty((24, 32), 4, CPU), WorldSettings(width=32, height=24), 1, 0, told.append)

    def render(self: LiveWorld) -> None:
        self.way = "CPU processes"
        self.stack.put([record(*make_frame(), Labels(), longest=32)])

    monkeypatch.setattr(LiveWorld, "_begin_on_processes", render)
    monkeypatch.setattr(LiveWorld, "_is_on_device", property(lambda _: True))
    live.begin(1)
    assert live.way == "CPU processes"
    assert "no CUDA device" in told[0]


@pytest.mark.timeout(280)
def test_a_speed_run_in_miniature(frames, tmp_path) -> None:
    """Seconds instead of minutes: renders, trains, judges, packs and checks, by the script itself."""
    pytest.importorskip("numba")
    config = {
        "initial": None, "batch": 2, "questions": 2, "samples": 8, "warmup": 4, "world_size": [64, 48], "memory_gb":
        0.01, "threads": 1, "bfloat16": False, "views": [{"width": 64, "height": 32}], "log_seconds": 1,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    for picture in sorted((frames / "rgb").iterdir())[2:]:  # two are judged, twice
        picture.unlink()
    settings = {"OUT": tmp_path / "out", "CONFIG": tmp_path / "config.json", "PYTHON": sys.executable}
    settings |= {"PROCESSES": "1", "PRECISIONS": "fp32", "CHECK": "no", "OMP_NUM_THREADS": "1"}
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, **{name: str(value) for name, value in settings.items()}, "PYTHONPATH": paths}
    done = subprocess.run(
        ["sh", str(ROOT / "tools" / "speedrun.sh"), "5", str(frames)],
        capture_output=True, text=True, check=False, timeout=270, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    out = tmp_path / "out"
    assert {"model", "log.jsonl", "config.json"} <= {path.name for path in out.iterdir()}
    assert all(path.stat().st_size < 16 * 2**20 for path in out.rglob("*") if path.is_file())
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    world = next(entry for entry in entries if "world" in entry)
    assert world["world"] == "CPU processes"
    assert world["frames"] > 0
    manifest = json.loads((out / "model" / "manifest.json").read_text())
    assert {file["role"] for file in manifest["files"]} == {"graph", "text", "golden", "weights"}
    assert any(score["metric"] == "delta1" for score in manifest["scores"])
