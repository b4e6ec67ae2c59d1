"""What the program does, as digests of its answers: to show that a change of the code changed nothing else.

    python tools/behaviour.py record before.json          on the old tree
    python tools/behaviour.py record after.json           on the new one
    python tools/behaviour.py compare before.json after.json
    python tools/behaviour.py compare before.json after.json --within-rounding

It looks from outside: canvases and layers through the public functions, messages through a node in a process of its
own. So it runs on either tree: go there, and put it first on PYTHONPATH.

    canvas/...   oracle and student: what is painted for each task
    layer/...    perceive(): every layer, under many settings
    node/...     every topic of a perception node, under many parameters; stamps left out

Each entry keeps a digest of the very bits, and a few figures. Processors and libraries round differently, which the
entry "arithmetic" tells: where two records differ in that, only the figures can be compared (--within-rounding). The
student's entries come with --student, for they depend on the machine even more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np

from vision_banana_ros.core import Frame, Target, Task
from vision_banana_ros.generators import load_generator
from vision_banana_ros.ros.sources import open_source

try:
    from vision_banana_ros.prompts import Instruction
except ImportError:
    from vision_banana_ros.core import Instruction

perceiving = import_module("vision_banana_ros.perceive")
Entry: TypeAlias = dict[str, Any]
Entries: TypeAlias = dict[str, Entry]

#: How far figures may lie apart that were rounded on two machines: a share of their size, and of all pixels.
ROUNDING = 2e-3
LAYERS = (
    "depth_m", "depth_confidence", "normals", "normals_confidence", "mask", "mask_confidence", "labels",
    "instances", "instances_confidence", "referring", "referring_confidence", "referring_labels",
    "camera", "camera_recovered",
)  # fmt: skip
SEGMENTATIONS = (
    "A segmentation map. The floor is #80C000; the wall is #8080FF; the door is #C0FF40; the sofa is #FF0080. "
    "Everything else is black.",
    "A segmentation map. The lamp is solid white. Everything else is black.",
)
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "range": {"max_range_m": 2.5},
    "doubting": {"min_depth_confidence": 200, "min_normals_confidence": 200, "min_mask_confidence": 200},
    "trusting": {"min_depth_confidence": 0, "min_normals_confidence": 0, "min_mask_confidence": 0},
    "unfiltered": {"filter_flying_pixels": False},
    "bare": {"with_confidence": False},
}
#: Parameters of the node, whether a CameraInfo comes with the images, and its distortion.
PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "default": ({}, "info"),
    "no_info": ({}, ""),
    "hfov": ({"hfov_deg": 65.0}, ""),
    "distorted": ({}, "distorted"),
    "height": ({"camera_height_m": 0.6}, "info"),
    "height_no_info": ({"camera_height_m": 0.6, "max_range_m": 4.0}, ""),
    "small": ({"output_width": 320}, "info"),
    "range": ({"min_range_m": 1.5, "max_range_m": 3.0, "far_point_m": 30.0}, "info"),
    "doubting": ({"min_depth_confidence": 200, "min_normals_confidence": 200, "min_mask_confidence": 200}, "info"),
    "unfiltered": ({"filter_flying_pixels": False}, "info"),
    "plasma": ({"depth_encoding": "plasma"}, "info"),
    "grey": ({"depth_encoding": "grey"}, "info"),
    "millimetres": ({"depth_format": "16UC1"}, "info"),
    "bare_cloud": ({"cloud_fields": ["rgb"]}, "info"),
    "two_tasks": ({"tasks": ["depth", "semantic"]}, "info"),
    "words": ({"classes": "sofa=#FF0000, floor=#0000FF", "prompt": "the floor", "instance_class": "ball"}, "info"),
}
TOPICS = (
    "depth/image", "depth/camera_info", "depth/confidence", "normals/image", "segmentation/mask",
    "segmentation/confidence", "instances/mask", "referring/mask", "referring/confidence", "canvas/depth",
    "canvas/normals", "canvas/rays", "canvas/segmentation", "canvas/instances", "canvas/referring", "points",
)  # fmt: skip
LATCHED = "segmentation/labels"
PATIENCE_S = 60.0
#: Topics with nothing to say where the camera is told, and under some parameters: nobody waits for them.
SILENT_WITH_INFO = {"canvas/rays"}
SILENT = {"two_tasks": {t for t in TOPICS if any(word in t for word in ("normals", "instances", "referring"))}}
_SETTLE_S = 0.2
#: A message that has not come by then is missing.
_COMING_S = 8.0


def record(*, frames: int, settings: int | None = None, student: bool = False, node: bool = True) -> Entries:
    """Everything, of so many frames of each footage; `settings` bounds how many of them are tried."""
    entries: Entries = {"arithmetic": arithmetic()}
    for source in ("moving", "clip"):
        shots = footage(source, frames)
        for model in (f"oracle:{source}", f"oracle:{source}@192x128"):
            entries |= seen(model, load_generator(model), shots, settings)
        if node:
            entries |= node_answers(f"oracle:{source}@192x128", shots, settings)
        if student:
            model = f"student:{source}"
            entries |= seen(model, load_generator("student", backend="onnxruntime:fp32"), shots, settings)
    if node:
        entries |= node_answers("oracle:moving", footage("moving", 1), 1)
    return entries


def footage(source: str, count: int) -> list[Frame]:
    """Frames some way apart, from the start."""
    player = open_source(source)
    shots = []
    for index in range(1 + 7 * (count - 1)):
        view = player.next()
        if view is not None and index % 7 == 0:
            shots.append(Frame(view.rgb, stamp_ns=index * 10**8, frame_id="camera", camera=view.camera))
    return shots


def instructions(encoding: str = "cube", *, rays: bool = False) -> list[Any]:
    """One of each task that is decoded."""
    floor, lamp = (Instruction.from_text(text) for text in SEGMENTATIONS)
    asked = [
        Instruction(Task.DEPTH, depth_encoding=encoding),
        Instruction(Task.NORMALS),
        floor,
        Instruction(Task.INSTANCE, (Target("ball"),), background=(0, 0, 0)),
        Instruction(Task.REFERRING, lamp.targets, lamp.background),
    ]
    return [Instruction(Task.RAYS), *asked] if rays else asked


def seen(model: str, generator: Any, shots: list[Frame], settings: int | None) -> Entries:
    """Canvases and layers."""
    entries: Entries = {}
    for index, shot in enumerate(shots):
        for canvas in generator.generate(shot, instructions(rays=True)):
            entries[f"canvas/{model}/{index}/{canvas.instruction.task.value}"] = of_array(canvas.rgb)
        for name, values in list(SETTINGS.items())[:settings]:
            asked = instructions()
            entries |= _layers(f"layer/{model}/{index}/{name}", shot, generator, asked, values)
        for encoding in ("plasma", "inferno", "viridis", "grey")[:settings]:
            entries |= _layers(f"layer/{model}/{index}/{encoding}", shot, generator, instructions(encoding)[:1], {})
        blind = Frame(shot.rgb, shot.stamp_ns, shot.frame_id)
        asked = instructions(rays=True)
        entries |= _layers(f"layer/{model}/{index}/no_camera", blind, generator, asked, {})
    return entries


def _layers(name: str, frame: Frame, generator: Any, asked: list[Any], values: dict[str, Any]) -> Entries:
    settings = perceiving.PerceiveSettings(**values)
    perception = perceiving.perceive(frame, generator, asked, settings)
    layers = {layer: getattr(perception, layer) for layer in LAYERS}
    return {
        f"{name}/{layer}": of_array(value) if isinstance(value, np.ndarray) else of_value(value)
        for layer, value in layers.items()
        if value is not None
    }


# The node, in a process of its own.


def node_answers(model: str, shots: list[Frame], settings: int | None) -> Entries:
    from vision_banana_ros.ros.process import import_rclpy
    from vision_banana_ros.ros.processes import isolated_environment, running_node
    from vision_banana_ros.ros.transport import prepare_process

    prepare_process()
    rclpy = import_rclpy()
    environment = isolated_environment()
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=int(environment["ROS_DOMAIN_ID"]))
    entries: Entries = {}
    try:
        with running_node("node", {"model": model}, environment=environment), _Asker.spinning(context) as asker:
            for name, (values, info) in list(PARAMETERS.items())[:settings]:
                asker.set(_DEFAULTS | values)
                for index, shot in enumerate(shots):
                    silent = SILENT.get(name, set()) | (SILENT_WITH_INFO if info else set())
                    for topic, message in asker.answers(shot, info, set(TOPICS) - silent).items():
                        entries[f"node/{model}/{name}/{index}/{topic}"] = of_message(message)
    finally:
        context.try_shutdown()
    return entries


_DEFAULTS: dict[str, Any] = {
    "camera_height_m": 0.0, "cloud_fields": ["rgb", "normals", "label", "confidence"], "depth_encoding": "cube",
    "depth_format": "32FC1", "far_point_m": 0.0, "filter_flying_pixels": True, "hfov_deg": 0.0, "max_range_m": 80.0,
    "min_depth_confidence": 32, "min_mask_confidence": 32, "min_normals_confidence": 32, "min_range_m": 0.0,
    "output_width": 0, "tasks": ["depth", "normals", "rays", "semantic", "instance", "referring"],
    "classes": "floor, wall, ceiling, sky, box, ball, sofa", "prompt": "the lamp", "instance_class": "box",
}  # fmt: skip


class _Asker:
    """Sends a frame to the node and collects what it says of that frame."""

    def __init__(self, node: Any) -> None:
        from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
        from sensor_msgs.msg import CameraInfo, Image, PointCloud2
        from std_msgs.msg import String

        self._node = node
        self._got: dict[str, Any] = {}
        self._stamp = 0
        reliable = QoSProfile(depth=4, reliability=ReliabilityPolicy.RELIABLE)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        for topic in TOPICS:
            kind = {"points": PointCloud2, "depth/camera_info": CameraInfo}.get(topic, Image)
            node.create_subscription(kind, topic, lambda m, t=topic: self._keep(t, m), reliable)
        node.create_subscription(String, LATCHED, lambda m: self._got.__setitem__(LATCHED, m), latched)
        self._images = node.create_publisher(Image, "image", reliable)
        self._infos = node.create_publisher(CameraInfo, "camera_info", reliable)

    @classmethod
    @contextmanager
    def spinning(cls, context: Any) -> Iterator[_Asker]:
        import rclpy
        from rclpy.exceptions import InvalidHandle
        from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

        node = rclpy.create_node("behaviour", context=context)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        asker = cls(node)

        def spin() -> None:
            with suppress(ExternalShutdownException, InvalidHandle):  # the second: shut down between two of its steps
                executor.spin()

        thread = threading.Thread(target=spin, daemon=True)
        thread.start()
        try:
            yield asker
        finally:
            executor.shutdown()
            thread.join(PATIENCE_S)
            node.destroy_node()

    def set(self, values: dict[str, Any]) -> None:
        from rcl_interfaces.srv import SetParameters
        from rclpy.parameter import Parameter

        request = SetParameters.Request(
            parameters=[Parameter(n, value=v).to_parameter_msg() for n, v in values.items()]
        )
        client = self._node.create_client(SetParameters, "/perception/set_parameters")
        if not client.wait_for_service(PATIENCE_S):
            raise SystemExit("the perception node offers no parameters: did it start?")
        # All at once would meet ranges that hold only together; one by one, twice, meets them in either order.
        for _ in range(2):
            call = client.call_async(request)
            _wait(call.done, "an answer to set_parameters")
        refused = [result.reason for result in call.result().results if not result.successful]
        if refused:
            raise SystemExit(f"the node refused {refused}")

    def answers(self, shot: Frame, info: str, expected: set[str]) -> dict[str, Any]:
        """The messages by topic, and what is said beyond the expected."""
        from vision_banana_ros.ros import convert

        _wait(lambda: self._images.get_subscription_count() > 0, "the node to listen")
        _wait(lambda: all(self._node.count_publishers(topic) > 0 for topic in TOPICS), "the node's topics")
        time.sleep(_SETTLE_S)  # both sides have found each other, or do so now
        labels = self._got.get(LATCHED)
        self._got = {} if labels is None else {LATCHED: labels}
        self._stamp += 10**9
        head = convert.header(self._stamp, "camera_optical_frame")
        # An unusable info takes the last one's place: there is no other way to take it back.
        if shot.camera is None:
            raise SystemExit("the footage must know its camera")
        message = convert.info_message(shot.camera, head)
        if not info:
            message.k, message.p = [0.0] * 9, [0.0] * 12
        if info == "distorted":
            message.d = [0.1, -0.05, 0.001, 0.002, 0.01]
            message.p[0], message.p[5] = message.p[0] * 0.9, message.p[5] * 0.9
        self._infos.publish(message)
        time.sleep(_SETTLE_S)
        image = convert.image_message(shot.rgb, "rgb8", head)
        for _ in range(3):  # an image may get lost, or come before all topics have found each other
            self._images.publish(image)
            end = time.monotonic() + _COMING_S
            while not expected <= self._got.keys() and time.monotonic() < end:
                time.sleep(0.01)
            if expected <= self._got.keys() or (not info and len(self._got) > 1):
                break  # without info the node would see it twice, and smooth its camera twice
        time.sleep(_SETTLE_S)
        return dict(self._got)

    def _keep(self, topic: str, message: Any) -> None:
        if message.header.stamp.sec * 10**9 == self._stamp:
            self._got[topic] = message


def _wait(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"waited {PATIENCE_S:g} s in vain for {what}")
        time.sleep(0.005)


# Digests.


def of_array(values: Any) -> Entry:
    """The bits, and figures that rounding hardly moves."""
    values = np.ascontiguousarray(values)
    digest = hashlib.sha256(f"{values.dtype} {values.shape}".encode() + values.tobytes()).hexdigest()
    finite = values[np.isfinite(values)].astype(np.float64)
    figures = [float(np.isnan(values).mean()), float(np.isinf(values).mean())] if values.dtype.kind == "f" else []
    figures += [float(finite.mean()), float(finite.std())] if finite.size else []
    return {"sha256": digest, "kind": f"{values.dtype} {values.shape}", "figures": [float(f"{f:.6g}") for f in figures]}


def of_value(value: Any) -> Entry:
    return {"sha256": hashlib.sha256(repr(value).encode()).hexdigest(), "kind": type(value).__name__, "figures": []}


def of_message(message: Any) -> Entry:
    """A message's fields in their order, without its stamp: the same as its serialised form, and no padding."""
    digest = hashlib.sha256()
    _feed(digest, message)
    data = getattr(message, "data", b"")
    encoding = getattr(message, "encoding", "")
    floats = encoding.startswith("32FC")
    values = np.frombuffer(data, np.float32 if floats else np.uint8) if not isinstance(data, str) else np.zeros(0)
    if type(message).__name__ == "PointCloud2":  # only the coordinates
        values = np.frombuffer(data, np.float32).reshape(-1, message.point_step // 4)[:, :3]
    figures = of_array(values)["figures"] if values.size else []
    return {"sha256": digest.hexdigest(), "kind": type(message).__name__, "figures": figures}


def _feed(digest: Any, value: Any) -> None:
    if hasattr(value, "get_fields_and_field_types"):
        for name in value.get_fields_and_field_types():
            if name != "stamp":
                digest.update(name.encode())
                _feed(digest, getattr(value, name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            _feed(digest, item)
    elif hasattr(value, "tobytes"):
        digest.update(value.tobytes())
    else:
        digest.update(repr(value).encode())


def arithmetic() -> Entry:
    """How this machine rounds: the functions that images and layers are made with, over some numbers."""
    numbers = np.random.default_rng(1).uniform(0.01, 20.0, 4096).astype(np.float32)
    picture = (np.outer(numbers[:64], numbers[64:160]) % 256).astype(np.uint8)
    parts = [np.exp(-numbers), np.log(numbers), numbers**0.37, np.sin(numbers), np.arctan2(numbers, numbers[::-1])]
    parts += [np.exp(-numbers.astype(np.float64)), np.log(numbers.astype(np.float64))]
    parts += [np.random.default_rng(7).normal(0.0, 3.0, 64), numbers.reshape(64, 64) @ numbers.reshape(64, 64)]
    parts += [cv2.resize(picture, (200, 130), interpolation=cv2.INTER_AREA)]
    parts += [cv2.resize(picture.astype(np.float32), (200, 130), interpolation=cv2.INTER_LINEAR)]
    parts += [cv2.GaussianBlur(picture.astype(np.float32), (5, 5), 1.1)]
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()
    return {"sha256": digest, "kind": "arithmetic", "figures": []}


def differences(before: Entries, after: Entries, *, within_rounding: bool = False) -> list[str]:
    """What is not the same, a line each; nothing is said of how the machines round."""
    lines = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if name == "arithmetic":
            continue
        if old is None or new is None:
            lines.append(f"{name}: only {'after' if old is None else 'before'}")
        elif old["kind"] != new["kind"]:
            lines.append(f"{name}: was {old['kind']}, is {new['kind']}")
        elif within_rounding:
            if not _near(old["figures"], new["figures"]):
                lines.append(f"{name}: figures {old['figures']} are now {new['figures']}")
        elif old["sha256"] != new["sha256"]:
            lines.append(f"{name}: other bits; figures {old['figures']} are now {new['figures']}")
    return lines


def _near(old: list[float], new: list[float]) -> bool:
    return len(old) == len(new) and all(
        abs(a - b) <= ROUNDING * max(1.0, abs(a)) for a, b in zip(old, new, strict=True)
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    doing = parser.add_subparsers(dest="doing", required=True)
    recording = doing.add_parser("record", help="write the digests of this tree's answers")
    recording.add_argument("out", type=Path)
    recording.add_argument("--frames", type=int, default=4, help="of each footage")
    recording.add_argument("--settings", type=int, help="only the first so many settings of each kind")
    recording.add_argument("--student", action="store_true", help="the shipped student too, on onnxruntime:fp32")
    recording.add_argument("--no-node", action="store_true", help="no ROS")
    comparing = doing.add_parser("compare", help="exit code 1 and a list when they differ")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    comparing.add_argument("--within-rounding", action="store_true", help="the figures instead of the bits")
    args = parser.parse_args(arguments)
    if args.doing == "record":
        entries = record(frames=args.frames, settings=args.settings, student=args.student, node=not args.no_node)
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(entries[name])}" for name in sorted(entries))
        args.out.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
        print(f"{len(entries)} entries of {Path(perceiving.__file__).parent}", file=sys.stderr)
        return 0
    before, after = (json.loads(path.read_text(encoding="utf-8")) for path in (args.before, args.after))
    found = differences(before, after, within_rounding=args.within_rounding)
    print("\n".join(found), end="\n" if found else "")
    same_machine = before["arithmetic"] == after["arithmetic"]
    print(f"{len(before.keys() | after.keys()) - 1} entries, {len(found)} differ", file=sys.stderr)
    if found and not same_machine and not args.within_rounding:
        print("the two machines round differently: compare --within-rounding", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
