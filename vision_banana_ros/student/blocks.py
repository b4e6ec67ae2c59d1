"""The small parts that the student is built from."""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

#: Logits are held within it, so that their exponentials can be summed as they are, without a maximum to subtract.
LOGIT_LIMIT = 20.0


class Depthwise(nn.Conv2d):
    """Each channel on its own. Training on a CPU takes it out of bfloat16, whose gradients cost far more there."""

    def __init__(self, channels: int, size: int, stride: int = 1, *, bias: bool = True) -> None:
        super().__init__(channels, channels, size, stride, padding=size // 2, groups=channels, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float().contiguous(memory_format=torch.channels_last))


class ConvNorm(nn.Sequential):
    """Convolution, batch normalisation (folded away at export), optional ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int = 1, *, depthwise: bool = False, relu: bool = True) -> None:
        conv: nn.Conv2d
        if depthwise:
            conv = Depthwise(inputs, size, bias=False)
        else:
            conv = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True) if relu else nn.Identity())


class Separable(nn.Module):
    """A 5x5 look around per channel, then two mixtures of the channels, added to the input."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            ConvNorm(channels, channels, 5, depthwise=True, relu=False),
            ConvNorm(channels, hidden),
            ConvNorm(hidden, channels, relu=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.steps(x)
        return y


class Attention(nn.Module):
    """Every place of the coarsest map looks at every other: what the room is like as a whole."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.BatchNorm2d(channels)
        self.ask = nn.Conv2d(channels, 3 * channels, 1)
        self.tell = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        shape = (batch, 3, self.heads, channels // self.heads, height * width)
        q, k, v = self.ask(self.norm(x)).reshape(shape).unbind(1)
        weights = torch.softmax(q.transpose(-1, -2) @ k * (channels // self.heads) ** -0.5, dim=-1)
        mixed = (v @ weights.transpose(-1, -2)).reshape(x.shape)
        y: Tensor = x + self.tell(mixed)
        return y


def double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def sharp_double(x: Tensor, choice: Tensor) -> Tensor:
    """Twice the size; each new pixel is a learned convex mixture of its four nearest old ones.

    With a choice near one-hot, edges stay sharp and colours pure (Teed and Deng 2020 enlarge optical flow so).
    x: (N, C, h, w); choice: (N, 16, h, w) logits, 4 neighbours for each of the 4 new pixels.
    """
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    # by their ends, not their lengths: a traced graph then fits every image size
    rows = [padded[..., i : i - 2 or None, :] for i in range(3)]
    shifted = [[row[..., j : j - 2 or None] for j in range(3)] for row in rows]
    # softmax written out: over an inner axis of length 4 the run-times' own is ten times slower
    # taken apart, not indexed: the gradient of an index is a whole map of zeros
    weights = torch.exp(choice.clamp(-LOGIT_LIMIT, LOGIT_LIMIT)).chunk(16, dim=1)
    quarters = []
    for i, (dy, dx) in enumerate(product((0, 1), repeat=2)):
        shares = weights[4 * i : 4 * i + 4]
        corners = [shifted[dy + ny][dx + nx] for ny, nx in product((0, 1), repeat=2)]
        mixed, total = shares[0] * corners[0], shares[0]
        for share, corner in zip(shares[1:], corners[1:], strict=True):
            mixed, total = mixed + share * corner, total + share
        quarters.append(mixed / total)
    stacked = torch.stack(quarters, dim=2).flatten(1, 2)
    full: Tensor = F.pixel_shuffle(stacked, 2)
    return full


def coordinates(x: Tensor) -> Tensor:
    """(1, 2, H, W) for a map (B, C, H, W): x to the right and y down, -1..1 over the image's width, pixel centres."""
    height, width = x.shape[2:]
    columns = (torch.arange(width, device=x.device, dtype=x.dtype) + 0.5) / width * 2 - 1
    rows = ((torch.arange(height, device=x.device, dtype=x.dtype) + 0.5) * 2 - height) / width
    return torch.stack([columns.expand(height, width), rows[:, None].expand(height, width)])[None]


def with_coordinates(x: Tensor, where: Tensor) -> Tensor:
    """Two more channels."""
    return torch.cat([x, where.expand(x.shape[0], -1, -1, -1)], dim=1)
