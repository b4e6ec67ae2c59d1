"""A seed makes a scene; a seed and a size make a frame.

    scene = sample_scene(7, "kitchen")
    made = world_frame(7, 256, 192)
    made.frame.rgb, made.truth.referring

Views are tried on a small label image first: a camera in a thing, before a blank wall or with nothing to see is drawn
anew, from the same seed's dice, so that a seed always ends at the same view.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from vision_banana_ros.core import Camera, DataError, Frame, Truth
from vision_banana_ros.world import poses
from vision_banana_ros.world.grammars import GRAMMARS, WEIGHTS
from vision_banana_ros.world.place import Place
from vision_banana_ros.world.referring import expressions
from vision_banana_ros.world.render import look, render
from vision_banana_ros.world.scene import Pose, Scene, View
from vision_banana_ros.world.sensor import SensorSettings, photograph
from vision_banana_ros.world.stage import Stage

PREVIEW_WH = (40, 30)
_VIEWS_PER_PLACE = 14


class Verdict(Enum):
    """What a preview says about a view."""

    GOOD = 0
    DULL = 1
    BLOCKED = 2


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WorldFrame:
    """A rendered frame of a place; the truth has its referring expressions."""

    seed: int
    place: str
    frame: Frame
    truth: Truth


def place_of(seed: int, grammars: tuple[str, ...] = ()) -> str:
    """Which kind of place a seed shows: drawn from `grammars`, or from all with their weights."""
    names = grammars or tuple(GRAMMARS)
    for name in names:
        if name not in GRAMMARS:
            raise DataError(f"no grammar is called {name!r}: choose from {', '.join(GRAMMARS)}")
    weights = np.array([WEIGHTS[name] for name in names])
    if not weights.any():  # places that mixed sets leave out, asked for by name
        weights = np.ones(len(names))
    return str(np.random.default_rng((seed, 0x91ACE)).choice(names, p=weights / weights.sum()))


def sample_scene(seed: int, grammar: str | None = None, *, width: int = 256, height: int = 192) -> Scene:
    """A furnished place with a view worth rendering."""
    name = place_of(seed, () if grammar is None else (grammar,))
    fallback: tuple[Verdict, Scene] | None = None
    for attempt in range(6):
        stage = Stage.empty(seed + 1_000_003 * attempt)
        place = GRAMMARS[name](stage)
        scene = replace(stage.build.build(_anywhere(width, height)), seed=seed)
        for _ in range(_VIEWS_PER_PLACE):
            candidate = scene.seen_by(poses.draw_view(stage, place, scene, width, height))
            verdict = judge(candidate, place)
            if verdict is Verdict.GOOD:
                return candidate
            if verdict is Verdict.DULL and fallback is None:
                fallback = (verdict, candidate)
    if fallback is None:
        raise DataError(f"seed {seed} of {name} shows no free view in 6 places: report this seed")
    return fallback[1]


def judge(scene: Scene, place: Place) -> Verdict:
    """Look at a view in small: is the camera free, is there something to see?"""
    position = scene.view.pose.position
    if position[2] > place.ceiling_m - 0.1 or poses.clearance_m(scene.parts, position) < poses.CLEARANCE_M:
        return Verdict.BLOCKED
    if height_above_ground(scene) < 0.07:
        return Verdict.BLOCKED
    wide, high = PREVIEW_WH
    truth = look(scene.seen_by(replace(scene.view, camera=scene.view.camera.scaled_to(wide, high))), threads=1)
    assert truth.depth_m is not None
    assert truth.mask is not None
    assert truth.instances is not None
    near = truth.depth_m[np.isfinite(truth.depth_m)]
    if near.size == 0 or near.min() < 0.05:
        return Verdict.BLOCKED
    instances, pixels = np.unique(truth.instances, return_counts=True)
    seen = int(((pixels >= 4) & (instances > 0)).sum())
    classes, areas = np.unique(truth.mask, return_counts=True)
    # Close things may fill a quarter of the view, a blank wall may not fill it all.
    crowded = float((near < 0.25).mean()) > 0.5
    blank = areas.max() > 0.8 * truth.mask.size
    # Most frames show much; one in four may be as bare as robots' frames often are.
    enough = 2 if scene.seed % 4 == 0 else 5
    return Verdict.GOOD if seen >= enough and len(classes) >= 3 and not blank and not crowded else Verdict.DULL


def height_above_ground(scene: Scene) -> float:
    """What a plumb line from the camera measures, in metres; negative never, infinite over nothing."""
    x, y, z = scene.view.pose.position
    down = View(camera=Camera(1.0, 1.0, 0.0, 0.0, 1, 1), pose=Pose(position=(x, y, z), pitch_deg=-90))
    depth = look(scene.seen_by(down), threads=1).depth_m
    assert depth is not None
    return float(depth[0, 0])


def world_frame(
    seed: int,
    width: int = 256,
    height: int = 192,
    *,
    grammars: tuple[str, ...] = (),
    samples: int = 2,
    sensor: bool = True,
    threads: int = 0,
) -> WorldFrame:
    """Scene, picture through a random camera, labels and referring expressions of one seed."""
    name = place_of(seed, grammars)
    scene = sample_scene(seed, name, width=width, height=height)
    rendered = render(scene, samples=samples, seed=seed, threads=threads)
    if sensor:
        strength = float(np.random.default_rng((seed, 0x5E1)).uniform(0.1, 1.0))
        rendered = photograph(rendered, SensorSettings.drawn(seed, strength=strength), seed=seed)
    truth = replace(rendered.truth, referring=expressions(scene, rendered.truth))
    return WorldFrame(seed=seed, place=name, frame=rendered.frame, truth=truth)


def _anywhere(width: int, height: int) -> View:
    return View(camera=Camera.from_hfov(70, width, height), pose=Pose(position=(0.0, 0.0, 1.0)))
