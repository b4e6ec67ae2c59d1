"""`Scene` to the flat arrays of `World`, seen from its camera."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vision_banana_ros.world.bounds import is_unbounded, world_extents
from vision_banana_ros.world.scene import Lamp, Material, Matrix, Panel, Scene
from vision_banana_ros.world.tracing import layout as at
from vision_banana_ros.world.tracing.layout import World
from vision_banana_ros.world.tracing.tree import build_tree


def pack(scene: Scene) -> World:
    """Positions become relative to the camera; bounded parts are sorted into a tree, the unbounded ones follow."""
    parts, eye = scene.parts, np.asarray(scene.view.pose.position, float)
    centers = parts.centers - eye
    unbounded = is_unbounded(parts)
    bounded = np.flatnonzero(~unbounded)
    reach = world_extents(parts)[bounded]
    boxes, links, order = build_tree(centers[bounded] - reach, centers[bounded] + reach)
    rows = np.concatenate([bounded[order], np.flatnonzero(unbounded)])

    flat = np.zeros((len(rows), at.PART_FLOATS), np.float32)
    flat[:, at.CENTER : at.CENTER + 3] = centers[rows]
    flat[:, at.AXES : at.AXES + 9] = parts.axes[rows].reshape(-1, 9)
    flat[:, at.SIZES : at.SIZES + 6] = parts.sizes[rows, :6]
    flat[:, at.ANCHOR : at.ANCHOR + 3] = parts.anchors[rows]
    flat[:, at.KIND] = parts.kinds[rows]
    solid = np.array([m.emission <= 0 and m.transparency <= 0 for m in scene.materials])
    flat[:, at.SHADOW] = solid[parts.materials[rows]]
    tags = np.zeros((len(rows), at.TAG_INTS), np.int32)
    tags[:, at.MATERIAL] = parts.materials[rows]
    owners = parts.things[rows]
    tags[:, at.CLASS] = np.array([thing.class_id for thing in scene.things])[owners]
    tags[:, at.INSTANCE] = np.array([thing.instance_id for thing in scene.things])[owners]

    lights = [_lamp(lamp, eye) for lamp in scene.lamps] + [_panel(panel, eye) for panel in scene.panels]
    counts = np.zeros(at.COUNTS, np.int32)
    counts[at.BOUNDED], counts[at.ALL_PARTS], counts[at.ALL_LIGHTS] = len(bounded), len(rows), len(lights)
    counts[at.HAS_SUN] = scene.sun is not None
    counts[at.HAS_PORTAL] = any(panel.portal for panel in scene.panels)
    counts[at.SKY_CLASS] = scene.sky_id
    counts[at.SEED_BITS] = scene.seed & 0x7FFFFFFF
    return World(
        parts=flat,
        tags=tags,
        materials=np.array([_material(m) for m in scene.materials], np.float32),
        boxes=boxes,
        links=links,
        lights=np.array(lights, np.float32).reshape(-1, at.LIGHT_FLOATS),
        settings=_settings(scene),
        counts=counts,
    )


def _material(m: Material) -> list[float]:
    looks = [m.pattern, m.scale, m.detail, m.roughness, m.specular, m.metal, m.bump, m.emission, m.transparency]
    return [*m.color, *m.color_b, *looks, m.seed % 65_536]


def _lamp(lamp: Lamp, eye: Matrix) -> list[float]:
    row = [0.0] * at.LIGHT_FLOATS
    row[at.LIGHT_KIND], row[at.LIGHT_RADIUS] = at.LAMP, lamp.radius
    row[at.LIGHT_CENTER : at.LIGHT_CENTER + 3] = (np.asarray(lamp.position) - eye).tolist()
    row[at.LIGHT_COLOR : at.LIGHT_COLOR + 3] = lamp.color
    return row


def _panel(panel: Panel, eye: Matrix) -> list[float]:
    row = [0.0] * at.LIGHT_FLOATS
    normal = np.cross(panel.u, panel.v)
    length = float(np.linalg.norm(normal))
    row[at.LIGHT_KIND], row[at.LIGHT_AREA] = at.PORTAL if panel.portal else at.PANEL, 4 * length
    row[at.LIGHT_CENTER : at.LIGHT_CENTER + 3] = (np.asarray(panel.center) - eye).tolist()
    row[at.LIGHT_U : at.LIGHT_U + 3], row[at.LIGHT_V : at.LIGHT_V + 3] = panel.u, panel.v
    row[at.LIGHT_COLOR : at.LIGHT_COLOR + 3] = panel.color
    row[at.LIGHT_NORMAL : at.LIGHT_NORMAL + 3] = (normal / max(length, 1e-12)).tolist()
    return row


def _settings(scene: Scene) -> Any:
    s = np.zeros(at.SETTINGS, np.float32)
    camera, lens = scene.view.camera, scene.view.lens
    s[at.RIGHT : at.RIGHT + 9] = scene.view.pose.axes.reshape(-1)
    s[at.FX], s[at.FY], s[at.CX], s[at.CY] = camera.fx, camera.fy, camera.cx, camera.cy
    s[at.LENS], s[at.LENS_COEFFICIENTS : at.LENS_COEFFICIENTS + 5] = lens.kind, lens.coefficients
    if scene.sun is not None:
        s[at.SUN_DIRECTION : at.SUN_DIRECTION + 3] = scene.sun.direction
        s[at.SUN_COLOR : at.SUN_COLOR + 3] = scene.sun.color
        s[at.SUN_RADIUS] = math.tan(math.radians(scene.sun.radius_deg))
    sky, weather = scene.sky, scene.weather
    s[at.ZENITH : at.ZENITH + 3], s[at.HORIZON : at.HORIZON + 3] = sky.zenith, sky.horizon
    s[at.CLOUDS], s[at.CLOUD_COLOR : at.CLOUD_COLOR + 3], s[at.SKY_SEED] = sky.clouds, sky.cloud_color, sky.seed % 1000
    s[at.FOG], s[at.FOG_COLOR : at.FOG_COLOR + 3] = weather.fog_per_m, weather.fog_color
    s[at.AMBIENT] = weather.ambient
    return s
