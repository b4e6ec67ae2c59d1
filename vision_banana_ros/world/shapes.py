"""The shapes that `SceneBuilder` knows, and how each fills the eight `sizes` of its `Shape`.

Positions are in the innermost frame; sizes are HALF sizes; `rotation` turns the single part about its centre.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from vision_banana_ros.world.scene import Matrix, Point, Shape

WHOLE = 1.0  # the cut of an uncut ellipsoid

#: How many of a shape's first sizes are lengths, which a frame's scale multiplies.
LENGTHS: dict[Shape, int] = {
    Shape.BOX: 3,
    Shape.ROUND_BOX: 4,
    Shape.ELLIPSOID: 3,
    Shape.FRUSTUM: 3,
    Shape.CAPSULE: 3,
    Shape.TUBE: 4,
    Shape.TAPER: 6,
    Shape.FOLIAGE: 4,
    Shape.PLANE: 0,
    Shape.TERRAIN: 5,
}


def along(direction: Point) -> Matrix:
    """A rotation whose z axis points along `direction`."""
    z = np.asarray(direction, float) / (np.linalg.norm(direction) + 1e-12)
    x = np.cross([0.0, 0.0, 1.0] if abs(z[2]) < 0.9 else [1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


class Shapes(ABC):
    """A method for every shape; frames, things and checks are left to `_part`."""

    @abstractmethod
    def _part(self, shape: Shape, center: Point, sizes: Point, material: int, rotation: Matrix | None) -> None:
        """Add a part to the thing that is being built."""

    def box(self, center: Point, half: Point, material: int, rotation: Matrix | None = None) -> None:
        self._part(Shape.BOX, center, tuple(half), material, rotation)

    def round_box(
        self,
        center: Point,
        half: Point,
        radius: float,
        material: int,
        rotation: Matrix | None = None,
    ) -> None:
        """A box whose edges and corners are rounded; `half` is its outer size."""
        self._part(Shape.ROUND_BOX, center, (*half, min(radius, 0.999 * min(half))), material, rotation)

    def ellipsoid(self, center: Point, half: Point, material: int, rotation: Matrix | None = None) -> None:
        self._part(Shape.ELLIPSOID, center, (*half, WHOLE), material, rotation)

    def sphere(self, center: Point, radius: float, material: int) -> None:
        self.ellipsoid(center, (radius, radius, radius), material)

    def bowl(
        self,
        center: Point,
        half: Point,
        material: int,
        rotation: Matrix | None = None,
        *,
        cut: float = 0.0,
    ) -> None:
        """The thin shell of an ellipsoid below cut * half z, seen from both sides; turn it over for a dome."""
        self._part(Shape.ELLIPSOID, center, (*half, cut), material, rotation)

    def cylinder(
        self,
        center: Point,
        radius: float,
        half_height: float,
        material: int,
        rotation: Matrix | None = None,
        *,
        top_radius: float | None = None,
    ) -> None:
        """A solid cylinder along z, or a cone's frustum where `top_radius` differs (0: a cone)."""
        top = radius if top_radius is None else top_radius
        self._part(Shape.FRUSTUM, center, (radius, top, half_height), material, rotation)

    def rod(
        self,
        start: Point,
        end: Point,
        radius: float,
        material: int,
        *,
        end_radius: float | None = None,
    ) -> None:
        """A cylinder or frustum from point to point."""
        a, b = np.asarray(start, float), np.asarray(end, float)
        half = float(np.linalg.norm(b - a)) / 2
        self.cylinder((a + b) / 2, radius, half, material, along(b - a), top_radius=end_radius)

    def capsule(self, start: Point, end: Point, radius: float, material: int) -> None:
        """A cylinder with round ends; the ends' centres are `start` and `end`."""
        a, b = np.asarray(start, float), np.asarray(end, float)
        half = float(np.linalg.norm(b - a)) / 2
        self._part(Shape.CAPSULE, (a + b) / 2, (radius, radius, half), material, along(b - a))

    def tube(
        self,
        center: Point,
        radius: float,
        half_height: float,
        wall: float,
        material: int,
        rotation: Matrix | None = None,
        *,
        top_radius: float | None = None,
    ) -> None:
        """A hollow frustum, open at both ends: cups, bins, tyres, lampshades, pipes."""
        top = radius if top_radius is None else top_radius
        wall = min(wall, 0.999 * min(radius, top))
        self._part(Shape.TUBE, center, (radius, top, half_height, wall), material, rotation)

    def taper(
        self,
        center: Point,
        half: Point,
        top: Point,
        material: int,
        rotation: Matrix | None = None,
        *,
        shift: float = 0.0,
    ) -> None:
        """A box whose top has the half sides `top` and is shifted along x: roofs, wedges, ramps, car bodies."""
        self._part(Shape.TAPER, center, (*half, top[0], top[1], shift), material, rotation)

    def foliage(
        self,
        center: Point,
        half: Point,
        material: int,
        rotation: Matrix | None = None,
        *,
        cell: float = 0.12,
        fill: float = 0.5,
    ) -> None:
        """An ellipsoid's skin with holes of about `cell` metres; lay several into each other for a tree's crown."""
        self._part(Shape.FOLIAGE, center, (*half, cell, fill), material, rotation)

    def plane(self, material: int, center: Point = (0, 0, 0), rotation: Matrix | None = None) -> None:
        """The unbounded plane z = 0 of the present frame."""
        self._part(Shape.PLANE, center, (), material, rotation)

    def terrain(
        self,
        material: int,
        *,
        height: float = 0.0,
        amplitude: float = 0.3,
        wavelength: float = 8.0,
        fine_amplitude: float = 0.02,
        fine_wavelength: float = 0.5,
        flat_half_width: float = 0.0,
    ) -> None:
        """Unbounded hills about z = `height`; a strip |y| < flat_half_width along x stays flat, for roads."""
        sizes = (amplitude, wavelength, fine_amplitude, fine_wavelength, flat_half_width)
        self._part(Shape.TERRAIN, (0, 0, height), sizes, material, None)
