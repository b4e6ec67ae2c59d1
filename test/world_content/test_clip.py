"""The bundled clip: what it promises about size, rate and truth, read in any order."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vision_banana_ros.core import DataError, Footage
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.world import clip, clip_tour


def test_it_is_footage_of_the_promised_kind() -> None:
    footage: Footage = clip.bundled_clip()
    assert 20 <= len(footage) / footage.rate_hz <= 30
    assert 10 <= footage.rate_hz <= 15
    assert footage.frame(0).hw == (480, 640)
    assert clip.FILE.stat().st_size < 12e6


@pytest.mark.parametrize("index", [0, 57, 110, 219])
def test_truth_fits_its_frame(index: int) -> None:
    footage = clip.bundled_clip()
    frame, truth = footage.frame(index), footage.truth(index)
    assert frame.camera == truth.camera
    assert truth.labels == vocabulary.labels()
    assert truth.mask.max() < len(truth.labels)
    sky = truth.mask == truth.labels.index("sky")
    assert np.array_equal(np.isposinf(truth.depth_m), sky)
    known = np.isfinite(truth.depth_m)
    assert (known | sky).mean() > 0.4
    assert truth.depth_m[known].min() > 0.05
    lengths = np.linalg.norm(truth.normals[known], axis=-1)
    np.testing.assert_allclose(lengths, 1, atol=1e-3)


def test_the_robot_rolls_through_the_flat_and_leaves_it() -> None:
    footage = clip.bundled_clip()
    seen = [{footage.truth(i).labels[c] for c in np.unique(footage.truth(i).mask)} for i in range(0, len(footage), 20)]
    assert "ceiling" in set.union(*seen[:6])
    assert "sky" in seen[-1]
    assert len(set.union(*seen)) >= 20


def test_the_floor_is_where_the_camera_stands() -> None:
    """Back-projected floor lies a camera's height below it, along the recorded pose's up."""
    footage, index = clip.bundled_clip(), 60
    truth, view = footage.truth(index), clip_tour.views()[index]
    camera = truth.camera
    v, u = np.nonzero((truth.mask == truth.labels.index("floor")) & np.isfinite(truth.depth_m))
    z = truth.depth_m[v, u].astype(np.float64)
    points = np.stack([(u - camera.cx) / camera.fx * z, (v - camera.cy) / camera.fy * z, z], axis=-1)
    heights = points @ view.pose.axes[:, 2] + view.pose.position[2]
    assert np.abs(heights).max() < 2e-3


def test_frames_can_be_read_in_any_order_and_stamps_follow_the_rate() -> None:
    footage = clip.bundled_clip()
    late, early = footage.frame(150), footage.frame(3)
    assert np.array_equal(footage.frame(150).rgb, late.rgb)
    assert late.stamp_ns - early.stamp_ns == round(147e9 / footage.rate_hz)


def test_wrong_frames_and_files_are_told(tmp_path: Path) -> None:
    footage = clip.bundled_clip()
    with pytest.raises(DataError, match="frames 0 to 219, asked is 220"):
        footage.truth(220)
    with pytest.raises(DataError, match="must be a clip"):
        clip.Clip(tmp_path / "none.npz")
    (tmp_path / "bad.npz").write_bytes(b"no zip")
    with pytest.raises(DataError, match="must be a clip"):
        clip.Clip(tmp_path / "bad.npz")


def test_a_tour_with_missing_frames_is_not_packed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="lacks 220 of 220 frames"):
        clip_tour.pack_tour(tmp_path, tmp_path / "clip.npz")


def test_reading_needs_no_compiler() -> None:
    """A robot plays the clip without Numba installed."""
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from vision_banana_ros.world.clip import bundled_clip\n"
        "footage = bundled_clip()\n"
        "print(footage.frame(1).hw, footage.truth(1).depth_m.shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(480, 640) (480, 640)"
