"""Colours that have a name: what "the red chair" means here.

A `NamedColor` is a range in hue, saturation and value; `paint()` draws a linear albedo from its middle, so that nobody
would call it otherwise. Neighbouring names (orange and brown, teal and green) keep a gap between their ranges.

Units: hue in degrees, saturation and value in 0..1 of the displayed (sRGB) colour; albedo is linear light in 0..1.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Albedo: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class NamedColor:
    name: str
    hue: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]


NAMED_COLORS: tuple[NamedColor, ...] = (
    NamedColor("black", (0, 360), (0.0, 0.15), (0.06, 0.18)),
    NamedColor("grey", (0, 360), (0.0, 0.06), (0.38, 0.62)),
    NamedColor("white", (30, 70), (0.0, 0.05), (0.88, 0.95)),
    NamedColor("red", (-6, 6), (0.72, 0.95), (0.5, 0.85)),
    NamedColor("orange", (20, 32), (0.75, 0.95), (0.8, 0.95)),
    NamedColor("yellow", (46, 56), (0.65, 0.95), (0.82, 0.95)),
    NamedColor("green", (95, 145), (0.4, 0.85), (0.3, 0.7)),
    NamedColor("blue", (205, 228), (0.55, 0.9), (0.4, 0.8)),
    NamedColor("purple", (268, 290), (0.35, 0.7), (0.35, 0.65)),
    NamedColor("pink", (335, 352), (0.3, 0.5), (0.85, 0.95)),
    NamedColor("brown", (18, 28), (0.5, 0.72), (0.25, 0.42)),
    NamedColor("beige", (34, 44), (0.2, 0.34), (0.75, 0.88)),
)
_BY_NAME = {color.name: color for color in NAMED_COLORS}


def linear(srgb: tuple[float, float, float]) -> Albedo:
    """Displayed colour to linear light (IEC 61966-2-1)."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in srgb)
    return r, g, b


def hsv(hue_deg: float, saturation: float, value: float) -> Albedo:
    """Linear albedo of a displayed hue, saturation and value."""
    return linear(colorsys.hsv_to_rgb((hue_deg / 360) % 1.0, saturation, value))


def paint(rng: np.random.Generator, name: str) -> Albedo:
    """A colour that everybody calls `name`."""
    color = _BY_NAME[name]
    return hsv(rng.uniform(*color.hue), rng.uniform(*color.saturation), rng.uniform(*color.value))


def any_name(rng: np.random.Generator, *, vivid: float = 0.5) -> str:
    """A colour name; with probability `vivid` one of the strong hues, else what most real things are: greys, browns."""
    strong = ("red", "orange", "yellow", "green", "blue", "purple", "pink")
    calm = ("black", "grey", "white", "brown", "beige", "grey", "white", "black")
    return str(rng.choice(strong if rng.uniform() < vivid else calm))


def shade(albedo: Albedo, factor: float) -> Albedo:
    """The same hue, lighter or darker, kept physical (an albedo of 0.9 is fresh snow)."""
    r, g, b = (min(max(c * factor, 0.004), 0.9) for c in albedo)
    return r, g, b
