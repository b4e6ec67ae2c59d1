"""Films in and out, and `vision-banana video` over them: whole, broken, upright, interrupted, read-only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from vision_banana_ros.cli import main
from vision_banana_ros.core import DataError
from vision_banana_ros.viewing.films import DepthFilm, Film, FilmWriter, read_depth_film

MODEL = "student@128x96"


def run(*args: object) -> int:
    return main(["video", *map(str, args), "--model", MODEL, "--maps", "depth,classes"])


def lines(folder) -> list[dict]:
    return [json.loads(text) for text in (folder / "frames.jsonl").read_text().splitlines()][1:]


def test_shots_have_numbers_and_times(film, scene):
    shots = list(Film(str(film)).shots())
    assert [shot.number for shot in shots] == list(range(12))
    assert [shot.stamp_ns for shot in shots] == [i * 10**8 for i in range(12)]
    assert np.abs(shots[5].rgb.astype(int) - scene.frame(5).rgb).mean() < 12  # lossy, but of this moment and RGB
    assert [shot.number for shot in Film(str(film)).shots(first=9)] == [9, 10, 11]


def test_a_broken_film_gives_what_it_has_and_says_so(film, tmp_path):
    whole = tmp_path / "whole.avi"  # its index lies at the end: cut off, the frames before are there
    writer = cv2.VideoWriter(str(whole), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (160, 120))
    for shot in Film(str(film)).shots():
        for _ in range(4):
            writer.write(shot.rgb)
    writer.release()
    broken = tmp_path / "broken.avi"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    found = Film(str(broken))
    shots = list(found.shots())
    assert 10 < len(shots) < 48
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    with pytest.raises(DataError, match="cannot be opened"):
        Film(str(empty))
    with pytest.raises(DataError, match="no film"):
        Film(str(tmp_path / "missing.mp4"))
    with pytest.raises(DataError, match="no pictures"):
        Film(str(tmp_path / "nothing")) if (tmp_path / "nothing").mkdir() is None else None


def test_depth_film_is_lossless(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, (3, 48, 64), dtype=np.uint16)
    out = DepthFilm(tmp_path / "depth.mkv", 10.0, (48, 64))
    for frame in values:
        out.write(frame)
    out.close()
    assert np.array_equal(np.stack(list(read_depth_film(tmp_path / "depth.mkv"))), values)


def test_film_bears_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "a.webm"
    writer = FilmWriter(path, 10.0, (48, 64))
    writer.write(np.full((48, 64, 3), 200, np.uint8))
    assert not path.exists()
    writer.close()
    assert len(list(Film(str(path)).shots())) == 1
    with pytest.raises(DataError, match="must end in"):
        FilmWriter(tmp_path / "a.gif", 10.0, (48, 64))


def test_video_writes_and_goes_on(film, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(film, "-o", out, "--limit", 4) == 0
    first = lines(out)
    assert [line["number"] for line in first] == [0, 1, 2, 3]
    assert run(film, "-o", out) == 0
    assert "4 frames are there: going on" in capsys.readouterr().out
    assert lines(out)[:4] == first
    assert [line["stamp_ns"] for line in lines(out)] == [i * 10**8 for i in range(12)]
    assert len(list(Film(str(out / "side_by_side.mp4")).shots())) == 12
    depth = cv2.imread(str(out / "depth" / "000007.png"), cv2.IMREAD_UNCHANGED)
    assert depth.dtype == np.uint16
    assert depth.shape == (120, 160)
    assert 300 < np.median(depth[depth > 0]) < 20_000
    assert run(film, "-o", out, "--steady") == 2  # another question
    assert "holds answers to another question" in capsys.readouterr().err


def test_video_steady_numbers_instances_and_keeps_depth_as_ffv1(film, tmp_path):
    out = tmp_path / "out"
    assert run(film, "-o", out, "--steady", "--instances", "ball", "--depth", "ffv1", "--files", "--limit", 3) == 0
    assert len(list(read_depth_film(out / "depth.mkv"))) == 3
    assert (out / "files" / "000002_depth.npy").is_file()
    assert all("tracks" in line for line in lines(out))


def test_video_of_uneven_rate_keeps_the_time(film, tmp_path, monkeypatch):
    """Frames at 0, 0.1 and 0.5 s: the film stands still in between."""
    told = iter((0.0, 100.0, 500.0))
    real = Film._stamp_ns
    monkeypatch.setattr(
        Film, "_stamp_ns", lambda self, n, last, start: real(self, n, last, start) if n > 2 else int(next(told) * 1e6)
    )
    assert run(film, "-o", tmp_path / "out", "--limit", 3) == 0
    assert [line["ticks"] for line in lines(tmp_path / "out")] == [1, 2, 6]


def test_upright_pictures_stay_upright(tmp_path, scene):
    (tmp_path / "in").mkdir()
    for i in range(2):
        cv2.imwrite(str(tmp_path / "in" / f"{i}.png"), np.rot90(scene.frame(i).rgb)[..., ::-1])
    assert run(tmp_path / "in", "-o", tmp_path / "out.mp4") == 0
    assert next(Film(str(tmp_path / "out.mp4")).shots()).rgb.shape[0] > 240  # two tiles of 160 high


def test_what_cannot_be_written_is_said_before_anything_is_seen(film, tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("here is a file")
    assert run(film, "-o", blocked / "out") == 2
    assert "cannot be made" in capsys.readouterr().err


@pytest.mark.slow
def test_interrupted_it_leaves_what_is_whole(film, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "vision_banana_ros.cli", "video", str(film), "-o", str(out), "--model", MODEL]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    while not (out / "depth" / "000002.png").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    done = len(lines(out))
    assert 3 <= done <= 12
    assert len(list(Film(str(out / "side_by_side.mp4")).shots())) == done
