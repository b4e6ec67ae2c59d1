"""Builds a `Scene` part by part: nested frames so that furniture is written once, things that own their parts.

    build = SceneBuilder(seed=3)
    oak = build.material(color=(0.45, 0.28, 0.14), color_b=(0.3, 0.18, 0.08), pattern=Pattern.WOOD, scale=3)
    with build.stuff("floor"):
        build.plane(oak)
    with build.frame(position=(2, 0, 0), yaw_deg=30), build.thing("table", color="brown", material="wooden"):
        build.box((0, 0, 0.72), (0.6, 0.4, 0.015), oak)
        for x, y in ((-0.55, -0.35), (0.55, -0.35), (-0.55, 0.35), (0.55, 0.35)):
            build.rod((x, y, 0), (x, y, 0.7), 0.02, oak)
    build.sun(elevation_deg=40, azimuth_deg=200)
    scene = build.build(View(camera=Camera.from_hfov(70, 256, 192), pose=Pose(position=(0, 0, 1.2), pitch_deg=-10)))

Positions are in the innermost frame; sizes are HALF sizes. `turn` gives the rotation of a single part.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from vision_banana_ros.core import DataError
from vision_banana_ros.scenes.scene import (
    SKY,
    Color,
    Lamp,
    Material,
    Matrix,
    Panel,
    Parts,
    Pattern,
    Point,
    Scene,
    Shape,
    Sky,
    Sun,
    Thing,
    Vec3,
    View,
    Weather,
)

WHOLE = 1.0  # the cut of an uncut ellipsoid
SMALLEST_M = 1e-5
FAR_M = 1e6  # half extent of what has no bounds


def turn(*, yaw_deg: float = 0.0, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> Matrix:
    """Local to parent: first roll about x, then pitch (nose up, about -y), then yaw about z."""
    y, p, r = math.radians(yaw_deg), math.radians(-pitch_deg), math.radians(roll_deg)
    about_z = np.array([[math.cos(y), -math.sin(y), 0], [math.sin(y), math.cos(y), 0], [0, 0, 1]])
    about_y = np.array([[math.cos(p), 0, math.sin(p)], [0, 1, 0], [-math.sin(p), 0, math.cos(p)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(r), -math.sin(r)], [0, math.sin(r), math.cos(r)]])
    return about_z @ about_y @ about_x


def along(direction: Point) -> Matrix:
    """A rotation whose z axis points along `direction`."""
    z = np.asarray(direction, float) / (np.linalg.norm(direction) + 1e-12)
    x = np.cross([0.0, 0.0, 1.0] if abs(z[2]) < 0.9 else [1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


@dataclass(frozen=True, slots=True)
class Opening:
    """A hole in a wall: from `left` to `right` along it and from `bottom` to `top`, in metres."""

    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True, slots=True)
class _Frame:
    rotation: Matrix = field(default_factory=lambda: np.eye(3))
    origin: Matrix = field(default_factory=lambda: np.zeros(3))
    scale: float = 1.0

    def to_world(self, point: Point) -> Matrix:
        return self.origin + self.rotation @ (np.asarray(point, float) * self.scale)


class SceneBuilder:
    """See the module's example. `labels` fixes the class ids of known names; others follow as they come."""

    def __init__(self, seed: int = 0, labels: Sequence[str] = ()) -> None:
        self.seed = seed
        self._labels = list(labels)
        self._materials: list[Material] = []
        self._things: list[Thing] = []
        self._instances = 0
        self._current: int | None = None
        self._frame = _Frame()
        self._rows: list[tuple[int, Matrix, Matrix, Matrix, Matrix, int, int]] = []
        self._sun: Sun | None = None
        self._sky = Sky()
        self._lamps: list[Lamp] = []
        self._panels: list[Panel] = []
        self._weather = Weather()

    # Looks ---------------------------------------------------------------------------------------------------------

    def material(
        self,
        *,
        color: Color,
        color_b: Color | None = None,
        pattern: Pattern = Pattern.PLAIN,
        scale: float = 1.0,
        detail: float = 0.5,
        roughness: float = 0.6,
        specular: float = 0.0,
        metal: bool = False,
        bump: float = 0.0,
        emission: float = 0.0,
        transparency: float = 0.0,
        seed: int | None = None,
    ) -> int:
        """Register a material (see `Material`) and return its number. Without `color_b`, a darker shade of `color`."""
        second = color_b if color_b is not None else (color[0] * 0.6, color[1] * 0.6, color[2] * 0.6)
        self._materials.append(
            Material(
                color=color,
                color_b=second,
                pattern=pattern,
                scale=scale,
                detail=detail,
                roughness=roughness,
                specular=specular,
                metal=metal,
                bump=bump,
                emission=emission,
                transparency=transparency,
                seed=len(self._materials) + 101 * self.seed if seed is None else seed,
            )
        )
        return len(self._materials) - 1

    # Who and where -------------------------------------------------------------------------------------------------

    @contextmanager
    def frame(
        self,
        position: Point = (0, 0, 0),
        *,
        yaw_deg: float = 0.0,
        pitch_deg: float = 0.0,
        roll_deg: float = 0.0,
        scale: float = 1.0,
    ) -> Iterator[None]:
        """A local frame inside the present one. `scale` scales positions and sizes of everything in it."""
        outer = self._frame
        rotation = outer.rotation @ turn(yaw_deg=yaw_deg, pitch_deg=pitch_deg, roll_deg=roll_deg)
        self._frame = _Frame(rotation, outer.to_world(position), outer.scale * scale)
        try:
            yield
        finally:
            self._frame = outer

    @contextmanager
    def thing(self, name: str, *, color: str = "", material: str = "") -> Iterator[int]:
        """All parts until the end of the block are one instance of class `name`; yields the index into Scene.things."""
        self._instances += 1
        yield from self._owner(name, self._instances, color, material)

    @contextmanager
    def stuff(self, name: str, *, color: str = "", material: str = "") -> Iterator[int]:
        """All parts until the end of the block are of class `name`, which is not counted (instance 0)."""
        yield from self._owner(name, 0, color, material)

    def world(self, point: Point) -> Vec3:
        """A point of the present frame in world coordinates."""
        x, y, z = self._frame.to_world(point)
        return float(x), float(y), float(z)

    def _owner(self, name: str, instance_id: int, color: str, material: str) -> Iterator[int]:
        if name not in self._labels:
            self._labels.append(name)
        outer, index = self._current, len(self._things)
        self._things.append(
            Thing(
                name=name,
                class_id=self._labels.index(name),
                instance_id=instance_id,
                color=color,
                material=material,
                position=self.world((0, 0, 0)),
            )
        )
        self._current = index
        try:
            yield index
        finally:
            self._current = outer

    # Shapes --------------------------------------------------------------------------------------------------------

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

    def wall(
        self,
        start: Point,
        end: Point,
        height: float,
        material: int,
        *,
        thickness: float = 0.1,
        openings: Sequence[Opening] = (),
        base: float = 0.0,
    ) -> None:
        """An upright wall from (x, y) to (x, y) with real holes; measured along it from `start`, up from `base`."""
        (x0, y0), (x1, y1) = start[:2], end[:2]
        length = math.hypot(x1 - x0, y1 - y0)
        with self.frame((x0, y0, base), yaw_deg=math.degrees(math.atan2(y1 - y0, x1 - x0))):
            for left, right, bottom, top in solid_rectangles(length, height, openings):
                middle = ((left + right) / 2, 0.0, (bottom + top) / 2)
                self.box(middle, ((right - left) / 2, thickness / 2, (top - bottom) / 2), material)

    def _part(self, shape: Shape, center: Point, sizes: Point, material: int, rotation: Matrix | None) -> None:
        if self._current is None:
            raise DataError(f"a {shape.name} belongs to nothing: put it inside `with builder.thing(...)` or stuff(...)")
        if not 0 <= material < len(self._materials):
            raise DataError(f"material must be a number from builder.material(), got {material}")
        row = np.zeros(8)
        row[: len(sizes)] = sizes
        if not np.isfinite(row).all() or min(row[:3]) < 0 or not np.isfinite(np.asarray(center, float)).all():
            raise DataError(f"{shape.name} needs finite half sizes >= 0 and a finite centre, got {sizes} at {center}")
        row[:3] = np.maximum(row[:3], SMALLEST_M)  # kernels divide by sizes
        row[: _LENGTHS[shape]] *= self._frame.scale
        if shape is Shape.TAPER:
            row[5] *= self._frame.scale
        world_axes = self._frame.rotation if rotation is None else self._frame.rotation @ rotation
        middle = np.asarray(center, float) * self._frame.scale
        anchor = middle if rotation is None else rotation.T @ middle
        self._rows.append((shape, self._frame.to_world(center), world_axes.T, row, anchor, material, self._current))

    # Light ---------------------------------------------------------------------------------------------------------

    def sun(
        self,
        *,
        elevation_deg: float,
        azimuth_deg: float,
        color: Color = (1.0, 0.95, 0.85),
        strength: float = 4.0,
        radius_deg: float = 0.5,
    ) -> None:
        """Azimuth 0 stands over +x, 90 over +y. `strength`: irradiance of a surface that faces it, sky about 1."""
        e, a = math.radians(elevation_deg), math.radians(azimuth_deg)
        direction = (math.cos(e) * math.cos(a), math.cos(e) * math.sin(a), math.sin(e))
        r, g, b = (strength * c for c in color)
        self._sun = Sun(direction=direction, color=(r, g, b), radius_deg=radius_deg)

    def sky(
        self,
        *,
        zenith: Color = (0.35, 0.55, 1.0),
        horizon: Color = (0.9, 0.95, 1.0),
        clouds: float = 0.0,
        cloud_color: Color = (1.0, 1.0, 1.0),
    ) -> None:
        self._sky = Sky(zenith=zenith, horizon=horizon, clouds=clouds, cloud_color=cloud_color, seed=self.seed)

    def lamp(self, position: Point, color: Color, *, radius: float = 0.08) -> None:
        """`color`: radiant intensity; (8, 8, 7) lights a wall at 2 m about as a bright sky would."""
        self._lamps.append(Lamp(position=self.world(position), radius=radius * self._frame.scale, color=color))

    def panel(
        self,
        center: Point,
        u: Point,
        v: Point,
        color: Color = (1.0, 1.0, 1.0),
        *,
        portal: bool = False,
    ) -> None:
        """A shining rectangle with half sides u and v in the present frame, shining along u x v; see `Panel`."""
        cu, cv = (self._frame.rotation @ (np.asarray(side, float) * self._frame.scale) for side in (u, v))
        self._panels.append(
            Panel(
                center=self.world(center), u=(cu[0], cu[1], cu[2]), v=(cv[0], cv[1], cv[2]), color=color, portal=portal
            )
        )

    def weather(self, *, fog_per_m: float = 0.0, fog_color: Color = (0.8, 0.85, 0.9), ambient: float = 0.05) -> None:
        self._weather = Weather(fog_per_m=fog_per_m, fog_color=fog_color, ambient=ambient)

    # The end -------------------------------------------------------------------------------------------------------

    def build(self, view: View) -> Scene:
        """The finished scene; the builder may go on and build a larger one."""
        labels = (*self._labels, SKY) if SKY not in self._labels else tuple(self._labels)
        if len(labels) > 254 or self._instances > 65_535:
            raise DataError(f"labels fit into 254 classes and 65535 instances, got {len(labels)} and {self._instances}")
        parts = self._parts()
        return Scene(
            seed=self.seed,
            labels=labels,
            things=_bounded(self._things, parts),
            parts=parts,
            materials=tuple(self._materials),
            view=view,
            sun=self._sun,
            sky=self._sky,
            lamps=tuple(self._lamps),
            panels=tuple(self._panels),
            weather=self._weather,
        )

    def _parts(self) -> Parts:
        rows = self._rows
        return Parts(
            kinds=np.array([r[0] for r in rows], np.int32),
            centers=np.array([r[1] for r in rows]).reshape(-1, 3),
            axes=np.array([r[2] for r in rows]).reshape(-1, 3, 3),
            sizes=np.array([r[3] for r in rows]).reshape(-1, 8),
            anchors=np.array([r[4] for r in rows]).reshape(-1, 3),
            materials=np.array([r[5] for r in rows], np.int32),
            things=np.array([r[6] for r in rows], np.int32),
        )


#: How many of a shape's first sizes are lengths, which a frame's scale multiplies.
_LENGTHS: dict[Shape, int] = {
    Shape.BOX: 3,
    Shape.ROUND_BOX: 4,
    Shape.ELLIPSOID: 3,
    Shape.FRUSTUM: 3,
    Shape.CAPSULE: 3,
    Shape.TUBE: 4,
    Shape.TAPER: 5,
    Shape.FOLIAGE: 4,
    Shape.PLANE: 0,
    Shape.TERRAIN: 5,
}


def solid_rectangles(
    length: float, height: float, openings: Sequence[Opening]
) -> list[tuple[float, float, float, float]]:
    """What is left of a wall: (left, right, bottom, top) of the pieces around its openings, column by column."""
    edges = sorted({0.0, length, *(min(max(x, 0.0), length) for o in openings for x in (o.left, o.right))})
    pieces = []
    for left, right in pairwise(edges):
        here = sorted((o for o in openings if o.left < (left + right) / 2 < o.right), key=lambda o: o.bottom)
        bottom = 0.0
        for opening in here:
            if opening.bottom > bottom:
                pieces.append((left, right, bottom, min(opening.bottom, height)))
            bottom = max(bottom, opening.top)
        if bottom < height:
            pieces.append((left, right, bottom, height))
    return pieces


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
    half[np.isin(kinds, (Shape.PLANE, Shape.TERRAIN))] = FAR_M
    return half


def _bounded(things: Sequence[Thing], parts: Parts) -> tuple[Thing, ...]:
    """The things with their axis-aligned world bounds; a thing without parts keeps its position as bounds."""
    reach = np.einsum("pij,pi->pj", np.abs(parts.axes), half_extents(parts))
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
