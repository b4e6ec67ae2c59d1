"""Prompt -> what it asks, for every form that the paper shows. Total: any string is read, or refused in one line.

Which words mean which task stands in tasks/; the forms are read here, by what a task takes: classes whose instances are
told apart, a map or sentences with colours, nothing at all. Any other text is an IMAGE prompt.
"""

from __future__ import annotations

import re

from vision_banana_ros.core import Ask, InstructionError, Rgb, Takes, Target, Task, describe
from vision_banana_ros.prompts import wording
from vision_banana_ros.prompts.clauses import Clause, find_clauses
from vision_banana_ros.prompts.colors import color_from_text
from vision_banana_ros.prompts.maps import FoundMap, find_map
from vision_banana_ros.prompts.quotes import ASIDE, Masked, mask
from vision_banana_ros.tasks import Room, rooms
from vision_banana_ros.tasks.image import PICTURE_PREFIX

_PICTURE = re.compile(rf"{PICTURE_PREFIX} (?P<words>{ASIDE})\s*")
_OWN_COLOR = (
    r"(?:its|their)\s+own\s+colou?r|an?\s+(?:different|distinct|unique|separate|individual)\s+colou?r"
    r"|(?:different|distinct|unique|separate)(?:ly)?(?:\s+colou?r(?:s|ed)?)?|colou?red\s+(?:differently|individually)"
)
_EACH = re.compile(
    rf"\b(?:every|each|all)(?:\s+(?:instances?\s+of|of|the|single|individual)\b)*\s+(?P<name>{ASIDE}|[^.;:\n]{{1,200}}?)\s+"
    rf"(?:(?:has|have|is|are|gets?|in|with|as|painted|assigned|given|receives?|shown|coloured|colored|drawn|must|should|be)\s+)*(?:{_OWN_COLOR})",
    re.IGNORECASE,
)
_OF_CLASS = re.compile(
    rf"\binstance segmentation (?:map )?(?:of|on|for)\s+(?:(?:all|every|each|the)\s+)*"
    rf"(?P<name>{ASIDE}|[^.,;:\n]{{1,200}}?)"
    r"(?=\s*(?:[.,;:\n]|$|\bin (?:this|the) (?:image|picture|photo|frame)\b))",
    re.IGNORECASE,
)
_THIS_IMAGE = re.compile(
    r"^(?:this|the|an?)?\s*(?:input\s+)?(?:image|picture|photo(?:graph)?|frame|input|scene|instances?|ones?|objects?)\b",
    re.IGNORECASE,
)


def read_ask(text: str) -> Ask:
    """What `text` asks for; InstructionError when it contradicts itself or is empty."""
    if not isinstance(text, str):
        raise InstructionError(f"a prompt must be a str, got {describe(text)}")
    if not text.strip():
        raise InstructionError("the prompt is empty: say what to paint, such as 'A metric depth map of this picture.'")
    masked = mask(text)
    around, hfov_deg = wording.take_hfov(masked.text)
    masked = Masked(around, masked.quotations)
    picture = _PICTURE.fullmatch(masked.text)
    if picture:
        return Ask(Task.IMAGE, text=masked.restore(picture["words"]), hfov_deg=hfov_deg)
    for read_form in (_read_mixed, _read_instances, _read_map, _read_sentences, _read_geometry):
        ask = read_form(masked, hfov_deg)
        if ask is not None:
            return ask
    if wording.is_segmentation(masked.text):
        raise InstructionError(
            f"the prompt {text[:60]!r} asks for a segmentation without saying what to paint in which colour: "
            'add for example {"floor": "#80C000"}'
        )
    return Ask(Task.IMAGE, text=text)


def _that_take(takes: Takes) -> list[Room]:
    """The more special ones first."""
    return [room for room in reversed(rooms()) if room.task.takes is takes]


def _colored_task(around: str, phrases: tuple[str, ...], *, is_map: bool) -> Task:
    return next(r.task for r in _that_take(Takes.COLORS) if r.claims(around, phrases, is_map=is_map))


def _read_map(masked: Masked, hfov_deg: float | None) -> Ask | None:
    try:
        found = find_map(masked)
    except InstructionError:
        if wording.is_segmentation(masked.text):
            raise
        return None  # braces in some other text
    if found is None or not found.entries:
        return None
    return _from_map(found, Masked(found.around, masked.quotations), hfov_deg)


def _from_map(found: FoundMap, around: Masked, hfov_deg: float | None) -> Ask:
    background: Rgb | None = None
    targets: list[Target] = []
    for entry in found.entries:
        color = color_from_text(entry.value)
        if wording.is_background(entry.key):
            background = _only(background, color)
        else:
            targets.append(Target(entry.key, color))
    for clause in find_clauses(around):
        if clause.is_background:
            background = _only(background, clause.color)
    task = _colored_task(found.around, (), is_map=True)
    return Ask(task, tuple(targets), background, hfov_deg)


def _read_sentences(masked: Masked, hfov_deg: float | None) -> Ask | None:
    asks = wording.is_segmentation(masked.text)
    try:
        clauses = find_clauses(masked)
    except InstructionError:
        if asks:
            raise
        return None  # "a room whose walls are painted in lavish patterns"
    named = tuple(clause for clause in clauses if not clause.is_background)
    # "The background" may be a photograph's; of "everything else" only somebody speaks who has named the rest.
    is_certain = any(c.is_certain or (c.is_background and c.subject.lower() != "background") for c in clauses)
    if not named or not (asks or is_certain):
        return None
    task = _colored_task(masked.text, tuple(clause.subject for clause in named), is_map=False)
    targets = tuple(Target(clause.subject, clause.color) for clause in named)
    return Ask(task, targets, _background(clauses), hfov_deg)


def _read_instances(masked: Masked, hfov_deg: float | None) -> Ask | None:
    room = next((r for r in _that_take(Takes.CLASS) if r.claims(masked.text, (), is_map=False)), None)
    classes = _told_apart(masked) if room is not None else []
    if room is None or not classes:
        return None
    name, rest = classes[0]
    return Ask(room.task, (Target(name),), _background(find_clauses(rest)), hfov_deg)


def _read_mixed(masked: Masked, hfov_deg: float | None) -> Ask | None:
    """Classes in given colours, by a map or sentences, and classes that are told apart."""
    room = next((r for r in _that_take(Takes.MIXED) if r.claims(masked.text, (), is_map=False)), None)
    if room is None:
        return None
    targets: list[Target] = []
    rest = masked
    while classes := _told_apart(rest):
        name, rest = classes[0]
        targets.append(Target(name))
    colored = _read_map(rest, hfov_deg) or _read_sentences(rest, hfov_deg)
    background = _background(find_clauses(rest)) if colored is None else colored.background
    if colored is not None:
        targets = [*colored.targets, *targets]
    return Ask(room.task, tuple(targets), background, hfov_deg) if targets else None


def _told_apart(masked: Masked) -> list[tuple[str, Masked]]:
    """Each class that "every chair has its own colour" names, and the prompt without these words."""
    named = []
    for found in (*_EACH.finditer(masked.text), *_OF_CLASS.finditer(masked.text)):
        if not _THIS_IMAGE.match(found["name"]):
            rest = Masked(f"{masked.text[: found.start()]} {masked.text[found.end() :]}", masked.quotations)
            named.append((masked.restore(found["name"]), rest))
    return named


def _read_geometry(masked: Masked, hfov_deg: float | None) -> Ask | None:
    found = [room for room in _that_take(Takes.NOTHING) if room.claims(masked.text, (), is_map=False)]
    if len(found) > 1:
        names = " and ".join(room.task.value for room in reversed(found))
        raise InstructionError(f"the prompt {masked.text[:60]!r} asks for {names}: one prompt asks for one canvas")
    return Ask(found[0].task, hfov_deg=hfov_deg, **found[0].options(masked.text)) if found else None


def _background(clauses: tuple[Clause, ...]) -> Rgb | None:
    background: Rgb | None = None
    for clause in clauses:
        if clause.is_background:
            background = _only(background, clause.color)
    return background


def _only(before: Rgb | None, color: Rgb) -> Rgb:
    if before is not None and before != color:
        raise InstructionError(f"the background is given two colours, {before} and {color}: say one")
    return color
