"""The student: one look at the image, then one canvas per prompt, all in one pass.

    image --MobileNetV2--> features at 1/2 .. 1/32
          --context------> what the place is like as a whole (attention at 1/32)
          --trunk--------> maps at 1/16, 1/8, 1/4: shared by all prompts, computed once
    box   --reader-------> a vector that steers (FiLM) the painter, and a key for each paint
          --painter------> per prompt: 1/16 -> 1/8 -> 1/4 -> 1/2, steered at each step
                           feature . key -> softmax over the paints = the mixture at each pixel
                           mixture of colours, or colour at the mixture of places along a walk
                           doubled by learned choice -> canvas

There is no head per task: a depth canvas differs from a segmentation by the paints in its box alone (paintbox.py).

Convention
    image (B, 3, H, W) of 0..255, H and W multiples of 32; boxes (B, K, ...) as in `PaintBoxes`; canvases 0..1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vision_banana_ros.student.blocks import (
    LOGIT_LIMIT,
    Attention,
    ConvNorm,
    Separable,
    Steer,
    double,
    sharp_double,
    with_coordinates,
)
from vision_banana_ros.student.encoder import CHANNELS, MobileNetV2, normalise
from vision_banana_ros.student.paintbox import (
    BACKGROUND,
    FREE,
    KINDS,
    KNOT,
    LENS_SIZE,
    TARGET,
    TASKS,
)
from vision_banana_ros.student.text import EMBEDDING_SIZE

#: Softmax logit of an absent paint: exp(-1e4) is exactly 0, and it stays finite in half precision.
_ABSENT = -1e4
#: How much steeper the choice between named paints is on a canvas than it was in training.
DECISION = 8.0
_PLACE_WAVES = 8


@dataclass(frozen=True)
class StudentConfig:
    """Widths; the defaults meet the size and latency budgets."""

    context: int = 256
    trunk: tuple[int, int, int] = (160, 128, 64)  # at 1/16, 1/8, 1/4
    painter: tuple[int, int, int, int] = (128, 96, 64, 32)  # at 1/16, 1/8, 1/4, 1/2
    prompt: int = 96


@dataclass(frozen=True)
class Boxes:
    """`PaintBoxes` as tensors with a batch in front: (B, K, ...)."""

    task: Tensor
    lens: Tensor
    text: Tensor
    kind: Tensor
    place: Tensor
    color: Tensor


@dataclass(frozen=True)
class Painting:
    """What the losses look at; B * K canvases."""

    canvas: Tensor  # (B, K, 3, H, W) in 0..1
    place: Tensor  # (B, K, H/2, W/2) position along the walk, 0..1; 0 for boxes without knots
    logits: Tensor  # (B, K, P, H/2, W/2): their softmax over P are the paints' shares


@dataclass(frozen=True)
class Mixture:
    """At half size, N = B * K."""

    color: Tensor  # (N, 3, h, w) of given and free paints
    place: Tensor  # (N, h, w) of knots
    choice: Tensor  # (N, 16, h, w) how to double it
    logits: Tensor  # (N, P, h, w)


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
        maps = []
        x = context
        for above, beside, mix, detail in zip(self.above, self.beside, self.mix, reversed(features[1:4]), strict=True):
            x = mix(double(above(x)) + beside(detail))
            maps.append(x)
        return maps


class Reader(nn.Module):
    """A box -> the steering vector of its prompt (B, K, D), and a key per paint (B, K, P, C)."""

    def __init__(self, prompt: int, key: int) -> None:
        super().__init__()
        self.words = nn.Linear(EMBEDDING_SIZE, prompt)
        self.prompt = nn.Sequential(
            nn.Linear(len(TASKS) + LENS_SIZE + prompt + 3, 2 * prompt),
            nn.ReLU(),
            nn.Linear(2 * prompt, prompt),
            nn.ReLU(),
        )
        self.key = nn.Sequential(
            nn.Linear(prompt + KINDS + 2 * _PLACE_WAVES, 2 * prompt), nn.ReLU(), nn.Linear(2 * prompt, key)
        )
        waves = math.pi * 2.0 ** torch.arange(_PLACE_WAVES) / 2
        self.waves: Tensor
        self.register_buffer("waves", waves, persistent=False)

    def forward(self, boxes: Boxes) -> tuple[Tensor, Tensor]:
        words = self.words(boxes.text * math.sqrt(EMBEDDING_SIZE))
        # targets and free paints have words; their mean is the prompt's subject
        has_words = (boxes.text.abs().sum(-1, keepdim=True) > 0).to(words.dtype)
        subject = (words * has_words).sum(2) / has_words.sum(2).clamp(min=1)
        # a painter that is free to choose must know which colour is taken; nobody else needs any colour
        free = boxes.kind[..., FREE].amax(2, keepdim=True)
        taken = (boxes.color * boxes.kind[..., BACKGROUND : BACKGROUND + 1]).sum(2) * free
        prompt = self.prompt(torch.cat([boxes.task, boxes.lens, subject, taken], dim=-1))
        angle = boxes.place[..., None] * self.waves
        knot = boxes.kind[..., KNOT : KNOT + 1]
        place = torch.cat([torch.sin(angle), torch.cos(angle)], dim=-1) * knot
        key = self.key(torch.cat([words * has_words, boxes.kind, place], dim=-1))
        return prompt, key


class Painter(nn.Module):
    """From 1/16 to 1/2 of the image, steered by the prompt at each step but the last; (N, C, H/2, W/2) features."""

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
        self.work = nn.ModuleList(Separable(c, c) for c in channels)

    def forward(self, maps: list[Tensor], detail: Tensor, prompt: Tensor) -> Tensor:
        shared = [beside(m) for beside, m in zip(self.beside, (with_coordinates(maps[0]), *maps[1:]), strict=True)]
        x = self.work[0](F.relu(self.steer[0](shared[0], prompt)))
        for i in (1, 2):
            x = self.work[i](F.relu(double(self.above[i - 1](x)) + self.steer[i](shared[i], prompt)))
        # the finest map is the largest: it is shared by all prompts, and added without steering
        fine = self.detail(with_coordinates(detail))
        above = _per_image(double(self.above[2](x)), prompt)
        y: Tensor = self.work[3](F.relu((above + fine[:, None]).flatten(0, 1)))
        return y


class Mixer(nn.Module):
    """Features and paints -> what stands at each pixel of 1/2 size, and how to double it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pixel = nn.Linear(channels, 3 + 16)  # a free colour, and the choice
        # start from bilinear interpolation: shares 1, 3, 3, 9 of the neighbours, the nearest has most
        shares = torch.tensor([[1.0, 3, 3, 9], [3, 1, 9, 3], [3, 9, 1, 3], [9, 3, 3, 1]])
        nn.init.normal_(self.pixel.weight[3:], std=1e-3)
        with torch.no_grad():
            self.pixel.bias[3:].copy_(torch.log(shares).flatten())

    def forward(self, feature: Tensor, key: Tensor, boxes: Boxes) -> Mixture:
        with torch.autocast(feature.device.type, enabled=False):  # a place needs more than bfloat16's eight bits
            return self._mix(feature.float(), key.float(), boxes)

    def _mix(self, feature: Tensor, key: Tensor, boxes: Boxes) -> Mixture:
        prompts, _, height, width = feature.shape
        flat = feature.flatten(2)
        logits = (key.flatten(0, 1) * key.shape[-1] ** -0.5) @ flat
        shares = logits if self.training else _decided(logits, boxes)
        weight = torch.exp(shares.clamp(-LOGIT_LIMIT, LOGIT_LIMIT))
        # one product mixes all that paints have, and sums the weights of those that are present for the division
        sums = _values(boxes).flatten(0, 1) @ weight
        mixed = sums[:, :5] / sums[:, 5:]
        # a product, since a convolution would turn large maps around first
        pixel = self.pixel.weight @ flat + self.pixel.bias[:, None]
        color = mixed[:, :3] + mixed[:, 4:] * torch.sigmoid(pixel[:, :3])
        return Mixture(
            color.reshape(prompts, 3, height, width),
            mixed[:, 3].reshape(prompts, height, width),
            pixel[:, 3:].reshape(prompts, 16, height, width),
            logits.reshape(prompts, -1, height, width),
        )


class Student(nn.Module):
    """Image and boxes in, canvases out."""

    def __init__(self, config: StudentConfig | None = None) -> None:
        super().__init__()
        self.config = config or StudentConfig()
        self.encoder = MobileNetV2()
        self.context = Context(CHANNELS[4], self.config.context)
        self.trunk = Trunk(self.config.context, self.config.trunk)
        self.reader = Reader(self.config.prompt, self.config.painter[-1])
        self.painter = Painter(self.config.trunk, self.config.painter, self.config.prompt)
        self.mixer = Mixer(self.config.painter[-1])

    def forward(self, image: Tensor, boxes: Boxes) -> Painting:
        features = self.encoder(normalise(image))
        maps = self.trunk(self.context(features[4]), features)
        prompt, key = self.reader(boxes)
        mixture = self.mixer(self.painter(maps, features[0], prompt), key, boxes)
        knots = boxes.kind[..., KNOT].flatten(0, 1)
        along_walk = walk(mixture.place, boxes.color.flatten(0, 1), knots.sum(1))
        small = torch.where(knots.amax(1)[:, None, None, None] > 0, along_walk, mixture.color)
        canvas = sharp_double(small, mixture.choice)
        absent = (1 - boxes.kind.flatten(0, 1).sum(-1))[..., None, None]
        return Painting(
            _per_image(canvas, prompt),
            _per_image(mixture.place, prompt),
            _per_image(mixture.logits + absent * _ABSENT, prompt),
        )


def _per_image(x: Tensor, prompt: Tensor) -> Tensor:
    """(B * K, ...) to (B, K, ...)."""
    return x.reshape(prompt.shape[0], prompt.shape[1], *x.shape[1:])


def _values(boxes: Boxes) -> Tensor:
    """(B, K, 6, P): what a paint adds to a pixel: given colour, place, whether it is free, and one if it is there."""
    present = boxes.kind.sum(-1, keepdim=True)
    given = boxes.kind[..., TARGET : TARGET + 1] + boxes.kind[..., BACKGROUND : BACKGROUND + 1]
    knot, free = boxes.kind[..., KNOT : KNOT + 1], boxes.kind[..., FREE : FREE + 1]
    return torch.cat([boxes.color * given, boxes.place[..., None] * knot, free, present], dim=-1).transpose(-1, -2)


def _decided(logits: Tensor, boxes: Boxes) -> Tensor:
    """Logits that give nearly all of a pixel to its likeliest paint, where a prompt names targets.

    In training the shares are soft, so that every paint learns. On a canvas a mixture of two named colours is a third
    one, which may be another target's: with 134 classes 2 % of the pixels decoded right, decided 48 %.
    """
    kind = boxes.kind.flatten(0, 1)
    absent = (1 - kind.sum(-1))[..., None]
    best = (logits + absent * _ABSENT).amax(1, keepdim=True)
    named = kind[..., TARGET].amax(1)[:, None, None]
    return torch.where(named > 0, DECISION * (logits - best), logits)


def walk(place: Tensor, color: Tensor, knots: Tensor) -> Tensor:
    """(N, H, W) places in 0..1 to (N, 3, H, W): straight lines between the first `knots` colours of each (N, P, 3)."""
    steps = (knots - 1).clamp(min=0)[:, None, None]
    position = place.clamp(0, 1) * steps
    before = torch.minimum(position.floor(), (steps - 1).clamp(min=0))
    first = torch.arange(color.shape[0], device=color.device)[:, None, None] * color.shape[1]
    start = (before.long() + first).flatten()
    # the last knot has no follower, and nothing lies beyond it
    end = torch.minimum(start.view_as(place) + 1, steps.long() + first).flatten()
    fraction = (position - before).flatten()
    channels = []
    for table in color.flatten(0, 1).unbind(1):  # channel by channel: run-times are slow on an inner axis of three
        from_color = table.index_select(0, start)
        channels.append((from_color + fraction * (table.index_select(0, end) - from_color)).view_as(place))
    return torch.stack(channels, dim=1)
