"""Class masks <-> colours: every class has the colour that the prompt gives it; a pixel is of the nearest one.

With d1, d2 the Euclidean distances in levels to the nearest and the second-nearest colour (e = 2.6 is spared, see
below)

    confidence = 255 min((d2 - d1) / (d2 + d1), 1 - d1 / 128), at least 0

so it is 255 on a colour of the palette, and 0 half-way between two of them or 128 levels away from all.

Exactness. The nearest colour is looked up for cells of 4 x 4 x 4 levels, from whose centre no colour in it is further
than e = 1.5 sqrt(3) = 2.6 levels. Where d2 - d1 <= 2 e at the centre, the nearest colour may change within the cell:
confidence is 0 there. So a pixel of any confidence above 0 has exactly its nearest colour. One table of 512 KiB per
palette, built at first use and kept for the palettes used last.

Convention
    mask        class ids: 0 background, i + 1 the i-th target, 255 unlabelled: confidence below the threshold.
                Without a background colour nothing is ever of class 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations

import numpy as np

from vision_banana_ros.codecs.arrays import (
    Array,
    astype,
    cell_centres,
    cell_index,
    is_tensor,
    pixelwise_all,
    require_canvas,
    take,
)
from vision_banana_ros.codecs.distinct import distinct_colors, farthest_color
from vision_banana_ros.core import (
    UNLABELLED,
    AnyArray,
    Ask,
    CodecError,
    FloatArray,
    InstructionError,
    Rgb,
    UInt8Array,
    describe,
)
from vision_banana_ros.core.ask import require_rgb

#: Colours that are closer than this, in levels, would be mixed up at the first noise.
CLOSEST = 16.0
#: From this many levels away from every colour on, a pixel belongs to none of them.
FARTHEST = 128.0
#: Of 255: below it a pixel is unlabelled, as its colour lies almost half-way between two classes or far from all.
THRESHOLD = 16

_CELL_RADIUS = 1.5 * math.sqrt(3)
_MOST_COLORS = 254


@dataclass(frozen=True, slots=True, eq=False)
class DecodedLabels:
    """mask uint8 (..., H, W), class ids with 255 unlabelled; confidence uint8."""

    mask: UInt8Array
    confidence: UInt8Array


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of the targets, in order, and of the background if the prompt names one. `names` is for messages."""

    targets: tuple[Rgb, ...]
    background: Rgb | None = None
    names: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        targets = tuple(require_rgb(color, name=f"palette colour {i + 1}") for i, color in enumerate(self.targets))
        object.__setattr__(self, "targets", targets)
        if not 1 <= len(targets) <= _MOST_COLORS:
            raise InstructionError(f"a palette needs 1 to {_MOST_COLORS} target colours, got {len(targets)}")
        named = list(zip(self._names(), targets, strict=True))
        if self.background is not None:
            named.append(("the background", require_rgb(self.background, name="background")))
        for (name, color), (other_name, other) in combinations(named, 2):
            if math.dist(color, other) < CLOSEST:
                raise InstructionError(
                    f"{name} {color} and {other_name} {other} are painted in colours that cannot be told apart: "
                    f"keep them at least {CLOSEST:g} levels apart"
                )

    @classmethod
    def distinct(cls, n: int, *, avoid: Sequence[Rgb] = ()) -> Palette:
        """A palette of `n` target colours as far from each other and from those to avoid as can be; always the same."""
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= _MOST_COLORS:
            raise InstructionError(f"a palette has 1 to {_MOST_COLORS} colours, asked for {describe(n)}")
        return cls(distinct_colors(n, tuple(require_rgb(color, name="colour to avoid") for color in avoid)))

    @classmethod
    def from_instruction(cls, instruction: Ask) -> Palette:
        """The palette that a SEMANTIC or REFERRING instruction asks for."""
        colors = tuple(target.color for target in instruction.targets if target.color is not None)
        if not colors:
            raise InstructionError(f"{instruction.task.name} gives no colours to decode by; use SEMANTIC or REFERRING")
        return cls(colors, instruction.background, tuple(repr(target.text) for target in instruction.targets))

    def encode(self, mask: Array) -> UInt8Array:
        """Paint class ids (..., H, W) uint8; without a colour (255, and 0 if no background) it is one far from all."""
        if not (isinstance(mask, np.ndarray) or is_tensor(mask)) or not str(mask.dtype).endswith("uint8"):
            raise CodecError(f"mask must be uint8 class ids of shape (..., H, W), got {describe(mask)}")
        largest = int(astype(mask, "int64")[mask != UNLABELLED].max()) if bool((mask != UNLABELLED).any()) else 0
        if largest > len(self.targets):
            raise CodecError(f"mask holds class id {largest}, but the palette ends at {len(self.targets)}")
        painted = [*self.targets] if self.background is None else [*self.targets, self.background]
        colors = np.full((UNLABELLED + 1, 3), farthest_color(tuple(painted)), np.uint8)
        colors[1 : len(self.targets) + 1] = self.targets
        if self.background is not None:
            colors[0] = self.background
        rgb: UInt8Array = take(colors, astype(mask, "int64"))
        return rgb

    def decode(self, rgb: Array, *, threshold: int = THRESHOLD) -> DecodedLabels:
        """The class of the nearest colour per pixel (..., H, W, 3) uint8; 255 where confidence is below `threshold`."""
        require_canvas(rgb)
        if not 0 <= threshold <= 255:
            raise CodecError(f"threshold must lie between 0 and 255, got {describe(threshold)}")
        table = _cells(self.targets, self.background, threshold)
        mask, confidence = pixelwise_all(lambda pixels: _unpacked(take(table, cell_index(pixels))), rgb)
        return DecodedLabels(mask=mask, confidence=confidence)

    def _names(self) -> tuple[str, ...]:
        return self.names or tuple(f"target {i + 1}" for i in range(len(self.targets)))


def _unpacked(found: Array) -> tuple[Array, Array]:
    """Class id and confidence out of a cell's entry."""
    if isinstance(found, np.ndarray):
        return found.astype(np.uint8), (found >> 8).astype(np.uint8)  # the cast keeps the lowest byte
    return astype(found % 256, "uint8"), astype(found // 256, "uint8")


@lru_cache(maxsize=8)
def _cells(targets: tuple[Rgb, ...], background: Rgb | None, threshold: int) -> AnyArray:
    """Per colour cell: class id | confidence << 8, int32 (torch has few operations on uint16)."""
    colors = list(enumerate(targets, start=1)) + ([] if background is None else [(0, background)])
    blocks = [_labelled_cells(centres, colors, threshold) for centres in np.array_split(cell_centres(), 32)]
    return np.concatenate(blocks)


def _labelled_cells(centres: FloatArray, colors: Sequence[tuple[int, Rgb]], threshold: int) -> AnyArray:
    nearest = np.full(len(centres), np.inf, np.float32)
    second = nearest.copy()
    label = np.full(len(centres), UNLABELLED, np.int32)
    for class_id, color in colors:
        r, g, b = (centres[:, c] - color[c] for c in range(3))
        squared = r * r + g * g + b * b
        nearer = squared < nearest
        second = np.minimum(second, np.maximum(nearest, squared))
        nearest = np.minimum(nearest, squared)
        label[nearer] = class_id
    # A palette of one colour has nothing that it could be mixed up with.
    d1, d2 = np.sqrt(nearest), np.sqrt(np.minimum(second, 1e12))
    spared = np.maximum(d1 - _CELL_RADIUS, 0)
    certainty = np.minimum((d2 - spared) / (d2 + spared), 1 - spared / FARTHEST).clip(0, 1)
    confidence = np.where(d2 - d1 <= 2 * _CELL_RADIUS, 0, np.rint(255 * certainty)).astype(np.int32)
    label[confidence < threshold] = UNLABELLED
    return label | confidence << 8
