"""The demonstration, from its command line to its picture; and how it counts right labels."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision_banana_ros.ros.observer import label_accuracy

ROOT = Path(__file__).parents[2]


def test_labels_are_right_by_name_and_only_what_could_be_said_counts() -> None:
    truth = np.array([[0, 0, 1, 1, 2, 255]], np.uint8)
    mask = np.array([[7, 7, 3, 7, 3, 3]], np.uint8)
    names, true_names = {0: "background", 3: "wall", 7: "floor"}, ["floor", "wall", "sky"]
    assert label_accuracy(mask, truth, names, true_names) == pytest.approx(3 / 4)
    assert math.isnan(label_accuracy(mask, truth, {}, true_names))


def _demo(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "vision_banana_ros.cli",
        "demo",
        "--source",
        "moving",
        "--model",
        "oracle:moving@320x240",
    ]
    files = ["--picture", str(folder / "seen.png"), "--json", str(folder / "report.json")]
    return subprocess.Popen(
        [*command, *files, *options], cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True
    )


@pytest.mark.ros
def test_it_prints_scores_and_shows_what_it_saw(tmp_path: Path) -> None:
    process = _demo(tmp_path, "--seconds", "4")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    for word in ("depth/image", "points", "AbsRel", "labels", "picture:"):
        assert word in output
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert all(topic["messages"] > 0 for topic in report["topics"])
    assert report["accuracy"]["frames"] >= 1
    assert report["accuracy"]["depth_abs_rel"] < 0.05
    assert report["accuracy"]["label_accuracy"] > 0.95
    picture = cv2.imread(str(tmp_path / "seen.png"))
    assert picture.shape[1] == 1280
    assert picture.std() > 20


@pytest.mark.ros
def test_without_an_end_it_runs_until_interrupted_and_still_reports(tmp_path: Path) -> None:
    process = _demo(tmp_path, "--seconds", "0")
    assert process.stdout is not None
    line = process.stdout.readline()
    while " Hz " not in line:
        line = process.stdout.readline()
        assert line, "it ended by itself"
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert (tmp_path / "seen.png").is_file()


@pytest.mark.ros
def test_a_node_that_cannot_start_ends_it_with_one_line(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "vision_banana_ros.cli", "demo", "--source", str(tmp_path), "--model", "oracle:moving"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 2
    assert "no images in" in process.stderr
    assert "Traceback" not in process.stderr


def test_without_a_model_there_is_one_line(tmp_path: Path) -> None:
    from vision_banana_ros.ros.sources import default_model

    if default_model("nothing"):
        return  # a student is shipped, and nobody needs to be told to give one
    command = [sys.executable, "-m", "vision_banana_ros.cli", "demo", "--source", str(tmp_path)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode == 2
    assert "give --model" in process.stderr
