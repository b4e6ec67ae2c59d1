"""The procedural world at 256x192 on two threads: speed, growth with objects, noise that is left, CUDA batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import numpy as np

from vision_banana_ros.bench.rows import Row, timed
from vision_banana_ros.core import Camera
from vision_banana_ros.world.builder import SceneBuilder, turn
from vision_banana_ros.world.render import DENOISE_LEVELS, KEY, SAMPLES, look, render
from vision_banana_ros.world.sample import sample_scene
from vision_banana_ros.world.scene import Pattern, Pose, Scene, View
from vision_banana_ros.world.sensor import SensorSettings, expose
from vision_banana_ros.world.tracing import gpu
from vision_banana_ros.world.tracing.pack import pack

_SEEDS = range(100, 106)
_THREADS = 2
_BATCH = 64


def measure() -> list[Row]:
    """CUDA rows appear only where a device is."""
    scenes = [sample_scene(seed) for seed in _SEEDS]
    return [*_speed(scenes), *_growth(), _noise(scenes[0]), *_sensor(scenes[0]), *_cuda(scenes)]


def _speed(scenes: list[Scene]) -> list[Row]:
    parts = round(float(np.mean([len(scene.parts) for scene in scenes])))
    rows = []
    for samples in (SAMPLES, 1):
        seconds = _mean_best(partial(render, s, samples=samples, threads=_THREADS) for s in scenes)
        name = f"places of {parts} parts, {samples} samples, denoised"
        rows.append(_row(name, 1 / seconds, "frames/s", bar=">= 8"))
    seconds = _mean_best(partial(look, s, threads=_THREADS) for s in scenes)
    return [*rows, _row("labels alone", 1 / seconds, "frames/s")]


def _growth() -> list[Row]:
    """The same room with ten times the objects."""
    few, many = cluttered(30), cluttered(300)
    slow, fast = (_mean_best([partial(render, s, threads=_THREADS)]) for s in (many, few))
    building = _mean_best([partial(pack, many)])
    return [
        _row("30 objects", fast * 1e3, "ms"),
        _row(
            "300 objects", slow * 1e3, "ms", against="30 objects, ten times", ratio=10 * fast / slow, bar="ratio >= 1"
        ),
        _row("flat arrays and tree of 300 objects", building * 1e3, "ms", bar="< 3"),
    ]


def _noise(scene: Scene) -> Row:
    """Mean difference from 192 samples without denoiser, clipped at white, relative to the mean."""
    small = scene.seen_by(replace(scene.view, camera=scene.view.camera.scaled_to(128, 96)))
    exact = render(small, samples=192, seed=1, denoise=False, threads=_THREADS)
    noisy = render(small, seed=2, denoise=False, threads=_THREADS)
    shown = render(small, seed=2, threads=_THREADS)
    white = np.clip(exact.linear * exact.gain, 0, 1)
    left, before = (float(np.abs(np.clip(r.linear * exact.gain, 0, 1) - white).mean()) for r in (shown, noisy))
    name = f"error left at {SAMPLES} samples, denoised"
    return _row(name, left / float(white.mean()) * 100, "%", against="not denoised", ratio=before / left)


def _sensor(scene: Scene) -> list[Row]:
    rendered = render(scene, threads=_THREADS)
    settings = [SensorSettings.drawn(seed) for seed in range(8)]
    seconds = _mean_best(partial(expose, rendered.linear, rendered.gain, s) for s in settings)
    return [_row("sensor effects", seconds * 1e3, "ms")]


def _cuda(scenes: list[Scene]) -> list[Row]:
    if not gpu.available():
        return []
    worlds = [pack(scenes[i % len(scenes)]) for i in range(_BATCH)]

    def batch() -> object:
        done = gpu.render_batch(worlds, 192, 256, samples=SAMPLES, seed=1, denoise_levels=DENOISE_LEVELS, key=KEY)
        return done.rgb.copy_to_host(), done.geometry.copy_to_host(), done.ids.copy_to_host()

    seconds = timed(batch, repeats=5, warmups=1).best_ms / 1e3
    return [_row(f"CUDA, batches of {_BATCH}, back on the host", _BATCH / seconds, "frames/s", bar=">= 500")]


def cluttered(objects: int, *, seed: int = 1) -> Scene:
    """A closed room with so many things of five shapes."""
    b, rng = SceneBuilder(seed), np.random.default_rng(seed)
    looks = [
        b.material(color=(r, 0.5, 0.9 - r), pattern=pattern, scale=4)
        for r, pattern in zip((0.2, 0.5, 0.8), (Pattern.PLAIN, Pattern.WOOD, Pattern.SPECKLE), strict=True)
    ]
    with b.stuff("wall"):
        for x, y, z in ((4, 0, 0), (-4, 0, 0), (0, 4, 0), (0, -4, 0), (0, 0, 3), (0, 0, -0.1)):
            b.box((x, y, z), (0.1 if x else 4, 0.1 if y else 4, 3 if x or y else 0.1), looks[2])
    for index in range(objects):
        with b.thing("thing"):
            at, half = rng.uniform((-3.5, -3.5, 0.2), (3.5, 3.5, 2.6)), rng.uniform(0.04, 0.2, 3)
            look_of, way = looks[index % 2], turn(yaw_deg=rng.uniform(0, 360), pitch_deg=rng.uniform(-90, 90))
            if index % 5 == 0:
                b.box(at, half, look_of, way)
            elif index % 5 == 1:
                b.ellipsoid(at, half, look_of, way)
            elif index % 5 == 2:
                b.cylinder(at, half[0], half[2], look_of, way)
            elif index % 5 == 3:
                b.round_box(at, half, 0.03, look_of, way)
            else:
                b.tube(at, half[0], half[2], 0.01, look_of, way)
    b.lamp((0, 0, 2.6), (6, 6, 5))
    return b.build(View(camera=Camera.from_hfov(75, 256, 192), pose=Pose(position=(-3.6, 0.3, 1.5), pitch_deg=-5)))


def _mean_best(works: Iterable[Callable[[], object]]) -> float:
    """Seconds: the mean over works of the best of three."""
    return float(np.mean([timed(work, repeats=3, warmups=1).best_ms for work in works])) / 1e3


def _row(name: str, value: float, unit: str, *, against: str = "", ratio: float | None = None, bar: str = "") -> Row:
    return Row(area="world", name=name, value=round(value, 3), unit=unit, against=against, ratio=ratio, bar=bar)
