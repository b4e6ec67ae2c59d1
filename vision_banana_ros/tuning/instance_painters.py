"""Two bases that learn to colour instances: a masked autoencoder with its decoder, and an editor in one step.

    painter(pictures) -> pictures, (B, 3, H, W) in 0..1 both, with gradients

The masked autoencoder (transformers' ViTMAE) sees every patch, none masked, and its decoder's guess of each patch is
the canvas: it was trained to paint pictures, so it is a generator without noise. The editor is asked in the
deterministic form: time at its end, zeros for noise, the canvas in one step through its autoencoder's decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from vision_banana_ros.core import DataError
from vision_banana_ros.tuning.coloring import coloring_loss

Tensor = torch.Tensor


class InstancePainter(Protocol):
    """`parameters` are those that learn."""

    def __call__(self, pictures: Tensor) -> Tensor: ...

    def parameters(self) -> Any: ...


class MaskedAutoencoderPainter(nn.Module):
    """Around ViTMAEForPreTraining; `fresh` forgets what it was trained to, for the comparison from scratch."""

    def __init__(self, model: Any, *, fresh: bool = False) -> None:
        super().__init__()
        if fresh:
            model = type(model)(model.config)
        # Nothing is masked: a share of 0, and noise in order, so that patches keep their places.
        model.config.mask_ratio = 0.0
        self.model = model
        patches = (model.config.image_size // model.config.patch_size) ** 2
        self.order: Tensor
        self.register_buffer("order", torch.arange(patches).float()[None] / patches, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        side = self.model.config.image_size
        if pictures.shape[-2:] != (side, side):
            raise DataError(f"this masked autoencoder takes {side}x{side} pixels, got {tuple(pictures.shape[-2:])}")
        mean, spread = pictures.new_tensor([0.485, 0.456, 0.406]), pictures.new_tensor([0.229, 0.224, 0.225])
        inside = (pictures - mean[:, None, None]) / spread[:, None, None]
        said = self.model(pixel_values=inside, noise=self.order.expand(len(pictures), -1))
        guess: Tensor = self.model.unpatchify(said.logits)
        return torch.sigmoid(guess)


class OneStepPainter(nn.Module):
    """Around the U-Net of a Stable-Diffusion-style editor: z is minus what it says of zeros at the last time."""

    def __init__(self, pipeline: Any, words: Tensor, *, fresh: bool = False) -> None:
        super().__init__()
        self.unet = type(pipeline.unet).from_config(pipeline.unet.config) if fresh else pipeline.unet
        self.unet.requires_grad_(True)
        self.vae = pipeline.vae.requires_grad_(False)
        self.words: Tensor
        self.register_buffer("words", words, persistent=False)
        self._last = len(pipeline.scheduler.alphas_cumprod) - 1

    def parameters(self, recurse: bool = True) -> Any:
        return self.unet.parameters(recurse)

    def forward(self, pictures: Tensor) -> Tensor:
        beside = self.vae.encode(2 * pictures - 1).latent_dist.mode()
        noisy = torch.zeros_like(beside)
        time = torch.full((len(pictures),), self._last, device=pictures.device)
        said = self.unet(
            torch.cat([noisy, beside], dim=1), time, encoder_hidden_states=self.words.expand(len(pictures), -1, -1),
            return_dict=False,
        )[0]  # fmt: skip
        painted: Tensor = self.vae.decode(-said / self.vae.config.scaling_factor, return_dict=False)[0]
        return (painted / 2 + 0.5).clamp(0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Things:
    """A picture and its instances; which kinds of things it shows decides whether it may be learnt from."""

    rgb: np.ndarray
    instances: np.ndarray
    kinds: frozenset[str] = frozenset()


def train_painter(
    painter: InstancePainter, things: Sequence[Things], *, steps: int, batch: int = 4, rate: float = 1e-4,
    seed: int = 0, watch: Callable[[int, float], None] = lambda _step, _loss: None,
) -> None:  # fmt: skip
    """In place, by the colouring loss."""
    if not things:
        raise DataError("there is no picture with instances to learn from")
    optimizer = torch.optim.AdamW(list(painter.parameters()), lr=rate, weight_decay=0.01)
    for step in range(steps):
        dice = np.random.default_rng((seed, step))
        chosen = [things[int(i)] for i in dice.integers(len(things), size=batch)]
        pictures = torch.from_numpy(np.stack([t.rgb for t in chosen])).permute(0, 3, 1, 2).float() / 255
        ids = torch.from_numpy(np.stack([t.instances.astype(np.int64) for t in chosen]))
        loss = coloring_loss(painter(pictures), ids).loss
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(list(painter.parameters()), 1.0)
        optimizer.step()
        watch(step + 1, float(loss.detach()))


@torch.no_grad()
def paint_instances(painter: InstancePainter, rgb: np.ndarray) -> np.ndarray:
    """The canvas, as the decoder of instances takes it."""
    pictures = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float() / 255
    canvas: np.ndarray = (painter(pictures)[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    return canvas
