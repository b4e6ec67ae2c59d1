"""What a world is made of: parts with materials that make up things, lights, weather, a view. `SceneBuilder` fills it.

Convention
    World: right-handed, metres, z up; the ground is usually z = 0.
    Angles in degrees. Yaw 0 looks along +x, yaw 90 along +y; pitch > 0 looks up; roll > 0 tilts the camera clockwise
    as seen from behind it, so that the horizon in the image turns counter-clockwise.
    Colours: linear RGB reflectance 0..1 (not sRGB). Light: linear RGB, where 1 is a white wall under a bright sky.
    Labels: class ids are positions in `Scene.labels`; "sky" is what is behind everything. Instance ids start at 1;
    0 is stuff (walls, ground), of which nobody counts pieces. At most 254 labels and 65,535 instances.
    Glass is labelled by its pane: depth, normals and class are those of the first surface, because a robot must not
    drive through it (docs/adr/0003).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import Camera, DataError

SKY = "sky"
Vec3: TypeAlias = tuple[float, float, float]
Color: TypeAlias = tuple[float, float, float]
Matrix: TypeAlias = npt.NDArray[np.float64]
Point: TypeAlias = "Sequence[float] | Matrix"  # what builders take where three numbers are meant


class Shape(IntEnum):
    """Kinds of parts; beside each, what its eight `sizes` are. All are centred, axis z up in their own frame."""

    BOX = 0  # half x, half y, half z
    ROUND_BOX = 1  # outer half x, y, z, edge radius
    ELLIPSOID = 2  # half x, y, z, cut: only what lies below cut * half z is there (1: all of it; 0: a bowl)
    FRUSTUM = 3  # radius at -h, radius at +h, half height h: cylinders and cones
    CAPSULE = 4  # radius, -, half distance of the two end centres
    TUBE = 5  # outer radius at -h, outer radius at +h, half height h, wall thickness: open at both ends
    TAPER = 6  # half x, half y at -h, half height h, half x, half y at +h, shift of the top along x: wedges, roofs
    FOLIAGE = 7  # half x, y, z, cell size in metres, fill 0..1: an ellipsoid's skin with holes, as a bush has
    PLANE = 8  # the unbounded plane z = 0 of its frame, seen from above and below
    TERRAIN = 9  # amplitude, wavelength, fine amplitude, fine wavelength, half width of the flat strip along x


class Pattern(IntEnum):
    """Procedural colours over `Material.color` (a) and `color_b` (b); `scale` counts cells or waves per metre."""

    PLAIN = 0  # a
    NOISE = 1  # clouds between a and b
    CHECKER = 2
    TILES = 3  # tiles of a, each a little different, grout b
    BRICKS = 4  # bricks of a, mortar b
    WOOD = 5  # grain along x
    PLANKS = 6  # boards along x
    STRIPES = 7  # a for `detail` of each period, else b
    MARBLE = 8
    SPECKLE = 9  # fine grain: plaster, concrete, carpet, terrazzo
    PATCHWORK = 10  # a random colour per cell, drawn towards a
    GROUND = 11  # earth or grass: a and b in patches, rough
    FACADE = 12  # wall a, window frames b, dark panes
    ABSTRACT = 13  # a picture: flowing colours between and beyond a and b
    PRINT = 14  # lines of dark b on paper a, like text
    FABRIC = 15  # woven threads a and b
    WORN = 16  # paint a that flakes off b
    GRID = 17  # thin lines b on a: mesh, keyboards, ducts
    DOTS = 18  # dots b on a
    ASPHALT = 19  # coarse grain a, cracks and patches b


class LensKind(IntEnum):
    """How directions become pixels. The coefficients are OpenCV's: Brown (k1 k2 p1 p2 k3), fisheye (k1 k2 k3 k4)."""

    PINHOLE = 0
    BROWN = 1
    FISHEYE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """How a surface looks. `detail` is the pattern's own parameter; `bump` tilts the shading only, never the labels."""

    color: Color
    color_b: Color = (0.5, 0.5, 0.5)
    pattern: Pattern = Pattern.PLAIN
    scale: float = 1.0
    detail: float = 0.5
    roughness: float = 0.6  # 0 mirror .. 1 chalk
    specular: float = 0.0  # reflectance seen head-on: 0 none, .04 varnish and plastic, .5+ metals with `metal`
    metal: bool = False  # reflections take the surface's colour, nothing is diffuse
    bump: float = 0.0  # 0 smooth .. 1 rough
    emission: float = 0.0  # radiance of a glowing surface in units of its colour; it lights others by lamps only
    transparency: float = 0.0  # share of light that goes straight through: window panes .9, bottles .7
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One labelled object, for referring expressions; `instance_id` 0 is stuff. Bounds are axis-aligned, in world."""

    name: str
    class_id: int
    instance_id: int
    color: str = ""
    material: str = ""
    position: Vec3 = (0.0, 0.0, 0.0)
    lower: Vec3 = (0.0, 0.0, 0.0)
    upper: Vec3 = (0.0, 0.0, 0.0)

    @property
    def size_m(self) -> Vec3:
        return self.upper[0] - self.lower[0], self.upper[1] - self.lower[1], self.upper[2] - self.lower[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sun:
    """`direction` points to the sun; `radius_deg` softens its shadows (the real one has .27, overcast light tens)."""

    direction: Vec3
    color: Color
    radius_deg: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """Radiance from the horizon to the zenith; clouds 0..1 cover it. Every ray that meets nothing sees it."""

    zenith: Color = (0.35, 0.55, 1.0)
    horizon: Color = (0.9, 0.95, 1.0)
    clouds: float = 0.0
    cloud_color: Color = (1.0, 1.0, 1.0)
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    """A ball of light that is itself not seen: put an emissive part around it. `color` is radiant intensity."""

    position: Vec3
    radius: float
    color: Color


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A rectangle of light with half sides `u` and `v`, shining along u x v. `portal`: no source of its own but an
    opening through which the sky shines in; mark every window and open door of a closed room so."""

    center: Vec3
    u: Vec3
    v: Vec3
    color: Color = (1.0, 1.0, 1.0)
    portal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Fog of `fog_color` swallows a share 1 - exp(-fog_per_m * distance) of what is seen; labels do not change."""

    fog_per_m: float = 0.0
    fog_color: Color = (0.8, 0.85, 0.9)
    ambient: float = 0.05  # light that replaces the bounces which are not traced, in units of the sky's mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """Distortion on top of the pinhole intrinsics; unused coefficients are 0."""

    kind: LensKind = LensKind.PINHOLE
    coefficients: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where the camera is and where it looks."""

    position: Vec3
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0

    @classmethod
    def looking_at(cls, position: Vec3, target: Vec3, *, roll_deg: float = 0.0) -> Pose:
        dx, dy, dz = (t - p for t, p in zip(target, position))  # noqa: B905 - both are triples
        yaw, pitch = math.atan2(dy, dx), math.atan2(dz, math.hypot(dx, dy))
        return cls(position=position, yaw_deg=math.degrees(yaw), pitch_deg=math.degrees(pitch), roll_deg=roll_deg)

    @property
    def axes(self) -> Matrix:
        """The optical axes right, down, forward as rows, in world coordinates."""
        yaw, pitch, roll = (math.radians(a) for a in (self.yaw_deg, self.pitch_deg, self.roll_deg))
        forward = np.array([math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch)])
        level = np.array([math.sin(yaw), -math.cos(yaw), 0.0])
        up = np.cross(level, forward)
        right = math.cos(roll) * level - math.sin(roll) * up
        return np.stack([right, np.cross(forward, right), forward])


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A camera at its place."""

    camera: Camera
    pose: Pose
    lens: Lens = Lens()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Parts:
    """All parts of a scene, one row each; `axes` rows are a part's own x, y, z in world coordinates."""

    kinds: npt.NDArray[np.int32]
    centers: Matrix
    axes: Matrix
    sizes: Matrix
    anchors: Matrix  # where a part's centre lies in its pattern, so that pieces of one wall continue each other
    materials: npt.NDArray[np.int32]
    things: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.kinds)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scene:
    """A finished world with one view of it; `seen_by` gives others."""

    seed: int
    labels: tuple[str, ...]
    things: tuple[Thing, ...]
    parts: Parts
    materials: tuple[Material, ...]
    view: View
    sun: Sun | None = None
    sky: Sky = Sky()
    lamps: tuple[Lamp, ...] = ()
    panels: tuple[Panel, ...] = ()
    weather: Weather = Weather()

    def __post_init__(self) -> None:
        if len(self.parts) == 0:
            raise DataError("a scene needs at least one part, got none: call box(), ground() or another shape")

    @property
    def sky_id(self) -> int:
        return self.labels.index(SKY)

    def seen_by(self, view: View) -> Scene:
        return replace(self, view=view)
