"""Things in front of real rooms that were never there: real frames come from few places, and near things are rare.

What is lent by a render is its objects, by another real frame whatever is nearer than some distance. It keeps its place
in the picture. Seen through the other lens it stands nearer or further by the ratio of the focal lengths, and rendered
objects nearer still by chance, as a smaller one of its kind. It is pasted where it hides what lies behind it, and often
much darker, as things in front of windows are.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from vision_banana_ros.codecs.curve import curve
from vision_banana_ros.core import UNLABELLED, AnyArray, UInt8Array
from vision_banana_ros.training.samples import TrainingSample, metres

_MOST_OBJECTS = 3
_AREA = (0.004, 0.45)  # of the picture
#: A rendered object that would stand behind more than this much of what it covers is left out.
_HIDDEN_SHARE = 0.3
_SILHOUETTE_SHARE = 0.3
#: Of the pixels of a real frame that lends its nearer part.
_NEARER_SHARE = (0.1, 0.6)
#: Of the size that it was modelled in.
_SMALLEST = 0.6


def pasted(sample: TrainingSample, source: TrainingSample, rng: np.random.Generator) -> TrainingSample:
    """`sample` with some things of `source`, which has its size; as it was where none fits."""
    smaller = 1.0 if source.real else rng.uniform(_SMALLEST, 1)
    depth = metres(source.position) * (sample.camera.fx / source.camera.fx) * smaller
    behind = metres(sample.position)
    behind[np.isnan(behind)] = np.median(behind[np.isfinite(behind)]) if np.isfinite(behind).any() else 0
    covered = np.zeros(sample.position.shape, bool)
    for lent in _nearer_part(depth, rng) if source.real else _objects(source, rng):
        region = lent & np.isfinite(depth)
        hidden = region & (behind <= depth)
        if source.real or hidden.sum() <= _HIDDEN_SHARE * region.sum():
            covered |= region & ~hidden
    if not covered.any():
        return sample
    position = sample.position.copy()
    position[covered] = curve(depth[covered])
    mask = sample.mask
    if mask is not None:
        mask = np.where(covered, np.uint8(UNLABELLED), mask)
    return replace(
        sample,
        rgb=_blended(sample.rgb, source.rgb, covered, rng),
        position=position,
        normals=np.where(covered[..., None], source.normals, sample.normals),
        mask=mask,
        referring=(),
    )


def _objects(source: TrainingSample, rng: np.random.Generator) -> list[AnyArray]:
    if source.instances is None:
        return []
    ids, counts = np.unique(source.instances[source.instances > 0], return_counts=True)
    share = counts / source.instances.size
    fitting = ids[(share > _AREA[0]) & (share < _AREA[1])]
    chosen = rng.permutation(fitting)[: int(rng.integers(1, _MOST_OBJECTS + 1))]
    return [source.instances == number for number in chosen]


def _nearer_part(depth: AnyArray, rng: np.random.Generator) -> list[AnyArray]:
    """Up to some distance, without the specks that noise of the sensor cuts out."""
    known = depth[np.isfinite(depth)]
    if not known.size:
        return []
    with np.errstate(invalid="ignore"):
        near = (depth < np.quantile(known, rng.uniform(*_NEARER_SHARE))).astype(np.uint8)
    return [cv2.morphologyEx(near, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0]


def _blended(below: UInt8Array, above: UInt8Array, covered: AnyArray, rng: np.random.Generator) -> UInt8Array:
    """Edges as soft as a camera's; the light of the object between a silhouette's and its own."""
    alpha = cv2.GaussianBlur(covered.astype(np.float32), (3, 3), 0)[..., None]
    dark = rng.random() < _SILHOUETTE_SHARE
    light = np.float32(rng.uniform(0.1, 0.5) if dark else rng.uniform(0.6, 1.2))
    mixed = below * (1 - alpha) + above.astype(np.float32) * light * alpha
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)
