"""The instance-colouring loss: whatever colours, if only each thing has one of its own (the work known as gen2seg).

No colour can be assigned beforehand, so the painter chooses; three terms judge a picture p in 0..1:

    pull    mean over the things of the mean |p - m_i|^2 over thing i, with m_i its own mean colour
    push    mean over the pairs of max(0, d - |m_i - m_j|)^2, the background's given colour among the means
    ground  mean |p - b|^2 over the background, b its colour

Every thing counts alike, however large. Pixels of -1 belong to nobody and are left out. What is painted so is decoded
as any other instance canvas of this package (codecs/instances.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

Tensor = torch.Tensor
#: How far apart means should be, as a share of 1: the decoder's reach of 14 levels at each side, and room for shading.
DISTANCE = 0.35


@dataclass(frozen=True, slots=True)
class Coloring:
    """The three terms of a batch, and their sum as it is learnt."""

    pull: Tensor
    push: Tensor
    ground: Tensor

    @property
    def loss(self) -> Tensor:
        return self.pull + self.push + self.ground


def coloring_loss(
    painted: Tensor,
    instances: Tensor,
    *,
    background: tuple[float, float, float] = (0, 0, 0),
    distance: float = DISTANCE,
) -> Coloring:
    """`painted` (B, 3, H, W) in 0..1; `instances` (B, H, W): 0 background, 1.. things, -1 nobody knows."""
    behind = painted.new_tensor(background)
    pulls, pushes, grounds = [], [], []
    for picture, ids in zip(painted, instances, strict=True):
        pixels, flat = picture.flatten(1).T, ids.flatten()
        empty = flat == 0
        if empty.any():
            grounds.append((pixels[empty] - behind).square().sum(-1).mean())
        present = torch.unique(flat[flat > 0])
        if not len(present):
            continue
        member = (flat[None] == present[:, None]).to(pixels.dtype)
        sizes = member.sum(1, keepdim=True)
        means = member @ pixels / sizes
        # E|p - m|^2 = E|p|^2 - |m|^2, for all things at once
        spread = (member @ pixels.square().sum(-1, keepdim=True) / sizes)[:, 0] - means.square().sum(-1)
        pulls.append(spread.clamp_min(0).mean())
        all_means = torch.cat([means, behind[None]])
        first, second = torch.triu_indices(len(all_means), len(all_means), offset=1, device=means.device)
        apart = (all_means[first] - all_means[second]).square().sum(-1).clamp_min(1e-8).sqrt()
        pushes.append((distance - apart).clamp_min(0).square().mean())
    return Coloring(_mean(pulls, painted), _mean(pushes, painted), _mean(grounds, painted))


def _mean(terms: list[Tensor], like: Tensor) -> Tensor:
    return torch.stack(terms).mean() if terms else like.sum() * 0
