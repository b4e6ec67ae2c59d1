"""What light, lens and sensor do to colours, on whole batches: gamma, exposure, contrast, tint, blur, noise.

Sharpness says nothing about the scene, and must not: cut from renders, narrow views are soft, so a soft picture came to
mean a long lens and large distances, and a crisp real one the opposite (docs/LOG.md).

Half the images are changed further: uneven light, and channels that bleed into each other, so that a place that was
seen a hundred times is not known by its colours.
"""

from __future__ import annotations

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

    def uniform(low: float, high: float, channels: int = 1) -> Tensor:
        drawn = torch.rand((batch, channels, 1, 1), generator=generator) * (high - low) + low
        return drawn.to(image.device)

    x = (image.float() / 255).clamp(min=1e-4) ** uniform(0.6, 1.6) * uniform(0.6, 1.35)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * uniform(0.7, 1.25)
    grey = x.mean(1, keepdim=True)
    x = (grey + (x - grey) * uniform(0.3, 1.35)) * uniform(0.88, 1.12, 3)
    soft = _mean3(x)
    sharpness = uniform(-1, _SHARPEST)
    changed = torch.where(sharpness < 0, x + (_mean3(soft) - x) * -sharpness, x + (x - soft) * sharpness)
    x = torch.where(uniform(0, 1) < _OTHER_SHARPNESS_SHARE, changed, x).clamp(min=0)
    light = torch.randn((batch, 1, *_LIGHT_GRID), generator=generator).to(image.device) * uniform(0, _UNEVENNESS)
    light = F.interpolate(light, (height, width), mode="bicubic", align_corners=True).exp()
    bleeding = torch.randn((batch, channels, channels), generator=generator).to(image.device) * _BLEEDING
    further = torch.einsum("bij,bjhw->bihw", torch.eye(channels, device=image.device) + bleeding, x) * light
    x = torch.where(uniform(0, 1) < _FURTHER_SHARE, further, x)
    noise = torch.randn(x.shape, generator=generator).to(image.device)
    return ((x + noise * uniform(0, 0.04)) * 255).clamp(0, 255)


def _mean3(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
