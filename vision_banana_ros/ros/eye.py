"""All of one camera: what it listens to, what becomes of its frames, what is said of it.

A node has one, whose topics stand alone, or several, whose topics have their names before them. They share the model
and nothing else: each has a worker thread, filters, a prompt, statistics and diagnostics of its own, so that a camera
that is slow, broken or gone is no other camera's matter. Callbacks run on the executor's thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import String

from vision_banana_ros.core import Frame, VisionBananaError
from vision_banana_ros.ros import convert
from vision_banana_ros.ros.diagnostics import SharedCondition
from vision_banana_ros.ros.engine import Engine
from vision_banana_ros.ros.frames import Frames
from vision_banana_ros.ros.inputs import Inputs, RateLimit
from vision_banana_ros.ros.measured import Measured
from vision_banana_ros.ros.odometry import Odometry
from vision_banana_ros.ros.outputs import Outputs
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.pose import OdometrySource, Place
from vision_banana_ros.ros.questions import Questions, answer_message
from vision_banana_ros.ros.statistics import Drop, FrameStatistics
from vision_banana_ros.ros.transforms import Transforms
from vision_banana_ros.ros.transport import give_back_memory, segment_bytes
from vision_banana_ros.ros.worker import LatestWorker


class Eye:
    """`name` is "" for the only camera. Configured, activated and so on by the node, in its order."""

    def __init__(self, node: Any, name: str, *, settings: Callable[[], Settings], transforms: Transforms) -> None:
        self.name = name
        self._node = node
        self._prefix = f"{name}/" if name else ""
        self._log = node.get_logger().get_child(name) if name else node.get_logger()
        self._settings = settings
        self._transforms = transforms
        self.statistics = FrameStatistics()
        full_name = node.get_fully_qualified_name()
        self.condition = SharedCondition(f"{full_name}/{name}" if name else full_name)
        self.image_topic: str = node.resolve_topic_name(f"{self._prefix}image")
        self._questions = Questions(settings().prompt)
        self._measured = Measured()
        self._rate_limit = RateLimit()
        self._engine: Engine | None = None
        self._outputs: Outputs | None = None
        self._frames: Frames | None = None
        self._inputs: Inputs | None = None
        self._worker: LatestWorker[Any] | None = None

    # As the node's states go.

    def configure(self, engine: Engine) -> None:
        """Publishers, and the way of a frame. Raises for a quality of service that is none, and for lack of tf2 or
        nav_msgs."""
        if self._settings().looks_up:
            self._transforms.listen()
        self._engine = engine
        self._outputs = Outputs(self._node, self._prefix)
        odometry = Odometry(OdometrySource.of(self._settings().odometry), self._transforms)
        if odometry.source.topic:
            odometry.message()
        place = Place.of(self._settings().scan_pose)
        self._measured = Measured(place=place, transforms=self._transforms, odometry=odometry)
        self._frames = Frames(
            self._node, engine, self._outputs, log=self._log, settings=self._settings, questions=self._questions,
            measured=self._measured, transforms=self._transforms, statistics=self.statistics, condition=self.condition,
            segment_bytes=segment_bytes(os.environ),
        )  # fmt: skip
        self.condition.update(engine="loaded", failure="", about=engine.about)

    def activate(self) -> None:
        frames, engine = self._frames, self._engine
        if frames is None or engine is None:
            return
        name = f"perception {self.name}".strip()
        self._worker = LatestWorker(frames.handle, on_error=frames.failed, name=name)
        self._inputs = Inputs(
            self._node,
            self._prefix,
            compressed=self._settings().transport == "compressed",
            on_image=self._on_image,
            on_info=self._on_info,
            on_prompt=self._on_prompt,
            measured=self._measured,
            takes_depth=engine.takes_depth,
        )
        self.image_topic = frames.image_topic = self._inputs.image_topic
        self.statistics.listening_again()
        self.publish_labels()
        self.condition.update(active=True, listening=True, image_topic=self.image_topic)

    def leave(self) -> None:
        """Nothing new comes in; the frame at hand goes on."""
        if self._inputs is not None:
            self._inputs.destroy()
        self._inputs = None
        if self._worker is not None:
            self._worker.stop(0.0)

    def deactivate(self, patience_s: float) -> bool:
        """After leave(); False when a frame takes longer than that."""
        idle = self._worker is None or self._worker.stop(patience_s)
        if not idle:
            self._log.warning("the frame at hand takes longer than expected; not waiting for it")
        self._worker = None
        self._measured.forget()
        self._questions.forget()
        if self._frames is not None:
            self._frames.info = None
        self.condition.update(active=False, camera="unknown", camera_problem="")
        return idle

    def release(self) -> None:
        if self._outputs is not None:
            self._outputs.destroy()
        self._outputs = self._frames = self._engine = None
        self.condition.update(engine="not loaded", failure="", remarks=(), unanswered=())

    # What the node asks of it.

    def look_for_listeners(self) -> None:
        inputs, outputs = self._inputs, self._outputs
        if inputs is None or outputs is None:
            return
        wanted = bool(outputs.wanted()) or self._questions.pending is not None
        took_images = inputs.takes_images
        if inputs.look(wanted or not self._settings().lazy_image):
            self.statistics.listening_again()
        if took_images and not inputs.takes_images:
            give_back_memory()
        if not inputs.takes_images:
            self.condition.update(unserved=(), transport_problem="")
        self.condition.update(listening=inputs.takes_images)

    def publish_labels(self) -> None:
        if self._outputs is not None:
            settings = self._settings()
            self._outputs.publish_labels(settings.classes_shown(self._questions.prompt), settings)

    def reset(self) -> None:
        """As after configure: what earlier frames and prompts left is gone."""
        if self._frames is not None:
            self._frames.reset()
        self._questions.forget()
        self.set_prompt(self._settings().prompt)

    def set_prompt(self, text: str) -> None:
        settings, before = self._settings(), self._questions.prompt
        self._questions.take(text, self._engine)
        if settings.classes_shown(before) != settings.classes_shown(self._questions.prompt):
            self.publish_labels()

    def changed(self, before: Settings, after: Settings) -> None:
        if after.prompt != before.prompt:
            self.set_prompt(after.prompt)
        if after.class_set != before.class_set or after.min_mask_confidence != before.min_mask_confidence:
            self.publish_labels()

    def resting(self) -> AbstractContextManager[None]:
        """No frame is worked on meanwhile."""
        return nullcontext() if self._worker is None else self._worker.resting()

    @property
    def newest(self) -> Frame | None:
        return None if self._frames is None else self._frames.newest

    # Callbacks.

    def _on_image(self, message: Any) -> None:
        self.statistics.image_arrived(convert.stamp_ns(message.header))
        if not self._rate_limit.passes(self._settings().max_rate_hz):
            self.statistics.dropped(Drop.RATE_LIMIT)
        elif self._worker is not None and not self._worker.put(message):
            self.statistics.dropped(Drop.NEWER_FRAME)

    def _on_info(self, message: CameraInfo) -> None:
        if self._frames is not None:
            self._frames.info = message
        self.statistics.info_arrived(convert.stamp_ns(message.header))

    def _on_prompt(self, message: String) -> None:
        refused = ""
        try:
            self._questions.require_allowed(message.data, self._settings())
            self.set_prompt(message.data)
            self._questions.owe(message.data)
        except VisionBananaError as error:
            refused = str(error)
            self._log.warning(f"prompt refused, the old one stays: {error}")
        if self._outputs is not None:
            self._outputs.answer_prompt(answer_message(message.data, refused=refused))
