"""A small room in which things move, cast in closed form: footage with exact truth, from NumPy alone.

It needs no data file, no compiler and no time to start, so tests, the demo and the node's benchmark can lean on it on
any machine. It is no training data: the worlds of `scenes.grammars` are.

Every surface is met in closed form by the ray through each pixel centre (casting.py).

Convention
    World: metres, x right, y down, z into the room. Camera: optical frame (x right, y down, z forward); the truth's
    normals are in it and face the camera. The window shows the sky: depth +inf, normals NaN.
    The motion is periodic: frame `count` would be frame 0 again, so the footage can be played in a loop.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator

import numpy as np

from vision_banana_ros.core import (
    BoolArray,
    Camera,
    FloatArray,
    Frame,
    FrameError,
    Referring,
    Truth,
    UInt8Array,
    UInt16Array,
    describe,
)
from vision_banana_ros.world.casting import Pose, Solid, meet, meet_room, room_normals, screen_window

LABELS: tuple[str, ...] = ("floor", "wall", "ceiling", "sky", "door", "box", "ball", "table", "sofa", "lamp")
FLOOR, WALL, CEILING, SKY, DOOR, BOX, BALL, TABLE, SOFA, LAMP = range(len(LABELS))

_ROOM_MIN = np.array((-2.6, -1.6, -1.2), np.float32)
_ROOM_MAX = np.array((2.6, 1.0, 6.4), np.float32)
_WINDOW = (-0.9, 1.1, -1.15, -0.1)  # on the far wall: x from, x to, y from, y to
_DOOR = (2.9, 4.1, -1.05, 1.0)  # on the right-hand wall: z from, z to, y from, y to
_DOOR_INSTANCE = 1
_LIGHT = np.array((0.3, -1.3, 2.0), np.float32)
#: Class and colour of the room's faces, in the order x max, x min, y max (floor), y min (ceiling), z max, z min.
_FACE_CLASS = np.array((WALL, WALL, FLOOR, CEILING, WALL, WALL), np.uint8)
_FACE_COLOR = np.array(
    ((196, 186, 168), (176, 188, 186), (150, 118, 86), (226, 224, 218), (204, 194, 178), (200, 190, 180)), np.float32
)
_KEPT_TRUTHS = 4


class MovingScene:
    """`count` frames of one loop of motion; implements `core.Footage`.

    Images once rendered are kept (0.9 MB each at 640x480), of the much larger truths only the last few.
    """

    def __init__(
        self,
        count: int = 150,
        width: int = 640,
        height: int = 480,
        hfov_deg: float = 70.0,
        rate_hz: float = 30.0,
    ) -> None:
        if count < 1 or not rate_hz > 0:
            raise FrameError(
                f"MovingScene needs count >= 1 and rate_hz > 0, got {describe(count)}, {describe(rate_hz)}"
            )
        self._count = count
        self._rate_hz = float(rate_hz)
        self.camera = Camera.from_hfov(hfov_deg, width, height)
        self._frames: dict[int, Frame] = {}
        self._truths: OrderedDict[int, Truth] = OrderedDict()
        columns = (np.arange(width) - self.camera.cx) / self.camera.fx
        rows = (np.arange(height) - self.camera.cy) / self.camera.fy
        self._rays = np.empty((3, height, width), np.float32)
        self._rays[0], self._rays[1], self._rays[2] = columns[None, :], rows[:, None], 1.0
        self._grain = np.random.default_rng(7).normal(0.0, 3.0, (height, width, 3)).astype(np.float32)

    @property
    def rate_hz(self) -> float:
        return self._rate_hz

    def __len__(self) -> int:
        return self._count

    def frame(self, index: int) -> Frame:
        if self._checked(index) not in self._frames:
            self._render(index)
        return self._frames[index]

    def truth(self, index: int) -> Truth:
        if self._checked(index) not in self._truths:
            self._render(index)
        return self._truths[index]

    def _checked(self, index: int) -> int:
        if not 0 <= index < self._count:
            raise IndexError(f"frame {index} of a scene of {self._count} frames")
        return index

    def _render(self, index: int) -> None:
        phase = 2 * math.pi * index / self._count
        view = _View(self._rays, self.camera, pose_at(phase))
        for solid in _solids_at(phase):
            view.cast(solid)
        # The same noise at another place in every frame: as good as new noise to the eye, and far cheaper.
        grain = np.roll(self._grain, (37 * index) % self._grain.shape[0], axis=0)
        rgb = view.shade(grain)
        self._frames[index] = Frame(rgb, round(index / self._rate_hz * 1e9), "moving_scene_optical_frame", self.camera)
        self._truths[index] = view.truth()
        while len(self._truths) > _KEPT_TRUTHS:
            self._truths.popitem(last=False)


def pose_at(phase: float) -> Pose:
    """Swaying like a small robot on its way: some yaw, a little pitch, half a metre of travel."""
    yaw = math.radians(9.0) * math.sin(phase)
    pitch = math.radians(6.0 + 1.5 * math.cos(phase))  # positive looks down
    turn = np.array(((math.cos(yaw), 0, math.sin(yaw)), (0, 1, 0), (-math.sin(yaw), 0, math.cos(yaw))))
    nod = np.array(((1, 0, 0), (0, math.cos(pitch), math.sin(pitch)), (0, -math.sin(pitch), math.cos(pitch))))
    position = np.array((0.25 * math.cos(phase), 0.05 * math.sin(2 * phase), 0.25 * math.sin(phase)), np.float32)
    return Pose(position, (turn @ nod).astype(np.float32))


def _solids_at(phase: float) -> Iterator[Solid]:
    """The furniture, and the boxes and balls on their ways."""
    sin, cos = math.sin, math.cos
    for side in (-0.55, 0.55):
        leg = (side - 1.3, 0.65, 4.4)
        yield Solid(class_id=TABLE, instance_id=2, color=(120, 78, 46), center=leg, half=(0.05, 0.35, 0.3))
    top = (-1.3, 0.27, 4.4)
    yield Solid(class_id=TABLE, instance_id=2, color=(138, 92, 56), center=top, half=(0.75, 0.03, 0.42))
    seat, back = (1.75, 0.75, 5.2), (1.75, 0.4, 5.75)
    yield Solid(class_id=SOFA, instance_id=3, color=(70, 92, 124), center=seat, half=(0.75, 0.25, 0.45))
    yield Solid(class_id=SOFA, instance_id=3, color=(78, 102, 136), center=back, half=(0.75, 0.45, 0.12))
    bulb = (0.9, -1.0 + 0.02 * sin(3 * phase), 4.0)
    yield Solid(class_id=LAMP, instance_id=4, color=(250, 240, 205), center=bulb, radius=0.2)
    crate = (0.55 + 0.25 * cos(phase), 0.72, 2.6)
    yield Solid(
        class_id=BOX, instance_id=5, color=(206, 156, 62), center=crate, half=(0.26, 0.28, 0.24), yaw=0.5 + phase
    )
    parcel = (-0.75, 0.85, 2.4 + 0.3 * sin(phase))
    yield Solid(class_id=BOX, instance_id=6, color=(64, 140, 146), center=parcel, half=(0.2, 0.15, 0.3), yaw=-phase)
    carton = (-1.45, 0.07, 4.35)
    yield Solid(class_id=BOX, instance_id=7, color=(150, 84, 140), center=carton, half=(0.22, 0.17, 0.16), yaw=0.4)
    red = (-0.15 + 0.7 * sin(phase), 0.78 - 0.5 * abs(sin(2 * phase)), 3.3)
    yield Solid(class_id=BALL, instance_id=8, color=(206, 46, 42), center=red, radius=0.22)
    green = (1.15, 0.83, 3.5 + 0.5 * cos(phase))
    yield Solid(class_id=BALL, instance_id=9, color=(60, 160, 72), center=green, radius=0.17)
    blue = (-0.8 + 0.15 * cos(2 * phase), 0.1, 4.5 + 0.1 * sin(2 * phase))
    yield Solid(class_id=BALL, instance_id=10, color=(52, 84, 196), center=blue, radius=0.14)


#: What can be said of the solids above; each holds for exactly one instance. Told only while that one is in view.
_EXPRESSIONS: tuple[Referring, ...] = (
    Referring("the red ball", (8,)),
    Referring("the green ball", (9,)),
    Referring("the blue ball on the table", (10,)),
    Referring("the purple box on the table", (7,)),
    Referring("the orange box", (5,)),
    Referring("the blue sofa", (3,)),
)
_TOLD_FROM_PIXELS = 0.0005  # share of the image that an instance must fill before it is spoken of


class _View:
    """The layers of one frame while things are cast into it, nearest first kept."""

    def __init__(self, rays: FloatArray, camera: Camera, pose: Pose) -> None:
        self._camera, self._pose, self._rays = camera, pose, rays
        height, width = rays.shape[1:]
        self._world_rays = (pose.rotation @ rays.reshape(3, -1)).reshape(rays.shape)
        self.depth: FloatArray = np.empty((height, width), np.float32)
        self.normals: FloatArray = np.empty((3, height, width), np.float32)
        self.mask: UInt8Array = np.empty((height, width), np.uint8)
        self.instances: UInt16Array = np.zeros((height, width), np.uint16)
        self._albedo = np.empty((height, width, 3), np.float32)
        self._cast_room()

    def _cast_room(self) -> None:
        hit = meet_room(_ROOM_MIN, _ROOM_MAX, self._pose, self._world_rays)
        self.depth[...] = hit.depth
        face_normals = room_normals() @ self._pose.rotation  # world to camera: rotation^T n
        for channel in range(3):
            np.take(face_normals[:, channel], hit.face, out=self.normals[channel])
        self.mask[...] = _FACE_CLASS[hit.face]
        x, y, z = (self._pose.position[k] + self.depth * self._world_rays[k] for k in range(3))
        self._albedo[...] = _FACE_COLOR[hit.face] * _texture(hit.face, x, y, z)[..., None]
        self._open(hit.face == 4, x, y, _WINDOW, SKY, 0)
        door = self._open(hit.face == 0, z, y, _DOOR, DOOR, _DOOR_INSTANCE)
        self._albedo[door] = (134, 96, 70)

    def _open(
        self,
        on_face: BoolArray,
        along: FloatArray,
        up: FloatArray,
        region: tuple[float, float, float, float],
        class_id: int,
        instance_id: int,
    ) -> BoolArray:
        """Give a rectangle of a wall to another class."""
        left, right, top, bottom = region
        inside = on_face & (along > left) & (along < right) & (up > top) & (up < bottom)
        self.mask[inside] = class_id
        self.instances[inside] = instance_id
        return inside

    def cast(self, solid: Solid) -> None:
        """Draw one solid where it is nearer than what is there; only the part of the image that it can reach is met."""
        window = screen_window(solid, self._pose, self._camera)
        if window is None:
            return
        hit = meet(solid, self._pose, self._world_rays[(slice(None), *window)])
        # NaN (no hit) compares false; what lies behind the camera is no hit either.
        nearer = (hit.depth > 0) & (hit.depth < self.depth[window])
        self.depth[window][nearer] = hit.depth[nearer]
        self.mask[window][nearer] = solid.class_id
        self.instances[window][nearer] = solid.instance_id
        self._albedo[window][nearer] = solid.color
        in_camera = self._pose.rotation.T @ hit.normals[:, nearer]
        for channel in range(3):
            self.normals[channel][window][nearer] = in_camera[channel]

    def shade(self, grain: FloatArray) -> UInt8Array:
        """One lamp under the ceiling with its falloff over a constant ambient light; a graded sky."""
        light = self._pose.rotation.T @ (_LIGHT - self._pose.position)
        to_light = light[:, None, None] - self._rays * self.depth
        squared = np.einsum("chw,chw->hw", to_light, to_light)
        cosine = np.einsum("chw,chw->hw", to_light, self.normals) / np.sqrt(squared)
        brightness = 0.42 + 1.15 * np.maximum(cosine, 0) / (1 + 0.16 * squared)
        brightness[self.mask == LAMP] = 1.0
        image = self._albedo * brightness[..., None]
        sky = self.mask == SKY
        image[sky] = np.array((150, 190, 235), np.float32) + 90 * self._world_rays[1][sky, None]
        image += grain
        np.clip(image, 0, 255, out=image)
        return image.astype(np.uint8)

    def truth(self) -> Truth:
        sky = self.mask == SKY
        depth = self.depth.copy()
        depth[sky] = np.inf
        normals = np.ascontiguousarray(np.moveaxis(self.normals, 0, -1))
        normals[sky] = np.nan
        least = max(1, int(_TOLD_FROM_PIXELS * self.instances.size))
        seen = set(np.flatnonzero(np.bincount(self.instances.reshape(-1)) >= least).tolist())
        return Truth(
            camera=self._camera,
            depth_m=depth,
            normals=normals,
            mask=self.mask,
            instances=self.instances,
            labels=LABELS,
            referring=tuple(said for said in _EXPRESSIONS if seen.issuperset(said.instance_ids)),
        )


def _texture(face: UInt8Array, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    """Planks on the floor, broad stripes on the walls: factors around one."""
    planks = (
        np.floor(x * 5).astype(np.int16) * 7 + np.floor(z * 0.9 + np.floor(x * 5) * 0.37).astype(np.int16) * 3
    ) % 5
    stripes = (np.floor((x + z) * 3).astype(np.int16) & 1) * (y < 0.35)
    factor = np.where(face == 2, 0.86 + 0.06 * planks, 1.0 - 0.06 * stripes).astype(np.float32)
    skirting = (y > 0.88) & (face != 2)
    factor[skirting] = 0.55
    return factor
