"""The network as it runs: each normalisation multiplied into its convolution, once and for all."""

from __future__ import annotations

import copy

import torch
from torch import nn

from vision_banana_ros.student.blocks import Attention, ConvNorm, Depthwise
from vision_banana_ros.student.network import Student


@torch.no_grad()
def folded(student: Student) -> Student:
    """A copy in evaluation mode that paints the same, with convolutions where `ConvNorm`s were; twice is as once."""
    copied = copy.deepcopy(student).eval()
    for module in list(copied.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, ConvNorm):
                setattr(module, name, nn.Sequential(_plain(child), child.act))
        if isinstance(module, Attention) and isinstance(module.norm, nn.BatchNorm2d):
            _absorb(module, module.norm)
    return copied


def _absorb(attention: Attention, norm: nn.BatchNorm2d) -> None:
    """Its normalisation comes first, so it goes into the weights of the questions: W (a x + b) = (W a) x + W b."""
    ask = attention.ask
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert ask.bias is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    ask.bias.add_(ask.weight[:, :, 0, 0] @ (norm.bias - norm.running_mean * scale))
    ask.weight.mul_(scale[None, :, None, None])
    attention.norm = nn.Identity()


def _plain(block: ConvNorm) -> nn.Conv2d:
    old = block.conv
    weight, bias = block.folded()
    new: nn.Conv2d
    if isinstance(old, Depthwise):
        new = Depthwise(old.out_channels, old.kernel_size[0], old.stride[0])
    else:
        new = nn.Conv2d(
            old.in_channels, old.out_channels, old.kernel_size[0], old.stride[0], padding=old.kernel_size[0] // 2
        )
    new = new.to(weight.device)
    new.weight.copy_(weight)
    assert new.bias is not None
    new.bias.copy_(bias)
    return new.eval()
