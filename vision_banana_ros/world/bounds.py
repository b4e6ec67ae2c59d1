"""How far parts and things reach: half extents of boxes in a part's own frame and in the world, in metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vision_banana_ros.world.scene import Matrix, Parts, Shape, Thing

FAR_M = 1e6  # half extent of what has no bounds


def is_unbounded(parts: Parts) -> npt.NDArray[np.bool_]:
    """Which parts are ground without end."""
    return np.isin(parts.kinds, (Shape.PLANE, Shape.TERRAIN))


def half_extents(parts: Parts) -> Matrix:
    """Half sides of each part's box in its own frame, centred; unbounded shapes reach FAR_M."""
    s, kinds = parts.sizes, parts.kinds
    half = s[:, :3].copy()
    round_ = np.isin(kinds, (Shape.FRUSTUM, Shape.TUBE, Shape.CAPSULE))
    half[round_, :2] = s[round_, :2].max(axis=1, keepdims=True)
    capsule = kinds == Shape.CAPSULE
    half[capsule, 2] = s[capsule, 2] + s[capsule, 0]
    taper = kinds == Shape.TAPER
    half[taper, 0] = np.maximum(s[taper, 0], s[taper, 3] + np.abs(s[taper, 5]))
    half[taper, 1] = np.maximum(s[taper, 1], s[taper, 4])
    half[is_unbounded(parts)] = FAR_M
    return half


def world_extents(parts: Parts) -> Matrix:
    """Half sides of each part's box along the axes of the world."""
    reach: Matrix = np.einsum("pij,pi->pj", np.abs(parts.axes), half_extents(parts))
    return reach


def with_bounds(things: Sequence[Thing], parts: Parts) -> tuple[Thing, ...]:
    """The things with their axis-aligned world bounds; a thing without parts keeps its position as bounds."""
    reach = world_extents(parts)
    lower = np.array([t.position for t in things]).reshape(-1, 3)
    upper = lower.copy()
    owners = np.unique(parts.things)
    lower[owners], upper[owners] = np.inf, -np.inf
    np.minimum.at(lower, parts.things, parts.centers - reach)
    np.maximum.at(upper, parts.things, parts.centers + reach)
    return tuple(
        replace(thing, lower=(lo[0], lo[1], lo[2]), upper=(up[0], up[1], up[2]))
        for thing, lo, up in zip(things, lower.tolist(), upper.tolist())  # noqa: B905 - same length
    )
