"""Depth through 16 bits of its inverse, and what has no place in them."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from vision_banana_ros.ros.compressed import compressed_depth_message, compressed_message, depth_quantisation
from vision_banana_ros.ros.compressed import inverse_depth as inverse
from vision_banana_ros.ros.convert import header, image_message

HEAD = header(7 * 10**9 + 5, "eye")


def test_depth_survives_within_its_step_and_the_rest_is_zero() -> None:
    depth = np.array([[0.16, 1.0, 5.0, 10.0, 79.0, 80.0, 81.0, np.inf, np.nan, 0.0, -1.0, 0.1]], np.float32)
    a, b = depth_quantisation(80.0)
    stored = inverse(depth, a, b)
    assert (stored[0, 5:] <= 1).all()
    assert (stored[0, 6:] == 0).all()
    read = a / (stored[0, :5].astype(np.float64) - b)
    assert (np.abs(read - depth[0, :5]) <= depth[0, :5] ** 2 / a + 1e-4).all()


def test_millimetres_go_as_they_are_behind_the_header() -> None:
    values = np.array([[0, 1, 500], [65535, 3, 4]], np.uint16)
    message = compressed_depth_message(image_message(values, "16UC1", HEAD), max_range_m=80.0)
    assert (message.format, message.header.frame_id, message.header.stamp.sec) == (
        "16UC1; compressedDepth png",
        "eye",
        7,
    )
    data = bytes(message.data)
    assert struct.unpack_from("<iff", data) == (0, 0.0, 0.0)
    read = cv2.imdecode(np.frombuffer(data[12:], np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(read, values)


@pytest.mark.parametrize("encoding", ["mono8", "mono16", "rgb8"])
def test_codes_survive_bit_for_bit(encoding: str) -> None:
    shape = (5, 7, 3) if encoding == "rgb8" else (5, 7)
    dtype = np.uint16 if encoding == "mono16" else np.uint8
    values = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)
    message = compressed_message(image_message(values, encoding, HEAD))
    read = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(read[..., ::-1] if encoding == "rgb8" else read, values)
