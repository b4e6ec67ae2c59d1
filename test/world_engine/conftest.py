"""Small worlds for the engine's tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vision_banana_ros.core import Camera
from vision_banana_ros.world.builder import SceneBuilder, turn
from vision_banana_ros.world.openings import Opening
from vision_banana_ros.world.scene import Pattern, Pose, Scene, View


@pytest.fixture(scope="session")
def lopsided() -> Camera:
    """Nothing equal to anything else, so that a swap of axes or of x and y shows."""
    return Camera(fx=31.0, fy=37.0, cx=13.2, cy=10.7, width=32, height=20)


@pytest.fixture(scope="session")
def furnished(lopsided: Camera) -> Callable[..., Scene]:
    """A room with a window, a lamp, glass, a mirror and some boxes."""

    def build(*, boxes: int = 12, seed: int = 1, camera: Camera = lopsided) -> Scene:
        b = SceneBuilder(seed)
        plaster = b.material(color=(0.8, 0.76, 0.7), pattern=Pattern.SPECKLE, scale=3)
        wood = b.material(color=(0.5, 0.33, 0.2), pattern=Pattern.PLANKS, scale=2, specular=0.04, roughness=0.3)
        steel = b.material(color=(0.8, 0.8, 0.82), specular=0.8, metal=True, roughness=0.1)
        glass = b.material(color=(0.9, 0.95, 0.95), transparency=0.9)
        glow = b.material(color=(1.0, 0.9, 0.7), emission=3.0)
        with b.stuff("floor"):
            b.box((0, 0, -0.05), (3, 2.5, 0.05), wood)
        with b.stuff("ceiling"):
            b.box((0, 0, 2.65), (3, 2.5, 0.05), plaster)
        with b.stuff("wall"):
            b.wall((-3, -2.5), (3, -2.5), 2.6, plaster)
            b.wall((3, -2.5), (3, 2.5), 2.6, plaster, openings=[Opening(1.2, 3.2, 0.9, 2.1)])
            b.wall((3, 2.5), (-3, 2.5), 2.6, plaster)
            b.wall((-3, 2.5), (-3, -2.5), 2.6, plaster)
        with b.thing("window"):
            b.box((3, -0.3, 1.5), (0.004, 1, 0.6), glass)
        b.panel((3.06, -0.3, 1.5), (0, 0, 0.6), (0, 1, 0), portal=True)
        with b.thing("lamp"):
            b.sphere((0, 0, 2.3), 0.08, glow)
        b.lamp((0, 0, 2.3), (3, 2.8, 2.4))
        with b.thing("bowl"):
            b.bowl((0.6, 0.4, 0.5), (0.3, 0.3, 0.2), steel)
        rng = np.random.default_rng(seed)
        for _ in range(boxes):
            with b.thing("box"):
                center = rng.uniform((-2, -2, 0.2), (2.5, 2, 1.6))
                b.box(center, rng.uniform(0.03, 0.2, 3), wood, turn(yaw_deg=rng.uniform(0, 360)))
        b.sun(elevation_deg=35, azimuth_deg=-20)
        return b.build(View(camera=camera, pose=Pose(position=(-2.3, 0.6, 1.3), yaw_deg=-8, pitch_deg=-12)))

    return build
