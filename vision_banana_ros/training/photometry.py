"""What light, lens and sensor do to colours, on whole batches: gamma, exposure, contrast, tint, blur, noise.

Moderate on purpose: stronger variants gained nothing on real frames.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def vary(image: Tensor, generator: torch.Generator) -> Tensor:
    """(B, 3, H, W) of 0..255 to the same, each image in its own way."""
    batch = image.shape[0]

    def uniform(low: float, high: float, channels: int = 1) -> Tensor:
        drawn = torch.rand((batch, channels, 1, 1), generator=generator) * (high - low) + low
        return drawn.to(image.device)

    x = (image.float() / 255).clamp(min=1e-4) ** uniform(0.6, 1.6) * uniform(0.6, 1.35)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * uniform(0.7, 1.25)
    grey = x.mean(1, keepdim=True)
    x = (grey + (x - grey) * uniform(0.3, 1.35)) * uniform(0.88, 1.12, 3)
    x = torch.where(uniform(0, 1) < 0.3, F.avg_pool2d(x, 3, 1, 1, count_include_pad=False), x)
    noise = torch.randn(x.shape, generator=generator).to(image.device)
    return ((x + noise * uniform(0, 0.04)) * 255).clamp(0, 255)
