"""Ray canvases: the colours, and the focal length that they amount to; and the lens that the network guesses inside.

L = 6 |rgb - code(t)| + |log (f / f_t)|        f: the slope of tan(angle) over the columns, by least squares

A lens that is off by a third moves the colours by .03 only: by colours alone every camera became the usual one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vision_banana_ros.codecs.rays import WIDEST_DEG
from vision_banana_ros.core import Task
from vision_banana_ros.student.network import Painting
from vision_banana_ros.training.batch import Batch
from vision_banana_ros.training.losses.depth import masked_mean
from vision_banana_ros.training.losses.pictures import picture_loss

_STEEPEST = 0.98  # of the widest angle: tangents beyond grow out of all proportion


def rays_loss(painting: Painting, batch: Batch) -> Tensor | None:
    """None where the batch does not ask for rays."""
    colors = picture_loss(painting, batch, Task.RAYS)
    if colors is None:
        return None
    rows = batch.rows[Task.RAYS]
    lens = painted_lens(painting.canvas[rows].float())
    return 6 * colors + (lens - batch.lens[rows[0]]).abs().mean()


def guess_loss(painting: Painting, batch: Batch) -> Tensor:
    off = (painting.guess.lens.float() - batch.lens).abs()
    return masked_mean(off, batch.usual.to(off.dtype))


def painted_lens(canvas: Tensor) -> Tensor:
    """(N, 3, H, W) to (N,): log(width / fx) of the pinhole camera that fits the first channel best."""
    angle = (2 * canvas[:, 0] - 1).clamp(-_STEEPEST, _STEEPEST) * (torch.pi * WIDEST_DEG / 180)
    width = canvas.shape[-1]
    column = (torch.arange(width, device=canvas.device) + 0.5) / width - 0.5
    slope = (torch.tan(angle) * column).mean((1, 2)) / column.square().mean()
    return torch.log(slope.clamp(min=0.05))
