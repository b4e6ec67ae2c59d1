"""Tune -> adapter -> generator -> decoded layers, offline, on tiny checkpoints of all three families."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vision_banana_ros.core import About, DataError, Frame, GeneratorError, Task
from vision_banana_ros.generators import load_generator
from vision_banana_ros.generators.editors import EditorGenerator, EditorOptions, load
from vision_banana_ros.generators.editors.editor import Asking
from vision_banana_ros.generators.editors.families import family_of
from vision_banana_ros.generators.editors.folders import TRAINING_CARD, OnDisk
from vision_banana_ros.generators.editors.loading import _add_lora
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tuning.config import TuningConfig

torch = pytest.importorskip("torch")
pytest.importorskip("numba")
DEPTH, NORMALS = Instruction(Task.DEPTH), Instruction(Task.NORMALS)
FAMILIES = ["klein", "pix2pix", "qwen"]


@dataclasses.dataclass(frozen=True)
class Tuned:
    config: TuningConfig
    folder: Path
    adapter: Path
    base: Any


@pytest.fixture(scope="module")
def tuned(
    base_folder: Callable[[str], Path], tiny_qwen: Callable[[], Any], own_work: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Tuned]:  # fmt: skip
    from vision_banana_ros.tuning.bases import open_base
    from vision_banana_ros.tuning.loop import tune

    kept: dict[str, Tuned] = {}

    def named(name: str) -> Tuned:
        if name not in kept:
            folder = tmp_path_factory.mktemp(name)
            config = tiny(str(base_folder(name)) if name != "qwen" else "qwen", own_work)
            if name == "qwen":
                config = dataclasses.replace(config, own_shares={"edit": 1.0}, own=(str(edits_of(own_work, folder)),))
            opened = opened_qwen(tiny_qwen()) if name == "qwen" else open_base(config.base, device="cpu")
            adapter = tune(config, folder, opened=opened, tell=lambda _: None)
            kept[name] = Tuned(config, folder, adapter, opened.base)
        return kept[name]

    return named


def tiny(base: str, own: Path) -> TuningConfig:
    return TuningConfig(
        base=base, world=2, first_seed=3, own=(str(own),), width=64, height=64, per_frame=3, ratio=0.5, steps=4,
        batch=3,
        learning_rate=0.05, warmup=1, rank=4, alpha=8, save_every=2, judge_every=2, held_out=0.0, device="cpu",
        inference_steps=1, ema=0.5,
    )  # fmt: skip


def edits_of(own: Path, folder: Path) -> Path:
    from vision_banana_ros.tuning.lessons import read_pairs, read_picture, write_pair

    for pair in read_pairs(own):
        if pair.before is not None:
            write_pair(
                folder / "edits", pair.picture.stem, pair.text, read_picture(pair.picture), read_picture(pair.before)
            )
    return folder / "edits"


def opened_qwen(pipeline: Any) -> Any:
    from vision_banana_ros.tuning.bases import wrap
    from vision_banana_ros.tuning.bases.opening import Opened

    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.requires_grad_(False)
    disk = OnDisk(name="qwen", folder=Path(), licence="apache-2.0", forbids_commerce=False)
    return Opened(wrap(pipeline), disk)


def generator_of(pipeline: Any) -> EditorGenerator:
    about = About(name="x", licence="", cost="gpu")
    return EditorGenerator(pipeline, family_of(pipeline), about, asking=Asking(tuned=True, steps=1, guidance=1.0))


def picture() -> Frame:
    x, y = np.meshgrid(np.arange(64), np.arange(64))
    return Frame(rgb=np.stack([3 * x, 3 * y, 255 - 2 * x], -1).astype(np.uint8))


def painted(generator: Any) -> np.ndarray:
    return np.concatenate([c.rgb for c in generator.generate(picture(), [DEPTH, NORMALS])]).astype(int)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_was_trained_is_what_is_loaded_and_off_is_the_base(
    tuned: Callable[[str], Tuned], base_folder: Any, tiny_qwen: Any, name: str
) -> None:
    made = tuned(name)
    if name == "qwen":
        pipeline = tiny_qwen()
        base = painted(generator_of(pipeline))
        _add_lora(pipeline, OnDisk(name="a", folder=made.adapter, licence="", forbids_commerce=False), 1.0)
        reloaded: Any = generator_of(pipeline)
    else:
        options = EditorOptions(device="cpu", steps=1, guidance=1.0, tuned=True)
        base = painted(load(str(base_folder(name)), options=options))
        reloaded = load(f"{base_folder(name)}+{made.adapter}", options=options)
        pipeline = reloaded._pipeline
    trained = painted(generator_of(made.base.pipeline))
    again = painted(reloaded)
    np.testing.assert_array_equal(again, trained)
    assert np.abs(again - base).max() > 1
    pipeline.disable_lora()
    np.testing.assert_array_equal(painted(reloaded), base)
    pipeline.enable_lora()
    pipeline.fuse_lora(adapter_names=["canvas"])
    pipeline.unload_lora_weights()
    assert np.abs(painted(reloaded) - trained).max() <= 1


@pytest.mark.parametrize("name", ["klein", "pix2pix"])
def test_the_adapter_is_a_generator_of_the_node_and_decodes(
    tuned: Callable[[str], Tuned], base_folder: Any, tmp_path: Path, name: str
) -> None:
    shutil.copytree(tuned(name).adapter, tmp_path / "adapter")
    card = tmp_path / "adapter" / TRAINING_CARD
    card.write_text(json.dumps(json.loads(card.read_text()) | {"steps": 3}))  # pix2pix itself takes a hundred
    generator: Any = load_generator(f"diffusers:{base_folder(name)}+{tmp_path / 'adapter'}", device="cpu")
    assert generator._asking.steps == 3
    assert generator.about.metric is True
    assert {Task.DEPTH, Task.IMAGE} <= generator.tasks
    seen = perceive(picture(), generator, [DEPTH, NORMALS])
    assert seen.depth_m is not None
    assert seen.normals is not None
    assert seen.depth_m.shape == (64, 64)
    assert seen.normals.shape == (64, 64, 3)


def test_a_decoder_beside_the_adapter_paints_its_canvases(
    tuned: Callable[[str], Tuned], base_folder: Any, tmp_path: Path
) -> None:
    """ADAPTER/vae: both are loaded, and depth is decoded from what that decoder paints."""
    from vision_banana_ros.tuning.autoencoders import open_autoencoder

    shutil.copytree(tuned("klein").adapter, tmp_path / "adapter")
    name = f"diffusers:{base_folder('klein')}+{tmp_path / 'adapter'}"
    before: Any = load_generator(name, device="cpu")
    through: Any = open_autoencoder(str(base_folder("klein")), device="cpu")
    with torch.no_grad():
        for parameter in through.vae.decoder.parameters():
            parameter.mul_(0.5)
    through.vae.save_pretrained(tmp_path / "adapter" / "vae")
    after: Any = load_generator(name, device="cpu")
    assert after.about == before.about
    assert after._pipeline.get_list_adapters() == before._pipeline.get_list_adapters() != {}
    one, other = (perceive(picture(), generator, [DEPTH]) for generator in (before, after))
    assert one.depth_m is not None
    assert other.depth_m is not None
    assert not np.array_equal(one.depth_m, other.depth_m, equal_nan=True)


def test_the_card_says_what_it_was_made_from(tuned: Callable[[str], Tuned]) -> None:
    made = tuned("klein")
    card = json.loads((made.adapter / TRAINING_CARD).read_text())
    assert card["base"] == made.config.base
    assert card["ratio"] == 0.5
    assert card["trained_steps"] == 4
    assert "vision_banana_ros world (Apache-2.0)" in " ".join(card["sources"])
    assert card["lessons"]["caption"] == card["lessons"]["edit"] == 3
    assert sum(card["lessons_by_source"].values()) == sum(card["lessons"].values())
    assert card["size"] == [64, 64]


def load_file(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file as load_tensors

    return dict(load_tensors(path))


def losses(folder: Path) -> list[tuple[int, float]]:
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [(row["step"], row["loss"]) for row in rows if "loss" in row]


@pytest.mark.parametrize("name", ["klein", "pix2pix"])
def test_an_interrupted_run_goes_on_with_the_same_losses(
    tuned: Callable[[str], Tuned], tmp_path: Path, monkeypatch: Any, name: str
) -> None:
    """Killed in step 4, after the checkpoint of step 2: steps 3 and 4 are done again and are the same."""
    from vision_banana_ros.tuning import loop

    whole = tuned(name)
    inner, calls = loop._step, []

    def dies(step: int, *rest: Any) -> Any:
        calls.append(step)
        if len(calls) == 4:
            raise RuntimeError("the machine went down")
        return inner(step, *rest)

    monkeypatch.setattr(loop, "_step", dies)
    cache = whole.folder / "cache"
    with pytest.raises(RuntimeError, match="went down"):
        loop.tune(whole.config, tmp_path, cache=cache, tell=lambda _: None)
    adapter = loop.tune(whole.config, tmp_path, cache=cache, tell=lambda _: None)
    assert calls == [0, 1, 2, 3, 2, 3]
    assert losses(tmp_path) == losses(whole.folder)
    one, other = (load_file(folder / "pytorch_lora_weights.safetensors") for folder in (adapter, whole.adapter))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_does_not_go_on_with_something_else(tuned: Callable[[str], Tuned]) -> None:
    from vision_banana_ros.tuning.loop import tune

    made = tuned("klein")
    with pytest.raises(DataError, match="was begun with another ratio, rank: go on with the same"):
        tune(dataclasses.replace(made.config, ratio=0.25, rank=8), made.folder)


def test_all_weights_can_be_tuned_instead(base_folder: Any, own_work: Path, tmp_path: Path) -> None:
    from vision_banana_ros.tuning.loop import tune

    for name in ("klein", "pix2pix"):
        config = dataclasses.replace(tiny(str(base_folder(name)), own_work), full=True, steps=2)
        adapter = tune(config, tmp_path / name, tell=lambda _: None)
        spelt = f"{base_folder(name)}+{adapter}" if name == "klein" else str(adapter)
        options = EditorOptions(device="cpu", steps=1, guidance=1.0, tuned=True)
        before, after = painted(load(str(base_folder(name)), options=options)), painted(load(spelt, options=options))
        assert np.abs(before - after).max() > 3


def test_the_ratio_and_the_shares_are_what_is_drawn(tuned: Callable[[str], Tuned]) -> None:
    from vision_banana_ros.tuning.book import Book
    from vision_banana_ros.tuning.drawing import Draws

    made = tuned("klein")
    entries = Book(made.folder / "cache", made.base, made.config.base).entries
    config = dataclasses.replace(
        made.config, ratio=0.2, shares={"depth": 3, "normals": 1}, own_shares={"edit": 1}, batch=64
    )
    draws = Draws(entries, config, drops=True, drops_picture=False)
    kinds = [d.entry.kind for step in range(80) for d in draws.step(step)]
    share = {kind: kinds.count(kind) / len(kinds) for kind in set(kinds)}
    assert set(share) == {"depth", "normals", "edit"}
    assert share["depth"] == pytest.approx(0.15, abs=0.015)
    assert share["normals"] == pytest.approx(0.05, abs=0.01)
    one, other = draws.step(3, rank=0), draws.step(3, rank=1)
    assert [d.entry.kind for d in one] == [d.entry.kind for d in other]
    assert [d.seed for d in one] != [d.seed for d in other]


def test_learning_lowers_the_loss(base_folder: Any, own_work: Path, tmp_path: Path) -> None:
    """The same noise before and after, on what was learnt from."""
    from vision_banana_ros.tuning.bases import open_base
    from vision_banana_ros.tuning.book import Book
    from vision_banana_ros.tuning.drawing import Drawn, batches
    from vision_banana_ros.tuning.loop import tune

    config = TuningConfig(
        base=str(base_folder("klein")), own=(str(own_work),), ratio=0.0, width=64, height=64, steps=30, batch=4,
        learning_rate=0.06, warmup=1, rank=8, alpha=8, ema=0.0, held_out=0.0, device="cpu", drop=0.0,
    )  # fmt: skip
    opened = open_base(config.base, device="cpu")
    tune(config, tmp_path, opened=opened, tell=lambda _: None)
    book = Book(tmp_path / "cache", opened.base, config.base)
    drawn = [Drawn(entry, seed) for seed, entry in enumerate(book.entries)]

    def loss() -> float:
        with torch.no_grad():
            return float(sum(opened.base.losses(b).sum() for b in batches(drawn, book, opened.base))) / len(drawn)

    after = loss()
    opened.base.pipeline.disable_lora()
    assert after < 0.97 * loss()


# Bad input


def test_bad_input_is_one_clear_line(base_folder: Any, own_work: Path, tmp_path: Path) -> None:
    from vision_banana_ros.tuning.loop import tune

    good = tiny(str(base_folder("klein")), own_work)

    def refused(**changes: Any) -> Any:
        return tune(dataclasses.replace(good, **changes), tmp_path / str(len(list(tmp_path.iterdir()))), tell=print)

    with pytest.raises(GeneratorError, match="a FluxKontextPipeline cannot be tuned here: choose a pipeline that"):
        refused(base=str(base_folder("kontext")))
    with pytest.raises(GeneratorError, match=r"run  vision-banana models get someone/nothing$"):
        refused(base="someone/nothing")
    words = tmp_path / "words"
    words.mkdir()
    (words / "a.txt").write_text("a cat")
    with pytest.raises(DataError, match=r"has 0 pictures and 1 texts, but no picture with its words"):
        refused(own=(str(words),))
    with pytest.raises(DataError, match="without it tuning forgets how to generate"):
        refused(own=())
    with pytest.raises(DataError, match="instructions need frames with truth"):
        refused(world=0)
    (words / "pairs.jsonl").write_text('{"picture": "b.png", "text": "b"}\n')
    with pytest.raises(DataError, match=r"pairs.jsonl, line 1, names b.png, which is not in"):
        refused(own=(str(words),))
    with pytest.raises(DataError, match="ratio must lie between 0 and 1, got 2"):
        refused(ratio=2)
    with pytest.raises(DataError, match="no task is called 'smell'"):
        refused(shares={"smell": 1.0})


def test_a_distilled_base_is_warned_of(base_folder: Any) -> None:
    from vision_banana_ros.tuning.bases import open_base

    said: list[str] = []
    open_base(str(base_folder("klein-distilled")), device="cpu", warn=said.append)
    assert "is distilled to a few steps and learns badly: tune black-forest-labs/FLUX.2-klein-base-4B" in said[0]


def test_a_licence_that_forbids_it_is_accepted_or_nothing_is_loaded(base_folder: Any, tmp_path: Path) -> None:
    import shutil

    from vision_banana_ros.tuning.bases import open_base

    folder = tmp_path / "nine"
    shutil.copytree(base_folder("klein"), folder)
    (folder / "README.md").write_text("---\nlicense: other\nlicense_name: flux-non-commercial-license\n---\n")
    with pytest.raises(GeneratorError, match="may not be used commercially"):
        open_base(str(folder), device="cpu")
    assert open_base(str(folder), device="cpu", accept_licence=True).disk.forbids_commerce


def test_a_disk_that_fills_keeps_what_was_encoded(
    base_folder: Any, own_work: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    from vision_banana_ros.tuning import book
    from vision_banana_ros.tuning.loop import tune

    config = dataclasses.replace(tiny(str(base_folder("klein")), own_work), ratio=0.0, steps=1)
    free = iter([10**12] * 3)
    monkeypatch.setattr(book.shutil, "disk_usage", lambda _: SimpleNamespace(free=next(free, 0)))
    with pytest.raises(DataError, match=r"disk of .* is full: 3 lessons are encoded and kept.*--cache DIR"):
        tune(config, tmp_path, tell=print)
    monkeypatch.undo()
    made: list[str] = []
    inner = book.Book._entry
    monkeypatch.setattr(
        book.Book, "_entry", lambda self, item, lesson: made.append(item.name) or inner(self, item, lesson)
    )
    assert (tune(config, tmp_path, tell=lambda _: None) / TRAINING_CARD).is_file()
    assert len(made) == 3


def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(tmp_path: Path, monkeypatch: Any) -> None:
    from vision_banana_ros.tuning import weights as w

    parameter = {"a": torch.nn.Parameter(torch.ones(3))}
    optimizer, mean = torch.optim.AdamW(parameter.values()), w.RunningMean(parameter, 0.9)
    w.save_checkpoint(tmp_path, 5, parameter, mean, optimizer)

    def full(_state: Any, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(w.torch, "save", full)
    with pytest.raises(DataError, match=r"checkpoint of step 7 cannot be written .* the one before is kept"):
        w.save_checkpoint(tmp_path, 7, parameter, mean, optimizer)
    assert w.load_checkpoint(tmp_path, parameter, mean, optimizer) == 5
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


_TWO = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from vision_banana_ros.tuning.config import TuningConfig
from vision_banana_ros.tuning.loop import tune
entries, folder = eval(sys.argv[1]), Path(sys.argv[2])
tune(TuningConfig(**entries), folder)
"""


def start_two(tmp_path: Path, folder: str, command: list[str], entries: dict[str, Any]) -> None:
    """The loop of `tune` in processes of their own."""
    import os
    import subprocess
    import sys

    script = tmp_path / "two.py"
    script.write_text(_TWO)
    subprocess.run(
        [*command, str(script), repr(entries), str(tmp_path / folder)],
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        timeout=300,
    )


@pytest.mark.slow
def test_two_processes_that_share_the_tokens_of_a_lesson_learn_what_one_learns(
    base_folder: Any, own_work: Path, tmp_path: Path
) -> None:
    """By torchrun over gloo, diffusers' Ulysses attention: the same losses and the same adapter; whole and sharded."""
    import sys

    entries = {
        "base": str(base_folder("klein")), "own": (str(own_work),), "ratio": 0.0, "width": 64, "height": 64, "batch": 2,
        "learning_rate": 0.01, "warmup": 1, "rank": 4, "alpha": 4, "held_out": 0.0, "device": "cpu", "ema": 0.0,
        "steps": 3,
    }  # fmt: skip
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    start_two(tmp_path, "one", [sys.executable], entries)
    for folder, shard in (("split", False), ("sharded", True)):
        start_two(tmp_path, folder, launch, {**entries, "split": 2, "shard": shard})
        alone, shared = losses(tmp_path / "one"), losses(tmp_path / folder)
        assert [step for step, _ in shared] == [1, 2, 3]
        np.testing.assert_allclose([x for _, x in shared], [x for _, x in alone], rtol=1e-4)
        one, other = (
            load_file(tmp_path / run / "adapter" / "pytorch_lora_weights.safetensors") for run in ("one", folder)
        )
        for name, value in one.items():
            torch.testing.assert_close(other[name], value, rtol=1e-3, atol=1e-5)


def test_tokens_that_cannot_be_divided_are_said_before_it_begins(base_folder: Any, tiny_qwen: Any) -> None:
    from vision_banana_ros.tuning.bases import open_base
    from vision_banana_ros.tuning.splitting import require_divisible, split_tokens

    klein = open_base(str(base_folder("klein")), device="cpu").base
    with pytest.raises(DataError, match="64x48 has 12 tokens, which --split 5 does not divide"):
        require_divisible(klein, (64, 48), 5)
    with pytest.raises(DataError, match="words have one length, Qwen-Image-Edit has any"):
        require_divisible(opened_qwen(tiny_qwen()).base, (64, 64), 2)
    with pytest.raises(DataError, match=r"--split 2 needs processes in a multiple of 2 \(torchrun\), there are 1"):
        split_tokens(klein.network, 2)
    pix2pix = open_base(str(base_folder("pix2pix")), device="cpu").base
    with pytest.raises(DataError, match="a UNet2DConditionModel cannot be divided by tokens"):
        split_tokens(pix2pix.network, 2)


@pytest.mark.slow
@pytest.mark.parametrize("full", [False, True])
def test_two_processes_learn_the_same_whole_or_sharded_and_go_on(
    base_folder: Any, own_work: Path, tmp_path: Path, full: bool
) -> None:
    """By torchrun over gloo: one encodes, both learn. Interrupted, they go on; with the weights divided among them
    (FSDP) they learn the same, and one process goes on with what two began."""
    import sys

    entries = {
        "base": str(base_folder("klein")), "own": (str(own_work),), "ratio": 0.0, "width": 64, "height": 64, "batch": 2,
        "learning_rate": 0.01, "warmup": 1, "rank": 4, "alpha": 4, "held_out": 0.0, "device": "cpu", "ema": 0.5,
        "save_every": 2, "full": full,
    }  # fmt: skip
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

    def run(folder: str, command: list[str], **changes: Any) -> None:
        start_two(tmp_path, folder, command, {**entries, **changes})

    run("whole", launch, steps=4)
    run("sharded", launch, steps=2, shard=True)
    run("sharded", launch, steps=4, shard=True)
    run("sharded", [sys.executable], steps=5)
    lines = (tmp_path / "whole" / "cache" / "index.jsonl").read_text().splitlines()
    assert len(lines) == len(set(lines)) == 12  # six lessons, each encoded once
    one, other = losses(tmp_path / "whole"), losses(tmp_path / "sharded")
    assert [step for step, _ in other] == [1, 2, 3, 4, 5]
    np.testing.assert_allclose([loss for _, loss in other[:4]], [loss for _, loss in one], rtol=1e-4)
