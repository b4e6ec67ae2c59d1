"""Referring expressions with exactly one answer, from the scene graph and the rendered labels.

Each candidate is a noun ("chair", "red chair") and maybe a relation ("leftmost", "on the table"). A relation says of
each visible instance yes, no, or unclear (None: too close to call). An expression counts only if the yeses are what it
names and nothing is unclear, judged on the pixels that were rendered: what a reader of the image can check.

Convention
    left, right, nearest: as the image shows it, from the camera's side. "largest": in metres and in pixels.
    Slivers of a few pixels take part in the comparison, but are never the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vision_banana_ros.core import DataError, Referring, Truth
from vision_banana_ros.tasks import vocabulary
from vision_banana_ros.world.scene import Scene, Thing

MIN_SHARE = 0.0015  # of the image: the smallest answer
SIDE_MARGIN = 0.05  # of the width: what "left of" must exceed
DEPTH_RATIO = 1.15
SIZE_RATIO = 1.35
MOST = 16  # expressions per frame

#: Colours that light and shadow turn into one another.
_ALIKE: tuple[frozenset[str], ...] = (
    frozenset({"black", "grey"}),
    frozenset({"white", "grey"}),
    frozenset({"white", "beige"}),
    frozenset({"black", "brown"}),
    frozenset({"orange", "brown"}),
    frozenset({"orange", "red"}),
    frozenset({"orange", "yellow"}),
    frozenset({"pink", "purple"}),
    frozenset({"beige", "brown"}),
    frozenset({"beige", "yellow"}),
    frozenset({"black", "blue"}),
    frozenset({"red", "brown"}),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What an image shows of one instance."""

    thing: Thing
    share: float  # of all pixels
    u: float  # middle and ends as shares of the width
    left: float
    right: float
    depth_m: float

    @property
    def volume_m3(self) -> float:
        a, b, c = self.thing.size_m
        return a * b * c


Test = Callable[[Seen], bool | None]


@dataclass(frozen=True, slots=True)
class Noun:
    """A class, with or without a colour, and the instances it may mean."""

    text: str
    plural: str
    members: tuple[Seen, ...]


def expressions(scene: Scene, truth: Truth) -> tuple[Referring, ...]:
    """Up to MOST expressions, a different mix for each seed."""
    seen = visible(scene, truth)
    found: dict[str, tuple[int, ...]] = {}
    for noun in nouns(seen):
        for text, members in _of_noun(noun, seen):
            found.setdefault(text, tuple(sorted(s.thing.instance_id for s in members)))
    texts = list(found)
    order = np.random.default_rng((scene.seed, 0x5E7)).permutation(len(texts))
    return tuple(Referring(texts[i], found[texts[i]]) for i in order[:MOST])


def visible(scene: Scene, truth: Truth) -> tuple[Seen, ...]:
    """Every instance that has a pixel, largest first."""
    if truth.instances is None or truth.depth_m is None:
        raise DataError("referring expressions need a truth with instances and depth: render one first")
    width = truth.instances.shape[1]
    flat, depth = truth.instances.ravel(), truth.depth_m.ravel()
    order = np.argsort(flat, kind="stable")
    ids, starts = np.unique(flat[order], return_index=True)
    by_id = {thing.instance_id: thing for thing in scene.things if thing.instance_id > 0}
    seen = []
    for instance_id, pixels in zip(ids.tolist(), np.split(order, starts[1:]), strict=True):
        if instance_id == 0:
            continue
        columns = (pixels % width + 0.5) / width
        seen.append(
            Seen(
                thing=by_id[instance_id],
                share=len(pixels) / flat.size,
                u=float(columns.mean()),
                left=float(columns.min()),
                right=float(columns.max()),
                depth_m=float(np.median(depth[pixels])),
            )
        )
    return tuple(sorted(seen, key=lambda s: -s.share))


def nouns(seen: Sequence[Seen]) -> Iterator[Noun]:
    """Each class in view, then each class with a colour that tells its members apart."""
    by_name: dict[str, list[Seen]] = {}
    for one in seen:
        by_name.setdefault(one.thing.name, []).append(one)
    for name, members in by_name.items():
        plural = vocabulary.word(name).plural
        yield Noun(name, plural, tuple(members))
        for color in sorted({s.thing.color for s in members if s.thing.color}):
            others = {s.thing.color for s in members} - {color}
            if "" in others or any(frozenset({color, other}) in _ALIKE for other in others):
                continue
            text, many = f"{color} {name}", f"{color} {plural}"
            if name == "person":  # the colour is that of the clothes
                text, many = f"person in {color}", f"people in {color}"
            yield Noun(text, many, tuple(s for s in members if s.thing.color == color))


def _of_noun(noun: Noun, seen: Sequence[Seen]) -> Iterator[tuple[str, tuple[Seen, ...]]]:
    if len(noun.members) == 1:
        if noun.members[0].share >= MIN_SHARE:
            yield f"the {noun.text}", noun.members
        return
    if all(s.share >= MIN_SHARE / 3 for s in noun.members) and len(noun.members) <= 8:
        yield f"all {noun.plural}", noun.members
    for text, test in (*_superlatives(noun), *_relations(noun, seen)):
        answer = sole_answer(noun.members, test)
        if answer is not None:
            yield text, (answer,)


def sole_answer(members: Sequence[Seen], test: Test) -> Seen | None:
    """The one member that passes while all others clearly fail, large enough to point at; else None."""
    verdicts = [test(member) for member in members]
    if verdicts.count(True) != 1 or None in verdicts:
        return None
    answer = members[verdicts.index(True)]
    return answer if answer.share >= MIN_SHARE else None


def _superlatives(noun: Noun) -> Iterator[tuple[str, Test]]:
    first, plenty = noun.members, len(noun.members) > 2
    yield (f"the leftmost {noun.text}" if plenty else f"the {noun.text} on the left"), _least(first, _u, SIDE_MARGIN)
    yield (
        (f"the rightmost {noun.text}" if plenty else f"the {noun.text} on the right"),
        _least(first, _minus_u, SIDE_MARGIN),
    )
    nearest = "nearest to the camera" if plenty else "closer to the camera"
    yield f"the {noun.text} {nearest}", _least(first, _log_depth, float(np.log(DEPTH_RATIO)))
    yield f"the {noun.text} farthest away", _least(first, _minus_log_depth, float(np.log(DEPTH_RATIO)))
    big = _least(first, _minus_log_volume, float(np.log(SIZE_RATIO)))
    wide = _least(first, _minus_log_share, float(np.log(SIZE_RATIO)))
    yield f"the {'largest' if plenty else 'larger'} {noun.text}", _both(big, wide)


def _least(members: Sequence[Seen], key: Callable[[Seen], float], margin: float) -> Test:
    """Is it the least by `key`, and by at least `margin`? Unclear for those within the margin of the least."""
    values = sorted(key(s) for s in members)
    clear = values[1] - values[0] >= margin

    def test(one: Seen) -> bool | None:
        if key(one) > values[0]:
            return False if clear or key(one) - values[0] >= margin else None
        return True if clear else None

    return test


def _both(a: Test, b: Test) -> Test:
    def test(one: Seen) -> bool | None:
        verdicts = (a(one), b(one))
        if False in verdicts and True in verdicts:
            return None
        return None if None in verdicts else verdicts[0]

    return test


def _relations(noun: Noun, seen: Sequence[Seen]) -> Iterator[tuple[str, Test]]:
    """To the left and right of, in front of, behind, on: anchors are things that their class alone names."""
    names = [s.thing.name for s in seen]
    for anchor in seen[:12]:
        name = anchor.thing.name
        if names.count(name) != 1 or anchor.share < 2 * MIN_SHARE or anchor in noun.members:
            continue
        yield f"the {noun.text} left of the {name}", _left_of(anchor)
        yield f"the {noun.text} right of the {name}", _right_of(anchor)
        yield f"the {noun.text} on the {name}", _on(anchor)
        yield f"the {noun.text} behind the {name}", _behind(anchor)


def _left_of(anchor: Seen) -> Test:
    def test(one: Seen) -> bool | None:
        if one.right < anchor.left + 0.25 * (anchor.right - anchor.left) and one.u < anchor.u - SIDE_MARGIN:
            return True
        return False if one.u > anchor.u + SIDE_MARGIN else None

    return test


def _right_of(anchor: Seen) -> Test:
    def test(one: Seen) -> bool | None:
        if one.left > anchor.right - 0.25 * (anchor.right - anchor.left) and one.u > anchor.u + SIDE_MARGIN:
            return True
        return False if one.u < anchor.u - SIDE_MARGIN else None

    return test


def _behind(anchor: Seen) -> Test:
    """Farther away, and at least half of it within the anchor's columns."""

    def test(one: Seen) -> bool | None:
        overlap = min(one.right, anchor.right) - max(one.left, anchor.left)
        within = overlap > 0.5 * (one.right - one.left)
        if within and one.depth_m > DEPTH_RATIO * anchor.depth_m:
            return True
        return False if overlap <= 0 or one.depth_m < anchor.depth_m else None

    return test


def _on(anchor: Seen) -> Test:
    """Its foot is at or above the anchor's middle and its middle is within the anchor's sides."""

    def test(one: Seen) -> bool | None:
        box, other = anchor.thing, one.thing
        x, y = ((other.lower[i] + other.upper[i]) / 2 for i in (0, 1))
        over = box.lower[0] < x < box.upper[0] and box.lower[1] < y < box.upper[1]
        if not over:
            return False
        rests = abs(other.lower[2] - box.upper[2]) < 0.06
        return True if rests else None

    return test


def _u(one: Seen) -> float:
    return one.u


def _minus_u(one: Seen) -> float:
    return -one.u


def _log_depth(one: Seen) -> float:
    return float(np.log(max(one.depth_m, 0.01)))


def _minus_log_depth(one: Seen) -> float:
    return -_log_depth(one)


def _minus_log_volume(one: Seen) -> float:
    return -float(np.log(max(one.volume_m3, 1e-9)))


def _minus_log_share(one: Seen) -> float:
    return -float(np.log(one.share))
