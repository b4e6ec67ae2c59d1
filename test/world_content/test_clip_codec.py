"""The clip's truth: flat surfaces come back exactly, curved ones where they are kept, nothing is made up."""

import numpy as np
import pytest

from vision_banana_ros.core import Camera, DataError, Truth
from vision_banana_ros.world import clip_codec
from vision_banana_ros.world.render import look
from vision_banana_ros.world.sample import sample_scene

CAMERA = Camera(70.0, 75.0, 60.0, 40.0, 128, 90)


def truth_of(seed: int, place: str) -> Truth:
    from dataclasses import replace

    scene = sample_scene(seed, place, width=128, height=90)
    return look(scene.seen_by(replace(scene.view, camera=CAMERA)), threads=1)


@pytest.mark.parametrize(("seed", "place"), [(1, "living room"), (2, "street"), (3, "kitchen"), (4, "park")])
def test_what_comes_back_is_true(seed: int, place: str) -> None:
    truth = truth_of(seed, place)
    back = clip_codec.decode_truth(clip_codec.encode_truth(truth), CAMERA, truth.labels)
    assert np.array_equal(back.mask, truth.mask)
    assert np.array_equal(back.instances, truth.instances)
    assert np.array_equal(np.isposinf(back.depth_m), np.isposinf(truth.depth_m))
    known = np.isfinite(back.depth_m)
    np.testing.assert_allclose(back.depth_m[known], truth.depth_m[known], rtol=1.2e-4)
    directed = np.isfinite(back.normals[..., 0])
    assert np.array_equal(directed, known), "depth and normals are known together"
    cosine = (back.normals * truth.normals).sum(-1)[directed]
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 0.5
    grid = np.zeros_like(known)
    grid[::3, ::3] = True
    assert (known | np.isposinf(truth.depth_m))[grid].all(), "every third pixel of every third row is kept"


def test_flat_rooms_are_kept_whole_and_small() -> None:
    truth = truth_of(6, "corridor")
    data = clip_codec.encode_truth(truth)
    back = clip_codec.decode_truth(data, CAMERA, truth.labels)
    assert np.isfinite(back.depth_m).mean() > 0.6
    assert len(data) < truth.depth_m.nbytes / 4


def test_damage_and_gaps_are_told() -> None:
    truth = truth_of(1, "living room")
    data = clip_codec.encode_truth(truth)
    for broken in (b"", data[:10], data[: len(data) // 2], data[:16] + bytes(len(data) - 16)):
        with pytest.raises(DataError, match="truth is damaged"):
            clip_codec.decode_truth(broken, CAMERA, truth.labels)
    with pytest.raises(DataError, match="complete truths"):
        clip_codec.encode_truth(Truth(camera=CAMERA))
