"""What is computed once per image, whatever is asked: from features to the maps that all prompts share."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vision_banana_ros.student.blocks import (
    CHOICES,
    Attention,
    ConvNorm,
    Separable,
    double,
    start_bilinear,
    with_coordinates,
)
from vision_banana_ros.student.encoder import CHANNELS


@dataclass(frozen=True)
class Seen:
    """What is known of an image before anything is asked."""

    maps: list[Tensor]  # the trunk's, at 1/16, 1/8, 1/4
    detail: Tensor  # what is finer than that, at 1/4 too
    edges: Tensor  # (B, 16, H/2, W/2) how to double a canvas of half size
    where: Tensor  # coordinates at 1/4
    glance: Tensor  # (B, G)


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


class Detail(nn.Module):
    """What is finer than 1/4, in the channels of a map at 1/4: from the encoder's map at 1/2 and the picture itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.features = ConvNorm(CHANNELS[0], channels, 3, stride=2, act=None)
        self.pixels = nn.Conv2d(3, channels, 4, stride=4)

    def forward(self, features: Tensor, pixels: Tensor) -> Tensor:
        return F.relu(self.features(features) + self.pixels(pixels))


class Edges(nn.Module):
    """How a canvas of half size is doubled: at this scale edges follow the picture, whatever is painted.

    The choice of `sharp_double`, made once for all prompts.
    """

    def __init__(self, trunk: int, detail: int) -> None:
        super().__init__()
        self.beside = nn.Conv2d(trunk, detail, 1)
        self.say = nn.Conv2d(detail, 4 * CHOICES, 1)
        start_bilinear(self.say, each=4)

    def forward(self, trunk: Tensor, detail: Tensor) -> Tensor:
        return F.pixel_shuffle(self.say(F.relu(self.beside(trunk) + detail)), 2)


class Glance(nn.Module):
    """The context in one vector (B, G), for what no place shows by itself: the lens, and with it all sizes."""

    def __init__(self, context: int, size: int) -> None:
        super().__init__()
        self.look = ConvNorm(context + 2, size)
        self.think = nn.Linear(size, size)

    def forward(self, context: Tensor, where: Tensor) -> Tensor:
        return F.relu(self.think(self.look(with_coordinates(context, where)).mean((2, 3))))
