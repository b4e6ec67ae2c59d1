"""Batches for the device: seeds in order, cameras beside their pictures, the same scenes as the stream on the CPU."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import pytest

from vision_banana_ros.core import GeneratorError
from vision_banana_ros.world import batches
from vision_banana_ros.world.dataset import WorldSettings
from vision_banana_ros.world.sample import sample_scene
from vision_banana_ros.world.tracing import gpu
from vision_banana_ros.world.tracing.layout import World

SETTINGS = WorldSettings(width=48, height=32, places=("bathroom", "field"))


def test_a_packed_scene_is_the_scene_of_its_seed() -> None:
    packed = batches.build(9, SETTINGS)
    scene = sample_scene(9, packed.place, width=48, height=32)
    assert packed.camera == scene.view.camera
    assert len(packed.world.parts) >= len(scene.parts)


def test_batches_come_in_the_order_of_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, int]] = []

    def on_no_device(worlds: Sequence[World], height: int, width: int, **_: object) -> gpu.Batch:
        asked.append((len(worlds), height, width))
        return gpu.Batch(None, None, None, None)

    monkeypatch.setattr(gpu, "render_batch", on_no_device)
    stream = batches.BatchStream(settings=SETTINGS, first_seed=30, batch=3, processes=2)
    first, second = islice(iter(stream), 2)
    assert (first.seeds, second.seeds) == ((30, 31, 32), (33, 34, 35))
    assert asked == [(3, 32, 48)] * 2
    assert first.cameras.shape == (3, 4)
    assert np.all(first.cameras[:, 0] > 0)
    assert set(first.places) <= {"bathroom", "field"}


@pytest.mark.skipif(gpu.available(), reason="a device is there: nothing to refuse")
def test_without_a_device_it_says_so() -> None:
    with pytest.raises(GeneratorError, match="needs a CUDA device"):
        next(iter(batches.BatchStream(settings=SETTINGS, batch=1, processes=1)))
