"""Scores of a normal map: the angle between predicted and true normal, in degrees.

    mean, median          over the pixels of a frame                         (lower is better)
    within_11, 22, 30     share of pixels under 11.25, 22.5 and 30 degrees   (higher is better)

Reference: Fouhey, Gupta, Hebert, "Data-driven 3D primitives for single image understanding", 2013.

Convention
    Both maps are in the optical frame and face the camera; NaN or a zero vector in the truth is not scored, in the
    prediction it counts as 90 degrees: what a direction without any relation to the truth gets on average.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vision_banana_ros.core import DataError, FloatArray

MIN_PIXELS = 50
MISSING_DEG = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalScores:
    mean_deg: float
    median_deg: float
    within_11: float
    within_22: float
    within_30: float
    pixels: int


def angles_deg(predicted: FloatArray, truth: FloatArray) -> FloatArray:
    """(H, W) angles between two normal maps; NaN where the truth is unknown."""
    if predicted.shape != truth.shape or truth.shape[-1:] != (3,):
        raise DataError(f"normals must be (H, W, 3) of one size, got {predicted.shape} and {truth.shape}")
    # planes, since sums over an inner axis of three are slow
    p, t = (np.ascontiguousarray(np.moveaxis(side, -1, 0), np.float32) for side in (predicted, truth))
    p_length, t_length = np.sqrt(p[0] ** 2 + p[1] ** 2 + p[2] ** 2), np.sqrt(t[0] ** 2 + t[1] ** 2 + t[2] ** 2)
    p, t = p * t_length, t * p_length  # of one length: twice the angle between difference and sum
    apart, together = (d[0] ** 2 + d[1] ** 2 + d[2] ** 2 for d in (p - t, p + t))
    # the arc tangent keeps its precision at small angles, where the arc cosine of a dot product loses it
    angle: FloatArray = 2 * np.degrees(np.arctan2(np.sqrt(apart), np.sqrt(together)))
    angle[~(p_length > 1e-6)] = MISSING_DEG
    angle[~(t_length > 1e-6)] = np.nan
    return angle


def score_normals(predicted: FloatArray, truth: FloatArray) -> NormalScores | None:
    """Scores of one frame, or None where too few pixels have a truth."""
    angle = angles_deg(predicted, truth)
    angle = angle[np.isfinite(angle)]
    if angle.size < MIN_PIXELS:
        return None
    return NormalScores(
        mean_deg=float(angle.mean(dtype=np.float64)),
        median_deg=float(np.median(angle)),
        within_11=float((angle < 11.25).mean()),
        within_22=float((angle < 22.5).mean()),
        within_30=float((angle < 30).mean()),
        pixels=int(angle.size),
    )
