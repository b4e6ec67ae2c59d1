"""What somebody recorded: pictures in the order of time, from a bag, a video or a folder.

A recording is read twice. `glances()` looks at every picture in small, once, and learns on the way what belongs
together (intrinsics that come late, depth of the same moment, where sensors sit): `facts()`, plain JSON. `shots()`
reads the chosen pictures in full, by those facts alone, so that another process can do it later.

What is wrong with a recording is said once per kind, in one line; the rest is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, FloatArray, Frame, UInt8Array

#: Glances are at least this wide, and less than twice that: enough to tell a sharp picture from a blurred one.
GLANCE_WIDTH = 256
IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".mpeg", ".ts", ".webm", ".wmv"})
BAG_SUFFIXES = frozenset({".mcap", ".db3"})


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Glance:
    """A picture looked at in small. `at` is where to find it again; `digest` is of what it shows.

    One that cannot be decoded has a `problem`, no size and nothing to look at.
    """

    at: int
    stamp_ns: int
    hw: tuple[int, int] = (0, 0)
    small: UInt8Array = field(default_factory=lambda: np.zeros((0, 0, 3), np.uint8))
    problem: str = ""

    @property
    def digest(self) -> str:
        head = f"{self.hw[0]}x{self.hw[1]}".encode()
        return hashlib.blake2b(self.small.tobytes(), digest_size=10, person=head).hexdigest()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Shot:
    """A picture in full, and what a sensor measured along z there (NaN where nothing); or why there is none."""

    at: int
    frame: Frame | None
    sensor_depth_m: FloatArray | None = None
    problem: str = ""


class Recording(Protocol):
    @property
    def name(self) -> str: ...

    def glances(self) -> Iterator[Glance]: ...

    def facts(self) -> dict[str, Any]:
        """What `shots` needs to know, after `glances` have come to their end."""
        ...

    def shots(self, places: Sequence[int], facts: dict[str, Any]) -> Iterator[Shot]:
        """One for each of `places` (`Glance.at`, ascending), in that order."""
        ...


@dataclass(slots=True)
class Remarks:
    """Says a thing once, however often it happens; `counts` knows how often."""

    say: Callable[[str], None]
    counts: dict[str, int] = field(default_factory=dict)

    def once(self, kind: str, text: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] == 1:
            self.say(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOptions:
    """Which topics of a bag (None: the likeliest ones), and what lens pictures without intrinsics were taken with."""

    topic: str | None = None
    depth_topic: str | None = None
    hfov_deg: float = 0.0


def shrunk(rgb: AnyArray) -> UInt8Array:
    """An image at the width of glances: averaged over whole blocks of pixels, which is fast."""
    height, width = rgb.shape[:2]
    factor = width // GLANCE_WIDTH
    if factor < 2:
        return np.asarray(rgb, np.uint8)
    size = width // factor, max(1, height // factor)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def decoded(data: AnyArray, *, small: bool) -> tuple[UInt8Array, tuple[int, int]] | None:
    """RGB of a compressed image, and the size of the whole; a JPEG in small is not decoded in full. None: damaged."""
    if data.size == 0:
        return None
    if not small:
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
        return None if bgr is None else (np.asarray(bgr[..., ::-1].copy(), np.uint8), bgr.shape[:2])
    jpeg_hw = _jpeg_hw(data)
    flag, hw = cv2.IMREAD_COLOR, None
    if jpeg_hw is not None:
        for factor, reduced in (
            (8, cv2.IMREAD_REDUCED_COLOR_8),
            (4, cv2.IMREAD_REDUCED_COLOR_4),
            (2, cv2.IMREAD_REDUCED_COLOR_2),
        ):
            if jpeg_hw[1] >= GLANCE_WIDTH * factor:
                flag, hw = reduced, jpeg_hw
                break
    bgr = cv2.imdecode(data, flag)
    if bgr is None:
        return None
    full = bgr.shape[:2] if hw is None else hw
    return np.ascontiguousarray(shrunk(bgr)[..., ::-1]), full


def _jpeg_hw(data: AnyArray) -> tuple[int, int] | None:
    """Height and width as the frame header of a JPEG states them; None where it is no JPEG, or a turned one."""
    raw = data[: 1 << 16].tobytes()
    if raw[:2] != b"\xff\xd8" or b"Exif\x00" in raw[:64]:
        return None
    at = 2
    while at + 9 < len(raw) and raw[at] == 0xFF:
        marker, length = raw[at + 1], int.from_bytes(raw[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(raw[at + 5 : at + 7], "big"), int.from_bytes(raw[at + 7 : at + 9], "big")
        at += 2 + length
    return None
