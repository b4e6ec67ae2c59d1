"""The launch files: performed by a stand-in (launch_stand_in.py), their nodes started for real, their words checked."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from launch_stand_in import LogInfo, Node, perform
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from vision_banana_ros.ros.diagnostics import Condition, diagnostic_array
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.pose import read_pose
from vision_banana_ros.ros.statistics import FrameStatistics

ROOT = Path(__file__).parents[2]
FILE = ROOT / "launch" / "perception.launch.py"
HAS_LAUNCH = importlib.util.find_spec("launch_ros") is not None


def _constants() -> dict[str, Any]:
    """The module's literal assignments, without running it."""
    values: dict[str, Any] = {}
    for statement in ast.parse(FILE.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            source = ast.unparse(statement.value).replace("CAMERAS", repr(values.get("CAMERAS")))
            values[statement.targets[0].id] = ast.literal_eval(source)
    return values


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An install as colcon makes it, of this tree; nothing else is installed there, rviz2 least of all."""
    name = "vision_banana_ros"
    index = tmp_path / "prefix" / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / name).touch()
    share = tmp_path / "prefix" / "share" / name
    share.mkdir()
    for folder in ("launch", "config"):
        (share / folder).symlink_to(ROOT / folder)
    (tmp_path / "prefix" / "lib").mkdir()
    (tmp_path / "prefix" / "lib" / name).symlink_to(ROOT / "libexec")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))
    return tmp_path / "prefix"


def _nodes(actions: list[Any]) -> dict[str, Node]:
    return {action.executable: action for action in actions if isinstance(action, Node)}


def _parameters(node: Node) -> dict[str, Any]:
    return {name: value for given in node.parameters if isinstance(given, dict) for name, value in given.items()}


def test_every_argument_is_documented() -> None:
    names = {name for name, *_ in _constants()["ARGUMENTS"]}
    guide = (ROOT / "docs" / "ros.md").read_text(encoding="utf-8")
    for name in names:
        assert f"`{name}`" in guide, f"docs/ros.md does not tell of {name}:="


def test_defaults_are_among_the_choices() -> None:
    for name, default, choices, about in _constants()["ARGUMENTS"]:
        assert choices is None or default in choices, name
        assert about


def test_what_it_starts_and_sets_exists(prefix: Path) -> None:
    actions = perform(
        FILE, camera="clip", classes="indoor", backend="auto", transport="raw", camera_height_m="0.4", device="cpu",
        precision="fp32", anchor="student", accept_licence="true", allow_remote="false", max_rate_hz="2",
        scan_pose="0 0 0 0 0 0",
    )  # fmt: skip
    nodes = _nodes(actions)
    assert set(nodes) == {"perception_node", "camera_node"}
    for name in nodes:
        assert (prefix / "lib" / "vision_banana_ros" / name).stat().st_mode & 0o111, f"libexec/{name}: not executable"
    for name in _parameters(nodes["perception_node"]):
        assert hasattr(Settings(), name) or name == "use_sim_time"
    yaml.safe_load((ROOT / "config" / "rviz" / "perception.rviz").read_text(encoding="utf-8"))


@pytest.mark.usefixtures("prefix")
def test_what_is_not_given_stays_as_the_parameter_file_has_it() -> None:
    given = _parameters(_nodes(perform(FILE))["perception_node"])
    assert set(given) == {"model", "autostart", "use_sim_time"}
    assert given["use_sim_time"] is False


@pytest.mark.usefixtures("prefix")
def test_camera_info_is_looked_for_beside_the_image() -> None:
    remaps = dict(_nodes(perform(FILE, image="/front/image_raw"))["perception_node"].remappings)
    assert remaps == {"image": "/front/image_raw", "camera_info": "/front/camera_info"}
    assert _nodes(perform(FILE))["perception_node"].remappings == []
    remaps = dict(_nodes(perform(FILE, image="rgb", camera_info="/i"))["perception_node"].remappings)
    assert remaps == {"image": "rgb", "camera_info": "/i"}


@pytest.mark.usefixtures("prefix")
def test_a_model_of_any_family_and_its_measured_depth_are_arguments() -> None:
    actions = perform(
        FILE, model="hf:x", anchor="sparse", allow_remote="true", max_rate_hz="0.5", depth_prompt="/tof/depth",
        scan="/laser",
    )  # fmt: skip
    node = _nodes(actions)["perception_node"]
    given = _parameters(node)
    assert (given["model"], given["anchor"], given["allow_remote"], given["max_rate_hz"]) == (
        "hf:x", "sparse", True, 0.5,
    )  # fmt: skip
    assert dict(node.remappings) == {"depth_prompt": "/tof/depth", "scan": "/laser"}


@pytest.mark.usefixtures("prefix")
def test_the_robots_odometry_is_an_argument() -> None:
    """A topic is the node's parameter as it is, and no remap: it is the robot's, not one camera's."""
    node = _nodes(perform(FILE, steady="true", odometry="/odom", cameras="a,b"))["perception_node"]
    assert (_parameters(node)["steady"], _parameters(node)["odometry"]) == (True, "/odom")
    assert "/odom" not in dict(node.remappings).values()
    given = _parameters(perform_of(steady="true", odometry="tf:odom"))
    assert Settings().changed({name: given[name] for name in ("steady", "odometry")}).looks_up
    assert not {"steady", "odometry"} & set(_parameters(perform_of()))


@pytest.mark.usefixtures("prefix")
def test_a_camera_pose_becomes_two_transforms_that_end_in_the_optical_frame() -> None:
    actions = perform(FILE, camera_pose="0.1, 0 0.4 0 0.2 0", camera_frame="front_optical_frame", base_frame="base")
    placed, turned = (a for a in actions if isinstance(a, Node) and a.executable == "static_transform_publisher")
    words = " ".join(placed.arguments)
    assert (
        words == "--x 0.1 --y 0.0 --z 0.4 --roll 0.0 --pitch 0.2 --yaw 0.0 --frame-id base --child-frame-id front_link"
    )
    told = dict(zip(turned.arguments[::2], turned.arguments[1::2], strict=True))
    assert (told["--frame-id"], told["--child-frame-id"]) == ("front_link", "front_optical_frame")
    turn, _ = read_pose(" ".join(told[f"--{name}"] for name in ("x", "y", "z", "roll", "pitch", "yaw")))
    np.testing.assert_allclose(turn @ [0, 0, 1], [1, 0, 0], atol=1e-12)  # the optical z is ahead
    np.testing.assert_allclose(turn @ [1, 0, 0], [0, -1, 0], atol=1e-12)  # its x to the right
    with pytest.raises(RuntimeError, match="camera_pose:='1 2' must be six numbers"):
        perform(FILE, camera_pose="1 2")


@pytest.mark.usefixtures("prefix")
def test_a_place_to_be_looked_up_publishes_no_transform() -> None:
    actions = perform(FILE, camera_pose="tf:base_footprint")
    assert set(_nodes(actions)) == {"perception_node"}
    assert _parameters(_nodes(actions)["perception_node"])["camera_pose"] == "tf:base_footprint"


@pytest.mark.usefixtures("prefix")
def test_several_cameras_are_one_node_with_a_remap_each() -> None:
    actions = perform(
        FILE, cameras="front, rear", image="/{}/image_raw", transport="compressed", qos="reliable", camera="moving"
    )
    perception = next(a for a in actions if isinstance(a, Node) and a.executable == "perception_node")
    assert dict(perception.remappings) == {
        "front/image": "/front/image_raw",
        "front/camera_info": "/front/camera_info",
        "rear/image": "/rear/image_raw",
        "rear/camera_info": "/rear/camera_info",
    }
    given = _parameters(perception)
    assert given["cameras"] == ["front", "rear"]
    assert {name for name in given if name.startswith("qos")} == {
        f"qos_overrides./{camera}/{topic}.subscription.reliability"
        for camera in ("front", "rear")
        for topic in ("image_raw/compressed", "camera_info")
    }
    played = [a for a in actions if isinstance(a, Node) and a.executable == "camera_node"]
    assert [node.name for node in played] == ["camera_front", "camera_rear"]
    assert dict(played[1].remappings)["image"] == "rear/image"
    assert dict(perform_of(cameras="a,b").remappings) == {}
    with pytest.raises(RuntimeError, match=r"needs \{\} where the camera's name stands"):
        perform(FILE, cameras="front,rear", image="/image_raw")
    with pytest.raises(RuntimeError, match="camera_pose is of one camera"):
        perform(FILE, cameras="front,rear", camera_pose="0 0 0 0 0 0")


def perform_of(**arguments: str) -> Node:
    return _nodes(perform(FILE, **arguments))["perception_node"]


def test_the_aggregator_finds_every_status_of_the_node() -> None:
    text = (ROOT / "config" / "diagnostics_aggregator.yaml").read_text(encoding="utf-8")
    analyzers = yaml.safe_load(text)["/**"]["ros__parameters"]["analyzers"].values()
    condition = Condition(name="/front/perception")
    array = diagnostic_array(Header(), condition.name, [(condition, FrameStatistics().summary(), Settings())])
    for status in array.status:
        found = [a for a in analyzers if any(words in status.name for words in a["contains"])]
        assert len(found) == 1, status.name


@pytest.mark.usefixtures("prefix")
def test_clock_scale_and_qos_are_arguments() -> None:
    actions = perform(
        FILE, camera="moving", use_sim_time="true", camera_height_m="0.45", qos="reliable", transport="compressed",
        image="rgb", namespace="front",
    )  # fmt: skip
    given = _parameters(_nodes(actions)["perception_node"])
    assert given["camera_height_m"] == 0.45
    assert given["use_sim_time"] is True
    assert _parameters(_nodes(actions)["camera_node"])["use_sim_time"] is True
    assert given["qos_overrides./front/rgb/compressed.subscription.reliability"] == "reliable"
    assert given["qos_overrides./front/camera_info.subscription.reliability"] == "reliable"


@pytest.mark.usefixtures("prefix")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read: No such file"),
        ("a: [1,\n", "is no YAML (line 2)"),
        ("perception:\n  max_range_m: 5.0\n", "sets nothing: it needs a node's name"),
        ("", "sets nothing"),
    ],
)
def test_a_parameter_file_that_cannot_be_used_is_refused_before_anything_starts(
    tmp_path: Path, text: str | None, said: str
) -> None:
    file = tmp_path / "my.yaml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(RuntimeError, match="params_file:=") as caught:
        perform(FILE, params_file=str(file))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("prefix")
def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(RuntimeError, match="camera_height_m:=low must be a number"):
        perform(FILE, camera_height_m="low")


def test_without_rviz2_the_rest_starts_and_with_it_rviz_follows_the_image(
    prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions = perform(FILE, rviz="true", image="/front/image_raw")
    assert set(_nodes(actions)) == {"perception_node"}
    assert ["rviz2 is not installed" in action.msg for action in actions if isinstance(action, LogInfo)] == [True]
    (prefix / "share" / "ament_index" / "resource_index" / "packages" / "rviz2").touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(prefix))
    rviz = _nodes(perform(FILE, rviz="true", image="/front/image_raw", fixed_frame="map"))["rviz2"]
    assert ("image", "/front/image_raw") in rviz.remappings
    assert rviz.arguments[-2:] == ["-f", "map"]


def test_rviz_and_nav2_listen_to_topics_that_exist() -> None:
    from vision_banana_ros.ros.topics import CLOUD, topics

    published = {topic.name for topic in topics()} | {CLOUD, "image", "segmentation/label_info"}
    rviz = yaml.safe_load((ROOT / "config" / "rviz" / "perception.rviz").read_text(encoding="utf-8"))
    for display in rviz["Visualization Manager"]["Displays"]:
        assert display["Topic"]["Value"] in published
    nav2 = yaml.safe_load((ROOT / "config" / "nav2" / "local_costmap.yaml").read_text(encoding="utf-8"))
    layers = nav2["local_costmap"]["local_costmap"]["ros__parameters"]
    source = layers["semantic_layer"]["perception"]
    topics = {value for key, value in source.items() if key.endswith("_topic")} | {
        layers["voxel_layer"]["perception"]["topic"]
    }
    assert {topic.removeprefix("/") for topic in topics} <= published
    named = {target.text for target in Settings(classes="nav2_demo").class_set.targets}
    for kind in source["class_types"]:
        assert set(source[kind]["classes"]) <= named


@pytest.mark.ros
def test_a_remapped_compressed_camera_is_seen_without_rviz2(ros: Any, prefix: Path, tmp_path: Path) -> None:
    """One remap, of the base topic, and one argument for the transport; /front/image_raw/compressed is what is sent."""
    actions = perform(
        FILE, camera="moving", model="oracle:moving@160x120", image="/front/image_raw", transport="compressed",
        rviz="true", qos="best_effort",
    )  # fmt: skip
    for node in _nodes(actions).values():
        # rclpy finds its own parts by itself; of the prefix only the executables are needed
        ros.run(node.command(prefix, tmp_path), environment={"PYTHONPATH": str(ROOT), "AMENT_PREFIX_PATH": None})
    listener = ros.listener
    listener.subscribe(Image, "depth/confidence")  # images are taken while somebody listens
    listener.messages("depth/confidence")
    assert listener.node.count_subscribers("/front/image_raw/compressed") == 1
    assert listener.node.count_subscribers("/front/camera_info") == 1
    assert listener.node.count_publishers("/front/image_raw/compressed") == 1


@pytest.mark.ros
def test_the_real_launch_makes_the_nodes(prefix: Path) -> None:
    """Where launch_ros is installed; no wheel carries it, so elsewhere the stand-in has to do."""
    if not HAS_LAUNCH:
        assert set(_nodes(perform(FILE, camera="moving"))) == {"perception_node", "camera_node"}
        return
    from launch.actions import DeclareLaunchArgument

    from launch import LaunchContext

    spec = importlib.util.spec_from_file_location("perception_launch", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    context = LaunchContext()
    for entity in module.generate_launch_description().entities:
        if isinstance(entity, DeclareLaunchArgument):
            entity.execute(context)
    context.launch_configurations["camera"] = "moving"
    nodes = module._nodes(context)
    assert [node.node_executable for node in nodes] == ["perception_node", "camera_node"]
    assert prefix.is_dir()
