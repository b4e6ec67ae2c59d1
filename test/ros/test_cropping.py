"""A crop moves the principal point and nothing else; poses and measured depth are read as they are meant."""

from __future__ import annotations

import array
import math

import numpy as np
import pytest
from sensor_msgs.msg import Image, LaserScan, PointCloud2, PointField
from std_msgs.msg import Header

from vision_banana_ros.core import Camera, Frame, FrameError
from vision_banana_ros.geometry.cloud import unproject
from vision_banana_ros.ros.convert import header, image_message
from vision_banana_ros.ros.cropping import Crop
from vision_banana_ros.ros.measured import Measured, depth_from_image, points_of_cloud
from vision_banana_ros.ros.pose import Place, read_pose

CAMERA = Camera(50.0, 55.0, 40.0, 25.0, 80, 60)


def test_a_point_is_where_it_was_after_a_crop() -> None:
    rgb = np.arange(60 * 80 * 3, dtype=np.uint32).astype(np.uint8).reshape(60, 80, 3)
    cut = Crop(10, 20, 30, 25).frame(Frame(rgb, 5, "eye", CAMERA))
    assert (cut.hw, cut.stamp_ns, cut.frame_id) == ((25, 30), 5, "eye")
    assert np.array_equal(cut.rgb, rgb[20:45, 10:40])
    depth = np.linspace(1, 9, 60 * 80, dtype=np.float32).reshape(60, 80)
    whole = unproject(depth, CAMERA)
    assert cut.camera is not None
    np.testing.assert_allclose(unproject(depth[20:45, 10:40], cut.camera), whole[20:45, 10:40], rtol=1e-5)


def test_without_a_width_a_crop_reaches_the_edge_and_a_told_lens_is_the_whole_images() -> None:
    frame = Frame(np.zeros((60, 80, 3), np.uint8))
    cut = Crop(x=16).frame(frame, hfov_deg=90.0)
    assert cut.hw == (60, 64)
    assert cut.camera is not None
    assert (cut.camera.fx, cut.camera.cx) == (pytest.approx(40.0), pytest.approx(39.5 - 16))
    assert Crop().frame(frame, hfov_deg=90.0) is frame


@pytest.mark.parametrize("crop", [Crop(80), Crop(0, 60), Crop(70, 0, 11), Crop(0, 1, 0, 60)])
def test_a_crop_beyond_the_image_is_refused_with_the_parameters_names(crop: Crop) -> None:
    with pytest.raises(FrameError, match=r"not within the image of 80x60: change crop_x"):
        crop.frame(Frame(np.zeros((60, 80, 3), np.uint8)))


def test_a_depth_image_of_half_the_size_is_cut_where_the_image_is() -> None:
    depth = np.arange(30 * 40, dtype=np.float32).reshape(30, 40)
    assert np.array_equal(Crop(10, 20, 30, 20).depth(depth, (60, 80)), depth[10:20, 5:20])


def test_a_pose_turns_first_about_x_then_y_then_z() -> None:
    turn, shift = read_pose("1, 2, 3, 0, 0, 1.5707963267948966")
    np.testing.assert_allclose(turn @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(shift, [1, 2, 3])
    turn, _ = read_pose(f"0 0 0 {math.pi / 2} {math.pi / 2} 0")
    np.testing.assert_allclose(turn @ [0, 1, 0], [1, 0, 0], atol=1e-12)  # y to z by roll, z to x by pitch
    for text in ("", "1 2 3", "0 0 0 0 0 nan", "0 0 0 0 0 east"):
        with pytest.raises(FrameError, match="six numbers"):
            read_pose(text)


def test_a_scan_ahead_is_along_the_cameras_z() -> None:
    scan = LaserScan(header=header(10**9, "laser"), angle_min=0.0, angle_increment=math.pi / 2, range_min=0.1)
    scan.range_max = 30.0
    scan.ranges = array.array("f", [2.0, 3.0, 0.01, float("inf")])
    measured = Measured(scan=scan, place=Place.of("0.5 0 -0.2 0 0 0"))
    points = measured.points(10**9 + 10**8, "eye")
    assert points is not None
    np.testing.assert_allclose(points, [[0, 0.2, 2.5], [-3, 0.2, 0.5]], atol=1e-6)  # ahead; left is -x
    assert measured.points(3 * 10**9, "eye") is None, "of another moment"


def test_a_cloud_with_padding_and_doubles_is_read() -> None:
    layout = np.dtype({"names": list("xyz"), "formats": ["<f8"] * 3, "offsets": [4, 12, 20], "itemsize": 32})
    points = np.zeros(4, layout)
    points["x"], points["z"] = [1, 2, 3, 4], 7
    cloud = PointCloud2(height=2, width=2, point_step=32, row_step=70, is_bigendian=False)
    cloud.fields = [
        PointField(name=n, offset=o, datatype=PointField.FLOAT64, count=1)
        for n, o in zip("xyz", (4, 12, 20), strict=True)
    ]
    data = points.tobytes()
    cloud.data = array.array("B", data[:64] + b"\xff" * 6 + data[64:] + b"\xff" * 6)
    np.testing.assert_allclose(points_of_cloud(cloud), [[1, 0, 7], [2, 0, 7], [3, 0, 7], [4, 0, 7]])
    cloud.fields = cloud.fields[:2]
    with pytest.raises(FrameError, match="x, y and z"):
        points_of_cloud(cloud)


def test_measured_depth_is_metres_and_nothing_where_nothing_was_measured() -> None:
    millimetres = image_message(np.array([[0, 1500]], np.uint16), "mono16", Header())
    millimetres.encoding = "16UC1"
    np.testing.assert_allclose(depth_from_image(millimetres), [[np.nan, 1.5]])
    metres = image_message(np.array([[np.inf, -1, 2.5]], np.float32), "32FC1", Header())
    np.testing.assert_allclose(depth_from_image(metres), [[np.nan, np.nan, 2.5]])
    metres.encoding = "rgb8"
    with pytest.raises(FrameError, match="16UC1 or 32FC1"):
        depth_from_image(metres)
    with pytest.raises(FrameError, match="bytes a row"):
        depth_from_image(Image(encoding="16UC1", width=4, height=2, step=3))
