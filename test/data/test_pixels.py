"""Raw image bytes -> RGB: every encoding against what it means, with padding, both endiannesses, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import FrameError
from vision_banana_ros.data.pixels import PIXEL_FORMATS, rgb_from_bytes
from vision_banana_ros.ros.mosaic import FROM_RGB

HEIGHT, WIDTH = 6, 10  # not square, even for YUV


def _read(values: np.ndarray, encoding: str, *, padding: int = 0, is_bigendian: bool = False) -> np.ndarray:
    height, width = values.shape[:2]
    rows = np.ascontiguousarray(values).reshape(height, -1).view(np.uint8)
    padded = np.concatenate([rows, np.full((height, padding), 0xAB, np.uint8)], axis=1)
    return rgb_from_bytes(
        padded.tobytes(),
        encoding=encoding,
        height=height,
        width=width,
        step=padded.shape[1],
        is_bigendian=is_bigendian,
    )


def _picture() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("encoding", "order"),
    [("rgb8", (0, 1, 2)), ("bgr8", (2, 1, 0)), ("8UC3", (2, 1, 0)), ("rgba8", (0, 1, 2, 0)), ("bgra8", (2, 1, 0, 0))],
)
@pytest.mark.parametrize("padding", [0, 1, 13])
def test_channels_come_in_the_order_that_the_encoding_names(
    encoding: str, order: tuple[int, ...], padding: int
) -> None:
    picture = _picture()
    assert np.array_equal(_read(picture[..., order], encoding, padding=padding), picture)


@pytest.mark.parametrize("padding", [0, 6])
def test_mono8_is_grey(padding: int) -> None:
    grey = _picture()[..., 0]
    assert np.array_equal(_read(grey, "mono8", padding=padding), np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("is_bigendian", [False, True])
@pytest.mark.parametrize("padding", [0, 4])
def test_sixteen_bits_are_scaled_so_that_white_stays_white(is_bigendian: bool, padding: int) -> None:
    stored = np.array([[0, 257, 65535, 32896]] * 3, np.dtype(">u2" if is_bigendian else "<u2"))
    rgb = _read(stored, "mono16", padding=padding, is_bigendian=is_bigendian)
    assert rgb[..., 1].tolist() == [[0, 1, 255, 128]] * 3


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("color", [(200, 20, 60), (10, 220, 30), (5, 40, 210)])
def test_bayer_patterns_start_with_the_colours_that_they_name(
    pattern: str, bits: int, color: tuple[int, int, int]
) -> None:
    samples = np.empty((HEIGHT, WIDTH), np.uint8 if bits == 8 else np.uint16)
    for place, letter in enumerate(pattern):
        samples[place // 2 :: 2, place % 2 :: 2] = color["rgb".index(letter)] * (1 if bits == 8 else 257)
    assert np.array_equal(_read(samples, f"bayer_{pattern}{bits}")[2:-2, 2:-2], np.full((2, 6, 3), color))


@pytest.mark.parametrize(
    ("encoding", "order"), [("yuv422", "UYVY"), ("uyvy", "UYVY"), ("yuv422_yuy2", "YUYV"), ("yuyv", "YUYV")]
)
@pytest.mark.parametrize("padding", [0, 8])
def test_yuv_is_bt601_in_the_order_of_its_name(encoding: str, order: str, padding: int) -> None:
    samples = {"Y": 81, "U": 90, "V": 240}  # pure red in BT.601 of limited range
    row = [samples[letter] for letter in order] * (WIDTH // 2)
    rgb = _read(np.array([row] * HEIGHT, np.uint8).reshape(HEIGHT, WIDTH, 2), encoding, padding=padding)
    assert np.abs(rgb.astype(int) - (255, 0, 0)).max() <= 2


@pytest.mark.parametrize("encoding", sorted(FROM_RGB))
def test_what_our_camera_sends_is_read_back(encoding: str) -> None:
    smooth = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    smooth[:] = (140, 90, 60)
    rgb = _read(FROM_RGB[encoding](smooth), encoding)
    wanted = np.full(3, 102) if encoding.startswith("mono") else np.array((140, 90, 60))  # BT.601 luma
    assert np.abs(rgb[2:-2, 2:-2].astype(int) - wanted).max() <= 2


def test_the_last_row_may_come_without_its_padding() -> None:
    picture = _picture()
    data = b"".join(row.tobytes() + b"\xab" * 5 for row in picture)[:-5]
    rgb = rgb_from_bytes(data, encoding="rgb8", height=HEIGHT, width=WIDTH, step=WIDTH * 3 + 5, is_bigendian=False)
    assert np.array_equal(rgb, picture)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"encoding": "jpeg2000"}, "'jpeg2000' is not known"),
        ({"height": 0}, "10x0"),
        ({"width": 0}, "0x6"),
        ({"step": 29}, "take 30 bytes a row, but step is 29"),
        ({"data": b"\0" * 179}, "takes 180 bytes, got 179"),
        ({"data": b""}, "got 0"),
        ({"encoding": "yuv422", "width": 9}, "even width, got 9"),
    ],
)
def test_bad_images_are_refused_with_what_is_wrong(change: dict[str, object], said: str) -> None:
    good = {"data": b"\0" * 180, "encoding": "rgb8", "height": 6, "width": 10, "step": 30, "is_bigendian": False}
    given_ = {**good, **change}
    with pytest.raises(FrameError, match=said):
        rgb_from_bytes(given_.pop("data"), **given_)  # type: ignore[arg-type]


@given(
    st.sampled_from([*PIXEL_FORMATS, "", "RGB8", "32FC1"]),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 80),
    st.binary(max_size=400),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_any_header_over_any_bytes_gives_an_image_or_a_frame_error(
    encoding: str, height: int, width: int, step: int, data: bytes, is_bigendian: bool
) -> None:
    try:
        rgb = rgb_from_bytes(data, encoding=encoding, height=height, width=width, step=step, is_bigendian=is_bigendian)
    except FrameError:
        return
    assert rgb.shape == (height, width, 3)
    assert rgb.dtype == np.uint8
