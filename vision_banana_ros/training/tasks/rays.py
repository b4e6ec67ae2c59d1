"""RAYS: the colours, and the focal length that they amount to; and the lens that the network guesses inside.

L = 6 |rgb - code(t)| + |log (f / f_t)|        f: the slope of tan(angle) over the columns, by least squares

A lens that is off by a third moves the colours by .03 only: by colours alone every camera became the usual one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from vision_banana_ros.codecs.rays import WIDEST_DEG
from vision_banana_ros.core import Task
from vision_banana_ros.student.network import Painting
from vision_banana_ros.training.batch import Batch, Rows
from vision_banana_ros.training.look import Seen
from vision_banana_ros.training.tasks.image import picture_loss
from vision_banana_ros.training.tasks.room import (
    Answer,
    Asker,
    Cameras,
    Exercise,
    Facts,
    Part,
    Question,
    free,
    masked_mean,
)

_STEEPEST = 0.98  # of the widest angle: tangents beyond grow out of all proportion


class Rays(Exercise):
    task = Task.RAYS

    def ask(self, facts: Facts, asker: Asker) -> Question | None:
        return free(self.task) if facts.usual_lens and facts.has_rays else None

    def answer(self, seen: Seen, camera: Cameras, rows: Rows, questions: Sequence[Question]) -> Answer:
        cameras = torch.as_tensor(camera, dtype=torch.float32, device=seen.image.device)
        return Answer(colors=ray_colors(cameras[rows[0]], seen.image.shape[2:]))

    def losses(self, painting: Painting, batch: Batch) -> Iterator[Part]:
        """The lens that is guessed inside costs in any case: every image has one."""
        if self.task in batch.rows:
            yield Part("rays", 1.0, rays_loss(painting, batch))
        yield Part("lens", 0.5, guess_loss(painting, batch))


def rays_loss(painting: Painting, batch: Batch) -> Tensor:
    colors = picture_loss(painting, batch, Task.RAYS)
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


def ray_colors(camera: Tensor, hw: Sequence[int]) -> Tensor:
    """(N, 3, H, W): codecs/rays.py for pinhole cameras (N, 4)."""
    fx, fy, cx, cy = camera.T[..., None]
    across = torch.atan((torch.arange(hw[1], device=camera.device) - cx) / fx)[:, None]
    down = torch.atan((torch.arange(hw[0], device=camera.device) - cy) / fy)[:, :, None]
    half = 2 * math.radians(WIDEST_DEG)
    blue = (across - down) / (2 * half)
    red, green = (angle.expand_as(blue) for angle in (across / half, down / half))
    return torch.stack([red, green, blue], dim=1) + 0.5


EXERCISE = Rays()
