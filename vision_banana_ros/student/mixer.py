"""Features and paints -> the mixture of paints at each pixel of 1/4 of the size, and how to double it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vision_banana_ros.student.blocks import CHOICES, start_bilinear
from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.gradients import by_hand
from vision_banana_ros.student.paintbox import BACKGROUND, FREE, KNOT, TARGET
from vision_banana_ros.tasks.depth import KNOTS

#: Softmax logit of an absent paint: exp(-1e4) is exactly 0, and it stays finite in half precision.
_ABSENT = -1e4
#: How much steeper the choice between named paints is on a canvas than it was in training.
DECISION = 8.0
#: What each pixel has beside the paints: a free colour, and the choice of how to double it.
_FREE = 3


@dataclass(frozen=True)
class Mixture:
    """At a quarter of the size."""

    mixed: Tensor  # (N, 4, h, w): the colour of given and free paints, and the place of knots
    free: Tensor  # (N, 3, h, w) what a free paint looks like there
    choice: Tensor  # (N, 16, h, w) how to double it
    logits: Tensor  # (N, P, h, w): their softmax over P are the paints' shares


class Mixer(nn.Module):
    """feature . key -> softmax over the paints -> what stands at each pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pixel = nn.Linear(channels, _FREE + CHOICES)
        start_bilinear(self.pixel, first=_FREE)

    def forward(self, feature: Tensor, key: Tensor, boxes: Boxes) -> Mixture:
        with torch.autocast(feature.device.type, enabled=False):  # a place needs more than bfloat16's eight bits
            return self._mix(feature.float(), key.float(), boxes)

    def _mix(self, feature: Tensor, key: Tensor, boxes: Boxes) -> Mixture:
        height, width = feature.shape[2:]
        pixels = feature.flatten(2)
        key = key * key.shape[-1] ** -0.5
        if not self.training:
            key = key * _decision(boxes)
        absent = (1 - boxes.kind.sum(-1)) * _ABSENT
        # products, since convolutions would turn large maps around first; one for free colour and choice, since
        # run-times take as long for three rows as for many
        if by_hand(feature):  # and one for all in training, pixel by pixel as they lie in memory: so is the gradient
            asked = torch.cat([self.pixel.weight.expand(len(key), -1, -1), key], dim=1)
            said = (pixels.transpose(1, 2) @ asked.transpose(1, 2)).transpose(1, 2).contiguous()
            own, logits = torch.split(said, [len(self.pixel.weight), key.shape[1]], dim=1)
        else:
            own, logits = self.pixel.weight @ pixels, key @ pixels
        own, logits = own + self.pixel.bias[:, None], logits + absent[..., None]
        free, choice = torch.sigmoid(own[:, :_FREE]), own[:, _FREE:]
        weight = torch.exp(logits - logits.detach().amax(1, keepdim=True))
        # one product mixes all that paints have, and sums the weights of those that are present for the division
        sums = _values(boxes) @ weight
        mixed = sums[:, :5] / sums[:, 5:]

        def as_map(x: Tensor) -> Tensor:
            return x.reshape(*x.shape[:-1], height, width)

        return Mixture(
            mixed=as_map(torch.cat([mixed[:, :3] + mixed[:, 4:] * free, mixed[:, 3:4]], dim=1)),
            free=as_map(free),
            choice=as_map(choice),
            logits=as_map(logits),
        )


def _values(boxes: Boxes) -> Tensor:
    """(N, 6, P): what a paint adds to a pixel: given colour, place, whether it is free, and one if it is there."""
    present = boxes.kind.sum(-1, keepdim=True)
    given = boxes.kind[..., TARGET : TARGET + 1] + boxes.kind[..., BACKGROUND : BACKGROUND + 1]
    knot, free = boxes.kind[..., KNOT : KNOT + 1], boxes.kind[..., FREE : FREE + 1]
    return torch.cat([boxes.color * given, boxes.place[..., None] * knot, free, present], dim=-1).transpose(-1, -2)


def _decision(boxes: Boxes) -> Tensor:
    """(N, 1, 1): steeper where nearly all of a pixel must go to its likeliest paint: unless all paints are knots.

    In training the shares are soft, so that every paint learns. On a canvas a mixture of two named colours is a third
    one, which may be another target's: with 134 classes 2 % of the pixels decoded right, decided 48 %.
    """
    knots = boxes.kind[..., KNOT].amax(1)[:, None, None]
    return DECISION - (DECISION - 1) * knots


def walk(place: Tensor, color: Tensor, knots: Tensor) -> Tensor:
    """(N, H, W) places in 0..1 to (N, 3, H, W): straight lines between the first `knots` colours of each (N, P, 3)."""
    position = place.clamp(0, 1) * (knots - 1).clamp(min=0)[:, None, None]
    ends = F.pad(color, (0, 0, 0, KNOTS - 1))[:, :KNOTS]
    change = (ends[:, 1:] - ends[:, :-1]).transpose(1, 2)
    if by_hand(place):
        return looked_up(position, ends[:, :-1].transpose(1, 2), change)
    # each line adds as much of its change of colour as the place is along it: no pixel looks anything up
    along = (position.flatten(1)[:, None] - torch.arange(KNOTS - 1, device=place.device)[:, None]).clamp(0, 1)
    return (ends[:, 0, :, None] + change @ along).reshape(-1, 3, *place.shape[1:])


def looked_up(position: Tensor, start: Tensor, change: Tensor) -> Tensor:
    """`walk` for (N, 3, KNOTS - 1) colours at the starts of its lines: a CPU's gathers are cheaper than 21 maps."""
    flat = position.flatten(1)
    # of what is no number nothing can be looked up; it stays none in what is painted, so that the step is not taken
    before = flat.detach().floor().clamp(max=start.shape[2] - 1).nan_to_num(0)
    index = before.long()[:, None].expand(-1, 3, -1)
    painted = torch.addcmul(start.gather(2, index), change.gather(2, index), (flat - before)[:, None])
    return painted.view(-1, 3, *position.shape[1:])
