"""Things in front of real rooms that were never there: real frames come from few places, and near things are rare.

A picture lends to another one of its batch: a render its objects, which keep their class and their being one thing, a
real frame whatever is nearer than some distance. It keeps its place and its size in the picture, and so its canonical
depth (student/lens.py): seen through the other lens it stands nearer or further by the ratio of the focal lengths. It
is pasted where it hides what lies behind it, and often much darker, as things in front of windows are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vision_banana_ros.core import UNLABELLED
from vision_banana_ros.training.look import Seen
from vision_banana_ros.training.photometry import soft

_MOST_OBJECTS = 3
_AREA = (0.004, 0.45)  # of the picture
_SILHOUETTE_SHARE = 0.3
#: Of the pixels of a real frame that lends its nearer part.
_NEARER_SHARE = (0.1, 0.6)
#: Instances that were pasted are numbered from here on, so that they are nobody else's.
_FIRST_PASTED = 200
#: What has less than this share of its neighbours is no part of a thing.
_SPECK = 0.4


def paste(seen: Seen, lender: Tensor, taker: Tensor, real: Tensor, focal: Tensor, generator: torch.Generator) -> None:
    """Change the pictures `taker` (T,) of `seen` in place: each gets things of picture `lender` (T,)."""
    if not len(taker):
        return
    depth = seen.depth[lender] * (focal[taker] / focal[lender])[:, None, None]
    wanted = torch.where(real[lender][:, None, None], _nearer_part(depth, generator), _objects(seen, lender, generator))
    behind = seen.depth[taker]
    behind = torch.where(behind > 0, behind, _middle(behind))
    covered = wanted & (depth > 0) & torch.isfinite(depth) & (depth < behind)
    around = soft(covered.float()[:, None])
    covered &= around[:, 0] > _SPECK  # specks are what a comparison of noise with noise leaves
    seen.image[taker] = _blended(seen.image[taker], seen.image[lender], around * covered[:, None], generator)
    seen.depth[taker] = torch.where(covered, depth, seen.depth[taker])
    seen.normals[taker] = torch.where(covered[:, None], seen.normals[lender], seen.normals[taker])
    named = seen.classes[lender]
    seen.classes[taker] = torch.where(covered, named, seen.classes[taker])
    lent = _FIRST_PASTED + seen.instances[lender] % (256 - _FIRST_PASTED)
    lent = torch.where((seen.instances[lender] > 0) & (named != UNLABELLED), lent, 0)
    seen.instances[taker] = torch.where(covered, lent, seen.instances[taker])


def _objects(seen: Seen, lender: Tensor, generator: torch.Generator) -> Tensor:
    """(T, H, W) bool: a few instances of each picture, of a fitting size."""
    instances = seen.instances[lender]
    count, pixels = len(lender), instances[0].numel()
    share = torch.zeros((count, 256), device=instances.device)
    share.scatter_add_(1, instances.flatten(1), torch.ones_like(instances.flatten(1), dtype=torch.float32))
    share = share / pixels
    fitting = (share > _AREA[0]) & (share < _AREA[1])
    fitting[:, 0] = False
    luck = torch.rand(fitting.shape, generator=generator).to(fitting.device) * fitting
    least = luck.topk(_MOST_OBJECTS, dim=1).values[:, -1:]  # up to so many: absent ones have no luck at all
    chosen = fitting & (luck >= least)
    return chosen.gather(1, instances.flatten(1)).view_as(instances)


def _nearer_part(depth: Tensor, generator: torch.Generator) -> Tensor:
    """Up to some distance."""
    share = torch.rand(len(depth), generator=generator) * (_NEARER_SHARE[1] - _NEARER_SHARE[0]) + _NEARER_SHARE[0]
    known = torch.where(depth > 0, depth, torch.inf)[:, ::8, ::8].flatten(1).sort(dim=1).values
    counts = torch.isfinite(known).sum(1)
    limit = known.gather(1, (counts * share.to(depth.device)).long().clamp(max=known.shape[1] - 1)[:, None])
    return depth < limit[..., None]


def _middle(depth: Tensor) -> Tensor:
    """(T, 1, 1) median of what is known; 0 where nothing is, so that nothing is pasted there."""
    known = torch.where((depth > 0) & torch.isfinite(depth), depth, torch.nan)[:, ::8, ::8].flatten(1)
    return known.nanmedian(dim=1).values.nan_to_num(0.0)[:, None, None]


def _blended(below: Tensor, above: Tensor, alpha: Tensor, generator: torch.Generator) -> Tensor:
    """Edges as soft as a camera's; the light of the object between a silhouette's and its own."""
    draws = torch.rand((2, len(below), 1, 1, 1), generator=generator)
    light = torch.where(draws[0] < _SILHOUETTE_SHARE, 0.1 + 0.4 * draws[1], 0.6 + 0.6 * draws[1]).to(below.device)
    mixed: Tensor = (below + (above * light - below) * alpha).clamp(0, 255)
    return mixed
