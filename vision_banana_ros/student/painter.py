"""The one part that runs for each prompt: from the shared maps to features at half size, steered by what is asked."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vision_banana_ros.student.blocks import ConvNorm, Separable, double, with_coordinates
from vision_banana_ros.student.boxes import for_prompts
from vision_banana_ros.student.encoder import CHANNELS


class Steer(nn.Module):
    """FiLM (Perez et al. 2018): the prompt scales and shifts the channels of a map that all prompts share.

    (B, C, h, w) and (N, D) become (N, C, h, w).
    """

    def __init__(self, prompt: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(prompt, 2 * channels)
        nn.init.zeros_(self.linear.bias)
        nn.init.normal_(self.linear.weight, std=0.02)

    def forward(self, shared: Tensor, prompt: Tensor) -> Tensor:
        steering = self.linear(prompt)[..., None, None]
        channels = shared.shape[1]
        steered: Tensor = for_prompts(shared, prompt) * (1 + steering[:, :channels]) + steering[:, channels:]
        return steered


class Painter(nn.Module):
    """From 1/16 to 1/2 of the image, steered by the prompt at each step; (N, C, H/2, W/2) features."""

    def __init__(self, trunk: tuple[int, int, int], channels: tuple[int, int, int, int], prompt: int) -> None:
        super().__init__()
        coarse, middle, fine, last = channels
        self.beside = nn.ModuleList(
            nn.Conv2d(i, o, 1) for i, o in ((trunk[0] + 2, coarse), (trunk[1], middle), (trunk[2], fine))
        )
        self.steer = nn.ModuleList(Steer(prompt, c) for c in (coarse, middle, fine))
        self.above = nn.ModuleList(
            ConvNorm(i, o, relu=False) for i, o in ((coarse, middle), (middle, fine), (fine, last))
        )
        self.detail = ConvNorm(CHANNELS[0] + 2, last, relu=False)
        self.matter = nn.Linear(prompt, last)
        nn.init.normal_(self.matter.weight, std=0.02)
        nn.init.ones_(self.matter.bias)
        self.work = nn.ModuleList(Separable(c, c) for c in channels)

    def forward(self, maps: list[Tensor], detail: Tensor, where: Tensor, prompt: Tensor) -> Tensor:
        coarse = with_coordinates(maps[0], F.avg_pool2d(where, 8))
        shared = [beside(m) for beside, m in zip(self.beside, (coarse, *maps[1:]), strict=True)]
        x = self.work[0](F.relu(self.steer[0](shared[0], prompt)))
        for i in (1, 2):
            x = self.work[i](F.relu(double(self.above[i - 1](x)) + self.steer[i](shared[i], prompt)))
        # the finest map is the largest: it is made once, and prompts only say how much each detail matters
        fine = for_prompts(self.detail(with_coordinates(detail, where)), prompt) * self.matter(prompt)[..., None, None]
        y: Tensor = self.work[3](F.relu(double(self.above[2](x)) + fine))
        return y
