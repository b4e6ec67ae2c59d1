"""The programs of examples/ are run as they stand, on frames whose truth is known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision_banana_ros.world.moving import MovingScene

ROOT = Path(__file__).parents[2]
MODEL = "oracle:moving"


@pytest.fixture(scope="module")
def scene() -> MovingScene:
    return MovingScene()


@pytest.fixture
def photo(scene: MovingScene, tmp_path: Path) -> Path:
    path = tmp_path / "room.png"
    cv2.imwrite(str(path), scene.frame(0).rgb[..., ::-1])
    return path


def run(program: str, *arguments: object, ends_well: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / program), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == ends_well, done.stdout + done.stderr
    return done.stdout if ends_well else done.stderr


def test_all_are_told_of() -> None:
    told = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    there = [path.name for path in (ROOT / "examples").iterdir() if path.name not in ("README.md", "__pycache__")]
    assert len(there) >= 5
    assert [name for name in there if f"`{name}" not in told] == []


def test_one_image(photo: Path, scene: MovingScene) -> None:
    said = run("one_image.py", photo, "--model", MODEL, "--classes", "floor, sofa, elephant")
    truth = scene.truth(0)
    assert truth.depth_m is not None
    assert truth.mask is not None
    sofa = truth.mask == truth.labels.index("sofa")
    line = next(line for line in said.splitlines() if line.startswith("sofa"))
    assert f"{sofa.mean():.1%}" in line
    assert abs(float(line.split()[-3]) - float(np.median(truth.depth_m[sofa]))) < 0.15
    assert "elephant" not in said
    millimetres = cv2.imread(str(photo.with_name("room_depth.png")), cv2.IMREAD_UNCHANGED)
    assert millimetres.dtype == np.uint16
    wrong = np.abs(millimetres / 1000 - np.where(np.isfinite(truth.depth_m), truth.depth_m, 0)) > 0.1
    assert wrong.mean() < 0.02


def test_webcam_reads_frame_after_frame_and_keeps_the_camera(scene: MovingScene, tmp_path: Path) -> None:
    for index in range(3):
        cv2.imwrite(str(tmp_path / f"frame_{index}.png"), scene.frame(index).rgb[..., ::-1])
    said = run("webcam.py", tmp_path / "frame_%d.png", "--model", MODEL).splitlines()
    assert said[-1] == "3 frames"
    truth = scene.truth(2)
    assert truth.depth_m is not None
    ahead = float(said[2].split("ahead")[1].split()[0])
    assert abs(ahead - float(np.median(truth.depth_m[232:248, 312:328]))) < 0.1
    assert said[2].endswith(f"{truth.camera.hfov_deg:.0f} degrees recovered")


def test_instances_of_several_classes(photo: Path, scene: MovingScene) -> None:
    said = run("instances_of_several_classes.py", photo, "box", "ball", "--model", MODEL).splitlines()
    truth = scene.truth(0)
    assert truth.mask is not None
    assert truth.instances is not None
    counts = [len(np.unique(truth.instances[truth.mask == truth.labels.index(name)])) for name in ("box", "ball")]
    assert counts[0] > 1
    assert said[:2] == [f"box: {counts[0]}", f"ball: {counts[1]}"]
    assert [line.split()[:2] for line in said[2:]] == [
        [str(number), name]
        for number, name in enumerate(["box"] * counts[0] + ["ball"] * counts[1], start=1)
    ]  # fmt: skip


def test_score_a_folder(scene: MovingScene, tmp_path: Path) -> None:
    for kind in ("rgb", "depth"):
        (tmp_path / kind).mkdir()
    cameras = {}
    for index in range(2):
        truth = scene.truth(index)
        assert truth.depth_m is not None
        cv2.imwrite(str(tmp_path / "rgb" / f"{index}.png"), scene.frame(index).rgb[..., ::-1])
        np.savez(tmp_path / "depth" / f"{index}.npz", depth=np.where(np.isfinite(truth.depth_m), truth.depth_m, 0))
        c = truth.camera
        cameras[str(index)] = {n: getattr(c, n) for n in ("fx", "fy", "cx", "cy", "width", "height")}
    (tmp_path / "intrinsics.json").write_text(json.dumps(cameras), encoding="utf-8")
    said = run("score_a_folder.py", tmp_path, "--model", MODEL)
    assert f"{tmp_path}: 2 frames" in said
    assert "beats every baseline" in said


def test_what_is_no_image_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("words", encoding="utf-8")
    for program in ("one_image.py", "instances_of_several_classes.py"):
        said = run(program, tmp_path / "words.png", "person", ends_well=False) if "inst" in program else run(
            program, tmp_path / "words.png", ends_well=False
        )  # fmt: skip
        assert [line for line in said.splitlines() if "imread" not in line] == [
            f"{tmp_path / 'words.png'} is no image that OpenCV can read"
        ]
    assert "cannot be opened" in run("webcam.py", tmp_path / "no.avi", ends_well=False)
