"""The floor: nothing in pixels, something through each class of autoencoder, less through a tuned decoder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision_banana_ros.core import Camera, DataError, Frame, GeneratorError, Task, Truth
from vision_banana_ros.data import Example, Source
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks import encode

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")


def examples(count: int = 2, side: int = 64) -> list[Example]:
    found = []
    for k in range(count):
        y, x = np.mgrid[:side, :side].astype(np.float32) / side
        mask = (x * 4).astype(np.uint8)
        instances = np.where(mask == 2, 1 + (y > 0.5), 0).astype(np.uint16)
        angle = 0.8 * (x - 0.5) + 0.1 * k
        normals = np.stack([np.sin(angle), np.zeros_like(angle), -np.cos(angle)], -1).astype(np.float32)
        truth = Truth(
            camera=Camera.from_hfov(70, side, side), depth_m=1 + 4 * x + k, normals=normals, mask=mask,
            instances=instances, labels=("wall", "floor", "chair", "table"),
        )  # fmt: skip
        rgb = np.zeros((side, side, 3), np.uint8)
        found.append(Example(f"e{k}", Frame(rgb=rgb), truth, Source("t", "CC0"), seed=k))
    return found


def test_in_pixels_nothing_is_lost() -> None:
    from vision_banana_ros.tuning.autoencoders import Pixels
    from vision_banana_ros.tuning.floor import measure_floor

    rows = measure_floor(examples(), Pixels(), size_wh=(64, 64))
    assert {row.task for row in rows} == {"depth", "normals", "semantic", "instance"}
    assert [row.value for row in rows] == [0.0] * len(rows)


class Blurred:
    """An autoencoder whose loss is known: every picture comes back some levels darker in its left half."""

    name, multiple = "darker", 1

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        out = rgb.astype(int)
        out[:, : rgb.shape[1] // 2] -= 12
        return out.clip(0, 255).astype(np.uint8)


def test_what_is_lost_is_said_in_metres_degrees_and_labels() -> None:
    from vision_banana_ros.tuning.floor import measure_floor, report

    rows = measure_floor(examples(), Blurred(), size_wh=(64, 64))
    value = {(r.task, r.remedy, r.measure): r.value for r in rows}
    assert 0 < value["depth", "", "95th percentile of it"] < 5
    assert 1 < value["normals", "", "mean angle"] < 8
    assert value["semantic", "colours far apart", "wrong labels"] == 0
    assert value["instance", "", "instances lost"] == 0
    text = report(Blurred(), rows, (64, 64))
    assert "darker at 64x64" in text
    assert "metres times 5" in text


def vae(tiny_editors: Any, base_folder: Callable[[str], Path], name: str, root: Path) -> str:
    if name != "qwen":
        return str(base_folder(name))
    tiny_editors.qwen(plus=True).vae.save_pretrained(root / "vae")
    return str(root)


@pytest.mark.parametrize("name", ["klein", "pix2pix", "qwen"])
def test_each_class_of_autoencoder_is_measured(
    tiny_editors: Any, base_folder: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    from vision_banana_ros.tuning.autoencoders import open_autoencoder
    from vision_banana_ros.tuning.floor import measure_floor

    through = open_autoencoder(vae(tiny_editors, base_folder, name, tmp_path), device="cpu")
    rows = measure_floor(examples(1, 32), through, size_wh=(32, 32))
    value = {(r.task, r.remedy, r.measure): r.value for r in rows}
    assert value["semantic", "", "wrong labels"] > 20  # its weights are random
    assert value["normals", "", "mean angle"] > 5
    with pytest.raises(DataError, match=r"takes sides in multiples of 16, got 40x32"):
        measure_floor(examples(1), through, size_wh=(40, 32))


def test_a_tuned_decoder_loses_less(base_folder: Callable[[str], Path]) -> None:
    from vision_banana_ros.tuning.autoencoders import Autoencoder, open_autoencoder
    from vision_banana_ros.tuning.floor import tuned_decoder

    through = open_autoencoder(str(base_folder("pix2pix")), device="cpu")
    assert isinstance(through, Autoencoder)
    learnt = examples(1, 32)
    canvases = [
        encode(Instruction(task), learnt[0].truth, wh=(32, 32), image=learnt[0].frame.rgb)
        for task in (Task.DEPTH, Task.NORMALS)
    ]

    def off() -> float:
        return float(np.mean([np.abs(through(canvas).astype(int) - canvas).mean() for canvas in canvases]))

    before = off()
    tuned_decoder(through, learnt, size_wh=(32, 32), steps=100, rate=1e-2, tell=lambda _: None)
    assert off() < 0.9 * before
    assert through.name.endswith("decoder tuned")


@pytest.mark.parametrize("name", ["klein", "pix2pix"])
def test_a_kept_decoder_paints_canvases_in_the_node_and_pictures_are_left_alone(
    base_folder: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    """floor --tune-decoder --out, then `diffusers:BASE+DECODER`: what was decoded worse is decoded better."""
    from vision_banana_ros.generators.editors import EditorOptions, load
    from vision_banana_ros.perceive import perceive
    from vision_banana_ros.tuning.autoencoders import Autoencoder, open_autoencoder
    from vision_banana_ros.tuning.floor import tuned_decoder

    base = str(base_folder(name))
    through = open_autoencoder(base, device="cpu")
    assert isinstance(through, Autoencoder)
    tuned_decoder(through, examples(1, 32), size_wh=(32, 32), steps=8, rate=1e-2, tell=lambda _: None)
    through.vae.save_pretrained(tmp_path / "decoder")
    frame = Frame(rgb=np.full((64, 64, 3), 90, np.uint8))
    options = EditorOptions(device="cpu", steps=1, guidance=1.0, tuned=True)
    asked = [Instruction(Task.NORMALS), Instruction(Task.IMAGE, text="a dog")]
    plain, tuned = load(base, options=options), load(f"{base}+{tmp_path / 'decoder'}", options=options)
    before, after = plain.generate(frame, asked), tuned.generate(frame, asked)
    np.testing.assert_array_equal(after[1].rgb, before[1].rgb)
    assert np.abs(after[0].rgb.astype(int) - before[0].rgb).max() > 3
    # It is that very decoder: the pipeline with the tuned autoencoder as its own paints the same canvas.
    whole: Any = load(base, options=options)
    whole._pipeline.vae = through.vae
    with torch.no_grad():
        expected = whole.generate(frame, asked[:1])[0].rgb
    np.testing.assert_array_equal(after[0].rgb, expected)
    seen = perceive(frame, tuned, asked[:1])
    assert seen.normals is not None
    assert seen.normals.shape == (64, 64, 3)
    other = "pix2pix" if name == "klein" else "klein"
    with pytest.raises(GeneratorError, match=r"is the decoder of a Autoencoder\w+, this base takes that of a"):
        load(f"{base_folder(other)}+{tmp_path / 'decoder'}", options=options)
    with torch.no_grad():
        next(through.vae.encoder.parameters()).add_(1)
    through.vae.save_pretrained(tmp_path / "strange")
    with pytest.raises(GeneratorError, match="belongs to other latents than this base's"):
        load(f"{base}+{tmp_path / 'strange'}", options=options)


def test_a_base_without_an_autoencoder_is_refused(tmp_path: Path) -> None:
    from vision_banana_ros.tuning.autoencoders import open_autoencoder

    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "ConsistencyDecoderVAE"}))
    with pytest.raises(GeneratorError, match="has a ConsistencyDecoderVAE where one of AutoencoderKLFlux2"):
        open_autoencoder(str(tmp_path))
