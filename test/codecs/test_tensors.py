"""The same lines on torch tensors: equal values, any leading shape, and graphs that still decode after tracing."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import onnxruntime
import pytest
import torch

from vision_banana_ros.codecs import INVALID_COLOR, Palette, depth, normals, rays

PALETTE = Palette(Palette.distinct(20, avoid=((0, 0, 0),)).targets, (0, 0, 0))
DECODERS = {
    "depth": depth.decode,
    "depth in plasma": lambda rgb: depth.decode(rgb, "plasma"),
    "depth in grey": lambda rgb: depth.decode(rgb, "grey"),
    "normals": normals.decode,
    "rays": rays.decode,
    "palette": PALETTE.decode,
}


@pytest.fixture(params=DECODERS.values(), ids=DECODERS.keys())
def decode(request):
    """A decoder that gives its fields as a tuple, as a traced function must."""

    def fields(rgb):
        found = request.param(rgb)
        return tuple(getattr(found, field.name) for field in dataclasses.fields(found))

    return fields


def as_module(decode):
    class Decoder(torch.nn.Module):
        def forward(self, rgb):
            return decode(rgb)

    return Decoder()


@pytest.fixture
def batch(random_canvas):
    return np.stack([random_canvas[:40, :60], random_canvas[50:90, 100:160]])


def assert_equal_values(tensors, arrays):
    for tensor, array in zip(tensors, arrays, strict=True):
        assert str(tensor.dtype).removeprefix("torch.") == array.dtype.name
        np.testing.assert_allclose(tensor.numpy(), array, rtol=1e-6, atol=1e-6)


def test_decoding_a_batch_of_tensors_equals_numpy(decode, batch):
    assert_equal_values(decode(torch.from_numpy(batch)), decode(batch))


def test_the_leading_shape_is_kept(decode, batch):
    for whole, parts in zip(decode(batch[:, None]), decode(batch), strict=True):
        np.testing.assert_array_equal(whole[:, 0], parts)


def test_a_traced_graph_decodes_other_canvases(decode, batch):
    tensor = torch.from_numpy(batch)
    traced = torch.export.export(as_module(decode), (torch.zeros_like(tensor),)).module()
    assert_equal_values(traced(tensor), decode(batch))


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_an_exported_graph_decodes_in_onnx_runtime(decode, batch):
    file = io.BytesIO()
    canvas = torch.from_numpy(batch)
    torch.onnx.export(as_module(decode), (canvas,), file, dynamo=False, opset_version=18, input_names=["rgb"])
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    for found, expected in zip(session.run(None, {"rgb": batch}), decode(batch), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("encoding", ["cube", "viridis"])
def test_encoding_depth_tensors_equals_numpy(encoding):
    depth_m = np.random.default_rng(2).gamma(2, 3, (2, 30, 50)).astype(np.float32)
    depth_m[0, 0, :2] = np.inf, np.nan
    expected = depth.encode(depth_m, encoding, invalid=INVALID_COLOR)
    np.testing.assert_array_equal(depth.encode(torch.from_numpy(depth_m), encoding, invalid=INVALID_COLOR), expected)


def test_encoding_normals_rays_and_masks_equals_numpy(batch):
    vectors = normals.decode(batch).normals
    np.testing.assert_array_equal(normals.encode(torch.from_numpy(vectors)), normals.encode(vectors))
    # Angles go through another library's arctangent: the last bit may round to the next level.
    directions = rays.decode(batch // 2 + 64).directions
    painted = rays.encode(torch.from_numpy(directions)).numpy().astype(int)
    assert np.abs(painted - rays.encode(directions)).max() <= 1
    mask = np.arange(21, dtype=np.uint8).reshape(3, 7)
    np.testing.assert_array_equal(PALETTE.encode(torch.from_numpy(mask)), PALETTE.encode(mask))


def test_a_float_tensor_is_refused_by_name():
    with pytest.raises(ValueError, match=r"got torch.float32 tensor of shape \(4, 6, 3\); scale to 0..255"):
        depth.decode(torch.zeros(4, 6, 3))
