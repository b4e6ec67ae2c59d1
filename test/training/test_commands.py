"""`vision-banana train` and `distill`, end to end on six tiny frames."""

import json
import shutil

import numpy as np
import pytest
from made_frames import write_frames

from vision_banana_ros.cli import main
from vision_banana_ros.core import Frame, Target, Task
from vision_banana_ros.generators.registry import load_generator
from vision_banana_ros.prompts import Instruction


@pytest.fixture(scope="module")
def trained(tmp_path_factory, text):
    """A run of four samples; the sentence encoder is replaced by random directions."""
    folder = tmp_path_factory.mktemp("trained")
    frames = write_frames(folder / "set")
    config = {"views": [{"width": 64, "height": 32}], "batch": 2, "bfloat16": False, "threads": 1}
    config["initial"] = None
    (folder / "config.json").write_text(json.dumps(config))
    argv = ["train", "--run", str(folder / "run"), "--config", str(folder / "config.json")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vision_banana_ros.student.text.minilm", lambda: text._encoder)
        assert main([*argv, "--frames", str(frames), "--gates", str(frames), "--samples", "4"]) == 0
    return folder / "run"


@pytest.fixture
def run(trained, tmp_path, text, monkeypatch):
    """A copy of it, to go on with."""
    monkeypatch.setattr("vision_banana_ros.student.text.minilm", lambda: text._encoder)
    return shutil.copytree(trained, tmp_path / "run")


def test_options_win_over_the_file_and_the_run_remembers_both(run, capsys) -> None:
    saved = json.loads((run / "config.json").read_text())
    assert (saved["samples"], saved["batch"]) == (4, 2)
    assert main(["train", "--run", str(run), "--samples", "6"]) == 0  # goes on with what it remembers
    assert json.loads((run / "config.json").read_text())["samples"] == 6
    assert "trained" in capsys.readouterr().out


def test_a_model_that_beats_nothing_is_not_written_unless_kept(run, shards, tmp_path, capsys) -> None:
    model = tmp_path / "model"
    assert main(["pack", "--run", str(run), "--out", str(model)]) == 1
    assert not model.exists()
    assert "does not beat" in capsys.readouterr().err
    assert main(["pack", "--run", str(run), "--out", str(model), "--first-share", "0.25"]) == 2
    assert "first.pt" in capsys.readouterr().err
    assert main(["pack", "--run", str(run), "--out", str(model), "--first-share", "1"]) == 2
    assert "less than 1" in capsys.readouterr().err
    sources = tmp_path / "sources.json"
    sources.write_text('[{"name": "six frames", "licence": "ours", "samples": 6}]')
    argv = ["pack", "--run", str(run), "--out", str(model), "--keep", "--sources", str(sources)]
    shutil.copy(run / "last.pt", run / "first.pt")
    assert main([*argv, "--shards", str(shards), "--first-share", "0.25"]) == 1  # written, and still told
    manifest = json.loads((model / "manifest.json").read_text())
    assert manifest["training"]["sources"][0]["licence"] == "ours"
    assert manifest["training"]["steps"] == 4
    assert "25% of each weight" in manifest["training"]["summary"]
    scores = {(score["frames"], score["metric"]): score for score in manifest["scores"]}
    assert scores["set", "delta1"]["baseline"] is not None
    assert 0 <= scores["shards", "mean_iou"]["value"] <= 1
    assert ("set", "mean_iou") not in scores  # these frames have no classes
    generator = load_generator(str(model), backend="onnxruntime:fp32")
    frame = Frame(np.random.default_rng(0).integers(0, 256, (48, 80, 3), np.uint8))  # 53x32 in a canvas of 64x32
    chairs = Instruction(Task.SEMANTIC, (Target("chair", (255, 0, 0)),), background=(0, 0, 0))
    canvases = generator.generate(frame, [Instruction(Task.DEPTH), chairs])
    assert [canvas.rgb.shape for canvas in canvases] == [(32, 53, 3)] * 2
    assert canvases[1].rgb[..., 1:].max() == 0  # red and black only: the prompt's colours


def test_what_is_wrong_is_said_in_one_line(tmp_path, capsys) -> None:
    assert main(["train", "--run", str(tmp_path / "r")]) == 2
    assert "--shards" in capsys.readouterr().err
    assert main(["pack", "--run", str(tmp_path / "r"), "--out", str(tmp_path / "m")]) == 2
    assert "config.json" in capsys.readouterr().err
