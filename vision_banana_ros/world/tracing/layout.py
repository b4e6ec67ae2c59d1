"""Where things lie in the flat arrays that kernels read: the one place that `pack` and the kernels agree on.

A `World` is one scene, seen from its camera: all positions are relative to the camera, which keeps float32 exact near
it. Many scenes are many rows of the same arrays with offsets (gpu).
"""

from __future__ import annotations

from typing import Any, NamedTuple


class World(NamedTuple):
    """One scene for the kernels; a NamedTuple because Numba takes it apart at no cost."""

    parts: Any  # (P, PART_FLOATS) float32, in the tree's order, the unbounded ones last
    tags: Any  # (P, TAG_INTS) int32
    materials: Any  # (M, MATERIAL_FLOATS) float32
    boxes: Any  # (N, 6) float32: lower x y z, upper x y z of each node
    links: Any  # (N, 4) int32
    lights: Any  # (L, LIGHT_FLOATS) float32
    settings: Any  # (SETTINGS,) float32
    counts: Any  # (COUNTS,) int32


# Rows of `parts`
CENTER, AXES, SIZES, ANCHOR, KIND, SHADOW, PART_FLOATS = 0, 3, 12, 18, 21, 22, 24
# Rows of `tags`
MATERIAL, CLASS, INSTANCE, TAG_INTS = 0, 1, 2, 3
# Rows of `materials`
COLOR, COLOR_B, PATTERN, SCALE, DETAIL, ROUGHNESS = 0, 3, 6, 7, 8, 9
SPECULAR, METAL, BUMP, EMISSION, TRANSPARENCY, SEED, MATERIAL_FLOATS = 10, 11, 12, 13, 14, 15, 16
# Rows of `links`: left child (the right one follows it), first part, number of parts (0: no leaf), parent
CHILD, FIRST, NUMBER, PARENT = 0, 1, 2, 3
# Rows of `lights`
LIGHT_KIND, LIGHT_CENTER, LIGHT_U, LIGHT_V, LIGHT_COLOR, LIGHT_NORMAL = 0, 1, 4, 7, 10, 13
LIGHT_RADIUS, LIGHT_AREA, LIGHT_FLOATS = 16, 17, 18
LAMP, PANEL, PORTAL = 0, 1, 2
# `settings`
RIGHT, DOWN, FORWARD, FX, FY, CX, CY, LENS, LENS_COEFFICIENTS = 0, 3, 6, 9, 10, 11, 12, 13, 14
SUN_DIRECTION, SUN_COLOR, SUN_RADIUS = 19, 22, 25
ZENITH, HORIZON, CLOUDS, CLOUD_COLOR, SKY_SEED = 26, 29, 32, 33, 36
FOG, FOG_COLOR, AMBIENT, SETTINGS = 37, 38, 41, 44
# `counts`
BOUNDED, ALL_PARTS, ALL_LIGHTS, HAS_SUN, HAS_PORTAL, SKY_CLASS, SEED_BITS, COUNTS = 0, 1, 2, 3, 4, 5, 6, 8
