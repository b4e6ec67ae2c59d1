"""A floor that is there gives the scale; one that is not gives none, and says so."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import Camera, FrameError, Truth
from vision_banana_ros.geometry import (
    NO_SCALE,
    ScaleEstimate,
    ScaleFilter,
    project,
    scale_from_height,
    scale_from_range,
    unproject,
)

CAMERA = Camera(fx=210.0, fy=220.0, cx=150.0, cy=110.0, width=320, height=240)


def up_of(pitch_deg: float, roll_deg: float) -> np.ndarray:
    """Away from gravity, in the optical frame of a camera that looks down by the pitch and leans by the roll."""
    pitch, roll = math.radians(pitch_deg), math.radians(roll_deg)
    return np.array([math.sin(roll) * math.cos(pitch), -math.cos(roll) * math.cos(pitch), -math.sin(pitch)], np.float64)


class Room:
    """Floor, tables, back wall, side wall and ceiling around the camera; depth and normals in closed form."""

    def __init__(self, height_m: float, pitch_deg: float = 0.0, roll_deg: float = 0.0, tables: int = 0) -> None:
        self.up = up_of(pitch_deg, roll_deg)
        ahead = np.array((0.0, 0.0, 1.0)) - self.up * self.up[2]
        self.ahead = ahead / np.linalg.norm(ahead)
        self.right = np.cross(self.ahead, self.up)
        self.rays = unproject(np.ones((240, 320), np.float32), CAMERA).astype(np.float64)
        self.depth = np.full((240, 320), np.inf)
        self.normals = np.full((240, 320, 3), np.nan)
        self.is_floor = self._add(self.up, -height_m)
        for normal, offset in ((self.up, 1.5), (self.ahead, 6.0), (self.right, 2.5)):
            self._add(normal, offset)
        rng = np.random.default_rng(tables)
        for _ in range(tables):
            self._add(self.up, -height_m * rng.uniform(0.3, 0.7), around=rng.uniform((1.5, -1.5), (4, 1.5)))

    def _add(self, normal: np.ndarray, offset: float, around: np.ndarray | None = None) -> np.ndarray:
        facing = self.rays @ normal
        depth = np.divide(offset, facing, out=np.full(facing.shape, np.inf), where=abs(facing) > 1e-9)
        depth[depth <= 0] = np.inf
        if around is not None:
            known = np.where(np.isfinite(depth), depth, 0.0)[..., None] * self.rays
            inside = (abs(known @ self.ahead - around[0]) < 0.4) & (abs(known @ self.right - around[1]) < 0.5)
            depth[~inside] = np.inf
        seen = depth < self.depth
        self.depth[seen] = depth[seen]
        self.normals[seen] = -normal * np.sign(facing[seen])[:, None]
        return seen

    @property
    def depth_m(self) -> np.ndarray:
        return self.depth.astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(
    height_m=st.floats(0.25, 1.6),
    pitch_deg=st.floats(-5, 30),
    roll_deg=st.floats(-25, 25),
    factor=st.floats(0.2, 5),
)
def test_the_scale_of_a_clean_room_is_exact(height_m: float, pitch_deg: float, roll_deg: float, factor: float) -> None:
    room = Room(height_m, pitch_deg, roll_deg)
    found = scale_from_height((room.depth / factor).astype(np.float32), CAMERA, height_m)
    assert found.scale == pytest.approx(factor, rel=1e-3)
    assert found.plane is not None
    np.testing.assert_allclose(found.plane.normal, room.up, atol=1e-3)
    assert found.plane.height_m * found.scale == pytest.approx(height_m)
    assert found.confidence > 0.3


@pytest.mark.parametrize("pitch_deg", [-10.0, 5.0, 30.0])
@pytest.mark.parametrize("source", ["depth", "normals", "floor", "up"])
def test_noise_and_tables_are_survived(pitch_deg: float, source: str) -> None:
    room = Room(1.1, pitch_deg, roll_deg=8.0, tables=6)
    noise = np.random.default_rng(5).normal(0, 0.02, room.depth.shape)
    depth = (room.depth / 1.4 * np.exp(noise)).astype(np.float32)
    hints: dict[str, dict[str, object]] = {
        "depth": {},
        "normals": {"normals": room.normals.astype(np.float32)},
        "floor": {"floor_mask": room.is_floor},
        "up": {"up": tuple(room.up)},
    }
    found = scale_from_height(depth, CAMERA, 1.1, **hints[source])  # type: ignore[arg-type]
    assert found.scale == pytest.approx(1.4, rel=0.03)


def test_the_floor_is_the_lowest_level_not_the_largest() -> None:
    room = Room(1.0, pitch_deg=20.0)
    table = (room.rays @ room.up) < 0
    depth = room.depth.copy()
    depth[120:, 60:260] = np.minimum(depth, np.where(table, 0.4 / -(room.rays @ room.up), np.inf))[120:, 60:260]
    assert scale_from_height(depth.astype(np.float32), CAMERA, 1.0).scale == pytest.approx(1.0, rel=0.01)


def test_it_works_on_the_moving_room(room: Truth) -> None:
    on_floor = unproject(room.depth_m, room.camera)[room.mask == room.labels.index("floor")]
    normal = room.normals[room.mask == room.labels.index("floor")].mean(axis=0)
    height_m = float(-np.median(on_floor @ normal))
    assert scale_from_height(room.depth_m / 3, room.camera, height_m).scale == pytest.approx(3.0, rel=1e-3)


def test_the_same_input_gives_the_same_answer() -> None:
    depth = Room(1.1, 10.0, tables=3).depth_m
    assert scale_from_height(depth, CAMERA, 1.1) == scale_from_height(depth, CAMERA, 1.1)


@pytest.mark.parametrize(
    "depth",
    [
        np.full((240, 320), 2.0, np.float32),  # a wall
        np.full((240, 320), np.inf, np.float32),
        np.full((240, 320), np.nan, np.float32),
        -1.5 / np.minimum(Room(1.0).rays @ up_of(0, 0) * -1, -1e-3).astype(np.float32),  # a ceiling
    ],
)
def test_without_a_floor_there_is_no_scale_and_no_error(depth: np.ndarray) -> None:
    found = scale_from_height(depth, CAMERA, 1.0)
    assert found == NO_SCALE
    assert (found.scale, found.confidence) == (1.0, 0.0)


def test_a_little_floor_is_trusted_a_little() -> None:
    depth = Room(1.0, 25.0).depth_m
    some = depth.copy()
    some[:225] = np.nan
    whole, part = (scale_from_height(d, CAMERA, 1.0).confidence for d in (depth, some))
    assert 0 < part < 0.7 < whole


def test_a_range_is_measured_along_its_ray() -> None:
    point = np.array([1.0, -0.5, 2.0], np.float32)
    u, v = project(point, CAMERA)
    found = scale_from_range(
        np.full((240, 320), 1.0, np.float32), CAMERA, float(np.linalg.norm(point)), pixel=(u, v), radius_px=0
    )
    assert found.scale == pytest.approx(2.0, rel=5e-3)  # the pixel's centre is up to half a pixel off
    assert found.confidence == 1.0


def test_a_range_with_nothing_there_gives_no_scale() -> None:
    depth = np.ones((240, 320), np.float32)
    depth[100:140, 140:180] = np.inf
    assert scale_from_range(depth, CAMERA, 2.0) == NO_SCALE
    assert scale_from_range(depth, CAMERA, 2.0, pixel=(180, 120)).confidence < 0.8


@pytest.mark.parametrize("height_m", [0, -1.0, math.nan, math.inf, True, "1.0"])
def test_lengths_are_checked(height_m: float) -> None:
    depth = np.ones((240, 320), np.float32)
    with pytest.raises(FrameError, match="height_m must be a positive number of metres"):
        scale_from_height(depth, CAMERA, height_m)
    with pytest.raises(FrameError, match="range_m must be a positive number of metres"):
        scale_from_range(depth, CAMERA, height_m)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth_m": np.ones((320, 240), np.float32)}, "depth_m must be"),
        ({"normals": np.ones((240, 320, 3))}, "normals must be"),
        ({"floor_mask": np.ones((240, 320), np.uint8)}, "floor_mask must be a bool"),
        ({"up": (0.0, 0.0, 0.0)}, "a direction must be"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, object], message: str) -> None:
    good: dict[str, object] = {"depth_m": Room(1.0).depth_m, "camera": CAMERA, "height_m": 1.0}
    with pytest.raises(FrameError, match=message):
        scale_from_height(**(good | arguments))  # type: ignore[arg-type]


@pytest.mark.parametrize("pixel", [(-1, 5), (5, 240), (math.nan, 5)])
def test_the_pixel_must_be_inside(pixel: tuple[float, float]) -> None:
    with pytest.raises(FrameError, match="pixel must be"):
        scale_from_range(np.ones((240, 320), np.float32), CAMERA, 1.0, pixel=pixel)


def test_a_filter_averages_sure_estimates_and_ignores_the_rest() -> None:
    steady = ScaleFilter()
    for scale in (1.9, 2.1, 2.0, 2.05, 1.95):
        steady = steady.updated(ScaleEstimate(scale=scale, confidence=0.9)).updated(NO_SCALE)
    assert steady.scale == pytest.approx(2.0, rel=0.01)
    assert steady.updated(ScaleEstimate(scale=5.0, confidence=1.0)).scale == steady.scale


def test_a_filter_follows_a_lasting_change() -> None:
    steady = ScaleFilter(patience=3).updated(ScaleEstimate(scale=1.0, confidence=1.0))
    for _ in range(3):
        steady = steady.updated(ScaleEstimate(scale=2.0, confidence=1.0))
    assert steady.scale == 2.0
