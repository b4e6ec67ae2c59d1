"""The network in half floats, but for the parts that half floats cannot hold."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn

from vision_banana_ros.student.folded import folded
from vision_banana_ros.student.network import Student

_HALF_PARTS = ("encoder", "context", "trunk", "detail", "edges", "painter")
_FULL_PARTS = ("glance", "lens", "mixer")


def halved(student: Student) -> Student:
    """A folded copy in FP16 but for reader, lens and mixer: the mixer's exp(20) is far beyond 65504."""
    half = folded(student)
    for names, dtype in ((_HALF_PARTS, torch.float16), (_FULL_PARTS, torch.float32)):
        for name in names:
            part = half.get_submodule(name).to(dtype)
            part.register_forward_pre_hook(_casting(dtype))
    return half


def _casting(dtype: torch.dtype) -> Any:
    def hook(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(_cast(value, dtype) for value in inputs)

    return hook


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor):  # an index stays one
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, list):
        return [_cast(item, dtype) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(
            value, **{field.name: _cast(getattr(value, field.name), dtype) for field in dataclasses.fields(value)}
        )
    return value
