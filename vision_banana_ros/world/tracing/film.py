"""The images that the passes fill, read and hand on: labels, light by its kinds, the picture."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vision_banana_ros.world.tracing.vectors import Table, Vector, device

SOFT, SUN, GLOSS = 0, 3, 6  # where the three kinds start in Film.light


class Film(NamedTuple):
    """The images of one frame (or, with a leading axis, of many)."""

    geometry: Any  # (H, W, 4) float32: depth along z, optical normal
    ids: Any  # (H, W, 3) int32: part (-1: sky), class, instance
    matt: Any  # (H, W, 3) float32: colour that multiplies received light
    light: Any  # (H, W, 9) float32: received soft light, received sunlight, reflected radiance
    spare: Any  # (H, W, 9) float32: the denoiser's other buffer
    glow: Any  # (H, W, 3) float32: radiance without noise: sky, lamps, what glass lets through
    radiance: Any  # (H, W, 3) float32: the picture, linear


def empty_film(height: int, width: int) -> Film:
    def plane(channels: int, dtype: type = np.float32) -> Any:
        return np.zeros((height, width, channels), dtype)

    return Film(
        geometry=plane(4),
        ids=plane(3, np.int32),
        matt=plane(3),
        light=plane(9),
        spare=plane(9),
        glow=plane(3),
        radiance=plane(3),
    )


@device
def put(image: Table, y: int, x: int, first: int, v: Vector) -> None:
    image[y, x, first] = v[0]
    image[y, x, first + 1] = v[1]
    image[y, x, first + 2] = v[2]


@device
def get(image: Table, y: int, x: int, first: int) -> Vector:
    return image[y, x, first], image[y, x, first + 1], image[y, x, first + 2]
