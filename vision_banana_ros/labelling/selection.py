"""Which pictures of a recording are worth a teacher's time: sharp ones, different ones, all of what was seen.

1. Of each moment (0.5 s) the sharpest picture, because neighbours show the same and differ by motion blur alone.
2. Not those that are black, burnt out, or much less sharp than the moments around them.
3. From what remains, pictures that differ: starting with the first, always the one that is farthest from all that are
   chosen (Gonzalez 1985), until enough are chosen or the rest only repeats them.

    sharpness    log of the variance of the Laplacian over that of the luma: blur lowers it, contrast does not raise it
    difference   root mean square of two 16x12 colour thumbnails, in grey levels
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import DataError, UInt8Array
from vision_banana_ros.data.recording import Glance

MOMENT_NS = 500_000_000
#: Thumbnails nearer than this show the same; camera noise and JPEG make 1 to 2 levels.
SAME_LEVELS = 6.0
#: exp(-1): a picture blurred until the Laplacian's variance is about a third of its neighbours'.
_BLUR_LOSS = 1.0
_NEIGHBOURS = 5
_THUMBNAIL_WH = (16, 12)
_PREVIEW_WIDTH = 160
_DARK, _BRIGHT, _FLAT = 12.0, 243.0, 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionSettings:
    """`most`: how many pictures at most, of all recordings together. `every`: take each n-th instead of choosing."""

    most: int = 500
    every: int = 0
    same_levels: float = SAME_LEVELS

    def __post_init__(self) -> None:
        if self.most < 1 or self.every < 0 or not self.same_levels >= 0:
            raise DataError(f"selection needs most >= 1, every >= 0 and same_levels >= 0, got {self}")


@dataclass(frozen=True, slots=True)
class Preview:
    """Where a small JPEG lies in a file that is there for as long as the choice takes: kept in memory, those of a long
    recording would be most of what labelling needs.
    """

    file: BinaryIO
    start: int
    size: int

    @classmethod
    def kept(cls, jpeg: bytes, file: BinaryIO) -> Preview:
        start = file.seek(0, os.SEEK_END)
        file.write(jpeg)
        return cls(file, start, len(jpeg))

    def read(self) -> bytes:
        self.file.seek(self.start)
        return self.file.read(self.size)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Candidate:
    """The best picture of a moment. `preview` is for the index that people look at."""

    recording: int
    at: int
    stamp_ns: int
    digest: str
    sharpness: float
    brightness: float
    contrast: float
    thumbnail: npt.NDArray[np.uint8]
    preview: Preview


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """`chosen` in the order of time; `left_out` says why, by reason; `seen` is how many pictures there were."""

    chosen: tuple[Candidate, ...]
    left_out: dict[str, int]
    seen: int


@dataclass(slots=True)
class Moments:
    """Candidates of one recording, picture by picture: holds one of each moment, with its preview in a file."""

    recording: int
    settings: SelectionSettings
    previews: BinaryIO
    seen: int = 0
    damaged: list[tuple[int, str]] = field(default_factory=list)
    _done: list[Candidate] = field(default_factory=list)
    _best: tuple[Glance, float] | None = None
    _moment: tuple[int, int, int] | None = None

    def found(self) -> list[Candidate]:
        """The best of each moment so far."""
        self._close()
        return self._done

    def add(self, glance: Glance) -> None:
        count, self.seen = self.seen, self.seen + 1
        if glance.problem:
            self.damaged.append((glance.at, glance.problem))
            return
        if self.settings.every:
            if count % self.settings.every == 0:
                self._keep(glance, sharpness_of(glance.small))
            return
        sharpness = sharpness_of(glance.small)
        moment = glance.stamp_ns // MOMENT_NS, *glance.hw
        if moment != self._moment:
            self._close()
            self._moment = moment
        if self._best is None or sharpness > self._best[1]:
            self._best = glance, sharpness

    def _close(self) -> None:
        if self._best is not None:
            self._keep(*self._best)
            self._best = None

    def _keep(self, glance: Glance, sharpness: float) -> None:
        preview = Preview.kept(_preview(glance.small), self.previews)
        self._done.append(_candidate(self.recording, glance, sharpness, preview))


def sharpness_of(small: UInt8Array) -> float:
    luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    smooth = cv2.GaussianBlur(luma, (5, 5), 0.8)  # noise is not sharpness
    edges = cv2.meanStdDev(cv2.Laplacian(smooth, cv2.CV_16S, ksize=3))[1].item()
    return math.log((edges**2 + 0.05) / (cv2.meanStdDev(smooth)[1].item() ** 2 + 20.0))


def _preview(small: UInt8Array) -> bytes:
    height = max(1, round(small.shape[0] * _PREVIEW_WIDTH / small.shape[1]))
    preview = cv2.resize(small, (_PREVIEW_WIDTH, height), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", preview[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 70])
    return bytes(jpeg.tobytes())


def _candidate(recording: int, glance: Glance, sharpness: float, preview: Preview) -> Candidate:
    luma = cv2.cvtColor(glance.small, cv2.COLOR_RGB2GRAY)
    return Candidate(
        recording=recording,
        at=glance.at,
        stamp_ns=glance.stamp_ns,
        digest=glance.digest,
        sharpness=sharpness,
        brightness=float(luma.mean()),
        contrast=float(luma.std()),
        thumbnail=np.asarray(cv2.resize(glance.small, _THUMBNAIL_WH, interpolation=cv2.INTER_AREA), np.uint8),
        preview=preview,
    )


def select(candidates: Iterable[Candidate], settings: SelectionSettings, *, seen: int, damaged: int = 0) -> Selection:
    """The choice among the moments of all recordings; of `seen` pictures so many were `damaged`."""
    moments = list(candidates)
    left_out = {"cannot be decoded": damaged, "other pictures of the same moment": seen - damaged - len(moments)}
    if settings.every:
        left_out = {"cannot be decoded": damaged, f"not each {settings.every}th": seen - damaged - len(moments)}
        kept = moments
    else:
        kept = list(_worth_a_look(moments, left_out))
    once: dict[str, Candidate] = {}
    for candidate in kept:
        once.setdefault(candidate.digest, candidate)
    left_out["the very same picture"] = len(kept) - len(once)
    kept = list(once.values())
    if not settings.every:
        different = _farthest_first(kept, settings)
        left_out["shows what another one shows, or beyond the number asked for"] = len(kept) - len(different)
        kept = different
    else:
        left_out["beyond the number asked for"] = max(0, len(kept) - settings.most)
        kept = kept[: settings.most]
    kept.sort(key=lambda c: (c.recording, c.at))
    return Selection(tuple(kept), {reason: n for reason, n in left_out.items() if n}, seen)


def _worth_a_look(moments: list[Candidate], left_out: dict[str, int]) -> Iterator[Candidate]:
    for i, candidate in enumerate(moments):
        if candidate.contrast < _FLAT or not _DARK <= candidate.brightness <= _BRIGHT:
            left_out["black, burnt out or blank"] = left_out.get("black, burnt out or blank", 0) + 1
            continue
        around = moments[max(0, i - _NEIGHBOURS) : i + _NEIGHBOURS + 1]
        usual = float(np.median([c.sharpness for c in around if c.recording == candidate.recording]))
        if candidate.sharpness < usual - _BLUR_LOSS:
            left_out["blurred beside its neighbours"] = left_out.get("blurred beside its neighbours", 0) + 1
            continue
        yield candidate


def _farthest_first(candidates: list[Candidate], settings: SelectionSettings) -> list[Candidate]:
    if not candidates:
        return []
    thumbnails = np.stack([c.thumbnail.reshape(-1) for c in candidates]).astype(np.float32)
    chosen, distance = [0], _levels(thumbnails, thumbnails[0])
    while len(chosen) < min(settings.most, len(candidates)):
        farthest = int(np.argmax(distance))
        if distance[farthest] <= settings.same_levels:
            break
        chosen.append(farthest)
        distance = np.minimum(distance, _levels(thumbnails, thumbnails[farthest]))
    return [candidates[i] for i in chosen]


def _levels(thumbnails: npt.NDArray[np.float32], one: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    difference: npt.NDArray[np.float32] = np.sqrt(np.mean((thumbnails - one) ** 2, axis=1))
    return difference
