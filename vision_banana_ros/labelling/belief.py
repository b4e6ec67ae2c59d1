"""From what the teachers saw in a picture to what is believed of it, and what is refused, with reasons.

Four witnesses, each against the others: the teachers among themselves and in the mirror, depth against normals, what a
sensor measured, and how near the painted colours are to the code at all (the confidence of the decode). A pixel that
they disagree about loses its confidence; a layer that has too few pixels left, or that contradicts another as a whole,
is left out; a picture without a layer is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, Camera, DataError, FloatArray, Perception, UInt8Array
from vision_banana_ros.data.readers.labels import BELIEVED
from vision_banana_ros.geometry import unproject
from vision_banana_ros.geometry.floor import normals_of
from vision_banana_ros.labelling.votes import agree_on_classes, agree_on_depth, agree_on_normals

_LEAST_SENSOR_PIXELS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class BeliefSettings:
    """How much disagreement is borne. Ratios of depth, angles in degrees, shares of the pixels of a picture.

    mirror: ask about the mirrored picture too. tell_lens: say the field of view in the prompt, where it is known.
    """

    depth_ratio: float = 1.25
    scale_ratio: float = 1.5
    normals_deg: float = 30.0
    depth_normals_deg: float = 40.0
    sensor_ratio: float = 1.25
    least_sensor_share: float = 0.5
    least_share: float = 0.3
    mirror: bool = True
    tell_lens: bool = True

    def __post_init__(self) -> None:
        for name in ("depth_ratio", "scale_ratio", "sensor_ratio"):
            if not getattr(self, name) > 1:
                raise DataError(f"{name} must be above 1, got {getattr(self, name)}")
        for name in ("least_share", "least_sensor_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise DataError(f"{name} must lie between 0 and 1, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True, eq=False)
class Vote:
    """What one teacher saw, in the picture as it is or mirrored (and turned back)."""

    teacher: int
    seen: Perception
    metric: bool
    mirrored: bool = False


@dataclass(slots=True)
class Belief:
    """What is believed; `left_out` says why a layer is not, `agreement` has the numbers."""

    camera: Camera | None = None
    camera_from: str = "none"
    depth_m: FloatArray | None = None
    depth_confidence: UInt8Array | None = None
    normals: FloatArray | None = None
    normals_confidence: UInt8Array | None = None
    mask: UInt8Array | None = None
    mask_confidence: UInt8Array | None = None
    labels: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    agreement: dict[str, float] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return self.depth_m is None and self.normals is None and self.mask is None

    def drop(self, layer: str, reason: str) -> None:
        self.left_out[layer] = reason
        if layer == "depth":
            self.depth_m = self.depth_confidence = None
        elif layer == "normals":
            self.normals = self.normals_confidence = None
        else:
            self.mask = self.mask_confidence = None


def believe(
    votes: Sequence[Vote], camera: Camera | None, sensor_depth_m: FloatArray | None, settings: BeliefSettings
) -> Belief:
    belief = Belief(camera=camera, camera_from="none" if camera is None else "given")
    if camera is None:
        _recover_camera(belief, votes)
    _depth(belief, votes, settings)
    _normals(belief, votes, settings)
    _classes(belief, votes)
    if sensor_depth_m is not None:
        _against_sensor(belief, sensor_depth_m, settings)
    _depth_against_normals(belief, settings)
    for layer, confidence in (
        ("depth", belief.depth_confidence),
        ("normals", belief.normals_confidence),
        ("classes", belief.mask_confidence),
    ):
        if confidence is None:
            continue
        share = float((confidence >= BELIEVED).mean())
        belief.agreement[f"{layer}_share"] = round(share, 4)
        if share < settings.least_share:
            belief.drop(
                layer, f"only {share:.0%} of its pixels are agreed on, {settings.least_share:.0%} are asked for"
            )
    return belief


def _depth(belief: Belief, votes: Sequence[Vote], settings: BeliefSettings) -> None:
    told = [vote for vote in votes if vote.seen.depth_m is not None and vote.seen.depth_confidence is not None]
    if not told:
        return
    agreed = agree_on_depth(
        [vote.seen.depth_m for vote in told if vote.seen.depth_m is not None],
        [vote.seen.depth_confidence for vote in told if vote.seen.depth_confidence is not None],
        ratio=settings.depth_ratio,
        metric=[vote.metric for vote in told],
    )
    belief.depth_m, belief.depth_confidence = agreed.depth_m, agreed.confidence
    scales = [scale for scale, vote in zip(agreed.scales, told, strict=True) if vote.metric]
    spread = max(scales) / min(scales) if scales else math.inf
    belief.agreement["depth_scale_spread"] = round(min(spread, 1e6), 4)


def _normals(belief: Belief, votes: Sequence[Vote], settings: BeliefSettings) -> None:
    told = [vote.seen for vote in votes if vote.seen.normals is not None and vote.seen.normals_confidence is not None]
    if told:
        agreed = agree_on_normals(
            [seen.normals for seen in told if seen.normals is not None],
            [seen.normals_confidence for seen in told if seen.normals_confidence is not None],
            limit_deg=settings.normals_deg,
        )
        belief.normals, belief.normals_confidence = agreed.values, agreed.confidence


def _classes(belief: Belief, votes: Sequence[Vote]) -> None:
    told = [vote.seen for vote in votes if vote.seen.mask is not None and vote.seen.mask_confidence is not None]
    if told:
        agreed = agree_on_classes(
            [seen.mask for seen in told if seen.mask is not None],
            [seen.mask_confidence for seen in told if seen.mask_confidence is not None],
        )
        belief.mask, belief.mask_confidence, belief.labels = agreed.values, agreed.confidence, told[0].labels


def _recover_camera(belief: Belief, votes: Sequence[Vote]) -> None:
    """The middle one of the lenses that the teachers' rays tell."""
    told = [v.seen.camera for v in votes if not v.mirrored and v.seen.camera_recovered and v.seen.camera is not None]
    if told:
        belief.camera = sorted(told, key=lambda camera: camera.fx)[len(told) // 2]
        belief.camera_from = "teachers"
        widest = max(camera.fx for camera in told) / min(camera.fx for camera in told)
        belief.agreement["focal_spread"] = round(widest, 4)


def _against_sensor(belief: Belief, sensor_m: FloatArray, settings: BeliefSettings) -> None:
    """A sensor's metres win over a teacher's; what contradicts it after that is not believed."""
    if belief.depth_m is None or belief.depth_confidence is None:
        known = np.isfinite(sensor_m)
        if known.mean() >= settings.least_share:
            belief.depth_m = sensor_m
            belief.depth_confidence = np.where(known, 255, 0).astype(np.uint8)
        return
    with np.errstate(invalid="ignore", divide="ignore"):
        both = np.isfinite(sensor_m) & np.isfinite(belief.depth_m) & (belief.depth_confidence > 0)
        if np.count_nonzero(both) < _LEAST_SENSOR_PIXELS:
            return
        offset = float(np.median(np.log(sensor_m[both]) - np.log(belief.depth_m[both])))
        scale = math.exp(offset)
        depth = belief.depth_m * np.float32(scale)
        off = np.abs(np.log(sensor_m) - np.log(depth))
    agrees = both & (off < math.log(settings.sensor_ratio))
    share = np.count_nonzero(agrees) / np.count_nonzero(both)
    belief.agreement |= {"sensor_scale": round(scale, 4), "sensor_share": round(share, 4)}
    if share < settings.least_sensor_share:
        belief.drop("depth", f"a sensor agrees with only {share:.0%} of it, whatever the scale")
        return
    belief.agreement["depth_scale_spread"] = 1.0  # the scale is the sensor's
    belief.depth_m = np.where(agrees, sensor_m, depth).astype(np.float32)
    belief.depth_confidence = np.where(agrees, 255, np.where(both, 0, belief.depth_confidence)).astype(np.uint8)


def _depth_against_normals(belief: Belief, settings: BeliefSettings) -> None:
    if belief.depth_m is not None and belief.agreement.get("depth_scale_spread", 1.0) > settings.scale_ratio:
        spread = belief.agreement["depth_scale_spread"]
        told = "nobody knows the scale" if spread >= 1e6 else f"teachers differ by {spread:.2f} times in scale"
        belief.drop(
            "depth", f"{told}, {settings.scale_ratio:.2f} times are borne: add a metric teacher or a depth topic"
        )
    if belief.depth_m is None or belief.normals is None or belief.camera is None:
        return
    assert belief.depth_confidence is not None
    assert belief.normals_confidence is not None
    height, width = belief.depth_m.shape
    # In small: derivatives of painted depth are noisy, and it is about surfaces, not pixels.
    wh = (max(8, width // 4), max(6, height // 4))
    small = cv2.resize(belief.depth_m, wh, interpolation=cv2.INTER_NEAREST_EXACT)
    given = cv2.resize(belief.normals, wh, interpolation=cv2.INTER_NEAREST_EXACT)
    # near depth edges the cloud's own normals mean nothing
    finite = np.where(np.isfinite(small), small, 0).astype(np.float32)
    kernel = np.ones((3, 3), np.uint8)
    smooth = cv2.dilate(finite, kernel) < 1.15 * np.maximum(cv2.erode(finite, kernel), 1e-6)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = normals_of(unproject(np.where(finite > 0, finite, np.float32(np.nan)), belief.camera.scaled_to(*wh)))
        angle = np.degrees(np.arccos(np.clip(np.einsum("hwc,hwc->hw", own, given), -1, 1)))
    known = np.isfinite(angle) & smooth
    if np.count_nonzero(known) < _LEAST_SENSOR_PIXELS:
        return
    median = float(np.median(angle[known]))
    belief.agreement["depth_normals_deg"] = round(median, 2)
    if median > settings.depth_normals_deg:
        reason = f"depth and normals contradict each other by {median:.0f} degrees (median)"
        belief.drop("depth", reason)
        belief.drop("normals", reason)
        return
    doubtful = (known & (angle > 1.5 * settings.depth_normals_deg)).astype(np.uint8)
    grown = cv2.resize(doubtful, (width, height), interpolation=cv2.INTER_NEAREST_EXACT) > 0
    belief.depth_confidence = _halved(belief.depth_confidence, grown)
    belief.normals_confidence = _halved(belief.normals_confidence, grown)


def _halved(confidence: UInt8Array, where: AnyArray) -> UInt8Array:
    return np.where(where, confidence // 2, confidence).astype(np.uint8)
