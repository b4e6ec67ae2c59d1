"""Three bases that learn to colour instances: a masked autoencoder with its decoder, and an editor in one step.

    painter(pictures) -> pictures, (B, 3, H, W) in 0..1 both, with gradients

The masked autoencoder (transformers' ViTMAE) sees every patch, none masked, and its decoder's guess of each patch is
the canvas: it was trained to paint pictures, so it is a generator without noise. The editor is asked in the
deterministic form: time at its end, zeros for noise, the canvas in one step through its autoencoder's decoder. A latent
model that is no editor (a U-Net without channels for a picture) is given the picture's latents in the noise's place.
The base of our own (tuning/own) is asked as the editor is, on pixels and without words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from vision_banana_ros.core import DataError
from vision_banana_ros.tuning.coloring import coloring_loss
from vision_banana_ros.tuning.own.network import TEXT, OwnNetwork

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
        self._beside = self.unet.config.in_channels > self.vae.config.latent_channels

    def parameters(self, recurse: bool = True) -> Any:
        return self.unet.parameters(recurse)

    def forward(self, pictures: Tensor) -> Tensor:
        beside = self.vae.encode(2 * pictures - 1).latent_dist.mode()
        scale = self.vae.config.scaling_factor
        entering = torch.cat([torch.zeros_like(beside), beside], dim=1) if self._beside else beside * scale
        time = torch.full((len(pictures),), self._last, device=pictures.device)
        said = self.unet(
            entering, time, encoder_hidden_states=self.words.expand(len(pictures), -1, -1), return_dict=False
        )[0]
        return _seen(self.vae.decode(-said / scale, return_dict=False)[0])


class OwnPainter(nn.Module):
    """Around the diffusion transformer on pixels; x is minus what it says of zeros at the last time."""

    def __init__(self, network: OwnNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        side = self.network.config.side
        if pictures.shape[-2:] != (side, side):
            raise DataError(f"this base paints {side}x{side} pixels, got {tuple(pictures.shape[-2:])}")
        unsaid = pictures.new_zeros(len(pictures), self.network.config.words, TEXT)
        said = self.network(torch.zeros_like(pictures), pictures.new_ones(len(pictures)), unsaid, 2 * pictures - 1)
        return _seen(-said)


def _seen(pixels: Tensor) -> Tensor:
    """-1..1 to 0..1. Black is the background: what went below it must find back, so the gradient passes the cut."""
    painted = pixels / 2 + 0.5
    return painted + (painted.clamp(0, 1) - painted).detach()


@dataclass(frozen=True, slots=True, eq=False)
class Things:
    """A picture and its instances; which kinds of things it shows decides whether it may be learnt from."""

    rgb: np.ndarray
    instances: np.ndarray
    kinds: frozenset[str] = frozenset()


def train_painter(
    painter: InstancePainter, things: Sequence[Things], *, steps: int, batch: int = 4, rate: float = 1e-4,
    seed: int = 0, watch: Callable[[int, float], None] = lambda _step, _loss: None, keep: Path | None = None,
    keep_every: int = 250,
) -> None:  # fmt: skip
    """In place, by the colouring loss. `keep`: a file for the state, from which the same call goes on."""
    if not things:
        raise DataError("there is no picture with instances to learn from")
    optimizer = torch.optim.AdamW(list(painter.parameters()), lr=rate, weight_decay=0.01)
    device = next(iter(painter.parameters())).device
    first = load_painter(painter, keep, optimizer) if keep is not None and keep.exists() else 0
    for step in range(first, steps):
        dice = np.random.default_rng((seed, step))
        chosen = [things[int(i)] for i in dice.integers(len(things), size=batch)]
        pictures = torch.from_numpy(np.stack([t.rgb for t in chosen])).permute(0, 3, 1, 2).float().to(device) / 255
        ids = torch.from_numpy(np.stack([t.instances.astype(np.int64) for t in chosen])).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            painted = painter(pictures)
        loss = coloring_loss(painted.float(), ids).loss
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(list(painter.parameters()), 1.0)
        optimizer.step()
        watch(step + 1, float(loss.detach()))
        if keep is not None and ((step + 1) % keep_every == 0 or step + 1 == steps):
            weights = [p.detach().cpu() for p in painter.parameters()]
            part = keep.with_suffix(".part")
            torch.save({"step": step + 1, "weights": weights, "optimizer": optimizer.state_dict()}, part)
            os.replace(part, keep)


@torch.no_grad()
def load_painter(painter: InstancePainter, path: Path, optimizer: Any = None) -> int:
    """What `train_painter` kept, into the same network; the step that it stands at."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        for mine, kept in zip(painter.parameters(), state["weights"], strict=True):
            mine.copy_(kept)
        if optimizer is not None:
            optimizer.load_state_dict(state["optimizer"])
        return int(state["step"])
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise DataError(f"{path} cannot be read into this network ({str(error)[:120]}): delete it") from error


@torch.no_grad()
def paint_instances(painter: InstancePainter, rgb: np.ndarray) -> np.ndarray:
    """The canvas, as the decoder of instances takes it."""
    device = next(iter(painter.parameters())).device
    pictures = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float().to(device) / 255
    painted = painter(pictures)[0].float().clamp(0, 1).permute(1, 2, 0)
    canvas: np.ndarray = (painted * 255).round().to(torch.uint8).cpu().numpy()
    return canvas
