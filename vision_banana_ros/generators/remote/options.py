"""What a user allows a remote model, and how long he waits for it. Keys come from the environment and stay there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from vision_banana_ros.core import GeneratorError

_ALLOW = "VISION_BANANA_ALLOW_REMOTE"
_PER_HOUR = "VISION_BANANA_REMOTE_PER_HOUR"
_YES = ("1", "true", "yes", "on")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteOptions:
    """allowed: pictures may leave this machine. max_per_hour: pictures asked for, retries not counted.
    max_rate_hz: frames a second in a loop; 0: one-shot requests only. timeout_s: for one answer, retries not counted.
    attempts: with waits of first_wait_s, doubled each time, up to most_wait_s. tuned: it was trained on our prompts.
    """

    allowed: bool = False
    max_per_hour: int = 60
    max_rate_hz: float = 0.0
    timeout_s: float = 60.0
    attempts: int = 4
    first_wait_s: float = 1.0
    most_wait_s: float = 30.0
    parallel: int = 4
    seed: int = 0
    tuned: bool = False
    #: Another address of the service, for a proxy or a test.
    base_url: str = ""

    def __post_init__(self) -> None:
        if self.max_per_hour < 1 or self.attempts < 1 or self.parallel < 1:
            raise GeneratorError("max_per_hour, attempts and parallel must be at least 1")
        if not (self.timeout_s > 0 and self.max_rate_hz >= 0 and self.most_wait_s >= self.first_wait_s >= 0):
            raise GeneratorError("timeout_s must be above 0; max_rate_hz and the waits must not be negative")

    @classmethod
    def from_environment(cls, **given: Any) -> RemoteOptions:
        """What the environment says (VISION_BANANA_ALLOW_REMOTE, VISION_BANANA_REMOTE_PER_HOUR), and above it what
        is given."""
        found: dict[str, Any] = {"allowed": os.environ.get(_ALLOW, "").strip().lower() in _YES}
        per_hour = os.environ.get(_PER_HOUR, "").strip()
        if per_hour:
            if not per_hour.isdigit():
                raise GeneratorError(f"{_PER_HOUR} must be a whole number of pictures, got {per_hour!r}")
            found["max_per_hour"] = int(per_hour)
        return cls(**(found | given))


def require_allowed(options: RemoteOptions, name: str) -> None:
    """Naming a remote model is not enough: camera pictures show people's homes."""
    if not options.allowed:
        raise GeneratorError(
            f"{name} would send camera pictures to another machine, which is off: allow it with {_ALLOW}=1 "
            "(the node: allow_remote:=true)"
        )


def key_from(*variables: str) -> str:
    """The first of these environment variables that is set, or ""."""
    return next((key for key in (os.environ.get(name, "").strip() for name in variables) if key), "")
