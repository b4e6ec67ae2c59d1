"""True edit pairs, which only a renderer can give: the same scene with one thing changed, from the same light paths.

    for edit in possible_edits(scene, truth, rng):
        edit.text                          "remove the red chair", "the same at night", "make the walls blue" ...
        render(edit.scene, seed=seed)      all else is as before

An edit is offered only where it can be seen: a thing of some pixels on which nothing stands, walls that show, room for
a step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from vision_banana_ros.core import Truth
from vision_banana_ros.world.poses import CLEARANCE_M, clearance_m
from vision_banana_ros.world.render import KEY
from vision_banana_ros.world.scene import Color, Parts, Scene, Sky, Sun, Thing

#: A step sideways: of the middle distance of what is seen, and at most. A whole one in a close-up shows another place.
STEP_SHARE, STEP_M = 0.12, 0.3
#: Of the picture: what a removed thing must show at least, and at most (the rest would be a guess about a blank view).
_LEAST_SHARE, _MOST_SHARE = 0.012, 0.35
_LEAST_WALL = 0.08
#: How near to a thing's top another one's bottom is if it stands on it.
_RESTS_M = 0.06
#: What is part of the building, or shines: without it the picture changes in more than one place.
_STAYS = frozenset(
    {"lamp", "ceiling light", "street lamp", "door frame", "pillar", "stairs", "window", "elevator", "door"}
)
_WALL_COLORS: dict[str, Color] = {
    "red": (0.55, 0.06, 0.05),
    "green": (0.08, 0.35, 0.1),
    "blue": (0.06, 0.12, 0.5),
    "yellow": (0.75, 0.55, 0.06),
    "white": (0.85, 0.85, 0.85),
    "black": (0.03, 0.03, 0.03),
}
_NIGHT_SKY = Sky(zenith=(0.004, 0.006, 0.014), horizon=(0.02, 0.018, 0.02))
#: Night is exposed to less than day is, or it would look like an overcast noon.
NIGHT_KEY = 0.35 * KEY


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Edit:
    """What to say, the scene after it, and what it is exposed to."""

    kind: str
    text: str
    scene: Scene
    key: float = KEY


def possible_edits(scene: Scene, truth: Truth, rng: np.random.Generator) -> list[Edit]:
    """One edit of each kind that this view allows, in the order of this module."""
    found = (removed(scene, truth, rng), at_night(scene), painted(scene, truth, rng), stepped(scene, truth, rng))
    return [edit for edit in found if edit is not None]


def removed(scene: Scene, truth: Truth, rng: np.random.Generator) -> Edit | None:
    """One thing less; it is named by its class, and by its colour where there are others of the class."""
    assert truth.instances is not None
    counts = np.bincount(truth.instances.ravel())
    things = {thing.instance_id: i for i, thing in enumerate(scene.things) if thing.instance_id > 0}
    seen = [i for i in np.flatnonzero(counts).tolist() if i in things]
    said = {i: _called(scene.things[things[i]], [scene.things[things[j]] for j in seen]) for i in seen}
    choices = [
        i
        for i in seen
        if _LEAST_SHARE <= counts[i] / truth.instances.size <= _MOST_SHARE
        and said[i]
        and scene.things[things[i]].name not in _STAYS
        and not _carries(scene.things[things[i]], scene.things)
    ]
    if not choices:
        return None
    chosen = choices[int(rng.integers(len(choices)))]
    parts = scene.parts
    keep = parts.things != things[chosen]
    if keep.all() or not keep.any():
        return None
    return Edit(kind="remove", text=f"remove the {said[chosen]}", scene=replace(scene, parts=_rows(parts, keep)))


def at_night(scene: Scene) -> Edit | None:
    """The sun down, the lamps as they are; nothing where it is night already."""
    if max(scene.sky.horizon) < 0.1:
        return None
    moon = None
    if scene.sun is not None:
        moon = Sun(direction=scene.sun.direction, color=(0.006, 0.007, 0.012), radius_deg=scene.sun.radius_deg)
    fog = replace(scene.weather, fog_color=(0.02, 0.018, 0.02))
    night = replace(scene, sun=moon, sky=replace(_NIGHT_SKY, seed=scene.sky.seed), weather=fog)
    return Edit(kind="night", text="the same at night", scene=night, key=NIGHT_KEY)


def painted(scene: Scene, truth: Truth, rng: np.random.Generator) -> Edit | None:
    """All walls in another colour; their pattern and everything else on them stays."""
    assert truth.mask is not None
    if "wall" not in truth.labels or (truth.mask == truth.labels.index("wall")).mean() < _LEAST_WALL:
        return None
    name = sorted(_WALL_COLORS)[int(rng.integers(len(_WALL_COLORS)))]
    color = _WALL_COLORS[name]
    walls = np.array([thing.name == "wall" for thing in scene.things])
    of_walls = walls[scene.parts.things]
    used = np.unique(scene.parts.materials[of_walls]).tolist()
    materials, numbers = list(scene.materials), scene.parts.materials.copy()
    for old in used:
        darker = (color[0] * 0.85, color[1] * 0.85, color[2] * 0.85)
        materials.append(replace(scene.materials[old], color=color, color_b=darker))
        numbers[of_walls & (scene.parts.materials == old)] = len(materials) - 1
    changed = replace(scene, materials=tuple(materials), parts=replace(scene.parts, materials=numbers))
    return Edit(kind="walls", text=f"make the walls {name}", scene=changed)


def stepped(scene: Scene, truth: Truth, rng: np.random.Generator) -> Edit | None:
    """The camera moved sideways, looking the same way."""
    assert truth.depth_m is not None
    pose = scene.view.pose
    step_m = min(STEP_M, STEP_SHARE * float(np.median(truth.depth_m)))
    sides = ["left", "right"] if rng.random() < 0.5 else ["right", "left"]
    for side in sides:
        way = pose.axes[0] * (step_m if side == "right" else -step_m)
        half, full = (tuple(np.add(pose.position, way * share).tolist()) for share in (0.5, 1.0))
        if min(clearance_m(scene.parts, half), clearance_m(scene.parts, full)) < CLEARANCE_M:
            continue
        moved = replace(pose, position=(full[0], full[1], full[2]))
        seen = scene.seen_by(replace(scene.view, pose=moved))
        return Edit(kind="step", text=f"seen from a step to the {side}", scene=seen)
    return None


def caption(place: str, scene: Scene, truth: Truth, *, most: int = 5) -> str:
    """ "a kitchen at night with a brown table, two chairs and a window": what is largest first."""
    assert truth.instances is not None
    counts = np.bincount(truth.instances.ravel(), minlength=1)
    kinds: dict[str, list[Thing]] = {}
    areas: dict[str, int] = {}
    for thing in scene.things:
        if 0 < thing.instance_id < len(counts) and counts[thing.instance_id] >= 0.004 * truth.instances.size:
            kinds.setdefault(thing.name, []).append(thing)
            areas[thing.name] = areas.get(thing.name, 0) + int(counts[thing.instance_id])
    named = sorted(kinds, key=lambda name: -areas[name])[:most]
    said = list(_counted(kinds, named))
    hour = " at night" if max(scene.sky.horizon) < 0.1 else ""
    what = f" with {', '.join(said[:-1])}{' and ' if len(said) > 1 else ''}{said[-1]}" if said else ""
    return f"{_article(place)} {place}{hour}{what}"


def _counted(kinds: dict[str, list[Thing]], named: list[str]) -> Iterator[str]:
    from vision_banana_ros.tasks import vocabulary

    numbers = {2: "two", 3: "three", 4: "four", 5: "five"}
    for name in named:
        things = kinds[name]
        if len(things) == 1:
            noun = f"{things[0].color} {name}".strip()
            yield f"{_article(noun)} {noun}"
        else:
            yield f"{numbers.get(len(things), 'many')} {vocabulary.word(name).plural}"


def _article(noun: str) -> str:
    return "an" if noun[:1] in "aeiou" else "a"


def _called(thing: Thing, seen: list[Thing]) -> str:
    """Its class, with its colour where others are of that class; "" where that does not tell it apart."""
    alike = [other for other in seen if other.name == thing.name]
    if len(alike) == 1:
        return thing.name
    if thing.color and sum(other.color == thing.color for other in alike) == 1:
        return f"{thing.color} {thing.name}"
    return ""


def _carries(thing: Thing, things: tuple[Thing, ...]) -> bool:
    """Whether something would float, or lose what it is in, without it."""
    for other in things:
        if other is thing or other.instance_id == 0:
            continue
        beside = any(other.upper[axis] < thing.lower[axis] or other.lower[axis] > thing.upper[axis] for axis in (0, 1))
        if not beside and thing.lower[2] + _RESTS_M < other.lower[2] <= thing.upper[2] + _RESTS_M:
            return True
    return False


def _rows(parts: Parts, keep: np.ndarray) -> Parts:
    return Parts(
        kinds=parts.kinds[keep],
        centers=parts.centers[keep],
        axes=parts.axes[keep],
        sizes=parts.sizes[keep],
        anchors=parts.anchors[keep],
        materials=parts.materials[keep],
        things=parts.things[keep],
    )
