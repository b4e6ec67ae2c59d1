"""Instance canvases: any colours, as long as each instance has its own. The instance-colouring loss.

    m_i   mean colour of instance i (in 0..1 per channel),  m_0 the background's given colour
    h_i   where the middle of instance i lies: 0.15 + 0.7 (x, y) / (width, height)
    pull  mean over instances of mean |c - m_i| over their pixels
    push  mean over pairs i != j of max(0, M - ||m_i - m_j||)^2 / M^2,  M = 0.8 / cbrt(instances): what the cube holds
    hint  mean over instances of mean |c - h_i| over their pixels, of red and green
    L     pull + 0.7 push + 0.5 hint

No colour is prescribed, since no instance has a right one (the work known as gen2seg); but from any colour to a
different one per instance is a long way. With the hint red and green start from where an instance lies, and blue is
left to tell apart what lies close together. All of the network's own colour, before it is mixed with the background's:
class against background is left to the palette loss.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vision_banana_ros.core import Task
from vision_banana_ros.student.network import Painting
from vision_banana_ros.student.paintbox import BACKGROUND
from vision_banana_ros.training.batch import Batch

_PUSH = 0.7
_HINT = 0.5
_EDGE = 0.15
_SMALLEST = 6  # pixels


def instance_loss(painting: Painting, batch: Batch) -> Tensor | None:
    """None where no canvas of the batch has an instance."""
    losses = []
    for image, question in batch.is_task(Task.INSTANCE).nonzero().tolist():
        kind = batch.boxes.kind[image, question, :, BACKGROUND : BACKGROUND + 1]
        background = (batch.boxes.color[image, question] * kind).sum(0)
        free = painting.free[image, question].float()
        # picked, not blended: numbers have no mean
        numbers = batch.instances[image, question][1::2, 1::2].long()
        loss = coloring_loss(free, numbers, background)
        if loss is not None:
            losses.append(loss)
    return torch.stack(losses).mean() if losses else None


def coloring_loss(canvas: Tensor, instances: Tensor, background: Tensor) -> Tensor | None:
    """(3, H, W) canvas, (H, W) instance numbers with 0 for none, (3,) colour of the background."""
    ids = instances.flatten()
    colors = canvas.flatten(1).T  # (pixels, 3)
    count = int(ids.max()) + 1
    size = torch.zeros(count, device=ids.device).index_add_(0, ids, torch.ones_like(ids, dtype=torch.float32))
    mean = torch.zeros(count, 3, device=ids.device).index_add_(0, ids, colors) / size.clamp(min=1)[:, None]
    off = (colors - mean[ids]).abs().mean(1)
    height, width = instances.shape
    where = torch.stack(
        [
            torch.arange(width, device=ids.device).expand(height, width) / width,
            torch.arange(height, device=ids.device)[:, None].expand(height, width) / height,
        ]
    ).flatten(1)
    middle = torch.zeros(count, 2, device=ids.device).index_add_(0, ids, where.T) / size.clamp(min=1)[:, None]
    hint = _EDGE + (1 - 2 * _EDGE) * middle
    off = off + _HINT * (colors[:, :2] - hint[ids]).abs().mean(1)
    pull = torch.zeros(count, device=ids.device).index_add_(0, ids, off) / size.clamp(min=1)
    kept = size >= _SMALLEST
    kept[0] = False
    if not kept.any():
        return None
    means = torch.cat([background[None], mean[kept]])
    gap = (means[:, None] - means[None]).square().sum(-1).clamp(min=1e-8).sqrt()
    margin = 0.8 / len(means) ** (1 / 3)
    pairs = ~torch.eye(len(means), dtype=torch.bool, device=ids.device)
    push = ((margin - gap).clamp(min=0) / margin)[pairs].square().mean()
    loss: Tensor = pull[kept].mean() + _PUSH * push
    return loss
