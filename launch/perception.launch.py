"""The perception node, and beside it a camera and rviz where asked for.

    ros2 launch vision_banana_ros perception.launch.py image:=/front/image_raw
    ros2 launch vision_banana_ros perception.launch.py image:=/front/image_raw transport:=compressed
    ros2 launch vision_banana_ros perception.launch.py camera:=clip rviz:=true
    ros2 launch vision_banana_ros perception.launch.py model:=onnx:tcmonodepth-small anchor:=student
    ros2 launch vision_banana_ros perception.launch.py image:=/front/image_raw steady:=true odometry:=/odom
    ros2 launch vision_banana_ros perception.launch.py camera:=folder path:=/data/images namespace:=test

Several cameras through one model, in one process, each with its topics under its name; {} stands for the name:

    ros2 launch vision_banana_ros perception.launch.py cameras:=front,rear image:=/{}/image_raw

Or a process for each: include this file once per camera, each with a namespace of its own.
"""

import os
import posixpath

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_prefix, get_package_share_directory
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription

PACKAGE = "vision_banana_ros"
CAMERAS = ("none", "clip", "moving", "live", "webcam", "folder", "video")
# Arguments that are parameters of the perception node.
WORDS = ("backend", "device", "precision", "anchor", "scan_pose", "camera_pose", "odometry", "classes", "transport")
NUMBERS = ("camera_height_m", "max_rate_hz")
YES_OR_NO = ("accept_licence", "allow_remote", "autostart", "steady")
# Name, default, choices, description. Empty values leave a parameter as params_file has it.
ARGUMENTS = (
    ("camera", "none", CAMERAS, "a camera to start beside the node"),
    ("path", "", None, "of camera:=folder or video; of a webcam its device (default /dev/video0)"),
    ("hfov_deg", "0.0", None, "horizontal field of view of that camera, where it is known"),
    ("namespace", "", None, "of all nodes, for several cameras"),
    ("params_file", "", None, "parameters of the perception node; default: this package's config/perception.yaml"),
    ("cameras", "", None, "names of several cameras, with commas between: one process and one model for all of them"),
    ("image", "image", None, "topic of the images; with transport:=compressed its base, without /compressed"),
    ("camera_info", "", None, "topic of their CameraInfo; default: camera_info beside the images' topic"),
    ("transport", "", ("", "raw", "compressed"), "of the images"),
    ("qos", "", ("", "best_effort", "reliable"), "reliability of the image and camera_info subscriptions"),
    ("model", "", None, "default: the shipped student; while none is, the oracle of camera:=clip or moving"),
    ("backend", "", None, "auto, onnxruntime, openvino, tensorrt or torch"),
    ("device", "", None, "of PyTorch models: auto, cpu, cuda, cuda:1, mps"),
    ("precision", "", ("", "auto", "fp32", "fp16", "bf16"), "of PyTorch models"),
    ("anchor", "", None, "where a relative depth model's metres come from: sparse, height:METRES, or a model's name"),
    ("accept_licence", "", ("", "true", "false"), "let in models that must not be used commercially"),
    ("allow_remote", "", ("", "true", "false"), "let pictures leave this machine, to the remote model that is named"),
    ("max_rate_hz", "", None, "frames beyond this rate are dropped; a remote model sees none by itself without it"),
    ("depth_prompt", "depth_prompt", None, "topic of measured depth images, for models that take them"),
    ("scan", "scan", None, "topic of a LaserScan that sets the scale, with scan_pose"),
    ("scan_pose", "", None, "of that laser in the camera's body frame: 'x y z roll pitch yaw'"),
    ("odometry", "", None, "the robot's, for metres from moving: a topic as /odom, or tf:odom; needs steady:=true"),
    ("steady", "", ("", "true", "false"), "hold what flickers from frame to frame"),
    ("classes", "", None, "a named set, a YAML file, or a list: floor=#80C000, chair"),
    ("camera_height_m", "", None, "height of the lens above the floor, which then sets the scale of depth"),
    ("autostart", "true", ("true", "false"), "configure and activate by itself"),
    ("use_sim_time", "false", ("true", "false"), "take the time from /clock, as with a simulator or a bag"),
    ("rviz", "false", ("true", "false"), "show images, canvases and cloud"),
    ("camera_pose", "", None, "'x y z roll pitch yaw' of the camera in base_frame: its transforms are published"),
    ("base_frame", "base_link", None, "what camera_pose is in"),
    ("camera_frame", "camera_optical_frame", None, "the images' frame_id, an optical frame, for camera_pose"),
    ("fixed_frame", "", None, "of rviz; default: the camera's own frame"),
    ("log_level", "info", ("debug", "info", "warn", "error", "fatal"), "of all nodes"),
)


def generate_launch_description():
    declared = [
        DeclareLaunchArgument(name, default_value=default, choices=choices, description=about)
        for name, default, choices, about in ARGUMENTS
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_nodes)])


def _nodes(context):
    """The nodes, once the arguments are known; what is wrong with them is said before anything starts."""
    values = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    share = get_package_share_directory(PACKAGE)
    source = _source(values)
    parameters = [_checked(values["params_file"]) or os.path.join(share, "config", "perception.yaml")]
    cameras = [name.strip() for name in values["cameras"].split(",") if name.strip()]
    topics = _topics(values, cameras)
    measured = {} if cameras else {name: values[name] for name in ("depth_prompt", "scan")}
    common = {
        "package": PACKAGE,
        "namespace": values["namespace"],
        "output": "screen",
        "arguments": ["--ros-args", "--log-level", values["log_level"]],
        "remappings": [(name, topic) for name, topic in (topics | measured).items() if topic != name],
    }
    clock = {"use_sim_time": values["use_sim_time"] == "true"}
    given = {name: values[name] for name in WORDS if values[name]}
    given |= {name: _number(values, name) for name in NUMBERS if values[name]}
    given |= {name: values[name] == "true" for name in YES_OR_NO if values[name]}
    given |= {"cameras": cameras} if cameras else {}
    model = values["model"] or _default_model(source)
    if model:
        given["model"] = model
    given |= _reliability(values, topics)
    actions = [Node(executable="perception_node", name="perception", parameters=[*parameters, given, clock], **common)]
    if source:
        actions += _camera_nodes(values, source, cameras, clock, common)
    if not model:
        actions.append(
            LogInfo(msg="no model:= given and none is shipped: the perception node will refuse to configure")
        )
    if values["camera_pose"] and not values["camera_pose"].startswith("tf:"):
        actions += _transforms(values)
    if values["rviz"] == "true":
        actions.append(_rviz(values, share, parameters=[clock], remappings=common["remappings"]))
    return actions


def _topics(values, cameras):
    """What each input of the node is called outside: of each camera, where there are several."""
    if not cameras:
        return {"image": values["image"], "camera_info": values["camera_info"] or _beside(values["image"])}
    if values["camera_pose"] and not values["camera_pose"].startswith("tf:"):
        raise RuntimeError("camera_pose is of one camera: give each its own in params_file, as front.camera_pose")
    topics = {}
    for name in cameras:
        image = values["image"] if values["image"] != "image" else "{}/image"
        if "{}" not in image:
            raise RuntimeError(
                f"image:={image} needs {{}} where the camera's name stands, for there are several cameras"
            )
        info = values["camera_info"] or _beside(image)
        topics |= {f"{name}/image": image.replace("{}", name), f"{name}/camera_info": info.replace("{}", name)}
    return topics


def _camera_nodes(values, source, cameras, clock, common):
    """The camera to try out with; where there are several, each plays the same."""
    plays = {"source": source, "hfov_deg": _number(values, "hfov_deg")}
    if not cameras:
        return [Node(executable="camera_node", name="camera", parameters=[plays, clock], **common)]
    nodes = []
    for name in cameras:
        topics = {topic: f"{name}/{topic}" for topic in ("image", "image/compressed", "camera_info")}
        of_this = {**common, "remappings": list(topics.items())}
        frame = {"frame_id": f"{name}_optical_frame"}
        nodes.append(Node(executable="camera_node", name=f"camera_{name}", parameters=[plays, frame, clock], **of_this))
    return nodes


def _transforms(values):
    """base_frame -> the camera's body frame (x forward) as told, -> its optical frame (z forward) by the usual turn."""
    pose = values["camera_pose"].replace(",", " ").split()
    try:
        numbers = [str(float(word)) for word in pose]
    except ValueError:
        numbers = []
    if len(numbers) != 6:
        raise RuntimeError(f"camera_pose:='{values['camera_pose']}' must be six numbers: x y z roll pitch yaw")
    optical = values["camera_frame"]
    body = optical.removesuffix("_optical_frame").removesuffix("_frame") + "_link"
    turn = ["0", "0", "0", "-1.5707963267948966", "0", "-1.5707963267948966"]
    names = ("--x", "--y", "--z", "--roll", "--pitch", "--yaw")
    links = (("camera_pose", numbers, values["base_frame"], body), ("camera_optical", turn, body, optical))
    return [
        Node(
            package="tf2_ros",
            executable="static_transform_publisher",
            name=name,
            namespace=values["namespace"],
            arguments=[word for pair in zip(names, six, strict=True) for word in pair]
            + ["--frame-id", parent, "--child-frame-id", child],
        )
        for name, six, parent, child in links
    ]


def _rviz(values, share, **common):
    try:
        get_package_prefix("rviz2")
    except PackageNotFoundError:
        return LogInfo(
            msg="rviz:=true, but rviz2 is not installed (sudo apt install ros-$ROS_DISTRO-rviz2): without it"
        )
    arguments = ["-d", os.path.join(share, "config", "rviz", "perception.rviz")]
    if values["fixed_frame"]:
        arguments += ["-f", values["fixed_frame"]]
    return Node(package="rviz2", executable="rviz2", namespace=values["namespace"], arguments=arguments, **common)


def _checked(path):
    """The parameter file's full path. launch only warns of a missing one, and the node would run on its defaults."""
    if not path:
        return ""
    path = os.path.abspath(os.path.expanduser(path))
    try:
        with open(path, encoding="utf-8") as file:
            document = yaml.safe_load(file)
    except OSError as error:
        raise RuntimeError(f"params_file:={path} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f" (line {place.line + 1})" if place is not None else ""
        raise RuntimeError(f"params_file:={path} is no YAML{line}: {getattr(error, 'problem', error)}") from None
    nodes = document.values() if isinstance(document, dict) else ()
    if not any(isinstance(node, dict) and "ros__parameters" in node for node in nodes):
        raise RuntimeError(f"params_file:={path} sets nothing: it needs a node's name (or /**:) with ros__parameters:")
    return path


def _beside(image):
    """camera_info where the driver of that image puts it: in the same namespace."""
    return posixpath.join(posixpath.dirname(image), "camera_info")


def _reliability(values, topics):
    """Parameters that override the QoS of the two inputs; they go by the topics' full names."""
    if not values["qos"]:
        return {}
    root = "/" + values["namespace"].strip("/")
    suffix = "/compressed" if values["transport"] == "compressed" else ""
    full = [posixpath.join(root, topic) + (suffix if name.endswith("image") else "") for name, topic in topics.items()]
    return {f"qos_overrides.{topic}.subscription.reliability": values["qos"] for topic in full}


def _number(values, name):
    try:
        return float(values[name])
    except ValueError:
        raise RuntimeError(f"{name}:={values[name]} must be a number") from None


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
