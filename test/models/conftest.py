"""Graphs of one seeded network in every precision; the network is that of the runtimes' tests."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "runtimes"))

from seeded_model import frame, golden_boxes, seeded_student, traced_for_all

from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.models.pack import graph_bytes

torch.set_num_threads(1)  # OpenMP's waiting threads are slow beyond measure where other processes want the cores


@pytest.fixture(scope="session")
def graphs() -> dict[Precision, bytes]:
    frames = [frame(20 * i) for i in range(3)]
    with traced_for_all():
        return {
            precision: graph_bytes(seeded_student(), precision, frames, golden_boxes())
            for precision in (Precision.FP32, Precision.FP16, Precision.INT8)
        }
