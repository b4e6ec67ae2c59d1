"""Few points, the nearest ones, each on its pixel's ray."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import UNLABELLED, Camera, FrameError
from vision_banana_ros.geometry import project, unproject
from vision_banana_ros.geometry.sparse import Heights, cell_size, sparse_cloud

VGA = Camera(500.0, 520.0, 300.0, 250.0, 640, 480)
SMALL = Camera(20.0, 22.0, 7.0, 5.0, 17, 13)


def _depth(camera: Camera, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.3, 9.0, (camera.height, camera.width)).astype(np.float32)


@given(st.integers(1, 900), st.integers(1, 900), st.integers(1, 30_000))
@settings(max_examples=60, deadline=None)
def test_there_are_never_more_cells_than_wanted_and_never_needlessly_few(height: int, width: int, most: int) -> None:
    step = cell_size((height, width), most)
    cells = lambda s: -(-height // s) * -(-width // s)  # noqa: E731
    assert cells(step) <= most
    assert step == 1 or cells(step - 1) > most


def test_vga_gives_19200_points_by_default_and_all_are_of_the_full_cloud() -> None:
    depth = _depth(VGA)
    cloud = sparse_cloud(depth, VGA)
    assert len(cloud.points) == 19_200
    pixels = np.rint(project(cloud.points, VGA)).astype(int)
    full = unproject(depth, VGA)[pixels[:, 1], pixels[:, 0]]
    np.testing.assert_allclose(cloud.points, full, rtol=1e-5, atol=1e-5)


def test_every_cell_keeps_its_nearest_point() -> None:
    depth = np.full((480, 640), 5.0, np.float32)
    depth[101, 203] = 0.7  # one pixel of a thin pole
    depth[300:304, 300:304] = np.nan
    cloud = sparse_cloud(depth, VGA)
    nearest = cloud.points[cloud.points[:, 2].argmin()]
    assert nearest[2] == np.float32(0.7)
    assert project(nearest, VGA) == pytest.approx((203, 101), abs=1e-3)
    assert len(cloud.points) == 19_199, "a cell of which nothing is known has no point"


def test_a_ragged_edge_is_seen_too() -> None:
    depth = np.full((13, 17), 4.0, np.float32)
    depth[12, 16] = 1.0
    cloud = sparse_cloud(depth, SMALL, most_points=20)
    assert len(cloud.points) <= 20
    assert cloud.points[:, 2].min() == 1.0


def test_what_is_beyond_the_range_ends_where_it_is_told() -> None:
    depth = np.full((480, 640), np.inf, np.float32)
    depth[:240] = 2.0
    depth[240:, :320] = 30.0
    assert len(sparse_cloud(depth, VGA, max_range_m=10.0).points) == 9_600
    cloud = sparse_cloud(depth, VGA, max_range_m=10.0, far_point_m=6.0)
    assert len(cloud.points) == 19_200
    assert sorted(set(cloud.points[:, 2].tolist())) == [2.0, 6.0]
    mixed = np.full((480, 640), np.inf, np.float32)
    mixed[::4, ::4] = 3.0
    assert set(sparse_cloud(mixed, VGA, far_point_m=6.0).points[:, 2].tolist()) == {3.0}, "one point of a cell decides"


def test_classes_are_left_out_and_told() -> None:
    depth, mask = np.full((480, 640), 2.0, np.float32), np.ones((480, 640), np.uint8)
    mask[:, 320:] = 7
    cloud = sparse_cloud(depth, VGA, mask=mask, without=(1,))
    assert len(cloud.points) == 9_600
    assert set(cloud.label.tolist()) == {7}
    assert set(sparse_cloud(depth, VGA).label.tolist()) == {UNLABELLED}


def test_voxels_keep_one_point_each() -> None:
    depth = np.full((480, 640), 2.0, np.float32)
    cloud = sparse_cloud(depth, VGA, voxel_m=0.1)
    cells = np.floor(cloud.points / 0.1).astype(int)
    assert len(np.unique(cells, axis=0)) == len(cloud.points) < 1_000
    everything = np.floor(sparse_cloud(depth, VGA).points / 0.1).astype(int)
    assert len(np.unique(everything, axis=0)) == len(cloud.points)


@pytest.mark.parametrize(("step", "most"), [(4, 20_000), (25, 520), (240, 6)])
def test_the_nearest_of_a_cell_is_the_nearest_at_any_cell_size(step: int, most: int) -> None:
    depth = _depth(VGA, 3)
    assert cell_size((480, 640), most) == step
    cells = np.pad(depth, ((0, -480 % step), (0, -640 % step)), constant_values=np.inf)
    rows, columns = cells.shape[0] // step, cells.shape[1] // step
    nearest = cells.reshape(rows, step, columns, step).min(axis=(1, 3)).reshape(-1)
    np.testing.assert_allclose(sparse_cloud(depth, VGA, most_points=most).points[:, 2], nearest, rtol=1e-5)


def _room(pitch: float) -> tuple[np.ndarray, Heights]:
    """A wall 3 m ahead of a camera 1.2 m over the floor that looks down by `pitch`, and the band from 0.1 to 2 m."""
    up = (0.0, -np.cos(pitch), -np.sin(pitch))
    rays = unproject(np.ones((480, 640), np.float32), VGA)
    rise = rays @ np.array(up)
    ahead = rays @ np.array((0.0, -np.sin(pitch), np.cos(pitch)))
    floor, wall = np.full(rise.shape, np.inf), 3.0 / ahead
    np.divide(-1.2, rise, out=floor, where=rise < 0)
    return np.minimum(floor, wall).astype(np.float32), Heights(0.1, 2.0, 1.2, up)


@pytest.mark.parametrize("pitch", [0.0, 0.35])
def test_only_points_between_the_heights_are_kept(pitch: float) -> None:
    depth, band = _room(pitch)
    everything, cloud = sparse_cloud(depth, VGA), sparse_cloud(depth, VGA, heights=band)
    heights = cloud.points @ np.array(band.up) + 1.2
    assert 0.1 <= heights.min() < 0.15
    assert heights.max() <= 2.0
    all_heights = everything.points @ np.array(band.up) + 1.2
    assert all_heights.min() == pytest.approx(0.0, abs=1e-3), "without a band the floor is there"
    assert len(cloud.points) >= ((all_heights > 0.1) & (all_heights < 2.0)).sum() > 1_000


def test_what_is_cut_off_hides_nothing_behind_it_and_far_ends_have_no_height() -> None:
    depth = np.full((480, 640), 5.0, np.float32)
    depth[::4, ::4] = 0.5  # one pixel of each cell, near, and as high as the ray goes at half a metre
    low = Heights(-9.0, 0.6, 1.0)
    kept = sparse_cloud(depth, VGA, heights=low).points
    below = kept[np.rint(project(kept, VGA)[:, 1]) > 252]
    assert (below[:, 2] > 4.9).any(), "the wall shows where its near neighbour is above the band"
    depth[:] = np.inf
    assert len(sparse_cloud(depth, VGA, heights=Heights(0.1, 0.2, 1.0), far_point_m=6.0).points) == 19_200


@pytest.mark.parametrize("wrong", [{"most_points": 0}, {"voxel_m": -1.0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(FrameError, match="most_points must be"):
        sparse_cloud(_depth(VGA), VGA, **wrong)  # type: ignore[arg-type]
