"""The launch file: run by the real launch where it is installed, and its structure everywhere."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from vision_banana_ros.ros.params import Settings

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


def test_it_has_the_arguments_that_are_documented() -> None:
    names = {name for name, *_ in _constants()["ARGUMENTS"]}
    wanted = {
        "camera",
        "params_file",
        "namespace",
        "image",
        "camera_info",
        "rviz",
        "autostart",
        "log_level",
        "model",
        "backend",
    }
    assert wanted <= names
    guide = (ROOT / "docs" / "ros.md").read_text(encoding="utf-8")
    for name in names:
        assert f"`{name}`" in guide, f"docs/ros.md does not tell of {name}:="


def test_defaults_are_among_the_choices() -> None:
    for name, default, choices, about in _constants()["ARGUMENTS"]:
        assert choices is None or default in choices, name
        assert about


def test_what_it_starts_and_sets_exists() -> None:
    tree = ast.parse(FILE.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Node"]
    executables = {ast.literal_eval(k.value) for call in calls for k in call.keywords if k.arg == "executable"}
    assert executables == {"perception_node", "camera_node", "rviz2"}
    for name in executables - {"rviz2"}:
        assert (ROOT / "libexec" / name).stat().st_mode & 0o111, f"libexec/{name} must be executable"
    for name in ("model", "backend", "classes", "autostart"):
        assert hasattr(Settings(), name)
    yaml.safe_load((ROOT / "config" / "rviz" / "perception.rviz").read_text(encoding="utf-8"))


def test_rviz_and_nav2_listen_to_topics_that_exist() -> None:
    from vision_banana_ros.ros.outputs import CLOUD, topics

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
def test_the_real_launch_makes_the_nodes() -> None:
    """Where launch_ros is not installed (no wheel carries it) the structure above is all that can be checked."""
    if not HAS_LAUNCH:
        assert "generate_launch_description" in FILE.read_text(encoding="utf-8")
        return
    from launch.actions import DeclareLaunchArgument

    from launch import LaunchContext

    spec = importlib.util.spec_from_file_location("perception_launch", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    context = LaunchContext()
    description = module.generate_launch_description()
    for entity in description.entities:
        if isinstance(entity, DeclareLaunchArgument):
            entity.execute(context)
    context.launch_configurations["camera"] = "moving"
    module.get_package_share_directory = lambda _: str(ROOT)
    nodes = module._nodes(context)
    assert [node.node_executable for node in nodes if hasattr(node, "node_executable")] == [
        "perception_node",
        "camera_node",
        "rviz2",
    ]
