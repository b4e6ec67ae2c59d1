"""The network in half floats, but for the parts that half floats cannot hold."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from vision_banana_ros.student.network import Student

_HALF_PARTS = ("encoder", "context", "trunk", "painter")
_FULL_PARTS = ("glance", "mixer")


def halved(student: Student) -> Student:
    """A copy in FP16 but for reader and mixer: the mixer's exp(20) is far beyond the largest half float, 65504."""
    half = copy.deepcopy(student).eval()
    for module in half.modules():
        if isinstance(module, nn.BatchNorm2d):
            _absorb_statistics(module)
    for names, dtype in ((_HALF_PARTS, torch.float16), (_FULL_PARTS, torch.float32)):
        for name in names:
            part = half.get_submodule(name).to(dtype)
            part.register_forward_pre_hook(_casting(dtype))
    return half


@torch.no_grad()
def _absorb_statistics(norm: nn.BatchNorm2d) -> None:
    """The same scale and shift without a mean and a variance, since variances of wide channels are no half floats."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    norm.bias.sub_(norm.running_mean * scale)
    norm.weight.copy_(scale)
    norm.running_mean.zero_()
    norm.running_var.fill_(1)
    norm.eps = 0.0


def _casting(dtype: torch.dtype) -> Any:
    def hook(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(_cast(value, dtype) for value in inputs)

    return hook


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor):
        return value.to(dtype)
    return [_cast(item, dtype) for item in value] if isinstance(value, list) else value
