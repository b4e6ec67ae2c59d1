"""Normalisations that were folded away, brought back without changing what a network computes.

Folding also leaves filters of any size: a map with a standard deviation of 250 leaves filters 250 times too small, and
steps of a usual rate would overwrite them. So each filter gets length 1 again, and its normalisation takes up the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vision_banana_ros.student.blocks import ConvNorm
from vision_banana_ros.student.encoder import InvertedResidual

#: Shorter filters are left alone: they let nothing through.
_NO_FILTER = 1e-8


@dataclass(slots=True)
class _Seen:
    """Sums over all places of all images that a normalisation was given."""

    count: int
    total: Tensor  # float64
    squares: Tensor

    @classmethod
    def none(cls, channels: int, device: torch.device) -> _Seen:
        zeros = torch.zeros(channels, dtype=torch.float64, device=device)
        return cls(0, zeros, zeros.clone())

    def add(self, x: Tensor) -> None:
        values = x.double()
        self.count += x.numel() // x.shape[1]
        self.total += values.sum((0, 2, 3))
        self.squares += values.square().sum((0, 2, 3))


@contextmanager
def settled_norms(network: nn.Module) -> Iterator[None]:
    """Inside, show `network` images; then its normalisations have their statistics, and compute what they did before.

    Folded away they were the identity, or a shift: in training they would suddenly normalise, and all would change. One
    that is shown nothing keeps what it has.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    seen = {norm: _Seen.none(norm.num_features, norm.bias.device) for norm in norms}

    def watch(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen[norm].add(inputs[0])  # type: ignore[index]

    hooks = [norm.register_forward_pre_hook(watch) for norm in norms]
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
            for norm in norms:
                if seen[norm].count:
                    _settle(norm, seen[norm])
            for conv, norm in _normed(network):
                _resize(conv, norm)
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()


def learn(network: nn.Module, *, frozen_norms: bool) -> None:
    """Training mode; with frozen norms the network computes as it will when it is used (but for the mixer's choice)."""
    network.train()
    if frozen_norms:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def _settle(norm: nn.BatchNorm2d, seen: _Seen) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean = (seen.total / seen.count).float()
    variance = (seen.squares / seen.count - mean.double().square()).clamp(min=0).float()
    # y = (x - m) / s * weight + bias for the old m and s must stay what it is with the new ones
    old_scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    norm.bias.add_(old_scale * (mean - norm.running_mean))
    norm.weight.copy_(old_scale * (variance + norm.eps).sqrt())
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)


def _normed(network: nn.Module) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Each convolution with the normalisation that follows it."""
    for module in network.modules():
        following: list[tuple[nn.Module | None, nn.Module]] = []
        if isinstance(module, ConvNorm):
            following = [(module[0], module[1])]
        elif isinstance(module, InvertedResidual):
            following = list(zip((module.widen, module.look, module.narrow), module.norms, strict=True))
        for conv, norm in following:
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                yield conv, norm


def _resize(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    length = conv.weight.flatten(1).norm(dim=1)
    factor = torch.where(length > _NO_FILTER, 1 / length.clamp(min=_NO_FILTER), 1.0)
    before = norm.weight / (norm.running_var + norm.eps).sqrt()
    conv.weight.mul_(factor[:, None, None, None])
    if conv.bias is not None:
        conv.bias.mul_(factor)
    norm.running_mean.mul_(factor)
    norm.running_var.mul_(factor.square())
    norm.weight.copy_(before / factor * (norm.running_var + norm.eps).sqrt())
