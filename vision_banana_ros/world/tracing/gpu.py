"""Many frames in one launch on a CUDA device, from the same per-pixel functions as `cpu`.

Scenes lie end to end in flat arrays, `starts` says where each begins; the grid's third axis is the frame. One batch is
one upload, eight launches and one download, however many frames: there is no conversation per frame. While the device
renders, the next batch is built and packed on the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import cuda

from vision_banana_ros.core import GeneratorError
from vision_banana_ros.world.tracing.denoise import denoise
from vision_banana_ros.world.tracing.develop import developed, exposure
from vision_banana_ros.world.tracing.film import Film, empty_film
from vision_banana_ros.world.tracing.layout import World
from vision_banana_ros.world.tracing.resolve import resolve
from vision_banana_ros.world.tracing.trace import trace

BLOCK = (16, 8, 1)  # 128 threads: neighbours walk the same nodes; more would not fit their registers
LENGTHY = ("parts", "tags", "materials", "boxes", "links", "lights")  # arrays whose length differs from scene to scene


class Worlds(NamedTuple):
    """Many scenes end to end: the arrays of `World`, and in row b of `starts` where scene b begins in each."""

    parts: Any
    tags: Any
    materials: Any
    boxes: Any
    links: Any
    lights: Any
    settings: Any  # (B, SETTINGS)
    counts: Any  # (B, COUNTS)
    starts: Any  # (B + 1, 6) int32, in the order of LENGTHY


def concatenate(worlds: Sequence[World]) -> Worlds:
    """One upload for all. Indices inside a scene stay relative to it."""
    starts = np.zeros((len(worlds) + 1, len(LENGTHY)), np.int32)
    starts[1:] = np.cumsum([[len(getattr(w, name)) for name in LENGTHY] for w in worlds], axis=0)
    joined = {name: np.concatenate([getattr(w, name) for w in worlds]) for name in LENGTHY}
    return Worlds(
        **joined,
        settings=np.stack([w.settings for w in worlds]),
        counts=np.stack([w.counts for w in worlds]),
        starts=starts,
    )


def world_of(worlds: Any, b: int) -> Any:
    """Scene b as the per-pixel functions know it: slices, no copies."""
    starts = worlds.starts
    return World(
        worlds.parts[starts[b, 0] : starts[b + 1, 0]],
        worlds.tags[starts[b, 1] : starts[b + 1, 1]],
        worlds.materials[starts[b, 2] : starts[b + 1, 2]],
        worlds.boxes[starts[b, 3] : starts[b + 1, 3]],
        worlds.links[starts[b, 4] : starts[b + 1, 4]],
        worlds.lights[starts[b, 5] : starts[b + 1, 5]],
        worlds.settings[b],
        worlds.counts[b],
    )


def film_of(film: Any, b: int) -> Any:
    return Film(
        film.geometry[b], film.ids[b], film.matt[b], film.light[b], film.spare[b], film.glow[b], film.radiance[b]
    )


def trace_frames(worlds: Any, film: Any, samples: int, seed: int) -> None:
    x, y, b = cuda.grid(3)
    if y < film.ids.shape[1] and x < film.ids.shape[2]:
        trace(device_world_of(worlds, b), device_film_of(film, b), x, y, samples, seed + b)


def denoise_frames(worlds: Any, film: Any, source: Any, target: Any, step: int) -> None:
    x, y, b = cuda.grid(3)
    if y < film.ids.shape[1] and x < film.ids.shape[2]:
        world, one = device_world_of(worlds, b), device_film_of(film, b)
        denoise(world, one, source[b], target[b], x, y, step)


def resolve_frames(worlds: Any, film: Any) -> None:
    x, y, b = cuda.grid(3)
    if y < film.ids.shape[1] and x < film.ids.shape[2]:
        resolve(device_world_of(worlds, b), device_film_of(film, b), x, y)


def meter_frames(film: Any, key: float, gains: Any) -> None:
    b = cuda.grid(1)
    if b < gains.shape[0]:
        gains[b] = exposure(device_film_of(film, b), np.float32(key))


def develop_frames(film: Any, gains: Any, rgb: Any) -> None:
    x, y, b = cuda.grid(3)
    if y < rgb.shape[1] and x < rgb.shape[2]:
        for c in range(3):
            rgb[b, y, x, c] = developed(film.radiance[b, y, x, c] * gains[b])


device_world_of = cuda.jit(device=True)(world_of)
device_film_of = cuda.jit(device=True)(film_of)
KERNELS = tuple(
    cuda.jit(fastmath=True)(kernel)
    for kernel in (trace_frames, denoise_frames, resolve_frames, meter_frames, develop_frames)
)


class Batch(NamedTuple):
    """What comes back, and stays on the device until it is asked for: arrays with a leading axis of frames."""

    rgb: Any  # (B, H, W, 3) uint8
    geometry: Any  # (B, H, W, 4) float32: depth, normal
    ids: Any  # (B, H, W, 3) int32: part, class, instance
    gains: Any  # (B,) float32


def available() -> bool:
    """Whether a CUDA device and its driver are there."""
    return bool(cuda.is_available())


def render_batch(
    worlds: Sequence[World], height: int, width: int, *, samples: int, seed: int, denoise_levels: int, key: float
) -> Batch:
    """All scenes at one size; the result's arrays are on the device (`copy_to_host`, or torch by DLPack)."""
    if not available():
        raise GeneratorError("rendering in batches needs a CUDA device and its driver: use render() on the CPU")
    frames = len(worlds)
    tracer, denoiser, resolver, meter, developer = KERNELS
    grid = ((width + BLOCK[0] - 1) // BLOCK[0], (height + BLOCK[1] - 1) // BLOCK[1], frames)
    on_device = Worlds(*(cuda.to_device(array) for array in concatenate(worlds)))
    film = _device_film(frames, height, width)
    tracer[grid, BLOCK](on_device, film, samples, seed)
    for level in range(denoise_levels):
        denoiser[grid, BLOCK](on_device, film, film.light, film.spare, 1 << level)
        film = film._replace(light=film.spare, spare=film.light)
    resolver[grid, BLOCK](on_device, film)
    gains, rgb = cuda.device_array(frames, np.float32), cuda.device_array((frames, height, width, 3), np.uint8)
    meter[(frames + 31) // 32, 32](film, key, gains)
    developer[grid, BLOCK](film, gains, rgb)
    return Batch(rgb, film.geometry, film.ids, gains)


def _device_film(frames: int, height: int, width: int) -> Film:
    one = empty_film(1, 1)
    return Film(*(cuda.device_array((frames, height, width, plane.shape[-1]), plane.dtype) for plane in one))
