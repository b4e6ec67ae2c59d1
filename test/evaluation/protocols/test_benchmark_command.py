"""`vision-banana eval benchmark` on miniature sets: painted truth scores full marks, and all is said beside it."""

import json
from pathlib import Path

import numpy as np
import pytest
from load_file import load_file

from vision_banana_ros.cli import main
from vision_banana_ros.codecs import depth as depth_code
from vision_banana_ros.codecs import normals as normal_code
from vision_banana_ros.core import Canvas, Task
from vision_banana_ros.evaluation.protocols import BENCHMARKS
from vision_banana_ros.evaluation.published import published

miniature = load_file(Path(__file__).parents[2] / "data" / "benchmarks" / "miniature.py")


class Knowing:
    """Paints the truth of the frames that it was shown before, one after the other."""

    tasks = frozenset({Task.DEPTH, Task.NORMALS, Task.SEMANTIC})

    def __init__(self, truths) -> None:
        self.truths = iter(truths)

    def generate(self, _frame, instructions):
        truth, canvases = next(self.truths), []
        for instruction in instructions:
            if instruction.task is Task.DEPTH:
                rgb = depth_code.encode(np.nan_to_num(truth.depth_m, nan=3.0))
            elif instruction.task is Task.NORMALS:
                rgb = normal_code.encode(truth.normals)
            else:
                colors = np.zeros((256, 3), np.uint8)
                colors[: len(instruction.targets)] = [t.color for t in instruction.targets]
                rgb = colors[truth.mask]
            canvases.append(Canvas(np.ascontiguousarray(rgb, np.uint8), instruction))
        return canvases


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Make a set, judge it with a generator that knows it; the scores, and what was printed."""

    def run(name: str, make, *more: str) -> tuple[dict, str]:
        make(tmp_path)
        truths = [item.truth for item in BENCHMARKS[name].open(tmp_path)]
        monkeypatch.setattr("vision_banana_ros.commands.eval.load_generator", lambda *_, **__: Knowing(truths))
        assert main(["eval", "benchmark", name, "--root", str(tmp_path), "--json", "-", *more]) == 0
        out, err = capsys.readouterr()
        return json.loads(out), err

    return run


def test_depth_beside_published_numbers(judged) -> None:
    result, words = judged("eth3d", miniature.eth3d)
    first = result["scores"][0]
    assert (first["metric"], first["value"]) == ("delta1", 1)
    assert first["protocol"] == "UniK3D (0-50 m)"
    assert 0 < first["counted"] < 15 * 24
    assert {s["pooling"] for s in result["scores"]} == {"mean over images", "all pixels in one pool"}
    assert result["judged"] == 1
    for said in ("MoGe-2 (2025)", "Vision Banana (2026)", "0.935", "CC BY-NC-SA 4.0, non-commercial", "all of it"):
        assert said in words
    assert "Lotus" not in words


def test_kitti_names_its_crop_and_a_part_says_that_it_is_one(judged) -> None:
    result, words = judged("kitti", miniature.kitti, "--limit", "1")
    assert result["judged"] == 1
    assert "the first 1 only: not comparable" in words
    by_protocol = {s["protocol"]: s["counted"] for s in result["scores"]}
    assert len(set(by_protocol.values())) == 3, "three crops, three numbers of pixels"
    assert all(s["value"] == 1 for s in result["scores"] if s["metric"] == "delta1")


@pytest.mark.parametrize("part", ["nyuv2", "vkitti"])
def test_normals_are_those_of_the_set(judged, part: str) -> None:
    result, words = judged(f"{part}-normals", lambda root: miniature.dsine(root, part))
    values = {(s["metric"], s["pooling"][:4]): s["value"] for s in result["scores"]}
    assert values["mean deg", "all "] < 1
    assert values["<5", "mean"] == 1
    assert "29.063" in words or "17.778" in words


def test_cityscapes_asks_for_all_classes(judged) -> None:
    result, words = judged("cityscapes", miniature.cityscapes)
    assert result["scores"][0] | {"counted": 0} == {
        "metric": "mIoU",
        "value": 1,
        "protocol": "Cityscapes",
        "pooling": "one table over the split",
        "images": 1,
        "counted": 0,
        "unit": "pixels",
    }
    assert "SAM 3 (2025)" in words


def test_presence_keeps_absent_things_unpainted(tmp_path, monkeypatch, capsys) -> None:
    miniature.saco(tmp_path / "set")

    class Boxes:
        def generate(self, frame, instructions):
            rgb = np.zeros((*frame.hw, 3), np.uint8)
            rgb[2:10, 3:15], rgb[2:10, 19:31] = (255, 0, 0), (0, 255, 0)
            return [Canvas(rgb, i) for i in instructions]

    monkeypatch.setattr("vision_banana_ros.commands.eval.load_generator", lambda *_, **__: Boxes())
    (tmp_path / "there.json").write_text('{"1": true, "2": false, "4": false}')
    argv = ["eval", "benchmark", "saco", "--root", str(tmp_path / "set"), "--json", "-"]
    values = []
    for more in ([], ["--presence", str(tmp_path / "there.json")]):
        assert main([*argv, *more]) == 0
        scores = json.loads(capsys.readouterr().out)["scores"]
        values.append({s["metric"]: s["value"] for s in scores})
    assert values[0]["IL_MCC"] == 0, "something is painted for every phrase"
    assert values[1]["IL_MCC"] == pytest.approx(1, abs=1e-5)
    assert values[1]["pmF1"] == pytest.approx(0.9999, abs=1e-3)


def test_what_cannot_be_judged_is_one_line(tmp_path, monkeypatch, capsys) -> None:
    assert main(["eval", "benchmark", "nyuv2", "--root", str(tmp_path)]) == 2
    message = capsys.readouterr().err.strip()
    assert "expected nyu_depth_v2_labeled.mat and splits.mat" in message
    assert "\n" not in message
    miniature.eth3d(tmp_path)
    blind = Knowing([])
    blind.tasks = frozenset({Task.NORMALS})
    monkeypatch.setattr("vision_banana_ros.commands.eval.load_generator", lambda *_, **__: blind)
    assert main(["eval", "benchmark", "eth3d", "--root", str(tmp_path)]) == 2
    assert "does not paint depth" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["eval", "benchmark", "imagenet", "--root", str(tmp_path)])


def test_published_numbers_have_sources_and_belong_to_sets() -> None:
    numbers = published()
    assert {n.benchmark for n in numbers} == {b.published for b in BENCHMARKS.values()}
    assert all(n.source and 2015 < n.year < 2030 for n in numbers)
    for model in ("Vision Banana", "Depth Anything 3 metric", "MoGe-2", "SAM 3", "Lotus-2", "SenseNova-Vision"):
        assert any(n.model == model for n in numbers)
    depth = {(n.model, n.benchmark): n.value for n in numbers if n.metric == "delta1"}
    mean = np.mean([v for (model, _), v in depth.items() if model == "Vision Banana"])
    assert mean == pytest.approx(0.882, abs=5e-4)
    assert np.mean([v for (model, _), v in depth.items() if model == "UniK3D"]) == pytest.approx(0.823, abs=5e-4)
