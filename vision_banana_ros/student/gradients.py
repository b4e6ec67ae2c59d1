"""Gradients written out, where a CPU's own take many times what their sums should cost.

oneDNN has fast code for the weights' gradient of depthwise convolutions only where kernels are at most three wide;
beyond that it took ten times as long as the forward pass. The five columns of a kernel need no wider one:

    columns 1 2 3   a kernel of three columns
    columns 0 2 4   the same on every second pixel: two neighbours seen as one pixel of twice the channels, which is
                    how they lie in memory (channels last), so nothing is copied

With stride 2 the second way says all five: the even columns see the left one of two neighbours, the odd ones the right.

Autograd's own gradient of a mixture of shifted maps fills and adds a whole map for every shift and every product.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.autograd.function import once_differentiable

#: Fewer rows than this, and oneDNN's fast code is not taken: then empty ones are added.
_FEWEST_ROWS = 6


def by_hand(*wanted: Tensor) -> bool:
    """Whether gradients are wanted of one of these, on a CPU; graphs are traced and compiled from plain operations."""
    return (
        torch.is_grad_enabled()
        and wanted[0].device.type == "cpu"
        and any(tensor.requires_grad for tensor in wanted)
        and not torch.compiler.is_compiling()
    )


class Depthwise5(torch.autograd.Function):
    """Convolution (N, C, H, W), W even, with (C, 1, 5, 5), padding 2."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return F.conv2d(x, weight, bias, stride, 2, 1, len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias, _ = ctx.needs_input_grad
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        return (
            _convolved_back(gradient, x, weight, (ctx.stride, ctx.stride), of_x=True)[0] if of_x else None,
            _of_weight(gradient, x, ctx.stride) if of_weight else None,
            gradient.sum((0, 2, 3)) if of_bias else None,
            None,
        )


def _of_weight(gradient: Tensor, x: Tensor, stride: int) -> Tensor:
    x = x.contiguous(memory_format=torch.channels_last)
    channels, missing = x.shape[1], max(0, _FEWEST_ROWS - x.shape[2])
    if missing:
        x = F.pad(x, (0, 0, 0, missing))
        gradient = F.pad(gradient, (0, 0, 0, missing // stride))
    if stride == 2:
        both = _three_columns(torch.cat([gradient, gradient], dim=1), _in_pairs(x), (2, 1))
        return both.view(2, channels, 1, 5, 3).permute(1, 2, 3, 4, 0).flatten(3)[..., :5]
    near = _three_columns(gradient, x, (1, 1))
    far = _three_columns(_in_pairs(gradient), _in_pairs(x), (1, 1)).view(2, channels, 1, 5, 3).sum(0)
    return torch.stack([far[..., 0], near[..., 0], far[..., 1], near[..., 2], far[..., 2]], dim=-1)


def _in_pairs(x: Tensor) -> Tensor:
    """(N, C, H, W) to (N, 2 C, H, W / 2): the left one of two neighbours first; a view."""
    batch, channels, height, width = x.shape
    return x.permute(0, 2, 3, 1).reshape(batch, height, width // 2, 2 * channels).permute(0, 3, 1, 2)


def _three_columns(gradient: Tensor, x: Tensor, stride: tuple[int, int]) -> Tensor:
    """(C, 1, 5, 3), the gradient of such a weight."""
    return _convolved_back(gradient, x, x.new_empty((x.shape[1], 1, 5, 3)), stride, of_x=False)[1]


def _convolved_back(
    gradient: Tensor, x: Tensor, weight: Tensor, stride: tuple[int, int], *, of_x: bool
) -> tuple[Tensor, Tensor]:
    padding = [size // 2 for size in weight.shape[2:]]
    found: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
        gradient, x, weight, None, stride, padding, (1, 1), False, (0, 0), x.shape[1], (of_x, not of_x, False)
    )
    return found[:2]


class MixedCorners(torch.autograd.Function):
    """`padded` (B, C, h + 2, w + 2), shares (B, 4, 4, h, w) of the four corners in each quarter: (B, C, 2 h, 2 w)."""

    @staticmethod
    def forward(ctx: Any, padded: Tensor, shares: Tensor) -> Tensor:
        ctx.save_for_backward(padded, shares)
        (batch, channels), (height, width) = padded.shape[:2], shares.shape[3:]
        mixed = padded.new_zeros((2, 2, batch, channels, height, width))
        for quarter, corner, at in _corners(height, width):
            mixed.flatten(0, 1)[quarter].addcmul_(padded[at], shares[:, None, quarter, corner])
        return mixed.permute(2, 3, 4, 0, 5, 1).reshape(batch, channels, 2 * height, 2 * width)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        padded, shares = ctx.saved_tensors
        (batch, channels), (height, width) = padded.shape[:2], shares.shape[3:]
        off = gradient.reshape(batch, channels, height, 2, width, 2).permute(3, 5, 0, 1, 2, 4).flatten(0, 1)
        of_padded, of_shares = torch.zeros_like(padded), torch.zeros_like(shares)
        for quarter, corner, at in _corners(height, width):
            of_padded[at].addcmul_(off[quarter], shares[:, None, quarter, corner])
            seen, share = padded[at], of_shares[:, quarter, corner]
            for channel in range(channels):  # a product of all would be written and read again to be summed
                share.addcmul_(off[quarter, :, channel], seen[:, channel])
        return of_padded, of_shares


def _corners(height: int, width: int) -> list[tuple[int, int, tuple[Any, ...]]]:
    """Which quarter, which of its corners, and where in the padded map that lies."""
    steps = list(product((0, 1), repeat=2))
    return [
        (i, j, (..., slice(dy + ny, dy + ny + height), slice(dx + nx, dx + nx + width)))
        for i, (dy, dx) in enumerate(steps)
        for j, (ny, nx) in enumerate(steps)
    ]
