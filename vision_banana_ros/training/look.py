"""Frames of a stack seen through views: pictures, and what is known of each of their pixels, in batches on the device.

Pictures are sampled bilinearly, after as much blurring as a canvas leaves out of a frame; what is known of a pixel is
picked at its centre, never blended.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vision_banana_ros.core import UNLABELLED
from vision_banana_ros.data.shard_codes import FAR_M, NEAR_M
from vision_banana_ros.training.config import View
from vision_banana_ros.training.store import Stack
from vision_banana_ros.training.views import Views

_BEYOND = 65535
_LOG_STEP = math.log(FAR_M / NEAR_M) / 65533
#: From so many pixels of the frame per pixel of the canvas on, one sample would miss some.
_COARSE = 1.2


@dataclass(slots=True)
class Seen:
    """B pictures and their truth."""

    image: Tensor  # (B, 3, H, W) 0..255
    depth: Tensor  # (B, H, W) metres along z; 0 unknown, inf beyond range
    normals: Tensor  # (B, 3, H, W) optical frame; 0 unknown
    classes: Tensor  # (B, H, W) int64, 255 unknown
    instances: Tensor  # (B, H, W) int64, 0 none


def look(stack: Stack, rows: Tensor, views: Views, view: View) -> Seen:
    device = stack.rgb.device
    height, width = stack.hw
    matrix = torch.as_tensor(views.matrix, dtype=torch.float32, device=device)
    ahead = _pixels(view, device) @ matrix.transpose(1, 2)  # (B, pixels, 3)
    forward = ahead[..., 2:]
    at = ahead[..., :2] / forward.clamp(min=1e-3)
    image = _picture(stack.rgb[rows], at.view(-1, view.height, view.width, 2), views)

    shape = (len(rows), view.height, view.width)
    x, y = at.unbind(-1)
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5) & (forward[..., 0] > 0)
    column, row = x.round().clamp_(0, width - 1), y.round().clamp_(0, height - 1)
    pixel = (row * width + column).long() + (rows * (height * width))[:, None]
    bits = stack.truth.view(-1).index_select(0, pixel.view(-1))
    code = bits.view(torch.int16).view(*pixel.shape, 4)[..., 0].int() & 0xFFFF  # little-endian, as all our machines
    parts = bits.view(torch.uint8).view(*pixel.shape, 8)

    depth = torch.exp((code.float() - 1) * _LOG_STEP + math.log(NEAR_M)) / forward[..., 0].clamp(min=1e-3)
    depth = torch.where((code > 0) & inside, torch.where(code == _BEYOND, torch.inf, depth), 0.0)
    vectors = parts[..., 2:5].float() - 128
    rotation = torch.as_tensor(views.rotation, dtype=torch.float32, device=device)
    normals = (rotation @ vectors.transpose(1, 2)).view(-1, 3, view.height, view.width)
    length = normals.square().sum(1, keepdim=True).sqrt()
    normals = normals * (((length > 60) & inside.view(shape)[:, None]) / length.clamp(min=1))
    return Seen(
        image=image,
        depth=depth.view(shape),
        normals=normals,
        classes=torch.where(inside, parts[..., 5], UNLABELLED).view(shape).long(),
        instances=(parts[..., 6] * inside).view(shape).long(),
    )


def together(parts: list[Seen], order: np.ndarray) -> Seen:
    """Parts of a batch that came from different stacks as one: `order` says which place each row of them has."""
    if len(parts) == 1 and (order == np.arange(len(order))).all():
        return parts[0]
    back = torch.as_tensor(np.argsort(order), device=parts[0].image.device)
    return Seen(*(torch.cat([getattr(part, f.name) for part in parts])[back] for f in fields(Seen)))


def _picture(rgb: Tensor, at: Tensor, views: Views) -> Tensor:
    """(B, 3, H, W) at the places (B, H, W, 2) of the frames, in their pixels."""
    height, width = rgb.shape[2:]
    source = rgb.to(torch.float32, memory_format=torch.channels_last)
    zoom = views.zoom
    if zoom.max() > _COARSE:
        # a pixel of the canvas is a square of the frame as wide as the zoom: widen the bilinear sample to its spread
        blur = torch.as_tensor(np.clip((zoom**2 - 1) / 6, 0, 1), dtype=torch.float32, device=rgb.device)
        source = source + (_binomial(source) - source) * blur[:, None, None, None]
    scale = torch.tensor((2 / width, 2 / height), device=rgb.device)
    grid = at * scale + (scale / 2 - 1)
    return F.grid_sample(source, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _binomial(x: Tensor) -> Tensor:
    """Blurred by 1, 2, 1 both ways. A convolution of each channel is by far the fastest way on a CPU."""
    kernel = torch.tensor((1.0, 2, 1), device=x.device, dtype=x.dtype)
    kernel = (kernel[:, None] * kernel / 16).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, groups=x.shape[1])


@cache
def _pixels(view: View, device: torch.device) -> Tensor:
    """(pixels, 3) u, v, 1 of a canvas."""
    v, u = torch.meshgrid(torch.arange(view.height), torch.arange(view.width), indexing="ij")
    return torch.stack([u, v, torch.ones_like(u)], dim=-1).view(-1, 3).float().to(device)
