"""What happened to the frames lately: rate, latency, drops by cause. Written by two threads, read by a third."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from vision_banana_ros.ros.arrivals import Arrivals

_WINDOW_S = 10.0
_KEPT = 2000  # more than any camera sends in a window


class Drop(str, Enum):
    """Why an image led to no output."""

    NOBODY = "nobody subscribes"
    NEWER_FRAME = "newer frame came first"
    RATE_LIMIT = "over max_rate_hz"
    BAD_IMAGE = "image could not be read"
    FAILED = "generating or decoding failed"
    NOTHING = "nothing to tell of it"
    PACE = "the remote model may not be asked yet"
    NOT_ASKED = "a remote model without max_rate_hz sees only what a prompt asks about"


_AS_WISHED = frozenset({Drop.NOBODY, Drop.RATE_LIMIT, Drop.NOTHING, Drop.PACE, Drop.NOT_ASKED})
#: A rate falls once its next event is overdue by so many intervals.
_OVERDUE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Rates, shares and percentiles are of the last ten seconds, counts since the start; None: nothing to tell from.

    `lost_share` leaves out the drops that were wished for; `lost_before` is the share of images that never came here.
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
    lost_before: float = 0.0
    info_hz: float = 0.0
    since_info_s: float | None = None
    since_error_s: float | None = None
    topics_hz: Mapping[str, float] = field(default_factory=dict)


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
        self._last_error_at = 0.0
        self._stamps = Arrivals(now)
        self._infos: deque[float] = deque(maxlen=_KEPT)
        self._resumed = 0.0
        self._topics: dict[str, deque[float]] = {}

    def image_arrived(self, stamp_ns: int = 0) -> None:
        with self._lock:
            self._received += 1
            self._arrivals.append(self._now())
            self._stamps.image(stamp_ns)

    def info_arrived(self, stamp_ns: int = 0) -> None:
        with self._lock:
            self._infos.append(self._now())
            self._stamps.info(stamp_ns)

    def listening_again(self) -> None:
        """Images were not subscribed to for a while: their age counts from now."""
        with self._lock:
            self._resumed = self._now()
            self._stamps.forget()
            self._arrivals.clear()
            self._finished.clear()

    def dropped(self, cause: Drop, why: str = "") -> None:
        with self._lock:
            self._drops[cause] += 1
            if cause not in _AS_WISHED:
                self._losses.append(self._now())
            if why:
                self._last_error, self._last_error_at = why, self._now()

    def published(
        self, *, latency_s: float | None, generate_s: float, own_s: float, topics: frozenset[str] = frozenset()
    ) -> None:
        """`latency_s` from the image's stamp to the last output's publishing; None for images without a stamp."""
        with self._lock:
            self._done += 1
            for topic in topics:
                self._topics.setdefault(topic, deque(maxlen=_KEPT)).append(self._now())
            self._finished.append((self._now(), latency_s, generate_s, own_s))

    def summary(self) -> Summary:
        with self._lock:
            now = self._now()
            self._forget_before(now - _WINDOW_S)
            arrivals = [moment for moment in self._arrivals if now - moment <= _WINDOW_S]
            finished = [entry for entry in self._finished if now - entry[0] <= _WINDOW_S]
            newest = self._arrivals[-1] if self._arrivals else self._resumed if self._received else None
            losses = sum(now - moment <= _WINDOW_S for moment in self._losses)
            latencies = sorted(entry[1] for entry in finished if entry[1] is not None)
            return Summary(
                input_hz=_rate(arrivals, now),
                output_hz=_rate([entry[0] for entry in finished], now),
                received=self._received,
                done=self._done,
                drops={cause.value: self._drops[cause] for cause in Drop},
                lost_share=losses / max(1, len(arrivals), losses),
                latency_p50_ms=_percentile_ms(latencies, 0.5),
                latency_p95_ms=_percentile_ms(latencies, 0.95),
                generate_p50_ms=_percentile_ms(sorted(entry[2] for entry in finished), 0.5),
                own_p50_ms=_percentile_ms(sorted(entry[3] for entry in finished), 0.5),
                since_image_s=None if newest is None else now - newest,
                last_error=self._last_error,
                lost_before=self._stamps.lost_share(),
                info_hz=_rate([moment for moment in self._infos if now - moment <= _WINDOW_S], now),
                since_info_s=now - self._infos[-1] if self._infos else None,
                topics_hz=self._topics_hz(now),
                since_error_s=now - self._last_error_at if self._last_error else None,
            )

    def _forget_before(self, first: float) -> None:
        """What is kept must not grow with the time that the node runs. The newest stay, whose age is told."""
        for moments in (self._arrivals, self._losses, self._infos, *self._topics.values()):
            while len(moments) > 1 and moments[0] < first:
                moments.popleft()
        while self._finished and self._finished[0][0] < first:
            self._finished.popleft()

    def _topics_hz(self, now: float) -> dict[str, float]:
        """Of those that had a message within the window; the others are forgotten."""
        recent = {t: [m for m in moments if now - m <= _WINDOW_S] for t, moments in self._topics.items()}
        self._topics = {t: self._topics[t] for t, moments in recent.items() if moments}
        return {t: _rate(recent[t], now) for t in sorted(self._topics)}


def _rate(moments: list[float], now: float) -> float:
    """Intervals a second between the first and the last; until now, once the next is overdue."""
    if len(moments) < 2 or moments[-1] <= moments[0]:
        return 0.0
    intervals, span = len(moments) - 1, moments[-1] - moments[0]
    if now - moments[-1] > _OVERDUE * span / intervals:
        span = now - moments[0]
    return intervals / span


def _percentile_ms(ordered: list[float], part: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1e3 if ordered else None
