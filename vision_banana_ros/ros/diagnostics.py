"""What /diagnostics says of the node: three statuses (camera, frames, engine), each with a level and its figures. Of
several cameras each has its own first two, "/perception/front: camera".

Levels
    camera  STALE when no image came for stale_after_s, WARN when CameraInfo cannot be used as it is, when images get
            lost on their way here, or when no /clock comes
    frames  ERROR when nothing comes out, WARN above max_latency_s, when more than a fifth is dropped, when a topic is
            subscribed to that nothing can be said on, or when messages are too large for the shared memory
    engine  ERROR when the model could not be loaded, fails now, or failed its self-check on some runtime; WARN when the
            machine is so hot that it slows down
All are OK and say "inactive" while the node is not active. While nobody listens images are not taken, and camera_info
and the topic's publishers tell whether the camera is there.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from vision_banana_ros.core import About
from vision_banana_ros.prompts import Generator
from vision_banana_ros.ros.heat import Heat
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.statistics import Summary
from vision_banana_ros.runtimes.report import LoadReport

_DROPS_WORTH_A_WARNING = 0.2
_LOST_ON_THE_WAY = (
    "{share:.0%} of the images are lost on their way here, their sender's shared memory is too small: start it with "
    "FASTDDS_DEFAULT_PROFILES_FILE=.../vision_banana_ros/config/fastdds_large_messages.xml, or send compressed images"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutEngine:
    """What runs the model and how its self-check went; `failed` when some runtime painted something wrong."""

    words: str = "no self-check"
    failed: str = ""
    tried: str = ""
    model: str = ""
    licence: str = ""
    metres: str = ""
    cost: str = ""
    ready: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the node knows of itself besides its frames."""

    name: str
    active: bool = False
    engine: str = "not loaded"  # "loaded", "not loaded", "failed", "failing"
    failure: str = ""
    about: AboutEngine = field(default_factory=AboutEngine)
    camera: str = "unknown"  # "given", "recovered", "from hfov_deg", "unknown"
    camera_problem: str = ""
    hfov_deg: float | None = None
    scale: float | None = None
    scale_confidence: float | None = None
    scale_source: str = ""
    odometry_scale: float | None = None
    odometry_spread: float | None = None
    listening: bool = True  # images are subscribed to
    image_topic: str = "image"
    image_publishers: int = 0
    clock_problem: str = ""
    unserved: tuple[str, ...] = ()  # "TOPIC: why nothing is said on it"
    transport_problem: str = ""
    remarks: tuple[tuple[str, str], ...] = ()  # what the model says of its answers, by subject
    heat: Heat = field(default_factory=Heat)
    unanswered: tuple[str, ...] = ()  # "TASK: why it was not painted"


class SharedCondition:
    """The newest Condition; both of the node's threads add what they know."""

    def __init__(self, name: str) -> None:
        self._lock = threading.Lock()
        self.now = Condition(name=name)

    def update(self, **changes: Any) -> None:
        with self._lock:
            self.now = replace(self.now, **changes)


def about_engine(generator: Generator, *, ready: str = "") -> AboutEngine:
    """What it says of itself, and the load report that trained models carry; an oracle has none."""
    report: LoadReport | None = getattr(generator, "report", None)
    about: About | None = getattr(generator, "about", None)
    told = AboutEngine(ready=ready)
    if about is not None:
        metres = {True: "yes", False: "no: it needs an anchor", None: "it paints no depth"}[about.metric]
        told = AboutEngine(model=about.name, licence=about.licence, metres=metres, cost=about.cost, ready=ready)
    if report is None:
        return told
    return replace(
        told,
        words=f"{report.backend.value} {report.precision.value}, self-check passed ({report.why})",
        failed="; ".join(str(attempt) for attempt in report.failures),
        tried="; ".join(str(attempt) for attempt in report.attempts),
    )


def diagnostic_array(head: Header, node: str, seen: Sequence[tuple[Condition, Summary, Settings]]) -> DiagnosticArray:
    """Of each camera two statuses, and one of the engine that they share."""
    statuses = [status(*one) for one in seen for status in (_camera, _frames)]
    return DiagnosticArray(header=head, status=[*statuses, _engine(*_shared(node, seen))])


def _shared(node: str, seen: Sequence[tuple[Condition, Summary, Settings]]) -> tuple[Condition, Settings]:
    """What the cameras tell of the engine: that of the one for which it fails, with what it lacks for any."""
    condition, _, settings = next((one for one in seen if one[0].failure), seen[0])
    unanswered = sorted({words for one in seen for words in one[0].unanswered})
    return replace(
        condition, name=node, active=any(one[0].active for one in seen), unanswered=tuple(unanswered)
    ), settings


def _camera(condition: Condition, summary: Summary, settings: Settings) -> DiagnosticStatus:
    level, message = _camera_level(condition, summary, settings)
    return _status(
        condition, "camera", level, message,
        rate_hz=summary.input_hz, frame_age_s=summary.since_image_s, received=summary.received,
        intrinsics=condition.camera, hfov_deg=condition.hfov_deg,
        camera_info_hz=summary.info_hz, lost_on_the_way=summary.lost_before, listening=condition.listening,
    )  # fmt: skip


def _camera_level(condition: Condition, summary: Summary, settings: Settings) -> tuple[bytes, str]:
    age = summary.since_image_s
    if not condition.active:
        return DiagnosticStatus.OK, "inactive"
    if not condition.listening:
        if condition.image_publishers == 0 and not _recent(summary.since_info_s, settings):
            return DiagnosticStatus.STALE, f"no image has come yet: nobody publishes {condition.image_topic}"
        return DiagnosticStatus.OK, "images are not taken: nobody listens"
    if age is None:
        if condition.image_publishers == 0:
            return DiagnosticStatus.STALE, f"no image has come yet: nobody publishes {condition.image_topic}"
        return DiagnosticStatus.STALE, "no image has come yet"
    if age > settings.stale_after_s:
        return DiagnosticStatus.STALE, f"camera lost: no image for {age:.1f} s"
    if condition.clock_problem:
        return DiagnosticStatus.WARN, condition.clock_problem
    if summary.lost_before > _DROPS_WORTH_A_WARNING:
        return DiagnosticStatus.WARN, _LOST_ON_THE_WAY.format(share=summary.lost_before)
    if condition.camera_problem:
        return DiagnosticStatus.WARN, condition.camera_problem
    return DiagnosticStatus.OK, f"{summary.input_hz:.1f} Hz"


def _recent(age_s: float | None, settings: Settings) -> bool:
    return age_s is not None and age_s <= settings.stale_after_s


def _frames(condition: Condition, summary: Summary, settings: Settings) -> DiagnosticStatus:
    level, message = _frames_level(condition, summary, settings)
    return _status(
        condition, "frames", level, message,
        rate_hz=summary.output_hz, published=summary.done,
        latency_p50_ms=summary.latency_p50_ms, latency_p95_ms=summary.latency_p95_ms,
        generate_p50_ms=summary.generate_p50_ms, own_p50_ms=summary.own_p50_ms,
        scale=condition.scale, scale_confidence=condition.scale_confidence,
        scale_source=condition.scale_source, odometry_scale=condition.odometry_scale,
        odometry_spread=condition.odometry_spread,
        last_error=summary.last_error, last_error_age_s=summary.since_error_s,
        unserved="; ".join(condition.unserved), transport=condition.transport_problem,
        **{f"hz: {topic}": rate for topic, rate in summary.topics_hz.items()},
        **{f"dropped: {cause}": count for cause, count in summary.drops.items()},
    )  # fmt: skip


def _frames_level(condition: Condition, summary: Summary, settings: Settings) -> tuple[bytes, str]:
    late = summary.latency_p95_ms is not None and summary.latency_p95_ms > settings.max_latency_s * 1e3
    if not condition.active:
        return DiagnosticStatus.OK, "inactive"
    if not condition.listening:
        return DiagnosticStatus.OK, "nobody listens"
    if summary.output_hz == 0 and summary.lost_share > _DROPS_WORTH_A_WARNING and summary.last_error:
        return DiagnosticStatus.ERROR, f"no output: {summary.last_error}"
    if not _recent(summary.since_image_s, settings):
        return DiagnosticStatus.STALE, "no images"
    if condition.unserved or condition.transport_problem:
        unserved = "nothing to publish: " + "; ".join(condition.unserved) if condition.unserved else ""
        return DiagnosticStatus.WARN, "; ".join(words for words in (condition.transport_problem, unserved) if words)
    if late:
        return DiagnosticStatus.WARN, f"p95 latency {summary.latency_p95_ms:.0f} ms: lower rate or size"
    if summary.lost_share > _DROPS_WORTH_A_WARNING:
        return DiagnosticStatus.WARN, f"{summary.lost_share:.0%} of the images dropped"
    return DiagnosticStatus.OK, f"{summary.output_hz:.1f} Hz"


def _engine(condition: Condition, settings: Settings) -> DiagnosticStatus:
    level, message = DiagnosticStatus.OK, condition.engine
    if condition.failure or condition.about.failed:
        level, message = DiagnosticStatus.ERROR, condition.failure or condition.about.failed
    elif condition.active and condition.heat.problem:
        level, message = DiagnosticStatus.WARN, condition.heat.problem
    return _status(
        condition, "engine", level, message,
        model=settings.model or "student", backend=settings.backend, state=condition.engine,
        runtime=condition.about.words, tried=condition.about.tried,
        name=condition.about.model, licence=condition.about.licence, metres=condition.about.metres,
        cost=condition.about.cost, ready=condition.about.ready, unanswered="; ".join(condition.unanswered),
        temperature_c=condition.heat.temperature_c, throttles_at_c=condition.heat.throttles_at_c,
        **{f"says of {subject}": words for subject, words in condition.remarks},
    )  # fmt: skip


def _status(condition: Condition, part: str, level: bytes, message: str, **values: object) -> DiagnosticStatus:
    status = DiagnosticStatus(level=level, name=f"{condition.name}: {part}", message=message, hardware_id="")
    status.values = [KeyValue(key=key, value=_text(value)) for key, value in values.items()]
    return status


def _text(value: object) -> str:
    if value is None:
        return "unknown"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
