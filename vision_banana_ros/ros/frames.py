"""One frame, from message to messages: all that happens on the worker's thread."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sensor_msgs.msg import CameraInfo, CompressedImage
from std_msgs.msg import String

from vision_banana_ros.core import FloatArray, Frame, FrameError
from vision_banana_ros.geometry.anchor import sparse_depth
from vision_banana_ros.geometry.sparse import Heights
from vision_banana_ros.perceiver import Perceiver, Sight
from vision_banana_ros.ros import convert
from vision_banana_ros.ros.diagnostics import SharedCondition
from vision_banana_ros.ros.engine import Engine, error_words
from vision_banana_ros.ros.floor import heights_kept
from vision_banana_ros.ros.intrinsics import Posed, with_given_camera
from vision_banana_ros.ros.measured import Measured
from vision_banana_ros.ros.outputs import NO_CAMERA, Outputs, Published, Request
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.questions import Questions
from vision_banana_ros.ros.receivers import Receivers
from vision_banana_ros.ros.statistics import Drop, FrameStatistics
from vision_banana_ros.ros.topics import NAV2
from vision_banana_ros.ros.transforms import Transforms
from vision_banana_ros.ros.transport import SEGMENT_VARIABLE

_THROTTLE_S = 5.0
_PLAUSIBLE_LATENCY_S = 60.0
#: A frame's messages beside those that readers still hold: fewer frames than this in the segment get lost.
_FRAMES_IN_SEGMENT = 2
_FIGURES = re.compile(r"[-+.\de]*\d")


class Frames:
    """Of one camera of a configured node. `info`, `image_topic` and what `questions` and `measured` hold are replaced
    whole by the executor's thread, never changed, so they need no lock.
    """

    def __init__(
        self,
        node: Any,
        engine: Engine,
        outputs: Outputs,
        *,
        log: Any,
        settings: Callable[[], Settings],
        questions: Questions,
        measured: Measured,
        transforms: Transforms,
        statistics: FrameStatistics,
        condition: SharedCondition,
        segment_bytes: int | None,
    ) -> None:
        self.info: CameraInfo | None = None
        self.image_topic = "image"
        self.newest: Frame | None = None
        self._clock = node.get_clock()
        self._log = log
        self._engine = engine
        self._outputs = outputs
        self._settings = settings
        self._questions = questions
        self._measured = measured
        self._transforms = transforms
        self._statistics = statistics
        self._condition = condition
        self._segment_bytes = segment_bytes
        self._receivers = Receivers(node)
        self._told: dict[str, str] = {}
        self.reset()

    def reset(self) -> None:
        """What was learnt from earlier frames is forgotten: the camera's and the scale's filters, tracks."""
        self._perceiver = Perceiver(self._engine.generator)

    def handle(self, message: Any) -> None:
        outputs, settings, questions = self._outputs, self._settings(), self._questions
        wanted = outputs.wanted()
        if not wanted and questions.pending is None:
            self._statistics.dropped(Drop.NOBODY)
            return
        if self._engine.only_asked and questions.pending is None:
            self._statistics.dropped(Drop.NOT_ASKED)
            return
        start = time.perf_counter()
        try:
            posed, points = self._read(message, settings)
        except FrameError as error:
            self._statistics.dropped(Drop.BAD_IMAGE, str(error))
            self._log.warning(f"image dropped: {error}", throttle_duration_sec=_THROTTLE_S)
            return
        posed, moved_m = self._moved(posed)
        request = self._request(outputs.request(wanted, settings), settings)
        if self._engine.must_wait(len(request.tasks)):
            self._statistics.dropped(Drop.PACE)
            return
        sight = self._perceiver.see(
            posed.frame,
            settings.wishes(questions.prompt),
            settings.perceiver_settings(),
            tasks=request.tasks,
            wants_camera=request.camera,
            points=points,
            moved_m=moved_m,
        )
        self.newest = sight.frame
        heights, no_floor = self._heights(settings, sight.frame) if NAV2 in wanted else (None, "")
        published = outputs.publish(sight, wanted - {NAV2} if no_floor else wanted, settings, posed.info, heights)
        answer = questions.answer(sight.perception, convert.header(sight.frame.stamp_ns, sight.frame.frame_id))
        self._answer(answer)
        self._note(sight, posed, request, wanted - published.topics, no_floor)
        self._tell(transport_problem=self._too_large(published) or self._too_late(published))
        if not published.topics and answer is None:
            self._statistics.dropped(Drop.NOTHING)
            return
        self._statistics.published(
            latency_s=self._latency_s(posed.frame),
            generate_s=sight.generate_s,
            own_s=time.perf_counter() - start - sight.generate_s,
            topics=published.topics,
        )

    def failed(self, error: Exception) -> None:
        """An expected error of this frame, or a fault of ours; either way the next frame gets its chance."""
        words = error_words(error)
        self._statistics.dropped(Drop.FAILED, words)
        self._condition.update(engine="failing", failure=words)
        self._answer(self._questions.failed(words))
        self._log.error(f"frame dropped: {words}", throttle_duration_sec=_THROTTLE_S)

    def _answer(self, answer: String | None) -> None:
        if answer is not None:
            self._outputs.answer_prompt(answer)

    def _read(self, message: Any, settings: Settings) -> tuple[Posed, FloatArray | None]:
        """The part of the image that is looked at, with its camera; and the points that set its scale."""
        compressed = isinstance(message, CompressedImage)
        whole = convert.frame_from_compressed(message) if compressed else convert.frame_from_image(message)
        posed = with_given_camera(whole, self.info, topic=self.image_topic)
        frame = settings.crop.frame(posed.frame, hfov_deg=settings.hfov_deg)
        posed, points = replace(posed, frame=frame), None
        try:
            points = self._measured_of(frame, whole.hw, settings)
        except FrameError as error:  # no reason to see nothing
            posed = replace(posed, problem=posed.problem or f"{error}: not used")
        return posed, points

    def _moved(self, posed: Posed) -> tuple[Posed, float | None]:
        """Metres since the frame that was seen before, by odometry."""
        odometry, frame = self._measured.odometry, posed.frame
        if not odometry.source.is_known:
            return posed, None
        since_ns = frame.stamp_ns if self.newest is None else self.newest.stamp_ns
        try:
            return posed, odometry.moved_m(frame.frame_id, since_ns, frame.stamp_ns)
        except FrameError as error:
            return replace(posed, problem=posed.problem or f"odometry: {error}: not used"), None

    def _measured_of(self, frame: Frame, whole_hw: tuple[int, int], settings: Settings) -> FloatArray | None:
        """Depth goes to the model, if it takes any; points that are not its anchor set the scale."""
        points = self._measured.points(frame.stamp_ns, frame.frame_id)
        if not self._engine.takes_depth:
            return points
        depth_m = self._measured.depth_m(frame.stamp_ns)
        if depth_m is not None:
            depth_m = settings.crop.depth(depth_m, whole_hw)
        elif points is not None and frame.camera is not None:
            depth_m = sparse_depth(points, frame.camera)
        if depth_m is not None:
            self._engine.generator.give_depth(depth_m, frame.stamp_ns)  # type: ignore[attr-defined]
        return None if settings.anchor == "sparse" else points

    def _heights(self, settings: Settings, frame: Frame) -> tuple[Heights | None, str]:
        """What the cloud for costmaps keeps; or why that is not known, and then there is none."""
        try:
            return heights_kept(settings, frame, self._transforms), ""
        except FrameError as error:
            return None, str(error)

    def _request(self, request: Request, settings: Settings) -> Request:
        """What subscribers and a pending question need together."""
        asked = frozenset(task for task in self._questions.tasks if task.value in settings.tasks)
        return Request(tasks=request.tasks | asked, camera=request.camera or bool(asked)) if asked else request

    def _too_large(self, published: Published) -> str:
        """The middleware loses what does not fit, and says nothing."""
        if self._segment_bytes is None or published.bytes_in_all * _FRAMES_IN_SEGMENT <= self._segment_bytes:
            return ""
        of_all, of_one, segment = (
            size / 1e6 for size in (published.bytes_in_all, published.sizes[published.largest], self._segment_bytes)
        )
        return (
            f"a frame's messages are {of_all:.0f} MB ({published.largest} {of_one:.0f} MB) and the shared memory holds "
            f"{segment:.0f} MB, so some get lost: set output_width, or give more with {SEGMENT_VARIABLE} (megabytes)"
        )

    def _too_late(self, published: Published) -> str:
        """What receivers that are late lose, where this process has more room than they."""
        if self._segment_bytes is None:
            return ""
        sizes = {self._outputs.full_name(name): size for name, size in published.sizes.items()}
        return self._receivers.problem(sizes)

    def _latency_s(self, frame: Frame) -> float | None:
        """From the image's stamp to now; None where the stamp is not of this clock."""
        latency_s = (self._clock.now().nanoseconds - frame.stamp_ns) * 1e-9
        return latency_s if frame.stamp_ns > 0 and abs(latency_s) < _PLAUSIBLE_LATENCY_S else None

    def _note(self, sight: Sight, posed: Posed, request: Request, silent: frozenset[str], no_floor: str) -> None:
        """What this frame showed of camera, scale and model; it also showed that the engine works."""
        lacks_camera = request.camera and sight.perception.camera is None
        why = {name: self._outputs.why_not(name, sight, self._settings()) for name in sorted(silent)}
        if no_floor:
            why[NAV2] = no_floor
        self._tell(camera_problem=posed.problem or (NO_CAMERA if lacks_camera else ""))
        self._tell(unserved=tuple(f"{name}: {words}" for name, words in why.items() if words))
        unanswered = {f"{u.instruction.task.value}: {u.why}" for u in sight.perception.unanswered}
        self._tell(unanswered=tuple(sorted(unanswered)))
        remarks = dict(getattr(self._engine.generator, "remarks", {}))
        for subject, words in remarks.items():
            # Figures change with every frame, and nobody wants a line for each.
            if words and _FIGURES.sub("#", words) != self._told.get(subject):
                self._log.info(f"{subject}: {words}")
                self._told[subject] = _FIGURES.sub("#", words)
        camera = sight.perception.camera
        self._condition.update(
            camera=sight.camera_source,
            hfov_deg=None if camera is None else camera.hfov_deg,
            scale=sight.scale,
            scale_confidence=sight.scale_confidence,
            scale_source=sight.scale_source,
            odometry_scale=sight.odometry_scale,
            odometry_spread=sight.odometry_spread,
            remarks=tuple((subject, words) for subject, words in sorted(remarks.items()) if words),
            engine="loaded",
            failure="",
        )

    def _tell(self, **problem: Any) -> None:
        """On /diagnostics, and in the log when it is new."""
        (name, words), *_ = problem.items()
        if words and words != getattr(self._condition.now, name):
            lead = {"unserved": "nothing to publish: ", "unanswered": "not painted: "}.get(name, "")
            self._log.warning(lead + ("; ".join(words) if isinstance(words, tuple) else words))
        self._condition.update(**problem)
