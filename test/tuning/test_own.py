"""The base of our own: its network, its lessons, a run that goes on, what is judged and what is reported."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision_banana_ros.core import DataError, Task
from vision_banana_ros.student.text import TextTable
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.tuning.own.pairs import EDITS, Scenes, read_chunks, write_chunks

torch = pytest.importorskip("torch")
SIDE = 16


def scenes(count: int = 8) -> Scenes:
    """Bands of wall, floor and chair that grow brighter with their distance."""
    names = vocabulary.labels()
    y, x = np.mgrid[:SIDE, :SIDE]
    band = np.array([names.index("wall"), names.index("floor"), names.index("chair")], np.uint8)[y * 3 // SIDE]
    depth = (1 + x / 4)[None] + np.arange(count)[:, None, None] / 4
    rgb = np.clip(40 * depth[..., None] + np.arange(3) * 20, 0, 255).astype(np.uint8)
    normals = np.zeros((count, SIDE, SIDE, 3), np.int8)
    normals[..., 2] = -127
    return Scenes(
        rgb=rgb,
        depth_m=depth.astype(np.float16),
        normals=normals,
        mask=np.repeat(band[None], count, 0),
        instances=np.repeat((band == names.index("chair"))[None].astype(np.uint8), count, 0),
        focal=np.tile(np.array([12, 12, 8, 8], np.float32), (count, 1)),
        captions=("a room with a chair and two doors",) * count,
        edits=np.repeat((255 - rgb)[:, None], EDITS, 1),
        edit_texts=(("remove the chair", ""),) * count,
        places=("room",) * count,
    )


def encoder(texts: list[str]) -> np.ndarray:
    """Unit vectors that depend on the words alone."""
    rows = np.stack([np.random.default_rng(sum(map(ord, text))).normal(size=384) for text in texts])
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def parts() -> tuple[Any, Any, TextTable]:
    from vision_banana_ros.tuning.own.lessons import OwnBook
    from vision_banana_ros.tuning.own.network import NetworkConfig

    book = OwnBook(scenes(), 2, 8)
    return (
        book,
        NetworkConfig(side=SIDE, patch=4, width=32, depth=2, heads=2),
        TextTable([], np.zeros((0, 384)), encoder),
    )


def test_lessons_are_decided_by_their_number() -> None:
    book, _, _ = parts()
    kinds = set()
    for k in range(40):
        one, again = (book.generation(np.random.default_rng(k)) for _ in range(2))
        assert one.parts == again.parts
        np.testing.assert_array_equal(one.target, again.target)
        kinds.add(one.kind)
        assert one.scene >= 2  # the first are for judging
    assert kinds == {"caption", "edit"}
    asked = book.ask(3, Task.SEMANTIC, np.random.default_rng(0))
    assert asked.instruction is not None
    assert len(asked.parts) == 1 + len(asked.instruction.targets)
    assert book.generation(np.random.default_rng(3)).parts[0]


def test_a_network_without_a_source_is_another_question() -> None:
    from vision_banana_ros.tuning.own.network import OwnNetwork, sample

    _, config, _ = parts()
    torch.manual_seed(0)
    model = OwnNetwork(config)
    x, words = torch.randn(2, 3, SIDE, SIDE), torch.randn(2, 8, 384)
    assert float(model(x, torch.ones(2), words, None).abs().max()) == 0  # it starts as nothing
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.1)
    with_source = model(x, torch.ones(2), words, torch.zeros_like(x))
    assert with_source.shape == x.shape
    assert not torch.allclose(with_source, model(x, torch.ones(2), words, None))
    one = sample(model, words, None, steps=2, seeds=[4, 5])
    np.testing.assert_allclose(sample(model, words[1:], None, steps=2, seeds=[5])[0], one[1], atol=1e-5)


def test_a_narrow_network_can_say_what_noise_it_saw() -> None:
    """Noise has more numbers than the blocks carry; it is added beside them, by a share that follows the time."""
    from vision_banana_ros.tuning.own.network import NetworkConfig, OwnNetwork

    model = OwnNetwork(NetworkConfig(width=16, depth=1, heads=2))
    torch.nn.init.zeros_(model.leave.weight)
    torch.nn.init.constant_(model.share.bias, 0.5)
    noisy = torch.randn(2, 3, 64, 64)
    said = model(noisy, torch.ones(2), torch.zeros(2, 8, 384), None)
    assert torch.allclose(said, 0.5 * noisy)


@pytest.mark.parametrize("form", ["flow", "once"])
def test_a_run_that_was_stopped_goes_on_with_the_same_losses(tmp_path: Path, monkeypatch: Any, form: str) -> None:
    from vision_banana_ros.tuning.own import training as t

    book, config, table = parts()
    plan = t.OwnTraining(steps=6, batch=4, ratio=0.5, form=form, save_every=2, warmup=1, learning_rate=1e-3)

    def run(folder: Path) -> Path:
        return t.train_own(folder, plan, config, lambda: book, lambda _: table, tell=lambda _: None)

    whole = run(tmp_path / "whole")
    inner, calls = t.own_losses, []

    def dies(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise RuntimeError("power")
        return inner(*args)

    monkeypatch.setattr(t, "own_losses", dies)
    with pytest.raises(RuntimeError, match="power"):
        run(tmp_path / "parts")
    again = run(tmp_path / "parts")
    one, other = (torch.load(path, weights_only=True)["weights"] for path in (whole, again))
    assert all(torch.equal(one[name], other[name]) for name in one)
    again.unlink()
    plan = dataclasses.replace(plan, ratio=0.1)
    with pytest.raises(DataError, match="was begun with other settings"):
        run(tmp_path / "parts")


def test_it_learns_to_paint_depth_at_once_and_is_judged_in_metres(tmp_path: Path) -> None:
    from vision_banana_ros.tuning.own.judging import judge_generation, judge_vision
    from vision_banana_ros.tuning.own.lessons import OwnBook
    from vision_banana_ros.tuning.own.training import OwnTraining, load_own, train_own

    book, config, table = parts()
    plan = OwnTraining(
        steps=150, batch=8, ratio=1.0, tasks=("depth",), form="once", warmup=5, learning_rate=3e-3, ema=0.9, drop=0.0
    )
    weights = train_own(tmp_path, plan, config, lambda: book, lambda _: table, tell=lambda _: None)
    model, held_out = load_own(weights, config), OwnBook(book.scenes, 0, 2)
    seen = judge_vision(model, held_out, table, steps=0, tasks=(Task.DEPTH,)).to_json()
    assert seen["abs_rel"]["value"] < 0.2
    kept = judge_generation(model, held_out, table, count=8).to_json()
    assert kept["generation"]["count"] == 8


def test_the_report_says_what_was_judged_and_no_more(tmp_path: Path) -> None:
    from vision_banana_ros.tuning.own.experiment import RATIOS, plan
    from vision_banana_ros.tuning.own.report import write_report

    runs = plan()
    assert {f"ratio-{r:g}" for r in RATIOS} | {"base", "once", "none-lessons", "none-steps"} <= set(runs)
    assert runs["none-lessons"][0].steps * 1.0 == runs["ratio-0.1"][0].steps * 0.1

    def value(x: float) -> dict[str, float]:
        return {"value": x, "low": x - 0.01, "high": x + 0.01, "count": 9}

    results: dict[str, Any] = {
        "base": {"generation": {"generation": value(1.0)}, "weights": 3_140_000},
        "ratio-0.1": {"generation": {"generation": value(1.03)}, "steps-16": {"delta1": value(0.6)}},
        "none-lessons": {"generation": {"generation": value(2.0)}, "steps-16": {"delta1": value(0.3)}},
    }
    write_report(results, runs, tmp_path / "mixing.md")
    text = (tmp_path / "mixing.md").read_text()
    assert "changed by +3.00 %" in text.replace("%", " %").replace("  ", " ")
    assert "depth: delta1 better" in text
    assert "ratio-0.3" not in text
    assert (tmp_path / "mixing-ratio.svg").read_text().startswith("<svg")
    with pytest.raises(DataError, match="must be judged before"):
        write_report({}, runs, tmp_path / "x.md")


def test_chunks_are_written_whole_and_read_in_order(tmp_path: Path, monkeypatch: Any) -> None:
    pytest.importorskip("numba")
    from vision_banana_ros.tuning.own import pairs

    monkeypatch.setattr(pairs, "CHUNK", 1)
    made = list(write_chunks(tmp_path, 40, 2, side=32, samples=1))
    assert [p.name for p in made] == ["000000040.npz", "000000041.npz"]
    assert list(write_chunks(tmp_path, 40, 2, side=32, samples=1)) == []
    found = read_chunks(tmp_path)
    assert len(found) == 2
    assert found.captions[0].startswith("a corridor")
    truth = found.truth(0)
    assert truth.depth_m is not None
    assert truth.depth_m.shape == (32, 32)
    with pytest.raises(DataError, match="has 2 chunks, 9 are needed"):
        read_chunks(tmp_path, least=9)
    assert json.dumps(found.edit_texts)
