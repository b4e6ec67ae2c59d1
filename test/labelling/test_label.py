"""Labelling runs on one machine: what is in the shards, and that no stop loses or repeats anything."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from teachers import told

from vision_banana_ros.commands.label import prompts
from vision_banana_ros.core import Camera, DataError, GeneratorError, Target, Task
from vision_banana_ros.data import open_dataset
from vision_banana_ros.data.bag_writer import BagWriter
from vision_banana_ros.labelling import store as store_module
from vision_banana_ros.labelling.belief import BeliefSettings
from vision_banana_ros.labelling.run import Here, LabelReport, LabelSettings, label, settle
from vision_banana_ros.labelling.selection import SelectionSettings
from vision_banana_ros.prompts import Instruction

Recorder = Callable[..., Path]


def settings(*inputs: Path, teachers: tuple[str, ...] = ("plane",), **changes: object) -> LabelSettings:
    base = LabelSettings(
        inputs=inputs,
        teachers=teachers,
        prompts=prompts("depth,normals", "floor, wall", ["wall"], []),
        selection=SelectionSettings(every=1),
        per_shard=4,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def run(root: Path, wanted: LabelSettings, said: list[str] | None = None) -> LabelReport:
    say = (lambda _text: None) if said is None else said.append
    report = label(root, wanted, load=told, say=say)
    assert report is not None
    return report


def hashes(root: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(root.glob("labels-*.tar"))}


def test_a_run_writes_shards_that_webdataset_reads(tmp_path: Path, recording: Recorder) -> None:
    report = run(tmp_path / "out", settings(recording(6), teachers=("plane", "plane:1.1")))
    assert (report.pictures, report.labelled, report.refused) == (6, 6, {})
    assert report.shards == hashes(tmp_path / "out")
    assert list((tmp_path / "out" / "work").iterdir()) == []

    import webdataset

    urls = [str(tmp_path / "out" / name) for name in report.shards]
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode("rgb8"))
    assert len(samples) == 6
    first = samples[0]
    expected = cv2.imread(str(tmp_path / "walk" / "0000.png"))[..., ::-1].astype(int)
    assert np.abs(first["rgb.jpg"].astype(int) - expected).mean() < 4
    assert first["canvas_00.png"].shape == (48, 64, 3)
    about = first["json"]
    assert [teacher["name"] for teacher in about["teachers"]] == ["plane", "plane:1.1"]
    assert {teacher["revision"] for teacher in about["teachers"]} == {"r1"}
    assert about["licences"] == ["Apache-2.0", "unknown"]
    assert [answer["task"] for answer in about["answers"]] == ["depth", "normals", "semantic", "instance"]
    assert "cube" in about["answers"][0]["prompt"]
    assert about["agreement"]["depth_scale_spread"] == pytest.approx(1.1, abs=0.01)


@pytest.mark.parametrize(("teacher", "scale"), [("plane", 1.5), ("relative:0.1", 15.0)])
def test_a_bag_with_depth_teaches_its_own_metres(tmp_path: Path, teacher: str, scale: float) -> None:
    """A wall at 3 m that the one teacher takes for 2 m, and the other, who knows no metres, for .2."""
    camera, rng = Camera(60.0, 60.0, 31.5, 23.5, 64, 48), np.random.default_rng(0)
    with BagWriter(tmp_path / "bag") as bag:
        for i in range(3):
            rgb = cv2.resize(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), (64, 48))
            bag.image("/camera/image_raw", rgb, stamp_ns=i * 10**9, frame_id="optical")
            bag.info("/camera/camera_info", camera, stamp_ns=i * 10**9, frame_id="optical")
            bag.depth("/camera/depth/image", np.full((48, 64), 3.0, np.float32), stamp_ns=i * 10**9, frame_id="optical")
    run(tmp_path / "out", settings(tmp_path / "bag", teachers=(teacher,)))
    members = dict(store_module.members_of((tmp_path / "out" / "labels-000000.tar").read_bytes()))
    depth = [cv2.imdecode(np.frombuffer(m, np.uint8), -1) for n, m in members.items() if n.endswith(".depth.png")]
    assert len(depth) == 3
    assert np.abs(depth[0].astype(int) - 3000).max() <= 10
    about = next(json.loads(data) for name, data in members.items() if name.endswith(".json"))
    assert about["camera_from"] == "given"
    assert about["agreement"]["sensor_scale"] == pytest.approx(scale, rel=0.02)


def test_what_is_not_believed_is_refused_and_listed(tmp_path: Path, recording: Recorder) -> None:
    report = run(tmp_path / "out", settings(recording(3), teachers=("grey",), prompts=prompts("depth", None, [], [])))
    assert report.labelled == 0
    assert len(report.refused) == 3
    assert all("pixels are agreed on" in reason for reason in report.refused.values())
    assert "Refused: 3" in (tmp_path / "out" / "samples.html").read_text()


def test_a_corrupt_image_costs_itself_alone(tmp_path: Path, recording: Recorder) -> None:
    folder = recording(6)
    (folder / "0005.png").rename(folder / "0006.png")
    whole = run(tmp_path / "whole", settings(folder))
    (folder / "0005.png").write_bytes(b"no image")
    said: list[str] = []
    report = run(tmp_path / "out", settings(folder), said)
    assert report.shards == whole.shards
    assert report.refused == {"walk #5": "0005.png is no image that can be decoded"}
    assert sum("0005.png" in line for line in said) == 1


def test_a_file_that_was_damaged_after_the_choice_is_refused(tmp_path: Path, recording: Recorder) -> None:
    folder = recording(4)
    assert label(tmp_path / "out", settings(folder), load=told, say=lambda _t: None, only_select=True) is None
    (folder / "0001.png").write_bytes(b"no image")
    report = run(tmp_path / "out", settings(folder))
    assert report.labelled == 3
    assert list(report.refused.values()) == ["0001.png is no image that can be decoded"]


class _Haunted(Here):
    """Workers of a killed run live on for a moment: they settle pictures that this run was going to."""

    def settle(self, keys: Sequence[str]) -> Iterator[str]:
        for key in keys[:4]:
            settle(self._store, self._labeller, key)
        yield from super().settle(keys)


def test_pictures_that_somebody_else_settles_meanwhile_are_no_error(tmp_path: Path, recording: Recorder) -> None:
    wanted = settings(recording(6))
    alone = run(tmp_path / "alone", wanted)
    report = label(tmp_path / "both", wanted, load=told, engine=_Haunted, say=lambda _text: None)
    assert report is not None
    assert (report.shards, report.refused) == (alone.shards, {})
    assert list((tmp_path / "both" / "work").iterdir()) == []


@pytest.mark.parametrize("after", [1, 8])
def test_a_run_that_was_killed_goes_on_and_asks_nothing_twice(tmp_path: Path, recording: Recorder, after: int) -> None:
    """A process that kills itself without a chance to tidy up, when the teacher has been asked `after` times."""
    folder, count = recording(9), tmp_path / "asked"
    plain = run(tmp_path / "whole", settings(folder))
    wanted = f"settings(Path({str(folder)!r}), teachers=('counting:{count}',), belief=BeliefSettings(mirror=False))"
    code = (
        "import os\nfrom pathlib import Path\nimport test_label, teachers\nfrom test_label import settings\n"
        "from vision_banana_ros.labelling.run import label\n"
        "from vision_banana_ros.labelling.belief import BeliefSettings\n"
        "plain = teachers.Wall.generate\nasked = []\n"
        "def generate(self, frame, instructions):\n"
        "    asked.append(1)\n"
        f"    if len(asked) > {2 * after}: os.kill(os.getpid(), 9)\n"
        "    return plain(self, frame, instructions)\n"
        "teachers.Wall.generate = generate\n"
        f"label(Path({str(tmp_path / 'out')!r}), {wanted}, load=teachers.told)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    killed = subprocess.run([sys.executable, "-c", code], env=environment, check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()
    assert len(count.read_text().splitlines()) == 2 * after
    again = settings(folder, teachers=(f"counting:{count}",), belief=BeliefSettings(mirror=False))
    report = run(tmp_path / "out", again)
    assert report.labelled == 9
    # two calls a picture, the dense one and the instances; the picture in hand is asked about again, no other
    assert len(count.read_text().splitlines()) == 2 * 9
    assert len(report.shards) == len(plain.shards)
    assert sorted(k for k in _keys(tmp_path / "out")) == sorted(_keys(tmp_path / "whole"))


def _keys(root: Path) -> list[str]:
    return [key for line in (root / "manifest.jsonl").read_text().splitlines() for key in json.loads(line)["keys"]]


@pytest.mark.parametrize("room", [3, 20, 33])
def test_a_full_disk_is_one_line_and_the_same_shards_in_the_end(
    tmp_path: Path, recording: Recorder, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    folder = recording(9)
    whole = run(tmp_path / "whole", settings(folder))
    real, writes = os.replace, 0

    def replace_while_there_is_room(source: str, target: str) -> None:
        nonlocal writes
        writes += 1
        if writes > room:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace_while_there_is_room)
    with pytest.raises(DataError, match="free some and run the same command again") as error:
        run(tmp_path / "out", settings(folder))
    assert "\n" not in str(error.value)
    assert list((tmp_path / "out").rglob("*.part")) == []
    monkeypatch.undo()
    report = run(tmp_path / "out", settings(folder))
    assert report.shards == whole.shards == hashes(tmp_path / "out")
    assert report.refused == {}


def test_a_finished_run_that_is_started_again_loads_no_teacher(tmp_path: Path, recording: Recorder) -> None:
    wanted = settings(recording(5))
    first = run(tmp_path / "out", wanted)

    def unloadable(name: str) -> None:
        raise AssertionError(f"{name} was loaded")

    again = label(tmp_path / "out", wanted, load=unloadable, say=print)  # type: ignore[arg-type]
    assert again is not None
    assert again.shards == first.shards


def test_a_run_goes_on_with_the_same_settings_only(tmp_path: Path, recording: Recorder) -> None:
    folder = recording(2)
    run(tmp_path / "out", settings(folder))
    with pytest.raises(DataError, match="holds a run with teachers"):
        run(tmp_path / "out", settings(folder, teachers=("plane", "sleepy:0")))


def test_a_teacher_that_forbids_commerce_needs_a_word_and_leaves_its_mark(tmp_path: Path, recording: Recorder) -> None:
    folder = recording(2)
    with pytest.raises(DataError, match=r"wall closed \(CC-BY-NC-4.0\).*--accept-licence"):
        run(tmp_path / "refused", settings(folder, teachers=("plane", "closed")))
    report = run(tmp_path / "out", settings(folder, teachers=("plane", "closed"), accept_licence=True))
    assert report.non_commercial
    members = dict(store_module.members_of((tmp_path / "out" / "labels-000000.tar").read_bytes()))
    abouts = [json.loads(data) for name, data in members.items() if name.endswith(".json")]
    assert all(about["non_commercial"] and "CC-BY-NC-4.0" in about["licences"] for about in abouts)


def test_a_teacher_that_is_down_stops_the_run_and_refuses_nothing_for_good(tmp_path: Path, recording: Recorder) -> None:
    wanted = settings(recording(8), teachers=("down",))
    with pytest.raises(GeneratorError, match="5 pictures in a row: the teacher failed: down: no answer"):
        run(tmp_path / "out", wanted)
    assert list((tmp_path / "out" / "work").glob("*.refused.json")) == []


def test_one_damaged_recording_of_several_is_left_out(tmp_path: Path, recording: Recorder) -> None:
    (tmp_path / "torn.mcap").write_bytes(b"torn")
    said: list[str] = []
    report = run(tmp_path / "out", settings(recording(3), tmp_path / "torn.mcap"), said)
    assert report.labelled == 3
    assert sum("torn.mcap" in line and "left out" in line for line in said) == 1


def test_what_no_teacher_can_paint_is_an_error(tmp_path: Path, recording: Recorder) -> None:
    chair = Instruction(Task.REFERRING, (Target("the red chair", (255, 255, 255)),), (0, 0, 0))
    wanted = settings(recording(1), prompts=(chair.to_text(),))
    with pytest.raises(DataError, match="no teacher can paint 'referring'"):
        run(tmp_path / "out", wanted)


def test_the_index_shows_what_was_chosen(tmp_path: Path, recording: Recorder) -> None:
    run(tmp_path / "out", settings(recording(5)))
    page = (tmp_path / "out" / "selection.html").read_text()
    assert "5 of 5 pictures chosen" in page
    assert page.count("<figure>") == 5


def test_the_shards_are_a_dataset_without_what_was_doubted(tmp_path: Path, recording: Recorder) -> None:
    folder = recording(5)
    camera = {"fx": 50.0, "fy": 50.0, "cx": 31.5, "cy": 23.5, "width": 64, "height": 48}
    (folder / "intrinsics.json").write_text(json.dumps({f"{i:04d}": camera for i in range(3)}))
    wanted = settings(folder, teachers=("plane", "corner"), belief=BeliefSettings(mirror=False))
    run(tmp_path / "out", wanted)
    dataset = open_dataset(tmp_path / "out")
    assert len(dataset) == 5
    assert dataset.source.licence == "Apache-2.0, unknown"
    assert dataset.source.name == "out labelled by wall plane, wall corner"
    examples = list(dataset)
    assert [example.camera_known for example in examples] == [True, True, True, False, False]
    truth = examples[0].truth
    assert truth.camera == Camera(50.0, 50.0, 31.5, 23.5, 64, 48)
    assert truth.depth_m is not None
    np.testing.assert_allclose(truth.depth_m[:, 4:44], 2.0, atol=0.01)
    assert np.isnan(truth.depth_m[:, 52:60]).all()  # the other teacher says 4 m there
    np.testing.assert_allclose(truth.normals[24, 10], (0, 0, -1), atol=0.02)  # type: ignore[index]
    assert truth.labels == ("floor", "wall")
    assert truth.mask is not None
    assert truth.mask[24, 10] == 1
    assert truth.instances is not None
    assert truth.instances[24, 10] == 1
