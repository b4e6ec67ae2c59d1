"""`vision-banana tune` and `eval retention`, as a user types them, on tiny checkpoints."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision_banana_ros.commands import eval_retention, tune
from vision_banana_ros.core import DataError, GeneratorError

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")


def typed(module: Any, *words: object) -> int:
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return int(module.run(parser.parse_args([str(word) for word in words])))


def test_the_plan_needs_no_weights(capsys: Any, tmp_path: Path) -> None:
    """The default base is not on this disk: its numbers are those that were published, and the plan says so."""
    numbers = tmp_path / "plan.json"
    assert typed(tune, "--plan", "--size", "512x384", "--json", numbers) == 0
    said = capsys.readouterr().out
    assert "FLUX.2-klein-base-4B (not on this disk: by its published configuration) at 512x384, batch 8" in said
    plan = json.loads(numbers.read_text())
    assert plan["weights"] == pytest.approx(3.88e9, rel=0.01)  # "4B"
    assert plan["tokens"] == 2 * 32 * 24 + 512
    assert plan["learning"] == pytest.approx(48.2e6, rel=0.01)
    assert plan["training_bytes"] < 20e9
    assert "network: published (tuning/published.py)" in said
    assert all("published" in row for row in plan["numbers"])
    assert plan["preparing_bytes"] == 2 * (plan["weights"] + 4_022_468_096 + 84_046_115)
    assert typed(tune, "--plan", "--full", "--card", "RTX 4090") == 1
    assert "does NOT fit" in capsys.readouterr().out
    with pytest.raises(DataError, match="no card is called 'abacus' here"):
        typed(tune, "--plan", "--card", "abacus")


def test_what_lies_on_disk_is_preferred_and_the_plan_says_which_it_used(capsys: Any, tmp_path: Path) -> None:
    """A folder with klein's own configuration and no weights yet, and one with fewer layers."""
    from vision_banana_ros.tuning import published

    said = {}
    for name, layers in (("klein", 5), ("smaller", 2)):
        (tmp_path / name / "transformer").mkdir(parents=True)
        config = {**published.TRANSFORMER, "num_layers": layers}
        (tmp_path / name / "transformer" / "config.json").write_text(json.dumps(config))
        typed(tune, "--plan", "--base", tmp_path / name, "--json", "-")
        said[name] = json.loads(capsys.readouterr().out)
    typed(tune, "--plan", "--json", "-")
    published_only = json.loads(capsys.readouterr().out)
    assert said["klein"]["weights"] == published_only["weights"]
    assert said["klein"]["preparing_bytes"] == published_only["preparing_bytes"]
    assert said["klein"]["numbers"] == [
        "network: transformer/config.json",
        "encoder: published, its weights are not in text_encoder/",
        "autoencoder: published, its weights are not in vae/",
    ]
    assert said["smaller"]["weights"] < said["klein"]["weights"]
    assert said["smaller"]["numbers"][1] == "encoder: NOT COUNTED, text_encoder/ has none"
    assert said["smaller"]["source"] == "by the files on this disk"


@pytest.mark.parametrize("name", ["klein", "pix2pix"])
def test_the_plan_counts_what_lies_on_disk(
    base_folder: Callable[[str], Path], tmp_path: Path, name: str, capsys: Any
) -> None:
    from vision_banana_ros.tuning.bases import open_base
    from vision_banana_ros.tuning.weights import make_trainable

    numbers = tmp_path / "plan.json"
    typed(tune, "--plan", "--base", base_folder(name), "--rank", 4, "--json", numbers)
    capsys.readouterr()
    base = open_base(str(base_folder(name)), device="cpu").base
    plan = json.loads(numbers.read_text())
    assert plan["weights"] == sum(p.numel() for p in base.network.parameters())
    learning = make_trainable(base, rank=4, alpha=4, full=False, seed=0)
    assert plan["learning"] == sum(p.numel() for p in learning.values())


def test_tune_then_replay_then_retention(
    base_folder: Callable[[str], Path], own_work: Path, tmp_path: Path, capsys: Any
) -> None:
    base = base_folder("klein")
    (tmp_path / "words.txt").write_text("a red ball\n\na dog\n")
    replay = tmp_path / "replay"
    common = ("--base", base, "--size", "64x64", "--device", "cpu")
    assert (
        typed(tune, "replay", *common, "--prompts", tmp_path / "words.txt", "--out", replay, "--painting-steps", 1) == 0
    )
    assert (
        typed(tune, "replay", *common, "--prompts", tmp_path / "words.txt", "--out", replay, "--painting-steps", 1) == 0
    )
    assert "painted 0 pictures" in capsys.readouterr().out
    run = tmp_path / "run"
    words = ("--run", run, "--own", own_work, "--replay", replay, "--ratio", 0, "--steps", 2, "--batch", 2, "--rank", 4,
             "--learning-rate", 0.05, "--held-out", 0, "--own-shares", "replay=3,edit=1", "--ema", 0)  # fmt: skip
    assert typed(tune, *common, *words) == 0
    model = f"diffusers:{base}+{run / 'adapter'}"
    assert f"tuned: --model {model}" in capsys.readouterr().out
    kinds = {k for line in (run / "log.jsonl").read_text().splitlines() for k in json.loads(line).get("by", {})}
    assert kinds <= {"replay", "edit"}
    page, numbers = tmp_path / "page.html", tmp_path / "n.json"
    code = typed(
        eval_retention, "--model", model, "--own", own_work, "--prompts", tmp_path / "words.txt", "--size", "64x64",
        "--steps", 1, "--page", page, "--json", numbers, "--device", "cpu", "--most-rise", 10,
    )  # fmt: skip
    assert code == 0
    found = json.loads(numbers.read_text())
    assert found["prompts"] == 2
    assert set(found["losses"]) == {"caption", "edit"}
    assert found["losses"]["edit"]["before"] != found["losses"]["edit"]["after"]
    assert page.read_text().count("<img") == 4
    with pytest.raises(DataError, match="nothing to compare by"):
        typed(eval_retention, "--model", model, "--device", "cpu")
    with pytest.raises(DataError, match="names one model"):
        typed(eval_retention, "--model", f"diffusers:{base}")


def test_words_that_miss_something_are_refused(base_folder: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="tuning needs --run DIR"):
        typed(tune, "--base", base_folder("klein"))
    with pytest.raises(DataError, match=r"replay needs --prompts FILE .* and --out DIR"):
        typed(tune, "replay")
    (tmp_path / "p.txt").write_text("a dog\n")
    with pytest.raises(GeneratorError, match="InstructPix2Pix paints only from a picture"):
        typed(tune, "replay", "--base", base_folder("pix2pix"), "--device", "cpu", "--prompts", tmp_path / "p.txt",
              "--out", tmp_path / "o")  # fmt: skip
    (tmp_path / "c.json").write_text('{"ration": 1}')
    with pytest.raises(DataError, match="a tuning configuration has no ration"):
        typed(tune, "--config", tmp_path / "c.json", "--plan")


def test_the_floor_in_pixels_is_zero_on_the_command_line(capsys: Any) -> None:
    pytest.importorskip("numba")
    assert typed(tune, "floor", "--base", "pixels", "--size", "64x48", "--world", 1, "--json", "-") == 0
    rows = json.loads(capsys.readouterr().out)["pixels"]
    assert len(rows) > 10
    assert np.abs([row["value"] for row in rows]).max() == 0
