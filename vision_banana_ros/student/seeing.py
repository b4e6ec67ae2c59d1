"""What is computed once per image, whatever is asked: from features to the maps that all prompts share."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vision_banana_ros.student.blocks import Attention, ConvNorm, Separable, double, with_coordinates
from vision_banana_ros.student.encoder import CHANNELS


class Context(nn.Sequential):
    """Attention between places, at the coarsest scale only, where it costs little."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__(
            ConvNorm(inputs, channels),
            Separable(channels, 2 * channels),
            Attention(channels),
            Separable(channels, 2 * channels),
            Attention(channels),
        )


class Trunk(nn.Module):
    """From the context back to 1/4 of the image, with the encoder's details added on the way."""

    def __init__(self, context: int, channels: tuple[int, int, int]) -> None:
        super().__init__()
        from_above = (context, *channels[:2])
        details = (CHANNELS[3], CHANNELS[2], CHANNELS[1])
        self.above = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in zip(from_above, channels, strict=True))
        self.beside = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in zip(details, channels, strict=True))
        self.mix = nn.ModuleList(ConvNorm(c, c, 3) for c in channels)

    def forward(self, context: Tensor, features: list[Tensor]) -> list[Tensor]:
        maps: list[Tensor] = []
        x = context
        for above, beside, mix, detail in zip(self.above, self.beside, self.mix, reversed(features[1:4]), strict=True):
            x = mix(double(above(x)) + beside(detail))
            maps.append(x)
        return maps


class Glance(nn.Module):
    """The context in one vector (B, G), for what no place shows by itself: the lens, and with it all sizes."""

    def __init__(self, context: int, size: int) -> None:
        super().__init__()
        self.look = ConvNorm(context + 2, size)
        self.think = nn.Linear(size, size)
        self.lens = nn.Linear(size, 1)  # a guess for training's sake: it makes the vector know

    def forward(self, context: Tensor, where: Tensor) -> Tensor:
        return F.relu(self.think(self.look(with_coordinates(context, where)).mean((2, 3))))
