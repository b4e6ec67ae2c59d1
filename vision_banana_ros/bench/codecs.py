"""What painting and reading canvases costs: 640 x 480, the best of single calls, ratios within this run."""

from __future__ import annotations

import warnings

import cv2
import numpy as np

from vision_banana_ros.bench.rows import Row, timed
from vision_banana_ros.codecs import Palette, depth, instances, normals, rays
from vision_banana_ros.core import Camera, UInt8Array, UInt16Array

_HW = (480, 640)
_BACKGROUND = (88, 50, 82)


def measure() -> list[Row]:
    """Every codec; the depth decode also beside hilbertmap, where that is installed."""
    rng = np.random.default_rng(0)
    random = rng.integers(0, 256, (*_HW, 3), dtype=np.uint8)
    palette = Palette(Palette.distinct(20, avoid=(_BACKGROUND,)).targets, _BACKGROUND)
    labelled = palette.encode(rng.integers(0, 21, _HW).astype(np.uint8))
    looking = rays.encode(Camera.from_hfov(90, _HW[1], _HW[0]))
    painted = instance_canvas(30)
    depth_m = rng.gamma(2, 3, _HW).astype(np.float32)
    return [
        *_depth_rows(random),
        _row("depth encode", timed(lambda: depth.encode(depth_m)).best_ms),
        _row("normals decode", timed(lambda: normals.decode(random)).best_ms, bar="< 6"),
        _row("rays decode", timed(lambda: rays.decode(looking)).best_ms),
        _row("palette decode, 20 classes", timed(lambda: palette.decode(labelled)).best_ms, bar="< 5"),
        _row(
            "instances decode, 30 noisy ones",
            timed(lambda: instances.decode(painted, _BACKGROUND), repeats=10).best_ms,
            bar="< 30",
        ),
    ]


def instance_canvas(count: int, seed: int = 0) -> UInt8Array:
    """Ellipses of distinct colours with blurred edges, noise of 6 levels, through JPEG at quality 85."""
    rng = np.random.default_rng(seed)
    ids: UInt16Array = np.zeros(_HW, np.uint16)
    for i in range(count):
        row, column = divmod(i, 6)
        centre = (55 + column * 105 + int(rng.integers(-10, 11)), 50 + row * 95 + int(rng.integers(-8, 9)))
        axes = (int(rng.integers(18, 38)), int(rng.integers(18, 34)))
        cv2.ellipse(ids, centre, axes, float(rng.uniform(0, 180)), 0, 360, i + 1, -1)
    rgb = cv2.GaussianBlur(instances.encode(ids, background=_BACKGROUND).astype(np.float32), (0, 0), 1.0)
    noisy = (rgb + rng.normal(0, 6, rgb.shape)).clip(0, 255).round().astype(np.uint8)
    _, jpeg = cv2.imencode(".jpg", noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    return np.ascontiguousarray(np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])


def _depth_rows(rgb: UInt8Array) -> list[Row]:
    ours = timed(lambda: depth.decode(rgb))
    alone = timed(lambda: depth.decode(rgb, with_confidence=False))
    try:
        import hilbertmap  # a test dependency
    except ImportError:
        return [_row("depth decode with confidence", ours.best_ms), _row("depth decode", alone.best_ms)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it divides by zero at the end of the walk
        theirs = timed(lambda: hilbertmap.rgb_to_depth(rgb / 255.0), repeats=5, warmups=1)
    against = f"hilbertmap {hilbertmap.__version__}, {theirs.best_ms:.0f} ms"
    return [
        _row("depth decode with confidence", ours.best_ms, against, theirs.best_ms / ours.best_ms, ">= 50"),
        _row("depth decode", alone.best_ms, against, theirs.best_ms / alone.best_ms, ">= 50"),
    ]


def _row(name: str, value: float, against: str = "", ratio: float | None = None, bar: str = "") -> Row:
    return Row(area="codecs", name=name, value=value, unit="ms", against=against, ratio=ratio, bar=bar)
