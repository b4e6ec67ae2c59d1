"""Which frame of a footage is this? Found by content, because a header may be rewritten on its way.

An exact copy is found by a digest of every few pixels. A copy that was compressed, resized or turned to grey is found
by the nearest luma thumbnail, if one is near enough: root mean square difference in grey levels of 0..255.
"""

from __future__ import annotations

from hashlib import blake2b

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import Footage, GeneratorError, UInt8Array

_THUMBNAIL_WH = (48, 36)
#: JPEG at quality 50 differs by about 1 level after averaging; two frames of different places by 30 and more.
_NEAR_LEVELS = 8.0
#: So near lies only the frame itself: a copy at quality 95 or at half the size differs by .5, the nearest other frames
#: of our footages by 1.0 and more. The rest of the footage need not be looked at then, and drawing it takes seconds.
_SAME_LEVELS = 0.8


class FrameFinder:
    """Reads the footage only as far as it must: playing from its start, each new frame costs one look."""

    def __init__(self, footage: Footage) -> None:
        self._footage = footage
        self._by_digest: dict[bytes, int] = {}
        self._thumbnails: list[npt.NDArray[np.float32]] = []

    def find(self, rgb: UInt8Array) -> int:
        """Index of the frame that `rgb` shows; GeneratorError when nothing is near."""
        if len(self._footage) == 0:
            raise GeneratorError("the oracle's footage has no frames: give it one that has")
        digest, thumbnail = _digest(rgb), _thumbnail(rgb)
        looked_at = 0
        while digest not in self._by_digest:
            same = self._same(thumbnail, looked_at)
            if same is not None:
                return same
            looked_at = len(self._thumbnails)
            if looked_at == len(self._footage):
                return self._nearest(thumbnail)
            self._read_next()
        return self._by_digest[digest]

    def _same(self, thumbnail: npt.NDArray[np.float32], start: int) -> int | None:
        """The frame that this must be, among those read, from number `start` on."""
        if start == len(self._thumbnails):
            return None
        levels = _levels(self._thumbnails[start:], thumbnail)
        nearest = int(np.argmin(levels))
        return start + nearest if levels[nearest] < _SAME_LEVELS else None

    def _read_next(self) -> None:
        index = len(self._thumbnails)
        rgb = self._footage.frame(index).rgb
        self._by_digest.setdefault(_digest(rgb), index)
        self._thumbnails.append(_thumbnail(rgb))

    def _nearest(self, thumbnail: npt.NDArray[np.float32]) -> int:
        levels = _levels(self._thumbnails, thumbnail)
        nearest = int(np.argmin(levels))
        if levels[nearest] > _NEAR_LEVELS:
            raise GeneratorError(
                f"the oracle knows no such frame: the nearest of its {len(self._footage)} differs by "
                f"{levels[nearest]:.0f} grey levels (at most {_NEAR_LEVELS:.0f} are taken for compression); "
                "play the footage that it was made with, or use a trained model"
            )
        return nearest


def _levels(
    thumbnails: list[npt.NDArray[np.float32]], thumbnail: npt.NDArray[np.float32]
) -> npt.NDArray[np.floating[npt.NBitBase]]:
    return np.asarray(np.sqrt(np.mean((np.stack(thumbnails) - thumbnail) ** 2, axis=(1, 2))))


def _digest(rgb: UInt8Array) -> bytes:
    """Of every seventh row and fifth column: noise in the image makes even this unique, and it costs 0.1 ms."""
    return blake2b(rgb[::7, ::5].tobytes(), digest_size=16, person=b"%dx%d" % rgb.shape[:2]).digest()


def _thumbnail(rgb: UInt8Array) -> npt.NDArray[np.float32]:
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return cv2.resize(luma, _THUMBNAIL_WH, interpolation=cv2.INTER_AREA).astype(np.float32)
