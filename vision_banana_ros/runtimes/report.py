"""How each runtime did that was tried, and what runs in the end."""

from __future__ import annotations

from dataclasses import dataclass

from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.runtime import Backend

PASSED, FAILED, UNAVAILABLE = "passed", "failed the self-check", "not available"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One runtime in one precision, and how it went."""

    backend: Backend
    precision: Precision
    outcome: str  # PASSED, FAILED or UNAVAILABLE
    detail: str
    load_s: float = 0.0
    check_s: float = 0.0
    paint_ms: float | None = None

    @property
    def failed(self) -> bool:
        """It loaded, and painted something wrong."""
        return self.outcome == FAILED

    def __str__(self) -> str:
        return f"{self.backend.value} {self.precision.value} {self.outcome}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What runs, why, and everything that was tried on the way."""

    backend: Backend
    precision: Precision
    why: str
    attempts: tuple[Attempt, ...]

    @property
    def failures(self) -> tuple[Attempt, ...]:
        """What painted something wrong: worth an ERROR diagnostic, whatever runs now."""
        return tuple(attempt for attempt in self.attempts if attempt.failed)
