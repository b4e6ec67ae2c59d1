"""The curve from metres to [0, 1): fine steps near the camera, all of [0, inf) covered.

    f(d) = 1 - (1 - d / (lambda c))^(lambda + 1),  lambda = -3, c = 10/3,  so  f(d) = 1 - (1 + d / 10)^-2

(arXiv 2604.20329.) Half of [0, 1) is used up by d = 4.14 m.
"""

from __future__ import annotations

import numpy as np

from vision_banana_ros.codecs.arrays import Array
from vision_banana_ros.core import FloatArray

#: Steps of one channel value along the seven edges of the colour walk: how finely 8 bits can tell f.
LEVELS = 7 * 255

_SCALE_M = 10.0  # -lambda c


def curve(depth_m: Array) -> Array:
    """Metres in [0, inf] to the position in [0, 1]."""
    nearness = 1 / (1 + depth_m / _SCALE_M)
    return 1 - nearness * nearness


def uncurve(position: Array) -> Array:
    """The position in [0, 1) back to metres."""
    return _SCALE_M * ((1 - position) ** -0.5 - 1)


#: Depth of the last level before the end, 412.5 m: the largest finite value that is ever decoded.
FARTHEST_M = float(np.float32(uncurve(1 - 1 / LEVELS)))


def level_depths() -> FloatArray:
    """Depth of every whole level 0..LEVELS; the end of the curve, which lies at infinity, counts as FARTHEST_M."""
    level = np.minimum(np.arange(LEVELS + 1), LEVELS - 1)
    depth_m: FloatArray = uncurve(level / LEVELS).astype(np.float32)
    return depth_m
