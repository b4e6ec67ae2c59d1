"""The lifecycle node `perception`: a camera in, or several, everything that somebody subscribes to out.

    configure   load the model, make the publishers
    activate    subscribe, to images while somebody listens to something made of them; each image goes into a slot, one
                worker thread a camera takes the newest (ros/worker.py)
    deactivate  unsubscribe, let the frames at hand finish
    cleanup     drop the model and the publishers

Callbacks run on the executor's thread and never wait for a frame, but for the service self_test. What is one camera's
is in ros/eye.py, what happens to a frame in ros/frames.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from vision_banana_ros.ros import convert
from vision_banana_ros.ros.cameras import AllSettings
from vision_banana_ros.ros.declare import SettingsKeeper
from vision_banana_ros.ros.diagnostics import diagnostic_array
from vision_banana_ros.ros.engine import ONLY_ASKED, Engine, error_words, load_engine, self_test
from vision_banana_ros.ros.eye import Eye
from vision_banana_ros.ros.heat import read_heat
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.services import make_services
from vision_banana_ros.ros.transforms import Transforms
from vision_banana_ros.ros.transport import give_back_memory
from vision_banana_ros.ros.turns import Turns, require_for_several

#: Deactivating waits so long for the frames at hand.
_FRAME_PATIENCE_S = 10.0
#: How often somebody who listens is looked for.
_LOOK_S = 0.1


class PerceptionNode(LifecycleNode):
    """See the module's docstring; the interface is in docs/ros.md."""

    def __init__(self) -> None:
        super().__init__("perception")
        self._engine: Engine | None = None
        self._eyes: tuple[Eye, ...] = ()
        self._transforms = Transforms(self)
        self._keeper = SettingsKeeper(
            self,
            is_fixed=lambda: self._engine is not None,
            check=self._require_known,
            on_change=self._on_settings,
        )
        self._make_eyes()
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # the node's own would stand still until a /clock comes
        self.create_timer(self._settings.diagnostics_period_s, self._report, clock=steady)
        self.create_timer(_LOOK_S, self._look_for_listeners, clock=steady)
        make_services(self, reset=self._reset, self_test=self._self_test)

    @property
    def _settings(self) -> Settings:
        """Of all cameras."""
        return self._keeper.all.common

    def _make_eyes(self) -> None:
        """As the parameter cameras has them now."""
        names = self._settings.cameras or ("",)
        if tuple(eye.name for eye in self._eyes) != names:
            self._eyes = tuple(
                Eye(self, name, settings=self._settings_of(name), transforms=self._transforms) for name in names
            )

    def _settings_of(self, name: str) -> Callable[[], Settings]:
        return lambda: self._keeper.of(name)

    def started(self) -> None:
        """On the executor's thread, before it spins."""
        if not self._settings.autostart:
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
        self._make_eyes()
        try:
            self._engine = engine = self._loaded()
            for eye in self._eyes:
                eye.configure(engine)
        except Exception as error:  # a backend's own errors too: rclpy would go to on_error without a word
            self.get_logger().error(f"cannot configure: {error_words(error)}")
            self._release()
            for eye in self._eyes:
                eye.condition.update(engine="failed", failure=error_words(error))
            return TransitionCallbackReturn.FAILURE
        if engine.about.failed:
            self.get_logger().error(f"not used, it paints something wrong: {engine.about.failed}")
        self.get_logger().info(f"{self._settings.model or 'student'}: {engine.about.words}, {engine.about.ready}")
        self._tell_pace()
        return super().on_configure(state)

    def _loaded(self) -> Engine:
        engine = load_engine(self._settings, tell=self.get_logger().info)
        if not self._settings.cameras:
            return engine
        try:
            require_for_several(engine.generator, self._settings)
            for settings in self._keeper.all.each().values():
                engine.require_known(settings)
        except Exception:
            engine.close()
            raise
        return replace(engine, generator=Turns(engine.generator))

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)  # first: publishers are silent before
        if result != TransitionCallbackReturn.SUCCESS:
            return result
        try:
            for eye in self._eyes:
                eye.activate()
        except Exception as error:  # qos_overrides that make no profile, for instance
            self.get_logger().error(f"cannot activate: {error_words(error)}")
            return TransitionCallbackReturn.ERROR
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

    def _unsubscribe(self, patience_s: float = _FRAME_PATIENCE_S) -> bool:
        """All leave first, so that no frame is begun while another's is waited for."""
        for eye in self._eyes:
            eye.leave()
        until = time.monotonic() + patience_s
        idle = [eye.deactivate(max(0.0, until - time.monotonic())) for eye in self._eyes]
        return all(idle)

    def _release(self) -> None:
        for eye in self._eyes:
            eye.release()
        if self._engine is not None:
            self._engine.close()
        self._engine = None
        self._transforms.close()
        give_back_memory()

    # The executor's thread.

    def _look_for_listeners(self) -> None:
        for eye in self._eyes:
            eye.look_for_listeners()

    def _require_known(self, settings: Settings) -> None:
        """While there is a model: its words are not known before. And transforms, where they are asked for now."""
        if self._engine is not None:
            self._engine.require_known(settings)
            if settings.looks_up:
                self._transforms.listen()

    def _reset(self) -> str:
        for eye in self._eyes:
            eye.reset()
        return "filters, tracks and prompt are as at the start"

    def _self_test(self) -> tuple[bool, str]:
        """Between frames: runtimes are not asked from two threads at once."""
        with ExitStack() as all_rest:
            for eye in self._eyes:
                all_rest.enter_context(eye.resting())
            newest = next((eye.newest for eye in self._eyes if eye.newest is not None), None)
            return self_test(self._engine, self._settings, newest)

    def _on_settings(self, before: AllSettings, after: AllSettings) -> None:
        for eye in self._eyes:
            if eye.name in after.each() and eye.name in before.each():
                eye.changed(before.of(eye.name), after.of(eye.name))
        rate_hz = after.common.max_rate_hz
        if rate_hz != before.common.max_rate_hz and self._engine is not None:
            self._engine.paced(rate_hz)
            self._tell_pace()

    def _tell_pace(self) -> None:
        if self._engine is not None and self._engine.only_asked:
            self.get_logger().warning(f"{self._engine.about.model} {ONLY_ASKED}")

    def _report(self) -> None:
        now_ns = self.get_clock().now().nanoseconds
        waits = now_ns == 0 and self.get_parameter("use_sim_time").value
        heat = read_heat()
        clock_problem = "use_sim_time is set, but no /clock comes: start the simulator or the bag" if waits else ""
        for eye in self._eyes:
            publishers = self.count_publishers(eye.image_topic)
            eye.condition.update(image_publishers=publishers, heat=heat, clock_problem=clock_problem)
        seen = [(eye.condition.now, eye.statistics.summary(), self._keeper.of(eye.name)) for eye in self._eyes]
        head = convert.header(now_ns or time.time_ns(), "")
        self._diagnostics.publish(diagnostic_array(head, self.get_fully_qualified_name(), seen))
