"""The perception node, and beside it a camera and rviz where asked for.

    ros2 launch vision_banana_ros perception.launch.py image:=/front/image_raw camera_info:=/front/camera_info
    ros2 launch vision_banana_ros perception.launch.py camera:=clip rviz:=true
    ros2 launch vision_banana_ros perception.launch.py camera:=folder path:=/data/images namespace:=test

Several cameras: include it once per camera, each with a namespace of its own.
"""

import os

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription

PACKAGE = "vision_banana_ros"
CAMERAS = ("none", "clip", "moving", "live", "webcam", "folder", "video")
# Name, default, choices, description. Empty values leave a parameter as params_file has it.
ARGUMENTS = (
    ("camera", "none", CAMERAS, "a camera to start beside the node"),
    ("path", "", None, "of camera:=folder or video; of a webcam its device (default /dev/video0)"),
    ("hfov_deg", "0.0", None, "horizontal field of view of that camera, where it is known"),
    ("namespace", "", None, "of all nodes, for several cameras"),
    ("params_file", "", None, "parameters of the perception node; default: this package's config/perception.yaml"),
    ("image", "image", None, "topic of the images"),
    ("camera_info", "camera_info", None, "topic of their CameraInfo"),
    ("model", "", None, "default: the shipped student; while none is, the oracle of camera:=clip or moving"),
    ("backend", "", None, "auto, onnxruntime, openvino, tensorrt or torch"),
    ("classes", "", None, "a named set, a YAML file, or a list: floor=#80C000, chair"),
    ("autostart", "true", ("true", "false"), "configure and activate by itself"),
    ("rviz", "false", ("true", "false"), "show images, canvases and cloud"),
    ("log_level", "info", ("debug", "info", "warn", "error", "fatal"), "of all nodes"),
)


def generate_launch_description():
    declared = [
        DeclareLaunchArgument(name, default_value=default, choices=choices, description=about)
        for name, default, choices, about in ARGUMENTS
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_nodes)])


def _nodes(context):
    """The nodes, once the arguments are known."""
    values = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    share = get_package_share_directory(PACKAGE)
    source = _source(values)
    common = {
        "package": PACKAGE,
        "namespace": values["namespace"],
        "output": "screen",
        "arguments": ["--ros-args", "--log-level", values["log_level"]],
        "remappings": [(name, values[name]) for name in ("image", "camera_info") if values[name] != name],
    }
    given = {name: values[name] for name in ("backend", "classes") if values[name]}
    model = values["model"] or _default_model(source)
    if model:
        given["model"] = model
    given["autostart"] = values["autostart"] == "true"
    parameters = [values["params_file"] or os.path.join(share, "config", "perception.yaml"), given]
    nodes = [Node(executable="perception_node", name="perception", parameters=parameters, **common)]
    if source:
        camera = {"source": source, "hfov_deg": float(values["hfov_deg"])}
        nodes.append(Node(executable="camera_node", name="camera", parameters=[camera], **common))
    if not model:
        nodes.append(LogInfo(msg="no model:= given and none is shipped: the perception node will refuse to configure"))
    nodes.append(
        Node(
            package="rviz2",
            executable="rviz2",
            namespace=values["namespace"],
            arguments=["-d", os.path.join(share, "config", "rviz", "perception.rviz")],
            condition=IfCondition(values["rviz"]),
        )
    )
    return nodes


def _source(values):
    """The `source` parameter of camera_node; empty for none."""
    if values["camera"] == "none":
        return ""
    if values["camera"] == "webcam":
        return values["path"] or "/dev/video0"
    if values["camera"] in ("folder", "video"):
        if not values["path"]:
            raise RuntimeError(f"camera:={values['camera']} needs path:=...")
        return os.path.abspath(os.path.expanduser(values["path"]))
    return values["camera"]


def _default_model(source):
    from vision_banana_ros.ros.sources import default_model

    return default_model(source)
