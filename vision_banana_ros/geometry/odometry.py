"""Metres from moving: the way that the pictures tell, in the depth's metres, beside the way that odometry tells.

    ratio of a step = metres by odometry / metres by the pictures
    scale           = their weighted median over the last steps, by how far a step moves the picture and by how much
                      of the picture agrees with it; steps that hardly move it say nothing
    spread          = 1.48 * median |log ratio - log scale|, relative: how well the steps agree among themselves. An
                      error that all of them share is not in it

Convention
    Multiply depth by `scale`. A slow camera moves the picture by less than the way's error from frame to frame, so
    frames are taken together, ten at most, until they make a step; a robot's ten frames are nearly straight, so its
    metres are added up.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vision_banana_ros.core import FrameError, describe
from vision_banana_ros.geometry.egomotion import CameraMotion

_MAD_TO_SIGMA = 1.4826
_LEAST_WAY_PX = 1.5  # a way that moves the picture by less tells more about noise than about metres
_MOST_FRAMES = 10  # in one step
_SURE_STEPS, _WORST_SPREAD = 10, 0.5
_LEAST_CONFIDENCE = 0.3
_STEPS = 60
_NEW = 0.2  # what the newest median counts beside what was said before


@dataclass(frozen=True, slots=True, kw_only=True)
class OdometryScale:
    """What some steps say. `steps` are those that moved the picture enough; confidence falls with their disagreement,
    and with fewer than ten of them."""

    scale: float = 1.0
    confidence: float = 0.0
    spread: float = math.inf
    steps: int = 0


def scale_from_odometry(ways: Sequence[tuple[CameraMotion, float]]) -> OdometryScale:
    """`ways` are (motion found, metres that odometry says the camera moved) of single steps."""
    ratios, weights = [], []
    for how, true_m in ways:
        found_m = float(np.linalg.norm(how.translation))
        if says_something(how, require_moved(true_m)):
            ratios.append(math.log(true_m / found_m))
            weights.append(how.way_px * how.share)
    if not ratios:
        return OdometryScale()
    order = np.argsort(ratios)
    sorted_ratios, cumulated = np.array(ratios)[order], np.cumsum(np.array(weights)[order])
    middle = float(sorted_ratios[np.searchsorted(cumulated, cumulated[-1] / 2)])
    spread = _MAD_TO_SIGMA * float(np.median(np.abs(sorted_ratios - middle)))
    confidence = min(1.0, len(ratios) / _SURE_STEPS) * max(0.0, 1 - spread / _WORST_SPREAD)
    return OdometryScale(scale=math.exp(middle), confidence=confidence, spread=spread, steps=len(ratios))


def says_something(how: CameraMotion, true_m: float) -> bool:
    return how.way_px >= _LEAST_WAY_PX and bool(how.translation.any()) and true_m > 0


def require_moved(moved_m: float) -> float:
    if not (math.isfinite(moved_m) and moved_m >= 0):
        raise FrameError(f"odometry must give metres at least 0, got {describe(moved_m)}")
    return moved_m


class OdometryFilter:
    """The scale by the last steps of one camera, smoothed; held while it stands still."""

    def __init__(self) -> None:
        self._ways: deque[tuple[CameraMotion, float]] = deque(maxlen=_STEPS)
        self._log: float | None = None
        self._open: tuple[CameraMotion, float] | None = None  # frames that are no step yet
        self._frames = 0
        self.newest = OdometryScale()

    def add(self, how: CameraMotion | None, moved_m: float) -> None:
        """From frame to frame: the motion by the pictures, if it was found, and by odometry."""
        require_moved(moved_m)
        if how is None or self._frames == _MOST_FRAMES:
            self._open, self._frames = None, 0
        if how is None:
            return
        if self._open is not None:
            how, moved_m = together(self._open[0], how), self._open[1] + moved_m
        self._open, self._frames = (how, moved_m), self._frames + 1
        if not says_something(how, moved_m):
            return
        self._ways.append((how, moved_m))
        self._open, self._frames = None, 0
        self.newest = scale_from_odometry(self._ways)
        if self.newest.confidence >= _LEAST_CONFIDENCE:
            log = math.log(self.newest.scale)
            self._log = log if self._log is None else self._log + _NEW * (log - self._log)

    @property
    def scale(self) -> float | None:
        """None until enough steps agree."""
        return None if self._log is None else math.exp(self._log)


def together(first: CameraMotion, then: CameraMotion) -> CameraMotion:
    """Both, one after the other. What is there and back again moves the picture by nothing."""
    way = then.rotation @ first.translation + then.translation
    lengths = float(np.linalg.norm(first.translation) + np.linalg.norm(then.translation))
    straight = float(np.linalg.norm(way)) / lengths if lengths > 0 else 0.0
    return CameraMotion(
        rotation=then.rotation @ first.rotation,
        translation=way,
        share=min(first.share, then.share),
        sigma_px=max(first.sigma_px, then.sigma_px),
        way_px=straight * (first.way_px + then.way_px),
    )
