"""Pinhole geometry: pixel centres are integers; images are not square, nor are pixels."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_banana_ros.core import Camera, FrameError

sizes = st.integers(2, 2000)
TALL = Camera(fx=300.0, fy=310.0, cx=100.0, cy=250.0, width=240, height=500)


@given(hfov=st.floats(5, 170), width=sizes, height=sizes)
def test_a_camera_of_a_field_of_view_has_that_field_of_view(hfov: float, width: int, height: int) -> None:
    camera = Camera.from_hfov(hfov, width, height)
    assert camera.hfov_deg == pytest.approx(hfov)
    assert (camera.cx, camera.cy) == ((width - 1) / 2, (height - 1) / 2)


def test_the_middle_of_the_image_lies_half_a_pixel_before_half_its_width() -> None:
    camera = Camera.from_hfov(90, 640, 480)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == pytest.approx((320, 320, 319.5, 239.5))


@given(width=sizes, height=sizes)
def test_resizing_keeps_every_edge_in_its_direction(width: int, height: int) -> None:
    other = TALL.scaled_to(width, height)
    for edge in (0.0, 0.3, 1.0):
        u, v = edge * TALL.width - 0.5, edge * TALL.height - 0.5
        other_u, other_v = edge * width - 0.5, edge * height - 0.5
        assert (other_u - other.cx) / other.fx == pytest.approx((u - TALL.cx) / TALL.fx)
        assert (other_v - other.cy) / other.fy == pytest.approx((v - TALL.cy) / TALL.fy)
    assert other.hfov_deg == pytest.approx(TALL.hfov_deg)


def test_resizing_and_back_is_the_same_camera() -> None:
    back = TALL.scaled_to(77, 33).scaled_to(TALL.width, TALL.height)
    for name in ("fx", "fy", "cx", "cy"):
        assert getattr(back, name) == pytest.approx(getattr(TALL, name))


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"fx": 0.0}, "focal lengths must be positive"),
        ({"fy": -1.0}, "focal lengths must be positive"),
        ({"cx": math.nan}, "cx must be a finite number"),
        ({"cy": math.inf}, "cy must be a finite number"),
        ({"fx": "300"}, "fx must be a finite number, got str '300'"),
        ({"fx": True}, "fx must be a finite number"),
        ({"width": 0}, "width must be a positive int"),
        ({"height": 500.0}, "height must be a positive int, got float 500.0"),
    ],
)
def test_bad_intrinsics_are_refused_by_name(changed: dict[str, object], complaint: str) -> None:
    good = {"fx": 300.0, "fy": 310.0, "cx": 100.0, "cy": 250.0, "width": 240, "height": 500}
    with pytest.raises(FrameError, match=complaint):
        Camera(**(good | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize("hfov", [0, 180, -5, math.nan])
def test_a_field_of_view_lies_between_0_and_180_degrees(hfov: float) -> None:
    with pytest.raises(FrameError, match="hfov_deg"):
        Camera.from_hfov(hfov, 640, 480)
