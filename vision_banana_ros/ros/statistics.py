"""What happened to the frames lately: rate, latency, drops by cause. Written by two threads, read by a third."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

_WINDOW_S = 10.0
_KEPT = 2000  # more than any camera sends in a window


class Drop(str, Enum):
    """Why an image led to no output."""

    NOBODY = "nobody subscribes"
    NEWER_FRAME = "newer frame came first"
    RATE_LIMIT = "over max_rate_hz"
    BAD_IMAGE = "image could not be read"
    FAILED = "generating or decoding failed"


_AS_WISHED = frozenset({Drop.NOBODY, Drop.RATE_LIMIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Rates, shares and percentiles are of the last ten seconds, counts since the start; None: nothing to tell from.

    `lost_share` leaves out the drops that were wished for.
    """

    input_hz: float
    output_hz: float
    received: int
    done: int
    drops: dict[str, int]
    lost_share: float
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    generate_p50_ms: float | None
    own_p50_ms: float | None
    since_image_s: float | None
    last_error: str


class FrameStatistics:
    """`now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._received = 0
        self._done = 0
        self._drops: Counter[Drop] = Counter()
        self._arrivals: deque[float] = deque(maxlen=_KEPT)
        self._finished: deque[tuple[float, float | None, float, float]] = deque(maxlen=_KEPT)
        self._losses: deque[float] = deque(maxlen=_KEPT)
        self._last_error = ""

    def image_arrived(self) -> None:
        with self._lock:
            self._received += 1
            self._arrivals.append(self._now())

    def dropped(self, cause: Drop, why: str = "") -> None:
        with self._lock:
            self._drops[cause] += 1
            if cause not in _AS_WISHED:
                self._losses.append(self._now())
            if why:
                self._last_error = why

    def published(self, *, latency_s: float | None, generate_s: float, own_s: float) -> None:
        """`latency_s` from the image's stamp to the last output's publishing; None for images without a stamp."""
        with self._lock:
            self._done += 1
            self._finished.append((self._now(), latency_s, generate_s, own_s))

    def summary(self) -> Summary:
        with self._lock:
            now = self._now()
            arrivals = [moment for moment in self._arrivals if now - moment <= _WINDOW_S]
            finished = [entry for entry in self._finished if now - entry[0] <= _WINDOW_S]
            since = now - self._arrivals[-1] if self._arrivals else None
            losses = sum(now - moment <= _WINDOW_S for moment in self._losses)
            latencies = sorted(entry[1] for entry in finished if entry[1] is not None)
            return Summary(
                input_hz=_rate(arrivals),
                output_hz=_rate([entry[0] for entry in finished]),
                received=self._received,
                done=self._done,
                drops={cause.value: self._drops[cause] for cause in Drop},
                lost_share=losses / max(1, len(arrivals), losses),
                latency_p50_ms=_percentile_ms(latencies, 0.5),
                latency_p95_ms=_percentile_ms(latencies, 0.95),
                generate_p50_ms=_percentile_ms(sorted(entry[2] for entry in finished), 0.5),
                own_p50_ms=_percentile_ms(sorted(entry[3] for entry in finished), 0.5),
                since_image_s=since,
                last_error=self._last_error,
            )


def _rate(moments: list[float]) -> float:
    """Intervals a second between the first and the last; a pause at the end shows as frame age, not as a rate."""
    if len(moments) < 2 or moments[-1] <= moments[0]:
        return 0.0
    return (len(moments) - 1) / (moments[-1] - moments[0])


def _percentile_ms(ordered: list[float], part: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1e3 if ordered else None
