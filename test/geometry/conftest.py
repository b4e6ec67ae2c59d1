"""Shared views: portrait images, unequal focal lengths, principal points off the middle; truth from the moving room."""

from __future__ import annotations

import pytest

from vision_banana_ros.core import Camera, Frame, Truth
from vision_banana_ros.world.moving import MovingScene


@pytest.fixture(scope="session")
def lopsided() -> Camera:
    """Every swap of x and y, of width and height, or of focal lengths shows with this camera."""
    return Camera(fx=50.0, fy=60.0, cx=20.0, cy=35.0, width=48, height=64)


@pytest.fixture(scope="session")
def room() -> Truth:
    return MovingScene(width=640, height=480).truth(40)


@pytest.fixture(scope="session")
def room_frame() -> Frame:
    return MovingScene(width=640, height=480).frame(40)


@pytest.fixture(scope="session")
def small_room() -> Truth:
    """The same instant as `room`, as a model's canvas has it."""
    return MovingScene(width=256, height=192).truth(40)
