"""Canvases that the codec tests share. All are wider than high, and none is a multiple of a block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from vision_banana_ros.codecs import Palette

BACKGROUND = (88, 50, 82)


@pytest.fixture
def random_canvas() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 256, (210, 331, 3), dtype=np.uint8)


@pytest.fixture
def every_color() -> Callable[[int], npt.NDArray[np.uint8]]:
    """All 65,536 colours of one blue as a 256 x 256 canvas."""
    r, g = np.mgrid[:256, :256]
    return lambda blue: np.stack([r, g, np.full_like(r, blue)], axis=-1).astype(np.uint8)


@dataclass(frozen=True)
class Scene:
    rgb: npt.NDArray[np.uint8]
    instances: npt.NDArray[np.uint16]

    def matched(self, found: npt.NDArray[np.uint16], *, iou: float) -> set[int]:
        """Found ids that cover a true instance at `iou` or better."""
        ids = set()
        for i in range(1, int(self.instances.max()) + 1):
            true = self.instances == i
            best = np.bincount(found[true], minlength=2)[1:].argmax() + 1
            if (true & (found == best)).sum() >= iou * (true | (found == best)).sum():
                ids.add(int(best))
        return ids


@pytest.fixture
def painted_scene() -> Callable[..., Scene]:
    """Ellipses that do not touch on a plain background, blurred, noisy and through JPEG, as a generator would paint."""

    def paint(*, count: int, seed: int = 0, blur: float = 1.0, sigma: float = 6.0, quality: int = 85) -> Scene:
        rng = np.random.default_rng(seed)
        instances = np.zeros((480, 640), np.uint16)
        while instances.max() < count:
            shape = np.zeros((480, 640), np.uint8)
            centre, axes = rng.integers((0, 0), (640, 480)).tolist(), rng.integers(14, 52, 2).tolist()
            cv2.ellipse(shape, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
            if shape.sum() > 600 and not instances[cv2.dilate(shape, np.ones((7, 7), np.uint8)) > 0].any():
                instances[shape > 0] = instances.max() + 1
        colors = np.array([BACKGROUND, *Palette.distinct(max(1, count), avoid=(BACKGROUND,)).targets], np.float32)
        rgb = cv2.GaussianBlur(colors[instances], (0, 0), blur)
        rgb = (rgb + rng.normal(0, sigma, rgb.shape)).clip(0, 255).round().astype(np.uint8)
        _, jpeg = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        return Scene(np.ascontiguousarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1]), instances)

    return paint
