"""The small parts that the student is built from."""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vision_banana_ros.student.gradients import Depthwise5, MixedCorners, by_hand

#: Logits are held within it, so that their exponentials can be summed as they are, without a maximum to subtract.
LOGIT_LIMIT = 20.0
#: Logits of a choice: 4 neighbours for each of the 4 new pixels.
CHOICES = 16


class Depthwise(nn.Conv2d):
    """Each channel on its own. Training on a CPU takes it out of bfloat16, whose gradients cost far more there."""

    def __init__(self, channels: int, size: int, stride: int = 1, *, bias: bool = True) -> None:
        super().__init__(channels, channels, size, stride, padding=size // 2, groups=channels, bias=bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: A002
        if input.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return self._look(input, weight, bias)
        with torch.autocast("cpu", enabled=False):
            x = input.float().contiguous(memory_format=torch.channels_last)
            return self._look(x, weight.float(), None if bias is None else bias.float())

    def _look(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.kernel_size == (5, 5) and by_hand(weight) and x.shape[3] % 2 == 0:
            quick: Tensor = Depthwise5.apply(x, weight, bias, self.stride[0])  # type: ignore[no-untyped-call]
            return quick
        plain: Tensor = super()._conv_forward(x, weight, bias)
        return plain


class ConvNorm(nn.Module):
    """Convolution, batch normalisation, and what cuts it off.

    With frozen statistics (`norm.eval()`) the normalisation is a factor of the weights and a bias: it is multiplied
    into them, which costs nothing, where a pass of its own over the map was a fifth of a backward pass.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int = 1,
        *,
        stride: int = 1,
        depthwise: bool = False,
        act: str | None = "relu",
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.conv: nn.Conv2d
        if depthwise:
            self.conv = Depthwise(inputs, size, stride, bias=False)
        else:
            self.conv = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=eps)
        # in its place a ReLU6 would keep a copy for its gradient, which a ReLU does not
        self.act = {"relu": nn.ReLU(inplace=True), "relu6": nn.ReLU6(), None: nn.Identity()}[act]

    def forward(self, x: Tensor) -> Tensor:
        if self.norm.training:
            y = self.norm(self.conv(x))
        else:
            weight, bias = self.folded()
            y = self.conv._conv_forward(x, weight, bias)
        z: Tensor = self.act(y)
        return z

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the one convolution that does the same."""
        norm = self.norm
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        return self.conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


class Separable(nn.Module):
    """A look around per channel, then two mixtures of the channels, added to the input."""

    def __init__(self, channels: int, hidden: int, size: int = 5) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            ConvNorm(channels, channels, size, depthwise=True, act=None),
            ConvNorm(channels, hidden),
            ConvNorm(hidden, channels, act=None),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.steps(x)
        return y


class Attention(nn.Module):
    """Every place of the coarsest map looks at every other: what the room is like as a whole."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm: nn.Module = nn.BatchNorm2d(channels)
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


def start_bilinear(layer: nn.Conv2d | nn.Linear, *, first: int = 0, each: int = 1) -> None:
    """Let `layer` say from channel `first` on what makes `sharp_double` bilinear; `each` as pixel_shuffle deals."""
    shares = torch.tensor([[1.0, 3, 3, 9], [3, 1, 9, 3], [3, 9, 1, 3], [9, 3, 3, 1]])  # the nearest has most
    logits = torch.log(shares).flatten().repeat_interleave(each)
    assert layer.bias is not None
    with torch.no_grad():
        layer.weight[first : first + len(logits)].normal_(std=1e-3)
        layer.bias[first : first + len(logits)].copy_(logits)


def double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def sharp_double(x: Tensor, choice: Tensor) -> Tensor:
    """Twice the size; each new pixel is a learned convex mixture of its four nearest old ones.

    With a choice near one-hot, edges stay sharp and colours pure (Teed and Deng 2020 enlarge optical flow so).
    x: (N, C, h, w); choice: (N, 16, h, w) logits, or (B, 16, h, w) where N = B * K canvases share their image's.
    """
    shape = x.shape
    x = x.reshape(choice.shape[0], -1, *shape[2:])
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    if by_hand(x, choice):
        logits = F.hardtanh(choice.float(), -LOGIT_LIMIT, LOGIT_LIMIT)  # a clamp whose gradient is one pass
        shares = torch.softmax(logits.reshape(-1, 4, 4, *logits.shape[2:]), dim=2)
        full: Tensor = MixedCorners.apply(padded, shares)  # type: ignore[no-untyped-call]
    else:
        full = _mixed(padded, choice)
    return full.reshape(-1, shape[1], *full.shape[2:])


def _mixed(padded: Tensor, choice: Tensor) -> Tensor:
    """As `MixedCorners` does it, from plain operations: what graphs are traced from."""
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
    return F.pixel_shuffle(stacked, 2)


def coordinates(x: Tensor) -> Tensor:
    """(1, 2, H, W) for a map (B, C, H, W): x to the right and y down, -1..1 over the image's width, pixel centres."""
    height, width = x.shape[2:]
    columns = (torch.arange(width, device=x.device, dtype=x.dtype) + 0.5) / width * 2 - 1
    rows = ((torch.arange(height, device=x.device, dtype=x.dtype) + 0.5) * 2 - height) / width
    return torch.stack([columns.expand(height, width), rows[:, None].expand(height, width)])[None]


def with_coordinates(x: Tensor, where: Tensor) -> Tensor:
    """Two more channels."""
    return torch.cat([x, where.expand(x.shape[0], -1, -1, -1)], dim=1)
