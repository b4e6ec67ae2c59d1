"""pytest benchmarks/bench_codecs.py: the codecs on a 640 x 480 canvas, beside hilbertmap."""

from __future__ import annotations

import warnings

import hilbertmap
import numpy as np
import pytest

from vision_banana_ros.bench.codecs import instance_canvas
from vision_banana_ros.codecs import Palette, depth, instances, normals, rays

PALETTE = Palette.distinct(20)
DECODERS = {
    "depth": depth.decode,
    "depth without confidence": lambda rgb: depth.decode(rgb, with_confidence=False),
    "depth in viridis": lambda rgb: depth.decode(rgb, "viridis"),
    "normals": normals.decode,
    "rays": rays.decode,
    "palette of 20": PALETTE.decode,
}


@pytest.fixture
def random_canvas():
    return np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)


@pytest.mark.parametrize("decode", DECODERS.values(), ids=DECODERS.keys())
def test_decode(benchmark, random_canvas, decode):
    benchmark(decode, random_canvas)


def test_decode_depth_by_hilbertmap(benchmark, random_canvas):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        benchmark.pedantic(hilbertmap.rgb_to_depth, (random_canvas / 255.0,), rounds=3)


def test_decode_thirty_instances(benchmark):
    found = benchmark(instances.decode, instance_canvas(30), (88, 50, 82))
    assert found.count == 30
