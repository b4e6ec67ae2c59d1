"""A diffusion transformer on pixels (Peebles and Xie 2023), with words and a source picture beside it; flow matching.

    x_u = (1 - u) x + u e,   v = e - x          as bases/ has it; pixels in -1..1, no autoencoder: the floor is zero

A token is a patch of PATCH x PATCH pixels of the noisy picture with those of the source picture at the same place as
further channels (as InstructPix2Pix; without a source, zeros and a flag of 0). The noise of a patch has as many numbers
as the patch: what is asked for, e - x, contains it, so the noisy picture is added to the answer by a share that follows
the time, and the blocks need not carry it. Time and the vector of the whole prompt
steer every block by adaptive normalisation; the vectors of its parts are tokens that are attended to, since which
colour belongs to which word is more than one vector of steering carries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

Tensor = torch.Tensor
TEXT = 384


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """side: of the square pictures. words: tokens made of the prompt's vectors (one per sentence of it, at most)."""

    side: int = 64
    patch: int = 8
    width: int = 256
    depth: int = 8
    heads: int = 4
    words: int = 8


class OwnNetwork(nn.Module):
    """(noisy, time, words, source) -> velocity, all pictures (B, 3, S, S) in -1..1."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        c, p = config, config.patch
        self.enter = nn.Linear(7 * p * p, c.width)
        self.leave = nn.Linear(c.width, 3 * p * p)
        places = _places(c.side // p, c.width)
        self.register_buffer("places", places, persistent=False)
        self.time = nn.Sequential(nn.Linear(c.width, c.width), nn.SiLU(), nn.Linear(c.width, c.width))
        self.word = nn.Linear(TEXT, c.width)
        self.steer = nn.Sequential(nn.Linear(TEXT, c.width), nn.SiLU(), nn.Linear(c.width, c.width))
        self.word_places = nn.Parameter(0.02 * torch.randn(c.words, c.width))
        self.blocks = nn.ModuleList(_Block(c.width, c.heads) for _ in range(c.depth))
        self.last = nn.Linear(c.width, 2 * c.width)
        self.share = nn.Linear(c.width, 1)
        for layer in (self.leave, self.last, self.share):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, noisy: Tensor, time: Tensor, words: Tensor, source: Tensor | None) -> Tensor:
        """`words` (B, W, 384), zeros where there are fewer; the first is that of the whole prompt."""
        flag = torch.zeros_like(noisy[:, :1]) if source is None else torch.ones_like(noisy[:, :1])
        beside = torch.zeros_like(noisy) if source is None else source
        p, side = self.config.patch, self.config.side
        cells = functional.pixel_unshuffle(torch.cat([noisy, beside, flag], dim=1), p).flatten(2).transpose(1, 2)
        x = self.enter(cells) + self.places
        said = self.word(words) + self.word_places
        count = x.shape[1]
        x = torch.cat([x, said], dim=1)
        condition = functional.silu(self.time(_waves(time, self.config.width)) + self.steer(words[:, 0]))
        for block in self.blocks:
            x = block(x, condition)
        shift, scale = self.last(condition)[:, None].chunk(2, dim=-1)
        x = functional.layer_norm(x[:, :count], x.shape[-1:]) * (1 + scale) + shift
        grid = self.leave(x).transpose(1, 2).reshape(len(x), -1, side // p, side // p)
        pixels: Tensor = functional.pixel_shuffle(grid, p) + self.share(condition)[:, :, None, None] * noisy
        return pixels


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.steer = nn.Linear(width, 6 * width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        nn.init.zeros_(self.steer.weight)
        nn.init.zeros_(self.steer.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        a, b, c, d, e, f = self.steer(condition)[:, None].chunk(6, dim=-1)
        y = functional.layer_norm(x, x.shape[-1:]) * (1 + a) + b
        q, k, v = self.qkv(y).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + c * self.out(y)
        y = functional.layer_norm(x, x.shape[-1:]) * (1 + d) + e
        changed: Tensor = x + f * self.down(functional.gelu(self.up(y), approximate="tanh"))
        return changed


def _waves(time: Tensor, width: int) -> Tensor:
    """Sines and cosines of the time at many frequencies."""
    steps = torch.exp(-math.log(1e4) * torch.arange(width // 2, device=time.device) / (width // 2))
    angles = 1000 * time.float()[:, None] * steps
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def _places(side: int, width: int) -> Tensor:
    """(side^2, width): where a token lies, as sines of its row and of its column."""
    quarter = width // 4
    steps = torch.exp(-math.log(1e2) * torch.arange(quarter) / quarter)
    angles = torch.arange(side)[:, None] * steps
    waves = torch.cat([angles.sin(), angles.cos()], dim=-1)
    rows = waves[:, None].expand(side, side, -1)
    columns = waves[None].expand(side, side, -1)
    return torch.cat([rows, columns], dim=-1).reshape(side * side, width)


@torch.no_grad()
def sample(
    network: OwnNetwork, words: Tensor, source: Tensor | None, *, steps: int, seeds: list[int],
    unsaid: Tensor | None = None, guidance: float = 1.0,
) -> Tensor:  # fmt: skip
    """Euler's steps from noise to a picture; guidance > 1 away from what it paints without words (`unsaid`)."""
    side = network.config.side
    noise = [torch.randn(3, side, side, generator=torch.Generator("cpu").manual_seed(seed)) for seed in seeds]
    x = torch.stack(noise).to(words)
    times = torch.linspace(1, 0, steps + 1)
    for now, later in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
        time = x.new_full((len(x),), now)
        v = network(x, time, words, source)
        if guidance != 1.0 and unsaid is not None:
            v = v + (guidance - 1) * (v - network(x, time, unsaid.expand_as(words), source))
        x = x + (later - now) * v
    pixels: Tensor = x.clamp(-1, 1)
    return pixels


@torch.no_grad()
def paint_at_once(network: OwnNetwork, words: Tensor, source: Tensor) -> Tensor:
    """The deterministic form: the time fixed at 1, zeros for noise, x = e - v = -v."""
    nothing = torch.zeros_like(source)
    time = source.new_ones(len(source))
    pixels: Tensor = (-network(nothing, time, words, source)).clamp(-1, 1)
    return pixels
