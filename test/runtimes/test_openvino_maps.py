"""Large maps are turned around in parts: same values, and only where it pays."""

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from vision_banana_ros.runtimes.openvino_maps import in_few_channels


def flattening(channels: int) -> openvino.Model:
    """A convolution and a product over its flattened map, as in the student."""
    rng = np.random.default_rng(0)
    x = ops.parameter([-1, 3, -1, -1], np.float32)
    weight = rng.normal(size=(channels, 3, 1, 1)).astype(np.float32)
    made = ops.convolution(x, ops.constant(weight), [1, 1], [0, 0], [0, 0], [1, 1])
    flat = ops.reshape(made, ops.constant(np.array((0, 0, -1), np.int64)), True)
    key = ops.constant(rng.normal(size=(1, 5, channels)).astype(np.float32))
    return openvino.Model([ops.matmul(key, flat, False, False)], [x])


def run(model: openvino.Model) -> np.ndarray:
    x = np.random.default_rng(1).normal(size=(2, 3, 6, 8)).astype(np.float32)
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    return openvino.Core().compile_model(model, "CPU", settings)([x])[0].copy()


def convolutions(model: openvino.Model) -> int:
    return sum(op.get_type_name() == "Convolution" for op in model.get_ops())


@pytest.mark.parametrize(("channels", "added"), [(12, 0), (16, 2), (32, 4), (60, 8), (65, 0)])
def test_values_stay_and_slow_maps_are_taken_apart(channels: int, added: int) -> None:
    plain, parted = flattening(channels), flattening(channels)
    in_few_channels(parted, openvino)
    assert convolutions(parted) - convolutions(plain) == added
    assert run(parted) == pytest.approx(run(plain), abs=1e-4)


def test_the_student_is_changed_in_one_place(model) -> None:
    from vision_banana_ros.models.manifest import Precision, Role

    graph = openvino.Core().read_model(model.read(Role.GRAPH, Precision.FP32), b"")
    before = convolutions(graph)
    in_few_channels(graph, openvino)
    assert convolutions(graph) - before == 8  # of 64 channels, in one place
