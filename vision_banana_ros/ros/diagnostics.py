"""What /diagnostics says of the node: three statuses (camera, frames, engine), each with a level and its figures.

Levels
    camera  STALE when no image came for stale_after_s, WARN when CameraInfo cannot be used as it is
    frames  ERROR when nothing comes out, WARN above max_latency_s or when more than a fifth is dropped
    engine  ERROR when the model could not be loaded, fails now, or failed its self-check on some runtime
All are OK and say "inactive" while the node is not active.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from vision_banana_ros.prompts import Generator
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.statistics import Summary
from vision_banana_ros.runtimes.choice import LoadReport

_DROPS_WORTH_A_WARNING = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutEngine:
    """What runs the model and how its self-check went; `failed` when some runtime painted something wrong."""

    words: str = "no self-check"
    failed: str = ""
    tried: str = ""


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


class SharedCondition:
    """The newest Condition; both of the node's threads add what they know."""

    def __init__(self, name: str) -> None:
        self._lock = threading.Lock()
        self.now = Condition(name=name)

    def update(self, **changes: Any) -> None:
        with self._lock:
            self.now = replace(self.now, **changes)


def about_engine(generator: Generator) -> AboutEngine:
    """From the load report that trained models carry; an oracle has none."""
    report: LoadReport | None = getattr(generator, "report", None)
    if report is None:
        return AboutEngine()
    return AboutEngine(
        words=f"{report.backend.value} {report.precision.value}, self-check passed ({report.why})",
        failed="; ".join(str(attempt) for attempt in report.failures),
        tried="; ".join(str(attempt) for attempt in report.attempts),
    )


def diagnostic_array(head: Header, condition: Condition, summary: Summary, settings: Settings) -> DiagnosticArray:
    statuses = [
        _camera(condition, summary, settings),
        _frames(condition, summary, settings),
        _engine(condition, settings),
    ]
    return DiagnosticArray(header=head, status=statuses)


def _camera(condition: Condition, summary: Summary, settings: Settings) -> DiagnosticStatus:
    age = summary.since_image_s
    if not condition.active:
        level, message = DiagnosticStatus.OK, "inactive"
    elif age is None:
        level, message = DiagnosticStatus.STALE, "no image has come yet"
    elif age > settings.stale_after_s:
        level, message = DiagnosticStatus.STALE, f"camera lost: no image for {age:.1f} s"
    elif condition.camera_problem:
        level, message = DiagnosticStatus.WARN, condition.camera_problem
    else:
        level, message = DiagnosticStatus.OK, f"{summary.input_hz:.1f} Hz"
    return _status(
        condition, "camera", level, message,
        rate_hz=summary.input_hz, frame_age_s=age, received=summary.received,
        intrinsics=condition.camera, hfov_deg=condition.hfov_deg,
    )  # fmt: skip


def _frames(condition: Condition, summary: Summary, settings: Settings) -> DiagnosticStatus:
    late = summary.latency_p95_ms is not None and summary.latency_p95_ms > settings.max_latency_s * 1e3
    if not condition.active:
        level, message = DiagnosticStatus.OK, "inactive"
    elif summary.output_hz == 0 and summary.lost_share > _DROPS_WORTH_A_WARNING and summary.last_error:
        level, message = DiagnosticStatus.ERROR, f"no output: {summary.last_error}"
    elif late:
        level, message = (
            DiagnosticStatus.WARN,
            f"p95 latency {summary.latency_p95_ms:.0f} ms: lower rate or size",
        )
    elif summary.lost_share > _DROPS_WORTH_A_WARNING:
        level, message = DiagnosticStatus.WARN, f"{summary.lost_share:.0%} of the images dropped"
    else:
        level, message = DiagnosticStatus.OK, f"{summary.output_hz:.1f} Hz"
    return _status(
        condition, "frames", level, message,
        rate_hz=summary.output_hz, published=summary.done,
        latency_p50_ms=summary.latency_p50_ms, latency_p95_ms=summary.latency_p95_ms,
        generate_p50_ms=summary.generate_p50_ms, own_p50_ms=summary.own_p50_ms,
        scale=condition.scale, scale_confidence=condition.scale_confidence, last_error=summary.last_error,
        **{f"dropped: {cause}": count for cause, count in summary.drops.items()},
    )  # fmt: skip


def _engine(condition: Condition, settings: Settings) -> DiagnosticStatus:
    level, message = DiagnosticStatus.OK, condition.engine
    if condition.failure or condition.about.failed:
        level, message = DiagnosticStatus.ERROR, condition.failure or condition.about.failed
    return _status(
        condition, "engine", level, message,
        model=settings.model or "student", backend=settings.backend, state=condition.engine,
        runtime=condition.about.words, tried=condition.about.tried,
    )  # fmt: skip


def _status(condition: Condition, part: str, level: bytes, message: str, **values: object) -> DiagnosticStatus:
    status = DiagnosticStatus(level=level, name=f"{condition.name}: {part}", message=message, hardware_id="")
    status.values = [KeyValue(key=key, value=_text(value)) for key, value in values.items()]
    return status


def _text(value: object) -> str:
    if value is None:
        return "unknown"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
