"""Shadow rays that start inside a solid, as they do at corners where walls reach into each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from vision_banana_ros.core import Camera
from vision_banana_ros.world.builder import SceneBuilder, turn
from vision_banana_ros.world.render import render
from vision_banana_ros.world.scene import Pose, View
from vision_banana_ros.world.tracing import cpu
from vision_banana_ros.world.tracing.film import SUN, empty_film
from vision_banana_ros.world.tracing.pack import pack
from vision_banana_ros.world.tracing.tree import occluded
from vision_banana_ros.world.tracing.vectors import MISS, F

Points = npt.NDArray[np.float64]
Solid = Callable[[Points], Points]
Add = Callable[[SceneBuilder, int], None]
ROTATION = turn(yaw_deg=25, pitch_deg=-40, roll_deg=70)
HALF, RADIUS, TOP, SHIFT = np.array([0.5, 0.8, 0.3]), 0.25, np.array([0.2, 0.6]), 0.4


def box(p: Points) -> Points:
    return np.asarray((np.abs(p) - HALF).max(-1))


def round_box(p: Points) -> Points:
    over = np.abs(p) - (HALF - RADIUS)
    return np.asarray(np.linalg.norm(np.maximum(over, 0), axis=-1) + np.minimum(over.max(-1), 0) - RADIUS)


def taper(p: Points) -> Points:
    share = (p[..., 2] + HALF[2]) / (2 * HALF[2])
    in_x = np.abs(p[..., 0] - SHIFT * share) - (HALF[0] + (TOP[0] - HALF[0]) * share)
    in_y = np.abs(p[..., 1]) - (HALF[1] + (TOP[1] - HALF[1]) * share)
    return np.asarray(np.maximum(np.maximum(in_x, in_y), np.abs(p[..., 2]) - HALF[2]))


SOLIDS: dict[str, tuple[Add, Solid]] = {
    "box": (lambda b, m: b.box((0, 0, 0), HALF, m, ROTATION), box),
    "round box": (lambda b, m: b.round_box((0, 0, 0), HALF, RADIUS, m, ROTATION), round_box),
    "taper": (lambda b, m: b.taper((0, 0, 0), HALF, TOP, m, ROTATION, shift=SHIFT), taper),
}


def blocked(
    add: Add, points: Points, rays: Points, far: float, *, transparency: float = 0.0, emission: float = 0.0
) -> npt.NDArray[np.bool_]:
    """Whether the solid shades each of `points` along `rays`."""
    b = SceneBuilder()
    with b.thing("solid"):
        add(b, b.material(color=(0.5, 0.5, 0.5), transparency=transparency, emission=emission))
    world = pack(b.build(View(camera=Camera.from_hfov(60, 8, 6), pose=Pose(position=(0, 0, 0)))))
    pairs = zip(points.astype(F), rays.astype(F), strict=True)
    return np.array([occluded(world, tuple(p), tuple(d), F(far), True) for p, d in pairs])


def samples(solid: Solid, count: int) -> tuple[Points, Points, Points]:
    """World points around a solid, unit directions, and how deep outside (positive) or inside each point is."""
    rng = np.random.default_rng(3)
    local, rays = rng.uniform(-1.1, 1.1, (count, 3)), rng.normal(size=(count, 3))
    return local @ ROTATION.T, rays / np.linalg.norm(rays, axis=-1, keepdims=True), solid(local)


@pytest.mark.parametrize("name", SOLIDS)
def test_a_ray_that_starts_inside_a_solid_is_blocked_however_short(name: str) -> None:
    add, solid = SOLIDS[name]
    points, rays, depth = samples(solid, 1500)
    inside, outside = depth < -2e-3, depth > 2e-3
    assert inside.sum() > 50 < outside.sum()
    short = blocked(add, points, rays, far=1e-3)
    assert short[inside].all()
    assert not short[outside].any()


@pytest.mark.parametrize("name", SOLIDS)
def test_a_ray_that_starts_outside_is_blocked_where_the_solid_lies_ahead(name: str) -> None:
    add, solid = SOLIDS[name]
    points, rays, depth = samples(solid, 400)
    ahead = points[:, None] + np.linspace(0, 4, 2000)[:, None] * rays[:, None]
    nearest = solid(ahead @ ROTATION).min(1)
    far = blocked(add, points, rays, far=float(MISS))
    clear = (depth > 2e-3) & (np.abs(nearest) > 5e-3)
    assert 30 < (nearest[clear] < 0).sum() < clear.sum() - 30
    np.testing.assert_array_equal(far[clear], nearest[clear] < 0)


@pytest.mark.parametrize("looks", [{"transparency": 0.9}, {"emission": 2.0}])
def test_glass_and_lamps_shade_nothing_inside_them_either(looks: dict[str, float]) -> None:
    add, solid = SOLIDS["box"]
    points, rays, _ = samples(solid, 200)
    assert not blocked(add, points, rays, far=float(MISS), **looks).any()


@pytest.mark.parametrize("yaw_deg", range(0, 360, 45))
def test_no_sun_shines_into_a_closed_room_whose_walls_overlap(yaw_deg: int) -> None:
    b = SceneBuilder(1)
    white = b.material(color=(0.8, 0.8, 0.8))
    with b.stuff("room"):
        b.box((0, 0, -0.1), (3.2, 2.7, 0.1), white)
        b.box((0, 0, 2.6), (3.2, 2.7, 0.1), white)
        for side in (-1, 1):
            b.wall((-3.2, side * 2.6), (3.2, side * 2.6), 2.5, white, thickness=0.2)
            b.wall((side * 3.1, -2.7), (side * 3.1, 2.7), 2.5, white, thickness=0.2)
    b.sun(elevation_deg=40, azimuth_deg=35, strength=50)
    b.sky(zenith=(0, 0, 0), horizon=(0, 0, 0))
    b.weather(ambient=0)
    view = View(camera=Camera.from_hfov(80, 160, 120), pose=Pose(position=(0.3, 0.2, 1.3), yaw_deg=yaw_deg))
    picture = render(b.build(view), samples=4, denoise=False).linear
    assert np.argwhere(picture.max(-1) > 0).tolist() == []


def test_sunlit_ground_stays_lit_up_to_the_wall_that_stands_on_it() -> None:
    """Light is sampled anywhere in the pixel; what falls into the wall there says nothing about the ground."""
    b = SceneBuilder()
    grey = b.material(color=(0.5, 0.5, 0.5))
    with b.stuff("ground"):
        b.plane(grey)
    with b.stuff("wall"):
        b.box((3.5, 0, 1), (0.5, 9, 2), grey)
    b.sun(elevation_deg=45, azimuth_deg=180, strength=8, radius_deg=0)
    view = View(camera=Camera.from_hfov(70, 64, 40), pose=Pose(position=(0, 0, 1.5), yaw_deg=12, pitch_deg=-20))
    film = cpu.fill(pack(b.build(view)), empty_film(40, 64), samples=4, seed=2, denoise_levels=0, threads=1)
    ground = film.ids[..., 1] == 0
    assert 200 < ground.sum() < ground.size - 200
    np.testing.assert_allclose(film.light[ground, SUN], 8 * np.sqrt(0.5), rtol=1e-4)
