"""The lifecycle node `perception`: a camera in, everything that somebody subscribes to out.

    configure   load the model, make the publishers
    activate    subscribe, to images while somebody listens to something made of them; each image goes into a slot, one
                worker thread takes the newest (ros/worker.py)
    deactivate  unsubscribe, let the frame at hand finish
    cleanup     drop the model and the publishers

Callbacks run on the executor's thread and never wait for a frame. The worker reads `settings`, the prompt and the
newest CameraInfo once per frame; all three are replaced whole, never changed, so they need no lock.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import CameraInfo, CompressedImage
from std_msgs.msg import String

from vision_banana_ros.core import Frame, FrameError, VisionBananaError
from vision_banana_ros.generators import load_generator
from vision_banana_ros.perceiver import Perceiver, Sight
from vision_banana_ros.prompts import Instruction, read_request
from vision_banana_ros.ros import convert
from vision_banana_ros.ros.declare import SettingsKeeper
from vision_banana_ros.ros.diagnostics import SharedCondition, about_engine, diagnostic_array
from vision_banana_ros.ros.inputs import Inputs
from vision_banana_ros.ros.intrinsics import with_given_camera
from vision_banana_ros.ros.outputs import NO_CAMERA, Outputs, Published
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.statistics import Drop, FrameStatistics
from vision_banana_ros.ros.transport import SEGMENT_VARIABLE, give_back_memory, segment_bytes
from vision_banana_ros.ros.words import require_known, require_known_prompt
from vision_banana_ros.ros.worker import LatestWorker

_THROTTLE_S = 5.0
_PLAUSIBLE_LATENCY_S = 60.0
#: Deactivating waits so long for the frame at hand.
_FRAME_PATIENCE_S = 10.0
#: How often somebody who listens is looked for.
_LOOK_S = 0.1
#: A frame's messages beside those that readers still hold: fewer frames than this in the segment get lost.
_FRAMES_IN_SEGMENT = 2


class PerceptionNode(LifecycleNode):
    """See the module's docstring; the interface is in docs/ros.md."""

    def __init__(self) -> None:
        super().__init__("perception")
        self._perceiver: Perceiver | None = None
        self._outputs: Outputs | None = None
        self._worker: LatestWorker[Any] | None = None
        self._inputs: Inputs | None = None
        self._info: CameraInfo | None = None
        self._next_due_s = 0.0
        self._statistics = FrameStatistics()
        self._condition = SharedCondition(self.get_fully_qualified_name())
        self._image_topic = self.resolve_topic_name("image")
        self._keeper = SettingsKeeper(
            self,
            is_fixed=lambda: self._perceiver is not None,
            check=self._require_known,
            on_change=self._on_settings,
        )
        self._prompt: Instruction | None = read_request(self._keeper.settings.prompt)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # the node's own would stand still until a /clock comes
        self.create_timer(self._keeper.settings.diagnostics_period_s, self._report, clock=steady)
        self.create_timer(_LOOK_S, self._look_for_listeners, clock=steady)
        self._segment_bytes = segment_bytes(os.environ)

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
        model = settings.model or "student"
        start = time.perf_counter()
        try:
            generator = load_generator(
                model,
                backend=settings.backend,
                tell=self.get_logger().info,
                cache_dir=Path(settings.engine_cache_dir).expanduser() if settings.engine_cache_dir else None,
            )
            self._perceiver = Perceiver(generator)
            self._require_known(settings)
            self._outputs = Outputs(self)
        except Exception as error:  # a backend's own errors too: rclpy would go to on_error without a word
            self.get_logger().error(f"cannot configure: {_words(error)}")
            self._release()
            self._condition.update(engine="failed", failure=_words(error))
            return TransitionCallbackReturn.FAILURE
        about = about_engine(generator)
        self._condition.update(engine="loaded", failure="", about=about)
        if about.failed:
            self.get_logger().error(f"not used, it paints something wrong: {about.failed}")
        self.get_logger().info(f"{model}: {about.words}, loaded in {time.perf_counter() - start:.2f} s")
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)  # first: publishers are silent before
        if result != TransitionCallbackReturn.SUCCESS:
            return result
        self._worker = LatestWorker(self._handle, on_error=self._failed, name="perception")
        try:
            self._inputs = Inputs(
                self,
                compressed=self._keeper.settings.transport == "compressed",
                on_image=self._on_image,
                on_info=self._on_info,
                on_prompt=self._on_prompt,
            )
        except Exception as error:  # qos_overrides that make no profile, for instance
            self.get_logger().error(f"cannot activate: {_words(error)}")
            return TransitionCallbackReturn.ERROR
        self._image_topic = self._inputs.image_topic
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
        if inputs.look(bool(outputs.wanted()) or not self._keeper.settings.lazy_image):
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
        self._info = None
        self._condition.update(active=False, camera="unknown", camera_problem="")
        return idle

    def _release(self) -> None:
        if self._outputs is not None:
            self._outputs.destroy()
        self._outputs = None
        self._perceiver = None
        self._condition.update(engine="not loaded", failure="")
        give_back_memory()

    # The executor's thread.

    def _on_image(self, message: Any) -> None:
        self._statistics.image_arrived(convert.stamp_ns(message.header))
        rate_hz = self._keeper.settings.max_rate_hz
        now = time.monotonic()
        if rate_hz > 0:
            if now < self._next_due_s:
                self._statistics.dropped(Drop.RATE_LIMIT)
                return
            self._next_due_s = max(self._next_due_s, now - 1 / rate_hz) + 1 / rate_hz
        if self._worker is not None and not self._worker.put(message):
            self._statistics.dropped(Drop.NEWER_FRAME)

    def _on_info(self, message: CameraInfo) -> None:
        self._info = message
        self._statistics.info_arrived(convert.stamp_ns(message.header))

    def _require_known(self, settings: Settings) -> None:
        """While there is a model: its words are not known before."""
        if self._perceiver is not None:
            require_known(settings, self._perceiver.generator)
            require_known_prompt(read_request(settings.prompt), self._perceiver.generator)

    def _on_prompt(self, message: String) -> None:
        refused = ""
        try:
            self._set_prompt(message.data)
        except VisionBananaError as error:
            refused = str(error)
            self.get_logger().warning(f"prompt refused, the old one stays: {error}")
        answer = {"prompt": message.data, "accepted": not refused, "reason": refused}
        if self._outputs is not None:
            self._outputs.answer_prompt(String(data=json.dumps(answer, ensure_ascii=False)))

    def _set_prompt(self, text: str) -> None:
        prompt = read_request(text)
        if self._perceiver is not None:
            require_known_prompt(prompt, self._perceiver.generator)
        before, self._prompt = self._prompt, prompt
        settings = self._keeper.settings
        if settings.classes_shown(before) != settings.classes_shown(self._prompt):
            self._publish_labels()

    def _on_settings(self, before: Settings, after: Settings) -> None:
        if after.prompt != before.prompt:
            self._set_prompt(after.prompt)
        if after.class_set != before.class_set or after.min_mask_confidence != before.min_mask_confidence:
            self._publish_labels()

    def _publish_labels(self) -> None:
        if self._outputs is not None:
            settings = self._keeper.settings
            self._outputs.publish_labels(settings.classes_shown(self._prompt), settings)

    def _report(self) -> None:
        now_ns = self.get_clock().now().nanoseconds
        waits = now_ns == 0 and self.get_parameter("use_sim_time").value
        self._condition.update(
            image_publishers=self.count_publishers(self._image_topic),
            clock_problem="use_sim_time is set, but no /clock comes: start the simulator or the bag" if waits else "",
        )
        head = convert.header(now_ns or time.time_ns(), "")
        summary, settings = self._statistics.summary(), self._keeper.settings
        self._diagnostics.publish(diagnostic_array(head, self._condition.now, summary, settings))

    # The worker's thread.

    def _handle(self, message: Any) -> None:
        """One frame, from message to messages."""
        outputs, perceiver, settings = self._outputs, self._perceiver, self._keeper.settings
        if outputs is None or perceiver is None:
            return
        wanted = outputs.wanted()
        if not wanted:
            self._statistics.dropped(Drop.NOBODY)
            return
        start = time.perf_counter()
        try:
            compressed = isinstance(message, CompressedImage)
            frame = convert.frame_from_compressed(message) if compressed else convert.frame_from_image(message)
        except FrameError as error:
            self._statistics.dropped(Drop.BAD_IMAGE, str(error))
            self.get_logger().warning(f"image dropped: {error}", throttle_duration_sec=_THROTTLE_S)
            return
        posed = with_given_camera(frame, self._info, topic=self._image_topic)
        request = outputs.request(wanted, settings)
        sight = perceiver.see(
            posed.frame,
            settings.wishes(self._prompt),
            settings.perceiver_settings(),
            tasks=request.tasks,
            wants_camera=request.camera,
        )
        published = outputs.publish(sight, wanted, settings, posed.info)
        silent = {name: outputs.why_not(name, sight, settings) for name in sorted(wanted - published.topics)}
        lacks_camera = request.camera and sight.perception.camera is None
        self._note(sight, posed.problem or (NO_CAMERA if lacks_camera else ""))
        self._tell(unserved=tuple(f"{name}: {why}" for name, why in silent.items() if why))
        self._tell(transport_problem=self._too_large(published))
        if not published.topics:
            self._statistics.dropped(Drop.NOTHING)
            return
        self._statistics.published(
            latency_s=self._latency_s(frame),
            generate_s=sight.generate_s,
            own_s=time.perf_counter() - start - sight.generate_s,
        )

    def _too_large(self, published: Published) -> str:
        """The middleware loses what does not fit, and says nothing."""
        if self._segment_bytes is None or published.bytes_in_all * _FRAMES_IN_SEGMENT <= self._segment_bytes:
            return ""
        of_all, of_one, segment = (
            size / 1e6 for size in (published.bytes_in_all, published.largest_bytes, self._segment_bytes)
        )
        return (
            f"a frame's messages are {of_all:.0f} MB ({published.largest} {of_one:.0f} MB) and the shared memory holds "
            f"{segment:.0f} MB, so some get lost: set output_width, or give more with {SEGMENT_VARIABLE} (megabytes)"
        )

    def _latency_s(self, frame: Frame) -> float | None:
        """From the image's stamp to now; None where the stamp is not of this clock."""
        latency_s = (self.get_clock().now().nanoseconds - frame.stamp_ns) * 1e-9
        return latency_s if frame.stamp_ns > 0 and abs(latency_s) < _PLAUSIBLE_LATENCY_S else None

    def _note(self, sight: Sight, problem: str) -> None:
        """What this frame showed of camera and scale; it also showed that the engine works."""
        if problem and problem != self._condition.now.camera_problem:
            self.get_logger().warning(problem)
        camera = sight.perception.camera
        self._condition.update(
            camera_problem=problem,
            camera=sight.camera_source,
            hfov_deg=None if camera is None else camera.hfov_deg,
            scale=sight.scale,
            scale_confidence=sight.scale_confidence,
            engine="loaded",
            failure="",
        )

    def _tell(self, **problem: Any) -> None:
        """On /diagnostics, and in the log when it is new."""
        (name, words), *_ = problem.items()
        if words and words != getattr(self._condition.now, name):
            self.get_logger().warning("nothing to publish: " + "; ".join(words) if isinstance(words, tuple) else words)
        self._condition.update(**problem)

    def _failed(self, error: Exception) -> None:
        """An expected error of this frame, or a fault of ours; either way the next frame gets its chance."""
        words = _words(error)
        self._statistics.dropped(Drop.FAILED, words)
        self._condition.update(engine="failing", failure=words)
        self.get_logger().error(f"frame dropped: {words}", throttle_duration_sec=_THROTTLE_S)


def _words(error: Exception) -> str:
    """Errors raised on purpose say all there is to say; of others the kind matters too."""
    return str(error) if isinstance(error, VisionBananaError) else f"{type(error).__name__}: {error}"
