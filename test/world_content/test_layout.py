"""Rooms and floor plans: which side is which, and nothing stands in anything else."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import Camera, DataError
from vision_banana_ros.world import interiors, poses, rooms
from vision_banana_ros.world.furniture import seats, storage, tabletop
from vision_banana_ros.world.layout import FloorPlan, Footprint, Room, scatter
from vision_banana_ros.world.place import Stand
from vision_banana_ros.world.render import look
from vision_banana_ros.world.scene import Pose, View
from vision_banana_ros.world.stage import Stage

ROOM = Room(-1.0, -2.0, 3.0, 4.0, 2.5)  # neither square nor centred
FOOTPRINTS = st.builds(
    Footprint,
    st.floats(-2, 2),
    st.floats(-2, 2),
    st.floats(0, 360),
    st.floats(0.1, 1.0),
    st.floats(0.1, 1.0),
)


@pytest.mark.parametrize(
    ("side", "middle", "inwards", "along"),
    [
        (0, (-1, 1), (1, 0), (0, 1)),
        (1, (1, -2), (0, 1), (-1, 0)),
        (2, (3, 1), (-1, 0), (0, -1)),
        (3, (1, 4), (0, -1), (1, 0)),
    ],
)
def test_sides_look_into_the_room(
    side: int, middle: tuple[float, float], inwards: tuple[float, float], along: tuple[float, float]
) -> None:
    wall = ROOM.sides[side]
    assert wall.point(0, 0) == pytest.approx(middle)
    assert np.subtract(wall.point(1, 0), middle) == pytest.approx(inwards, abs=1e-12)
    assert np.subtract(wall.point(0, 1), middle) == pytest.approx(along, abs=1e-12)
    assert wall.half_length == (3.0 if side in (0, 2) else 2.0)


@settings(max_examples=60, deadline=None)
@given(a=FOOTPRINTS, b=FOOTPRINTS)
def test_overlap_is_symmetric_and_agrees_with_sampling(a: Footprint, b: Footprint) -> None:
    assert a.overlaps(b) == b.overlaps(a)
    grid = np.stack(np.meshgrid(np.linspace(-0.99, 0.99, 15), np.linspace(-0.99, 0.99, 15)), -1).reshape(-1, 2)
    c, s = math.cos(math.radians(a.yaw_deg)), math.sin(math.radians(a.yaw_deg))
    points = grid * (a.half_x, a.half_y) @ np.array([[c, s], [-s, c]]) + (a.x, a.y)
    c, s = math.cos(math.radians(b.yaw_deg)), math.sin(math.radians(b.yaw_deg))
    local = (points - (b.x, b.y)) @ np.array([[c, -s], [s, c]])
    if (np.abs(local) < (b.half_x, b.half_y)).all(axis=1).any():
        assert a.overlaps(b)


def test_a_plan_gives_a_place_once_and_only_inside() -> None:
    plan = FloorPlan(ROOM)
    assert plan.claim(Footprint(0, 0, 30, 0.5, 0.3))
    assert not plan.claim(Footprint(0.3, 0.1, 0, 0.2, 0.2))
    assert not plan.claim(Footprint(-0.9, 0, 0, 0.2, 0.2)), "through the wall"
    assert plan.claim(Footprint(2, 3, 45, 0.5, 0.3))


@pytest.mark.parametrize("seed", range(8))
def test_a_piece_at_the_wall_has_its_back_to_it(seed: int) -> None:
    stage, plan = Stage.empty(seed), FloorPlan(ROOM)
    spot = plan.against_wall(stage, storage.shelf, side=ROOM.sides[1])
    assert spot is not None
    assert spot.yaw_deg == 90
    assert spot.y - ROOM.y0 == pytest.approx(spot.piece.half_x, abs=0.06)


@pytest.mark.parametrize("seed", range(8))
def test_a_chair_beside_a_table_faces_it(seed: int) -> None:
    stage, plan = Stage.empty(seed), FloorPlan(Room(-5, -5, 5, 5, 2.5))
    table = plan.put(stage, storage.table(stage), 0.5, -0.5, 30.0)
    assert table is not None
    chair = plan.beside(stage, seats.chair, table, out=1.2)
    assert chair is not None
    forward = (math.cos(math.radians(chair.yaw_deg)), math.sin(math.radians(chair.yaw_deg)))
    assert np.dot(forward, (table.x - chair.x, table.y - chair.y)) == pytest.approx(1.2)


def test_things_on_a_top_stand_on_it_and_not_in_each_other() -> None:
    stage, plan = Stage.empty(4), FloorPlan(Room(-5, -5, 5, 5, 2.5))
    spot = plan.put(stage, storage.table(stage), 1.0, 2.0, 40.0)
    assert spot is not None
    scatter(stage, spot, (tabletop.can, tabletop.cup, tabletop.bottle), 2.5)
    view = View(camera=Camera.from_hfov(60, 8, 6), pose=Pose(position=(0, 0, 1)))
    small = [t for t in stage.build.build(view).things if t.name in ("can", "cup", "bottle")]
    assert len(small) >= 3
    for thing in small:
        assert thing.lower[2] == pytest.approx(spot.piece.height, abs=0.005)
    centers = np.array([[(t.lower[0] + t.upper[0]) / 2, (t.lower[1] + t.upper[1]) / 2] for t in small])
    gaps = np.linalg.norm(centers[:, None] - centers[None], axis=-1) + 9 * np.eye(len(small))
    assert gaps.min() > 0.05


def test_walls_have_real_holes_and_glass_is_a_window() -> None:
    """Seen from the middle: a gap shows the far outside, a window its own pane, the wall beside it the wall."""
    stage, plan = Stage.empty(1), FloorPlan(ROOM)
    slots = [rooms.Slot(2, 0.5, 0.5, 0.0, 2.0, "gap"), rooms.Slot(2, -1.5, 0.4, 0.9, 2.0, "window")]
    rooms.build_shell(stage, ROOM, slots, interiors.drawn_look(stage), plan, lived_in=False)
    camera = Camera.from_hfov(60, 9, 7)

    def ahead(y: float) -> tuple[str, float]:
        scene = stage.build.build(View(camera=camera, pose=Pose(position=(1.0, y, 1.3))))
        truth = look(scene, threads=1)
        assert truth.mask is not None
        assert truth.depth_m is not None
        return scene.labels[truth.mask[3, 4]], float(truth.depth_m[3, 4])

    # Side 2 looks along -x, so that "along" 0.5 is y = 1 - 0.5 and -1.5 is y = 2.5.
    assert ahead(0.5) == ("sky", math.inf)
    name, depth = ahead(2.43)
    assert name in ("window", "blind")
    assert depth == pytest.approx(2 + 0.6 * rooms.WALL_M, abs=0.1)
    name, depth = ahead(1.4)
    assert name == "wall"
    assert depth == pytest.approx(2, abs=1e-5)


def test_clearance_is_a_distance_to_boxes() -> None:
    stage = Stage.empty(0)
    skin = stage.build.material(color=(0.5, 0.5, 0.5))
    with stage.thing("box"):
        stage.build.box((2, 0, 1), (0.5, 1.0, 1.0), skin)
    parts = stage.build.build(View(camera=Camera.from_hfov(60, 8, 6), pose=Pose(position=(0, 0, 1)))).parts
    assert poses.clearance_m(parts, (0, 0, 1)) == pytest.approx(1.5)
    assert poses.clearance_m(parts, (1.2, 1.4, 1)) == pytest.approx(0.5)
    assert poses.clearance_m(parts, (2, 0, 1)) == pytest.approx(-0.5)


def test_fields_of_view_cover_what_robots_have() -> None:
    stage = Stage.empty(3)
    cameras = [poses.draw_camera(stage, 64, 48) for _ in range(300)]
    angles = np.array([camera.hfov_deg for camera in cameras])
    assert angles.min() > 33
    assert angles.max() < 112
    assert (angles < 50).mean() > 0.05
    assert (angles > 95).mean() > 0.03
    assert any(abs(camera.cx - 31.5) > 0.5 for camera in cameras)


def test_a_stand_that_runs_backwards_is_refused() -> None:
    with pytest.raises(DataError, match="lower to its upper corner"):
        Stand(1, 0, 0, 1)
