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

Positions are in the innermost frame; sizes are HALF sizes. `turn` gives the rotation of a single part;
`shapes` has the words for the shapes themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from vision_banana_ros.core import DataError
from vision_banana_ros.world.bounds import with_bounds
from vision_banana_ros.world.openings import Opening, solid_rectangles
from vision_banana_ros.world.scene import (
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
from vision_banana_ros.world.shapes import LENGTHS, Shapes

SMALLEST_M = 1e-5


def turn(*, yaw_deg: float = 0.0, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> Matrix:
    """Local to parent: first roll about x, then pitch (nose up, about -y), then yaw about z."""
    y, p, r = math.radians(yaw_deg), math.radians(-pitch_deg), math.radians(roll_deg)
    about_z = np.array([[math.cos(y), -math.sin(y), 0], [math.sin(y), math.cos(y), 0], [0, 0, 1]])
    about_y = np.array([[math.cos(p), 0, math.sin(p)], [0, 1, 0], [-math.sin(p), 0, math.cos(p)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(r), -math.sin(r)], [0, math.sin(r), math.cos(r)]])
    return about_z @ about_y @ about_x


@dataclass(frozen=True, slots=True)
class _Frame:
    rotation: Matrix = field(default_factory=lambda: np.eye(3))
    origin: Matrix = field(default_factory=lambda: np.zeros(3))
    scale: float = 1.0

    def to_world(self, point: Point) -> Matrix:
        return self.origin + self.rotation @ (np.asarray(point, float) * self.scale)


class SceneBuilder(Shapes):
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

    # Parts ---------------------------------------------------------------------------------------------------------

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
        row[: LENGTHS[shape]] *= self._frame.scale
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
            things=with_bounds(self._things, parts),
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
