"""The deterministic one-step form: learnt on a handful of canvases, said on the card, and used by the generator."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from vision_banana_ros.core import About, DataError, Frame, GeneratorError, Task
from vision_banana_ros.generators.editors import EditorGenerator, EditorOptions, load
from vision_banana_ros.generators.editors.editor import Asking
from vision_banana_ros.generators.editors.families import family_of
from vision_banana_ros.generators.editors.folders import TRAINING_CARD
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tuning.config import TuningConfig

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
FAMILIES = ["klein", "pix2pix", "qwen"]
SIDE = 96  # what the small Qwen brings every picture to
UPDATES = 30


def lesson(k: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture and a canvas of it."""
    rng = np.random.default_rng(k)
    blocks = rng.integers(0, 255, (2, 3, 4, 3), dtype=np.uint8)
    return tuple(np.ascontiguousarray(b.repeat(SIDE // 3, 0).repeat(SIDE // 4, 1)) for b in blocks)  # type: ignore[return-value]


LESSONS = [lesson(k) for k in range(2)]
ASKED = Instruction(Task.DEPTH)


@pytest.fixture
def opened(
    base_folder: Callable[[str], Path], tiny_qwen: Callable[[], Any], tiny_editors: ModuleType
) -> Callable[[str], Any]:
    """A base whose autoencoder loses nothing, so that what is missed is the network's."""
    from vision_banana_ros.tuning.bases import open_base, wrap

    def named(name: str) -> Any:
        base = wrap(tiny_qwen()) if name == "qwen" else open_base(str(base_folder(name)), device="cpu").base
        for part in base.pipeline.components.values():
            if isinstance(part, torch.nn.Module):
                part.requires_grad_(False)
        tiny_editors.make_lossless(base.pipeline)
        return base

    return named


def batch_of(base: Any, *, once: bool, canvas: bool = False) -> Any:
    from vision_banana_ros.generators.wording import prompt_text
    from vision_banana_ros.tuning.bases import Batch

    prompt = prompt_text(ASKED, tuned=True)
    words = [base.words(prompt, rgb if base.words_see_picture else None) for rgb, _ in LESSONS]
    return Batch(
        targets=torch.stack([base.encode(c) for _, c in LESSONS]),
        sources=torch.stack([base.encode_source(rgb) for rgb, _ in LESSONS]),
        words={name: torch.stack([w[name] for w in words]) for name in words[0]},
        seeds=list(range(len(LESSONS))),
        once=once,
        canvas=torch.stack([torch.from_numpy(c).permute(2, 0, 1) for _, c in LESSONS]) if canvas else None,
    )


def learn(base: Any, *, once: bool, canvas: bool = False, steps: int = UPDATES) -> None:
    base.network.requires_grad_(True)
    optimizer = torch.optim.Adam(base.network.parameters(), lr=1e-2)
    batch = batch_of(base, once=once, canvas=canvas)
    for step in range(steps):
        seeds = [step * len(LESSONS) + k for k in range(len(LESSONS))]
        loss = base.losses(dataclasses.replace(batch, seeds=seeds)).mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()


def off(base: Any, *, once: bool, steps: int = 1) -> float:
    """Levels between what is painted and the canvas."""
    asking = Asking(tuned=True, once=once, steps=None if once else steps, guidance=None if once else 1.0)
    generator = EditorGenerator(
        base.pipeline, family_of(base.pipeline), About(name="x", licence="", cost="gpu"), asking=asking
    )
    painted = [generator.generate(Frame(rgb=rgb), [ASKED])[0].rgb for rgb, _ in LESSONS]
    return float(np.mean([np.abs(p.astype(int) - c).mean() for p, (_, c) in zip(painted, LESSONS, strict=True)]))


@pytest.mark.parametrize(
    "name", [name if name == "pix2pix" else pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES]
)
def test_one_step_learnt_at_once_is_nearer_than_the_base_and_than_many_steps(
    opened: Callable[[str], Any], name: str
) -> None:
    """As many updates of the same canvases each."""
    base, many = opened(name), opened(name)
    untuned = off(base, once=True)
    learn(base, once=True)
    at_once = off(base, once=True)
    learn(many, once=False)
    assert at_once < 0.8 * untuned
    assert at_once < 0.8 * off(many, once=False, steps=1)
    assert at_once < 0.8 * off(many, once=False, steps=4)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_the_generator_paints_is_what_the_loss_was_taken_of(opened: Callable[[str], Any], name: str) -> None:
    """The mean error of the painted canvases is that of the one-step loss; so both know the same time and scale."""
    base = opened(name)
    for once_on_pixels in (False, True):
        learn(base, once=True, canvas=once_on_pixels, steps=4)
    with torch.no_grad():
        said = base.pixels(base.once(batch_of(base, once=True)))
        wanted = batch_of(base, once=True, canvas=True).canvas
    expected = float(((said.clamp(-1, 1) + 1) * 127.5 - wanted).abs().mean())
    assert off(base, once=True) == pytest.approx(expected, abs=0.5)


def test_the_loss_on_the_canvas_is_that_of_its_pixels(opened: Callable[[str], Any]) -> None:
    base = opened("pix2pix")
    with torch.no_grad():
        latents = base.losses(batch_of(base, once=True))
        pixels = base.losses(batch_of(base, once=True, canvas=True))
    # This autoencoder folds pixels into channels: both losses are the same number.
    np.testing.assert_allclose(pixels, latents, rtol=1e-4)
    assert not base.losses(batch_of(base, once=True, canvas=True))[0].isnan()


@pytest.fixture(scope="module")
def made(
    base_folder: Callable[[str], Path], own_work: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """An adapter tuned at once by the command's own loop."""
    from vision_banana_ros.tuning.loop import tune

    pytest.importorskip("numba")
    kept: dict[str, Path] = {}

    def named(name: str) -> Path:
        if name not in kept:
            config = TuningConfig(
                base=str(base_folder(name)), world=1, first_seed=3, own=(str(own_work),), width=64, height=64,
                per_frame=2, ratio=0.6, steps=3, batch=3, learning_rate=0.05, warmup=1, rank=4, alpha=8, held_out=0.0,
                device="cpu", ema=0.0, shares={"depth": 1, "normals": 1}, form="once", once_loss="canvas", drop=0.5,
            )  # fmt: skip
            kept[name] = tune(config, tmp_path_factory.mktemp(name), tell=lambda _: None)
        return kept[name]

    return named


@pytest.mark.parametrize("name", ["klein", "pix2pix"])
def test_the_adapter_says_so_and_is_asked_so(
    made: Callable[[str], Path], base_folder: Callable[[str], Path], monkeypatch: Any, name: str
) -> None:
    adapter = made(name)
    card = json.loads((adapter / TRAINING_CARD).read_text())
    assert (card["form"], card["steps"], card["guidance"]) == ("once", 1, 1.0)
    log = [json.loads(line) for line in (adapter.parent / "log.jsonl").read_text().splitlines()]
    kinds = {kind for row in log for kind in row.get("by", {})}
    assert kinds & {"caption", "edit"}  # its own work is learnt beside it, as ever
    assert kinds & {"depth", "normals"}
    calls: list[dict[str, Any]] = []

    def asked(steps: int | None, *tasks: Task, seed: int = 0) -> list[np.ndarray]:
        options = EditorOptions(device="cpu", steps=steps, seed=seed)
        generator: Any = load(f"{base_folder(name)}+{adapter}", options=options)
        inner = type(generator._pipeline).__call__
        own = type(generator._pipeline.scheduler)

        def spied(pipeline: Any, **call: Any) -> Any:
            calls.append({**call, "scheduler": pipeline.scheduler})
            return inner(pipeline, **{**call, "num_inference_steps": min(2, call["num_inference_steps"])})

        spied.__signature__ = __import__("inspect").signature(inner)  # type: ignore[attr-defined]
        with monkeypatch.context() as patch:
            patch.setattr(type(generator._pipeline), "__call__", spied)
            said = [Instruction(t, text="a dog") if t is Task.IMAGE else Instruction(t) for t in tasks]
            painted = [c.rgb for c in generator.generate(Frame(rgb=LESSONS[0][0][:64, :64]), said)]
        assert type(generator._pipeline.scheduler) is own
        return painted

    one, other = (asked(None, Task.DEPTH, Task.IMAGE, Task.NORMALS, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(one[0], other[0])  # no noise: no seed
    assert np.abs(one[1].astype(int) - other[1]).max() > 0
    freely, once = calls[:2]
    assert once["num_inference_steps"] == once["guidance_scale"] == 1
    assert len(once["latents"]) == len(once["prompt"]) == 2
    assert not once["latents"].any()
    assert freely["num_inference_steps"] > 1
    assert freely["guidance_scale"] > 1
    assert "latents" not in freely
    calls.clear()
    asked(4, Task.DEPTH)
    assert calls[0]["num_inference_steps"] == 4
    assert "latents" not in calls[0]


def test_a_base_adapter_on_its_distilled_kin_takes_the_kins_steps(base_folder: Callable[[str], Path]) -> None:
    """Few steps that a base has: klein's distilled checkpoint, four without guidance, by the table of families."""
    generator: Any = load(str(base_folder("klein-distilled")), options=EditorOptions(device="cpu"))
    assert (generator._family.steps, dict(generator._family.call)) == (4, {"guidance_scale": 1.0})


def test_what_cannot_be_is_refused() -> None:
    from vision_banana_ros.generators.editors.loading import _form
    from vision_banana_ros.generators.editors.once import nothing

    with pytest.raises(DataError, match="painted in one step, not in 4"):
        TuningConfig(form="once", inference_steps=4)
    with pytest.raises(DataError, match="form must be one of many, once, got 'twice'"):
        TuningConfig(form="twice")
    with pytest.raises(GeneratorError, match="object cannot paint at once without noise"):
        nothing(object(), (64, 64), 1)
    with pytest.raises(GeneratorError, match="has a form 'backwards'"):
        _form({"form": "backwards"})


def test_a_cache_without_canvases_is_no_cache_for_them(
    made: Callable[[str], Path], base_folder: Callable[[str], Path]
) -> None:
    from vision_banana_ros.tuning.bases import open_base
    from vision_banana_ros.tuning.book import Book

    base = open_base(str(base_folder("klein")), device="cpu").base
    cache = made("klein").parent / "cache"
    book = Book(cache, base, "x", keep_canvases=True)
    assert book.canvas(book.entries[0]).dtype == torch.uint8
    own = next(e for e in book.entries if e.picture)
    with pytest.raises(DataError, match="was filled without canvases"):
        book.canvas(dataclasses.replace(own, target=own.picture))
