"""The instance-colouring loss, and both bases learning by it until the node's own decoder tells things apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision_banana_ros.codecs import instances as decoder

torch = pytest.importorskip("torch")


def two_things(side: int = 32) -> tuple[np.ndarray, np.ndarray]:
    ids = np.zeros((side, side), np.int64)
    ids[4:14, 4:14] = 1
    ids[18:28, 16:30] = 2
    rgb = np.full((side, side, 3), 90, np.uint8)
    rgb[ids == 1] = (200, 180, 60)
    rgb[ids == 2] = (60, 90, 210)
    return rgb, ids


def test_the_loss_is_zero_for_colours_of_their_own_and_only_then() -> None:
    from vision_banana_ros.tuning.coloring import coloring_loss

    _, ids = two_things()
    known = torch.from_numpy(ids)[None]
    painted = torch.zeros(1, 3, 32, 32)
    painted[0, 0][known[0] == 1] = 1.0
    painted[0, 1][known[0] == 2] = 1.0
    perfect = coloring_loss(painted, known)
    assert float(perfect.loss) == pytest.approx(0, abs=1e-6)
    same = torch.zeros(1, 3, 32, 32)
    same[0, 0][known[0] > 0] = 1.0
    merged = coloring_loss(same, known)
    assert float(merged.pull) == pytest.approx(0, abs=1e-6)
    assert float(merged.push) > 0.03
    noisy = (painted + 0.2 * torch.rand_like(painted)).clamp(0, 1)
    assert float(coloring_loss(noisy, known).pull) > 0
    assert float(coloring_loss(painted + 0.1, known).ground) == pytest.approx(0.03, rel=1e-3)
    unknown = known.clone()
    unknown[known == 2] = -1
    painted[0, :, 18:28, 16:30] = 0.7
    assert float(coloring_loss(painted, unknown).loss) == pytest.approx(0, abs=1e-6)
    assert float(coloring_loss(painted, torch.zeros_like(known)).push) == 0


def test_every_thing_counts_alike_and_gradients_are_those_of_the_formula() -> None:
    from vision_banana_ros.tuning.coloring import coloring_loss

    torch.manual_seed(0)
    painted = torch.rand(2, 3, 6, 6, dtype=torch.float64, requires_grad=True)
    ids = torch.randint(-1, 4, (2, 6, 6))
    assert torch.autograd.gradcheck(lambda p: coloring_loss(p, ids, distance=2.0).loss, painted)


def mae() -> Any:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.ViTMAEConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=32, patch_size=4,
        decoder_hidden_size=32, decoder_num_hidden_layers=1, decoder_num_attention_heads=2,
        decoder_intermediate_size=64,
    )  # fmt: skip
    return transformers.ViTMAEForPreTraining(config)


def test_a_masked_autoencoder_learns_to_tell_two_things_apart() -> None:
    from vision_banana_ros.tuning.instance_painters import (
        MaskedAutoencoderPainter,
        Things,
        paint_instances,
        train_painter,
    )

    rgb, ids = two_things()
    painter = MaskedAutoencoderPainter(mae())
    losses: list[float] = []
    train_painter(painter, [Things(rgb, ids)], steps=150, batch=1, rate=3e-3, watch=lambda _, loss: losses.append(loss))
    assert losses[-1] < 0.1 * losses[0]
    found = decoder.decode(paint_instances(painter, rgb), (0, 0, 0)).instances
    overlaps = [(found[ids == i] == np.bincount(found[ids == i]).argmax()).mean() for i in (1, 2)]
    assert min(overlaps) > 0.8
    assert np.bincount(found[ids == 1]).argmax() != np.bincount(found[ids == 2]).argmax()
    fresh = MaskedAutoencoderPainter(mae(), fresh=True)
    assert not torch.equal(fresh.model.decoder.decoder_pred.weight, painter.model.decoder.decoder_pred.weight)


def test_an_editor_learns_by_the_same_loss_in_one_step(base_folder: Callable[[str], Path]) -> None:
    pytest.importorskip("diffusers")
    from vision_banana_ros.tuning.bases import open_base
    from vision_banana_ros.tuning.instance_painters import OneStepPainter, Things, train_painter

    base = open_base(str(base_folder("pix2pix")), device="cpu").base
    rgb, ids = two_things()
    painter = OneStepPainter(base.pipeline, base.words("every thing has its own colour", None)["embedded"])
    losses: list[float] = []
    train_painter(painter, [Things(rgb, ids)], steps=25, batch=1, rate=5e-3, watch=lambda _, loss: losses.append(loss))
    assert min(losses[-5:]) < 0.9 * losses[0]
    assert all(p.grad is None for p in base.pipeline.vae.parameters())
