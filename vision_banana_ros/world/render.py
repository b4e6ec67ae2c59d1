"""One scene to one frame: picture and labels.

    rendered = render(scene, samples=2, seed=7)
    rendered.frame.rgb, rendered.truth.depth_m, rendered.truth.instances

The same scene, seed and settings give the same bytes, whatever the number of threads. (A process that has just compiled
the kernels, instead of loading them, may differ from later ones in the last bit of a few depths.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vision_banana_ros.core import DataError, FloatArray, Frame, MissingExtraError, Truth
from vision_banana_ros.world.scene import Lens, Scene

try:
    from vision_banana_ros.world.tracing import cpu
    from vision_banana_ros.world.tracing.film import Film, empty_film
    from vision_banana_ros.world.tracing.pack import pack
except ModuleNotFoundError as error:  # a robot installs no compiler
    if error.name != "numba":
        raise
    raise MissingExtraError(package="numba", extra="world", purpose="rendering the procedural world") from error

SAMPLES = 2  # light paths per pixel: with the denoiser, what training uses
DENOISE_LEVELS = 5
KEY = 0.2  # what a frame's logarithmic mean is exposed to, 1 being white


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rendered:
    """A developed frame, its truth, and the linear picture before exposure for `sensor`."""

    frame: Frame
    truth: Truth
    linear: FloatArray
    gain: float
    lens: Lens


def render(
    scene: Scene,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    denoise: bool = True,
    threads: int = 0,
    key: float = KEY,
    stamp_ns: int = 0,
    frame_id: str = "camera",
) -> Rendered:
    """Picture and labels of `scene` from its view; `threads` 0 takes all cores."""
    if samples < 1:
        raise DataError(
            f"samples must be at least 1 light path per pixel, got {samples}: labels alone come from look()"
        )
    camera = scene.view.camera
    world, film = pack(scene), empty_film(camera.height, camera.width)
    levels = DENOISE_LEVELS if denoise else 0
    film = cpu.fill(world, film, samples=samples, seed=seed, denoise_levels=levels, threads=threads)
    rgb = np.empty((camera.height, camera.width, 3), np.uint8)
    gain = float(cpu.develop(film, key, rgb))
    return Rendered(
        frame=Frame(rgb=rgb, stamp_ns=stamp_ns, frame_id=frame_id, camera=camera),
        truth=_truth(scene, film),
        linear=film.radiance,
        gain=gain,
        lens=scene.view.lens,
    )


def look(scene: Scene, *, threads: int = 0) -> Truth:
    """The labels alone: some twenty times as fast as a picture."""
    camera = scene.view.camera
    film = empty_film(camera.height, camera.width)
    return _truth(scene, cpu.fill(pack(scene), film, samples=0, seed=0, denoise_levels=0, threads=threads))


def _truth(scene: Scene, film: Film) -> Truth:
    return Truth(
        camera=scene.view.camera,
        depth_m=np.ascontiguousarray(film.geometry[..., 0]),
        normals=np.ascontiguousarray(film.geometry[..., 1:]),
        mask=film.ids[..., 1].astype(np.uint8),
        instances=film.ids[..., 2].astype(np.uint16),
        labels=scene.labels,
    )
