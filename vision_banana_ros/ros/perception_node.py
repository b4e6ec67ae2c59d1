"""The lifecycle node `perception`: a camera in, everything that somebody subscribes to out.

    configure   load the model, make the publishers
    activate    subscribe, to images while somebody listens to something made of them; each image goes into a slot, one
                worker thread takes the newest (ros/worker.py)
    deactivate  unsubscribe, let the frame at hand finish
    cleanup     drop the model and the publishers

Callbacks run on the executor's thread and never wait for a frame, but for the service self_test. What happens to a
frame is in ros/frames.py.
"""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import String

from vision_banana_ros.core import VisionBananaError
from vision_banana_ros.ros import convert
from vision_banana_ros.ros.declare import SettingsKeeper
from vision_banana_ros.ros.diagnostics import SharedCondition, diagnostic_array
from vision_banana_ros.ros.engine import ONLY_ASKED, Engine, error_words, load_engine, self_test
from vision_banana_ros.ros.frames import Frames
from vision_banana_ros.ros.heat import read_heat
from vision_banana_ros.ros.inputs import Inputs, RateLimit
from vision_banana_ros.ros.measured import Measured
from vision_banana_ros.ros.outputs import Outputs
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.questions import Questions, answer_message
from vision_banana_ros.ros.services import make_services
from vision_banana_ros.ros.statistics import Drop, FrameStatistics
from vision_banana_ros.ros.transport import give_back_memory, segment_bytes
from vision_banana_ros.ros.worker import LatestWorker

#: Deactivating waits so long for the frame at hand.
_FRAME_PATIENCE_S = 10.0
#: How often somebody who listens is looked for.
_LOOK_S = 0.1


class PerceptionNode(LifecycleNode):
    """See the module's docstring; the interface is in docs/ros.md."""

    def __init__(self) -> None:
        super().__init__("perception")
        self._engine: Engine | None = None
        self._outputs: Outputs | None = None
        self._frames: Frames | None = None
        self._worker: LatestWorker[Any] | None = None
        self._inputs: Inputs | None = None
        self._measured = Measured()
        self._rate_limit = RateLimit()
        self._statistics = FrameStatistics()
        self._condition = SharedCondition(self.get_fully_qualified_name())
        self._image_topic = self.resolve_topic_name("image")
        self._keeper = SettingsKeeper(
            self,
            is_fixed=lambda: self._engine is not None,
            check=self._require_known,
            on_change=self._on_settings,
        )
        self._questions = Questions(self._keeper.settings.prompt)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # the node's own would stand still until a /clock comes
        self.create_timer(self._keeper.settings.diagnostics_period_s, self._report, clock=steady)
        self.create_timer(_LOOK_S, self._look_for_listeners, clock=steady)
        make_services(self, reset=self._reset, self_test=self._self_test)

    def started(self) -> None:
        """On the executor's thread, before it spins."""
        if not self._keeper.settings.autostart:
            return
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def close(self, patience_s: float = _FRAME_PATIENCE_S) -> bool:
        """The process is about to end, in whatever state; False when a frame is still being worked on."""
        idle = self._unsubscribe(patience_s)
        self._release()
        return idle

    # Lifecycle.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        settings = self._keeper.settings
        try:
            self._engine = load_engine(settings, tell=self.get_logger().info)
            self._outputs = Outputs(self)
        except Exception as error:  # a backend's own errors too: rclpy would go to on_error without a word
            self.get_logger().error(f"cannot configure: {error_words(error)}")
            self._release()
            self._condition.update(engine="failed", failure=error_words(error))
            return TransitionCallbackReturn.FAILURE
        about = self._engine.about
        self._measured = Measured(scan_pose=settings.scan_pose)
        self._frames = Frames(
            self, self._engine, self._outputs, settings=lambda: self._keeper.settings, questions=self._questions,
            measured=self._measured, statistics=self._statistics, condition=self._condition,
            segment_bytes=segment_bytes(os.environ),
        )  # fmt: skip
        self._condition.update(engine="loaded", failure="", about=about)
        if about.failed:
            self.get_logger().error(f"not used, it paints something wrong: {about.failed}")
        self.get_logger().info(f"{settings.model or 'student'}: {about.words}, {about.ready}")
        self._tell_pace()
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)  # first: publishers are silent before
        frames, engine = self._frames, self._engine
        if result != TransitionCallbackReturn.SUCCESS or frames is None or engine is None:
            return result
        self._worker = LatestWorker(frames.handle, on_error=frames.failed, name="perception")
        try:
            self._inputs = Inputs(
                self,
                compressed=self._keeper.settings.transport == "compressed",
                on_image=self._on_image,
                on_info=self._on_info,
                on_prompt=self._on_prompt,
                measured=self._measured,
                takes_depth=engine.takes_depth,
            )
        except Exception as error:  # qos_overrides that make no profile, for instance
            self.get_logger().error(f"cannot activate: {error_words(error)}")
            return TransitionCallbackReturn.ERROR
        self._image_topic = frames.image_topic = self._inputs.image_topic
        self._statistics.listening_again()
        self._publish_labels()
        self._condition.update(active=True, listening=True, image_topic=self._image_topic)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._unsubscribe()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._release()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.close()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.get_logger().error(f"error in a transition from {state.label}: back to unconfigured")
        self.close()
        return super().on_error(state)

    def _look_for_listeners(self) -> None:
        inputs, outputs = self._inputs, self._outputs
        if inputs is None or outputs is None:
            return
        wanted = bool(outputs.wanted()) or self._questions.pending is not None
        if inputs.look(wanted or not self._keeper.settings.lazy_image):
            self._statistics.listening_again()
        if not inputs.takes_images:
            self._condition.update(unserved=(), transport_problem="")
        self._condition.update(listening=inputs.takes_images)

    def _unsubscribe(self, patience_s: float = _FRAME_PATIENCE_S) -> bool:
        if self._inputs is not None:
            self._inputs.destroy()
        self._inputs = None
        idle = self._worker is None or self._worker.stop(patience_s)
        if not idle:
            self.get_logger().warning("the frame at hand takes longer than expected; not waiting for it")
        self._worker = None
        self._measured.forget()
        self._questions.forget()
        if self._frames is not None:
            self._frames.info = None
        self._condition.update(active=False, camera="unknown", camera_problem="")
        return idle

    def _release(self) -> None:
        if self._outputs is not None:
            self._outputs.destroy()
        if self._engine is not None:
            self._engine.close()
        self._outputs = self._engine = self._frames = None
        self._condition.update(engine="not loaded", failure="", remarks=(), unanswered=())
        give_back_memory()

    # The executor's thread.

    def _on_image(self, message: Any) -> None:
        self._statistics.image_arrived(convert.stamp_ns(message.header))
        if not self._rate_limit.passes(self._keeper.settings.max_rate_hz):
            self._statistics.dropped(Drop.RATE_LIMIT)
        elif self._worker is not None and not self._worker.put(message):
            self._statistics.dropped(Drop.NEWER_FRAME)

    def _on_info(self, message: CameraInfo) -> None:
        if self._frames is not None:
            self._frames.info = message
        self._statistics.info_arrived(convert.stamp_ns(message.header))

    def _require_known(self, settings: Settings) -> None:
        """While there is a model: its words are not known before."""
        if self._engine is not None:
            self._engine.require_known(settings)

    def _on_prompt(self, message: String) -> None:
        refused = ""
        try:
            self._questions.require_allowed(message.data, self._keeper.settings)
            self._set_prompt(message.data)
            self._questions.owe(message.data)
        except VisionBananaError as error:
            refused = str(error)
            self.get_logger().warning(f"prompt refused, the old one stays: {error}")
        if self._outputs is not None:
            self._outputs.answer_prompt(answer_message(message.data, refused=refused))

    def _set_prompt(self, text: str) -> None:
        settings, before = self._keeper.settings, self._questions.prompt
        self._questions.take(text, self._engine)
        if settings.classes_shown(before) != settings.classes_shown(self._questions.prompt):
            self._publish_labels()

    def _reset(self) -> str:
        """As after configure: what earlier frames and prompts left is gone."""
        if self._frames is not None:
            self._frames.reset()
        self._questions.forget()
        self._set_prompt(self._keeper.settings.prompt)
        return "filters, tracks and prompt are as at the start"

    def _self_test(self) -> tuple[bool, str]:
        """Between two frames: runtimes are not asked from two threads at once."""
        with nullcontext() if self._worker is None else self._worker.resting():
            return self_test(self._engine, self._keeper.settings, None if self._frames is None else self._frames.newest)

    def _on_settings(self, before: Settings, after: Settings) -> None:
        if after.prompt != before.prompt:
            self._set_prompt(after.prompt)
        if after.class_set != before.class_set or after.min_mask_confidence != before.min_mask_confidence:
            self._publish_labels()
        if after.max_rate_hz != before.max_rate_hz and self._engine is not None:
            self._engine.paced(after.max_rate_hz)
            self._tell_pace()

    def _tell_pace(self) -> None:
        if self._engine is not None and self._engine.only_asked:
            self.get_logger().warning(f"{self._engine.about.model} {ONLY_ASKED}")

    def _publish_labels(self) -> None:
        if self._outputs is not None:
            settings = self._keeper.settings
            self._outputs.publish_labels(settings.classes_shown(self._questions.prompt), settings)

    def _report(self) -> None:
        now_ns = self.get_clock().now().nanoseconds
        waits = now_ns == 0 and self.get_parameter("use_sim_time").value
        self._condition.update(
            image_publishers=self.count_publishers(self._image_topic),
            heat=read_heat(),
            clock_problem="use_sim_time is set, but no /clock comes: start the simulator or the bag" if waits else "",
        )
        head = convert.header(now_ns or time.time_ns(), "")
        summary, settings = self._statistics.summary(), self._keeper.settings
        self._diagnostics.publish(diagnostic_array(head, self._condition.now, summary, settings))
