"""Maps of ids that do not flicker: a class, or a segment's number, changes when several frames say so.

Each pixel carries its id along the motion with a number of votes; a frame that agrees adds one, one that does not takes
one away, and at none the id changes. New pixels start with what is seen.

Convention
    Ids of any unsigned type; votes are held at the size that motion is found in (motion.py).
"""

from __future__ import annotations

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, BoolArray, UInt8Array
from vision_banana_ros.geometry.motion import Motion


class Votes:
    """Of one map of one camera; `most` is for how many frames an id lasts against others at best."""

    def __init__(self, most: int) -> None:
        self._most = np.uint8(most)
        self._names: tuple[str, ...] = ()
        self._votes: UInt8Array | None = None
        self.ids: AnyArray | None = None

    def forget(self) -> None:
        self.ids = self._votes = None

    def hold(self, seen: AnyArray, motion: Motion | None, hw: tuple[int, int], names: tuple[str, ...] = ()) -> AnyArray:
        """`seen` with the held ids; `names` says what ids mean, and other names begin anew."""
        raw = nearest(seen, hw)
        old, votes = self.ids, self._votes
        if motion is None or old is None or votes is None or old.shape != raw.shape or names != self._names:
            self.ids, self._votes, self._names = raw, np.ones(hw, np.uint8), names
            return seen
        old, votes = motion.carry(old), motion.carry(votes)
        same = old == raw
        keeps = motion.known & ~same & (votes > 0)
        held = np.where(keeps, old, raw)
        more, fewer = np.minimum(votes + np.uint8(1), self._most), votes - (votes > 0)
        votes = np.where(same, more, fewer).astype(np.uint8)
        votes[~motion.known | (~same & ~keeps)] = 1
        self.ids, self._votes = held, votes
        return _overridden(seen, raw, held, keeps) if keeps.any() else seen


def _overridden(full: AnyArray, raw: AnyArray, held: AnyArray, keeps: BoolArray) -> AnyArray:
    """The full map where the small one was overruled; its own outlines stay, for only what is of the overruled id
    changes."""
    if full.shape == held.shape:
        return held
    wh = full.shape[::-1]
    instead = cv2.resize(held, wh, interpolation=cv2.INTER_NEAREST)
    ruled = cv2.resize(keeps.view(np.uint8), wh, interpolation=cv2.INTER_NEAREST).view(np.bool_)
    over = cv2.resize(raw, wh, interpolation=cv2.INTER_NEAREST)
    return np.asarray(np.where(ruled & (full == over), instead, full), full.dtype)


def nearest(values: AnyArray, hw: tuple[int, int]) -> AnyArray:
    """Sampled, not averaged: between a cup and the wall behind it there is no depth."""
    if values.shape[:2] == hw:
        return values
    return np.asarray(cv2.resize(values, hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT))
