"""Last pass: from linear light to sRGB bytes, exposed as a camera would."""

from __future__ import annotations

import math

from vision_banana_ros.world.tracing.film import Film, get
from vision_banana_ros.world.tracing.vectors import ONE, ZERO, F, Real, device, larger, luminance, smaller


@device
def exposure(film: Film, key: Real) -> Real:
    """The gain that brings the logarithmic mean of a coarse grid of pixels to `key`, as a camera meters."""
    height, width = film.ids.shape[0], film.ids.shape[1]
    total, count = ZERO, 0
    for y in range(height // 16, height, larger(1, height // 24)):
        for x in range(width // 16, width, larger(1, width // 32)):
            total += math.log(luminance(get(film.radiance, y, x, 0)) + F(1e-3))
            count += 1
    return key / math.exp(total / F(count))


@device
def developed(linear: Real) -> int:
    """Linear light 0.. to an sRGB byte: a shoulder above .8 instead of hard clipping, then the sRGB curve."""
    x = larger(linear, ZERO)
    if x > F(0.8):
        x = F(0.8) + F(0.2) * (ONE - math.exp(-(x - F(0.8)) / F(0.2) * F(0.6)))
    curve = F(12.92) * x if x <= F(0.0031308) else F(1.055) * math.exp(math.log(x) / F(2.4)) - F(0.055)
    return int(smaller(F(255), curve * F(255) + F(0.5)))
