"""Images that get lost before they arrive here, told from the stamps of those that do.

A driver whose shared memory is too small sends at full rate and loses most of its images on the way; nothing in ROS
says so. Two witnesses, the surer first:

    camera_info    is small and arrives; every info whose stamp no image has is an image lost
    the intervals  of a camera are equal; with losses they are multiples of the smallest
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise

_WINDOW_S = 10.0
_KEPT = 1000
#: An image is larger than its info and may come later.
_GRACE_S = 0.5
_LEAST_WITNESSES = 10
#: Intervals count as multiples of the period when most of them are so near to one.
_NEAR_MULTIPLE = 0.2
_MOST = 0.8


class Arrivals:
    """Stamps of the last seconds; `now` is a monotonic clock. Not for several threads at once."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._images: deque[tuple[float, int]] = deque(maxlen=_KEPT)
        self._infos: deque[tuple[float, int]] = deque(maxlen=_KEPT)

    def image(self, stamp_ns: int) -> None:
        self._images.append((self._now(), stamp_ns))

    def info(self, stamp_ns: int) -> None:
        self._infos.append((self._now(), stamp_ns))

    def forget(self) -> None:
        """Images were not listened to for a while."""
        self._images.clear()
        self._infos.clear()

    def lost_share(self) -> float:
        """Of the images that were sent lately; 0 where nothing tells."""
        now = self._now()
        for stamps in (self._images, self._infos):
            while stamps and now - stamps[0][0] > _WINDOW_S:
                stamps.popleft()
        images = [stamp for _, stamp in self._images]
        if not images:
            return 0.0
        first = self._images[0][0]
        infos = [stamp for moment, stamp in self._infos if first <= moment <= now - _GRACE_S]
        here = set(images)
        with_image = sum(stamp in here for stamp in infos)
        if len(infos) >= _LEAST_WITNESSES and with_image:
            return 1 - with_image / len(infos)
        return _lost_by_intervals(images)


def _lost_by_intervals(stamps: Sequence[int]) -> float:
    intervals = sorted(b - a for a, b in pairwise(stamps) if b > a)
    if len(intervals) < _LEAST_WITNESSES:
        return 0.0
    period = intervals[len(intervals) // 20]
    multiples = [max(1, round(interval / period)) for interval in intervals]
    near = sum(abs(i / period - m) <= _NEAR_MULTIPLE for i, m in zip(intervals, multiples, strict=True))
    if near < _MOST * len(intervals):  # a camera that takes its time; nothing can be told from it
        return 0.0
    return 1 - len(multiples) / sum(multiples)
