"""Every parameter of the perception node, once: its type, default, range, words, and whether it may change while
running.

`Settings` is the table: a field is a parameter. The node declares its parameters from it (ros/declare.py),
config/perception.yaml and the table in the documentation are written from it:

    python -m vision_banana_ros.ros.params yaml > config/perception.yaml
    python -m vision_banana_ros.ros.params table

A Settings object is always valid as a whole: a bad value, alone or beside the others, raises ParameterError, so the
node refuses it and keeps the Settings that it had. Imports nothing of ROS.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from vision_banana_ros.core import DEPTH_ENCODINGS, Task, VisionBananaError, describe
from vision_banana_ros.generators.options import DEVICES, PRECISIONS, TOGETHER
from vision_banana_ros.perceiver import PerceiverSettings
from vision_banana_ros.prompts import ClassSet, Instruction, class_set_names, read_class_set, read_request
from vision_banana_ros.ros.cropping import Crop
from vision_banana_ros.ros.pose import OdometrySource, Place
from vision_banana_ros.ros.specs import ParameterError, Spec, Value, parameter, plain, require
from vision_banana_ros.tasks import INSTANCE_DECODINGS, DecodeSettings, Wishes, rooms

#: What may be asked for: all that topics carry.
TASKS: tuple[str, ...] = tuple(room.task.value for room in rooms() if room.published)
#: What each of several cameras may have its own of: front.hfov_deg.
OF_A_CAMERA: frozenset[str] = frozenset(
    {"transport", "tasks", "classes", "instance_class", "prompt", "hfov_deg", "scan_pose", "camera_pose"}
    | {"crop_x", "crop_y", "crop_width", "crop_height", "output_width", "max_rate_hz", "camera_height_m"}
)
#: A part of a topic's name, and of a parameter's.
_CAMERA = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
CLOUD_FIELDS: tuple[str, ...] = ("rgb", "normals", "label", "confidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values of all parameters at one moment."""

    # What paints. Fixed once configured.
    model: str = parameter(
        "",
        "A folder with a manifest.json, a family's name such as hf:ID, onnx:CARD.yaml, mix:FILE.yaml, diffusers:ID or "
        "gemini:MODEL (docs/models.md), oracle:moving or oracle:clip to try out; empty: the shipped student. "
        "student@192x128 paints canvases of that size: smaller is faster and coarser.",
        live=False,
    )  # fmt: skip
    backend: str = parameter(
        "auto", "auto, onnxruntime, openvino, tensorrt or torch; also with a precision: openvino:fp32.", live=False
    )
    device: str = parameter(
        "auto", "Where PyTorch models run: auto (a GPU where there is one), cpu, cuda, cuda:1, mps.", live=False
    )
    precision: str = parameter(
        "auto", "What PyTorch models compute in; auto: fp16 on a GPU, fp32 elsewhere.", live=False, choices=PRECISIONS
    )
    anchor: str = parameter(
        "", "Where the metres of a relative depth model come from: sparse (the topics depth_prompt or scan), "
        "height:METRES, or a metric model's name such as student. Or scale, for a model of metres: its depth times one "
        "factor, by the same topics.", live=False,
    )  # fmt: skip
    words: str = parameter(
        "", "A YAML file of a model's own class names and the words that stand for them.", live=False
    )
    accept_licence: bool = parameter(False, "Let in models that must not be used commercially.", live=False)
    allow_remote: bool = parameter(
        False, "Let pictures leave this machine, to the remote model that is named.", live=False
    )
    engine_cache_dir: str = parameter(
        "", "Where TensorRT engines and the choice of a runtime are kept between starts; empty: the user's cache. "
        "Unwritable: built and chosen at each start.", live=False,
    )  # fmt: skip
    autostart: bool = parameter(True, "Configure and activate by itself, as plain `ros2 run` needs.", live=False)
    cameras: tuple[str, ...] = parameter(
        (), "Names of several cameras that one model sees for, each with its topics under its name, [front, rear]: "
        "front/image, front/points; empty: one camera, whose topics stand alone.", live=False,
    )  # fmt: skip
    together: str = parameter(
        "auto", "Frames of several cameras in one call of the network, where the model has a graph for it "
        "(docs/ros.md); auto: on a GPU, for on a CPU each takes longer so.", live=False, choices=TOGETHER,
    )  # fmt: skip
    transport: str = parameter(
        "raw", "Listen to `image`, or to `image/compressed`.", live=False, choices=("raw", "compressed")
    )
    lazy_image: bool = parameter(
        True, "Subscribe to the images only while somebody listens to what is made of them; an idle node costs nothing."
    )

    # What is asked.
    tasks: tuple[str, ...] = parameter(
        TASKS, "Tasks that may be asked for; of these only what somebody subscribes to is.", choices=TASKS
    )
    classes: str = parameter(
        "indoor",
        f"Classes to segment: a set's name ({', '.join(class_set_names())}), a YAML file, "
        "or a list such as floor=#80C000, chair=#800000, table.",
    )
    instance_class: tuple[str, ...] = parameter(
        (), 'Classes whose instances are told apart: [person, chair], or a text, "person, chair"; empty: none.'
    )
    prompt: str = parameter("", "What `referring/*` shows until the `prompt` topic says otherwise; empty: nothing.")
    depth_encoding: str = parameter("cube", "Colours that depth is painted in.", choices=DEPTH_ENCODINGS)
    hfov_deg: float = parameter(
        0.0, "Horizontal field of view where no CameraInfo comes, degrees; 0: recover the camera from the image.",
        low=0.0, high=170.0,
    )  # fmt: skip
    hint_hfov: bool = parameter(True, "Tell the generator the field of view where it is known.")

    scan_pose: str = parameter(
        "", "Where the laser of `scan` or `scan/points` is: x y z roll pitch yaw in the camera's body frame (x ahead, "
        "z up), or tf to look it up; its distances then set the scale of depth; empty: none.", live=False,
    )  # fmt: skip
    odometry: str = parameter(
        "", "How far the robot moves: a topic of nav_msgs/Odometry such as /odom, or tf:odom to look up the camera in "
        "that frame. Checks the scale of depth, and sets it where nothing else does; needs steady. Empty: none.",
        live=False,
    )  # fmt: skip
    crop_x: int = parameter(0, "First column of the image that is looked at.", low=0, high=16384)
    crop_y: int = parameter(0, "First row of the image that is looked at.", low=0, high=16384)
    crop_width: int = parameter(0, "Columns from there on; 0: to the right edge.", low=0, high=16384)
    crop_height: int = parameter(0, "Rows from there on; 0: to the lower edge.", low=0, high=16384)

    # What is published.
    output_width: int = parameter(
        0, "Width of all outputs in pixels, the aspect is kept; 0: the input's own size.", low=0, high=8192
    )
    max_rate_hz: float = parameter(
        0.0, "Frames beyond this rate are dropped; 0: as fast as they come.", low=0.0, high=1000.0
    )
    depth_format: str = parameter(
        "32FC1", "32FC1: metres, NaN invalid, +inf beyond range. 16UC1: millimetres, 0 invalid or beyond 65.5 m.",
        choices=("32FC1", "16UC1"),
    )  # fmt: skip
    min_range_m: float = parameter(0.0, "Nearer depths are invalid (NaN).", low=0.0, high=1000.0)
    max_range_m: float = parameter(80.0, "Farther depths are +inf.", low=0.1, high=1000.0)
    min_depth_confidence: int = parameter(32, "Depths decoded with less are invalid (NaN).", low=0, high=255)
    min_normals_confidence: int = parameter(32, "Normals decoded with less are invalid (NaN).", low=0, high=255)
    min_mask_confidence: int = parameter(32, "Pixels decoded with less are unlabelled (255).", low=0, high=255)
    instance_decoding: str = parameter(
        "blur", "How instances are told apart: blur, ours; steps, as the paper's later version has it.",
        choices=INSTANCE_DECODINGS,
    )  # fmt: skip
    steady: bool = parameter(
        False, "Hold depth and classes still along the motion, and let instances keep their numbers; some ms a frame."
    )
    filter_flying_pixels: bool = parameter(True, "Invalidate depths that hang between foreground and background.")
    cloud_fields: tuple[str, ...] = parameter(
        CLOUD_FIELDS,
        'What the cloud carries besides xyz ([""]: nothing). '
        "The layout stays; what is left out is not generated for it.",
        choices=CLOUD_FIELDS,
    )
    far_point_m: float = parameter(
        0.0, "Distance along their rays at which points beyond range are put, so that Nav2 clears along them; 0: NaN.",
        low=0.0, high=1000.0,
    )  # fmt: skip
    nav2_max_points: int = parameter(
        20_000, "The most points of `points/nav2`; each is the nearest of its cell of the image.", low=1, high=1_000_000
    )
    nav2_voxel_m: float = parameter(
        0.0, "Of the points of `points/nav2` in one cube of this size the first is kept; 0: all.", low=0.0, high=10.0
    )
    nav2_without: tuple[str, ...] = parameter(
        (), "Classes that are left out of `points/nav2`, as they are called in `classes`: [floor, carpet]."
    )
    nav2_min_height_m: float = parameter(
        0.0, "Points of `points/nav2` lower over the floor are left out, where nav2_max_height_m is set.",
        low=-100.0, high=100.0,
    )  # fmt: skip
    nav2_max_height_m: float = parameter(
        0.0, "Points of `points/nav2` higher over the floor are left out; 0: all heights stay. Needs camera_pose or "
        "camera_height_m.", low=0.0, high=100.0,
    )  # fmt: skip
    camera_pose: str = parameter(
        "",
        "Where the camera's body is: x y z roll pitch yaw (x ahead, z up) in a frame whose z = 0 is the floor, or "
        "tf:base_footprint to look it up; empty: unknown, and camera_height_m is taken for a camera that looks level.",
    )
    camera_height_m: float = parameter(
        0.0, "Height of the camera above the floor, which then sets the scale of depth; 0: the model's own scale.",
        low=0.0, high=100.0,
    )  # fmt: skip

    # What is watched.
    diagnostics_period_s: float = parameter(
        1.0, "Time between two reports on /diagnostics.", live=False, low=0.05, high=60.0
    )
    stale_after_s: float = parameter(
        2.0, "Without an image for this long the camera counts as lost.", low=0.05, high=3600.0
    )
    max_latency_s: float = parameter(0.5, "A p95 latency beyond this is reported as WARN.", low=0.001, high=60.0)

    def __post_init__(self) -> None:
        for name, default, spec in parameters():
            require(name, getattr(self, name), default, spec)
        if self.min_range_m >= self.max_range_m:
            raise ParameterError(f"min_range_m {self.min_range_m} must be below max_range_m {self.max_range_m}")
        for name, reads in (("classes", read_class_set), ("prompt", read_request)):
            try:
                reads(getattr(self, name))
            except VisionBananaError as error:
                raise ParameterError(f"{name}: {error}") from error
        for camera in self.cameras:
            if _CAMERA.fullmatch(camera) is None or self.cameras.count(camera) > 1:
                raise ParameterError(
                    f"cameras must be different names of letters, digits and _, got {describe(camera)}"
                )
        if self.device.partition(":")[0] not in DEVICES:
            raise ParameterError(f"device must be of {', '.join(DEVICES)}, got {describe(self.device)}")
        for name in ("scan_pose", "camera_pose"):
            try:
                Place.of(getattr(self, name), needs_frame=name == "camera_pose")
            except VisionBananaError as error:
                raise ParameterError(f"{name}: {error}") from error
        try:
            source = OdometrySource.of(self.odometry)
        except VisionBananaError as error:
            raise ParameterError(f"odometry: {error}") from error
        if source.is_known and not self.steady:
            raise ParameterError("odometry needs steady: true, for only so the camera's way is known")
        if self.nav2_max_height_m > 0 and not self.cameras:  # each of several is looked at by itself
            low_m, high_m = self.nav2_min_height_m, self.nav2_max_height_m
            if low_m >= high_m:
                raise ParameterError(f"nav2_min_height_m {low_m} must be below nav2_max_height_m {high_m}")
            if not self.camera_pose and self.camera_height_m <= 0:
                raise ParameterError("nav2_max_height_m needs to know where the floor is: camera_pose, camera_height_m")

    @property
    def looks_up(self) -> bool:
        """Some place is told by transforms."""
        poses = (self.scan_pose, self.camera_pose)
        by_transforms = any(Place.of(text, needs_frame=":" in text).by_transforms for text in poses)
        return by_transforms or bool(OdometrySource.of(self.odometry).frame)

    @property
    def crop(self) -> Crop:
        return Crop(self.crop_x, self.crop_y, self.crop_width, self.crop_height)

    @property
    def class_set(self) -> ClassSet:
        return read_class_set(self.classes)

    def classes_shown(self, prompt: Instruction | None) -> ClassSet:
        """Those of segmentation/*: a prompt that names classes takes the place of the parameter's."""
        if prompt is not None and prompt.task is Task.SEMANTIC:
            return ClassSet(prompt.targets, prompt.background)
        return self.class_set

    def wishes(self, prompt: Instruction | None) -> Wishes:
        """What each frame is asked, by whatever is subscribed to."""
        return Wishes(
            depth_encoding=self.depth_encoding,
            classes=self.class_set.targets,
            background=self.class_set.background,
            instance_classes=self.instance_class,
            prompts=() if prompt is None else (prompt,),
        )

    def perceiver_settings(self) -> PerceiverSettings:
        return _perceiver_settings(self)

    def changed(self, values: dict[str, object]) -> Settings:
        """These settings with other values; ints serve as floats, and lists as tuples, as they come from ROS."""
        known = {name: default for name, default, _ in parameters()}
        return dataclasses.replace(self, **{name: plain(values[name], known[name]) for name in values})  # type: ignore[arg-type]


@lru_cache(maxsize=32)
def _perceiver_settings(settings: Settings) -> PerceiverSettings:
    """Made once for a camera, not for every frame."""
    return PerceiverSettings(
        decode=DecodeSettings(
            max_range_m=settings.max_range_m,
            min_depth_confidence=settings.min_depth_confidence,
            min_normals_confidence=settings.min_normals_confidence,
            min_mask_confidence=settings.min_mask_confidence,
            filter_flying_pixels=settings.filter_flying_pixels,
            instance_decoding=settings.instance_decoding,
        ),
        hfov_deg=settings.hfov_deg,
        hint_hfov=settings.hint_hfov,
        recovers_camera=Task.RAYS.value in settings.tasks,
        output_width=settings.output_width,
        camera_height_m=settings.camera_height_m,
        min_range_m=settings.min_range_m,
        steady=settings.steady,
    )


def parameters() -> list[tuple[str, Value, Spec]]:
    """The table: name, default and the rest, in the order of declaration."""
    return [(f.name, cast(Value, f.default), cast(Spec, f.metadata["spec"])) for f in dataclasses.fields(Settings)]


if __name__ == "__main__":
    from vision_banana_ros.ros.param_texts import as_table, as_yaml

    print(as_yaml(parameters()) if sys.argv[1] == "yaml" else as_table(parameters(), OF_A_CAMERA), end="")
