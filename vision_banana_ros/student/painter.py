"""The one part that runs for each prompt: from the shared maps to features at a quarter of the size, steered by what is
asked."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vision_banana_ros.student.blocks import ConvNorm, Separable, double, with_coordinates
from vision_banana_ros.student.seeing import Seen


class Steer(nn.Module):
    """FiLM (Perez et al. 2018): the prompt scales and shifts the channels of a map that all prompts share.

    (B, C, h, w) and (N, D) become (N, C, h, w). `image_of` as in `Boxes`.
    """

    def __init__(self, prompt: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(prompt, 2 * channels)
        nn.init.zeros_(self.linear.bias)
        nn.init.normal_(self.linear.weight, std=0.02)

    def forward(self, shared: Tensor, prompt: Tensor, image_of: Tensor | None = None) -> Tensor:
        scale, shift = self.linear(prompt)[..., None, None].chunk(2, dim=1)
        if image_of is not None:
            shared = shared.index_select(0, image_of)
        if image_of is not None or shared.shape[0] == 1:
            one: Tensor = shared * (1 + scale) + shift
            return one
        # a fifth dimension spares training a copy per prompt; what runs on robots never has it
        images = shared.shape[0]
        steered = shared[:, None] * (1 + scale.unflatten(0, (images, -1))) + shift.unflatten(0, (images, -1))
        flat: Tensor = steered.flatten(0, 1)
        return flat


class Painter(nn.Module):
    """From 1/16 to 1/4 of the image, steered by the prompt at each step; (N, C, H/4, W/4) features.

    What is finer than 1/4 is made once for all prompts (seeing.py), which only say how much of it matters.
    """

    def __init__(self, trunk: tuple[int, int, int], channels: tuple[int, int, int], prompt: int) -> None:
        super().__init__()
        coarse, middle, fine = channels
        self.beside = nn.ModuleList(
            nn.Conv2d(i, o, 1) for i, o in ((trunk[0] + 2, coarse), (trunk[1], middle), (trunk[2], fine))
        )
        self.steer = nn.ModuleList(Steer(prompt, c) for c in channels)
        self.above = nn.ModuleList(ConvNorm(i, o, act=None) for i, o in ((coarse, middle), (middle, fine)))
        self.work = nn.ModuleList(Separable(c, c, size) for c, size in zip(channels, (5, 5, 3), strict=True))

    def forward(self, seen: Seen, prompt: Tensor, image_of: Tensor | None = None) -> Tensor:
        coarse = with_coordinates(seen.maps[0], F.avg_pool2d(seen.where, 4))
        shared = [beside(m) for beside, m in zip(self.beside, (coarse, *seen.maps[1:]), strict=True)]
        shared[2] = shared[2] + seen.detail
        x = self.work[0](F.relu(self.steer[0](shared[0], prompt, image_of)))
        for i in (1, 2):
            x = self.work[i](F.relu(double(self.above[i - 1](x)) + self.steer[i](shared[i], prompt, image_of)))
        y: Tensor = x
        return y
