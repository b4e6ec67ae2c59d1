"""What light, lens and sensor do to colours, on whole batches: gamma, exposure, contrast, tint, blur, noise.

Sharpness says nothing about the scene, and must not: cut from renders, narrow views are soft, so a soft picture came to
mean a long lens and large distances, and a crisp real one the opposite (docs/LOG.md).

Half the images are changed further: uneven light, and channels that bleed into each other, so that a place that was
seen a hundred times is not known by its colours.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

_FURTHER_SHARE = 0.5
_LIGHT_GRID, _UNEVENNESS = (3, 4), 0.35  # logarithms, one standard deviation
_BLEEDING = 0.1
_OTHER_SHARPNESS_SHARE, _SHARPEST = 0.7, 1.2


def vary(image: Tensor, generator: torch.Generator) -> Tensor:
    """(B, 3, H, W) of 0..255 to the same, each image in its own way."""
    batch, channels, height, width = image.shape
    device = image.device

    def uniform(low: float, high: float, channels: int = 1) -> Tensor:
        return torch.rand((batch, channels, 1, 1), generator=generator, device=device) * (high - low) + low

    def normal(*shape: int) -> Tensor:
        return torch.randn((batch, *shape), generator=generator, device=device)

    x = (image / 255).clamp(min=1e-4).log_().mul_(uniform(0.6, 1.6)).exp_()  # a power, in a third of its time
    # exposure, contrast, saturation, tint and bleeding are all one matrix and an offset
    eye = torch.eye(channels, device=device).expand(batch, -1, -1)
    grey = torch.full_like(eye, 1 / channels)
    saturation, tint = uniform(0.3, 1.35)[:, 0], uniform(0.88, 1.12, channels)[:, :, 0]
    further = uniform(0, 1) < _FURTHER_SHARE
    bleeding = eye + normal(channels, channels) * _BLEEDING * further[:, 0]
    colors = bleeding @ (tint * (grey + (eye - grey) * saturation)) * uniform(0.6, 1.35)[:, 0]
    contrast = uniform(0.7, 1.25)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = (colors * contrast[:, 0] @ x.flatten(2)).view_as(x) + colors.sum(2)[..., None, None] * mean * (1 - contrast)
    x = _sharpness(x, uniform(-1, _SHARPEST) * (uniform(0, 1) < _OTHER_SHARPNESS_SHARE)).clamp_(min=0)
    light = normal(1, *_LIGHT_GRID) * uniform(0, _UNEVENNESS) * further
    x = x * F.interpolate(light, (height, width), mode="bilinear", align_corners=True).exp()
    return ((x + _noise(x, generator) * uniform(0, 0.04)) * 255).clamp_(0, 255)


def soft(x: Tensor) -> Tensor:
    """Means of 3x3 pixels. A convolution of each channel is by far the fastest way on a CPU."""
    kernel = torch.full((x.shape[1], 1, 3, 3), 1 / 9, device=x.device, dtype=x.dtype)
    return F.conv2d(x.contiguous(memory_format=torch.channels_last), kernel, padding=1, groups=x.shape[1])


def _sharpness(x: Tensor, amount: Tensor) -> Tensor:
    """Unsharp masking where positive, blurring where negative."""
    once = soft(x)
    return torch.where(amount < 0, x + (soft(once) - x) * -amount, x + (x - once) * amount)


def _noise(x: Tensor, generator: torch.Generator) -> Tensor:
    """Normal noise; on a CPU numbers are drawn once, and each batch begins elsewhere among them."""
    if x.device.type != "cpu":
        return torch.randn(x.shape, generator=generator, device=x.device)
    numbers = _numbers(2 * x.numel())
    start = int(torch.randint(0, x.numel(), (), generator=generator))
    return numbers[start : start + x.numel()].view(x.shape)


@cache
def _numbers(count: int) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(0))
