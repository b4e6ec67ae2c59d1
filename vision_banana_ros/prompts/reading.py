"""Prompt -> Instruction, for every form that the paper shows. Total: any string is read, or refused in one line.

In this order: a map, sentences with colours, instances, depth, normals and rays; any other text is an IMAGE prompt.
"""

from __future__ import annotations

import re

from vision_banana_ros.core import Instruction, InstructionError, Rgb, Target, Task, describe
from vision_banana_ros.prompts import wording
from vision_banana_ros.prompts.clauses import Clause, find_clauses
from vision_banana_ros.prompts.colors import color_from_text
from vision_banana_ros.prompts.maps import FoundMap, find_map
from vision_banana_ros.prompts.quotes import ASIDE, Masked, mask

#: How a picture is asked for whose words would read as another task.
PICTURE_PREFIX = "A picture of these words:"
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


def read(text: str) -> Instruction:
    """The instruction that `text` stands for; InstructionError when it contradicts itself or is empty."""
    if not isinstance(text, str):
        raise InstructionError(f"a prompt must be a str, got {describe(text)}")
    if not text.strip():
        raise InstructionError("the prompt is empty: say what to paint, such as 'A metric depth map of this picture.'")
    masked = mask(text)
    around, hfov_deg = wording.take_hfov(masked.text)
    masked = Masked(around, masked.quotations)
    picture = _PICTURE.fullmatch(masked.text)
    if picture:
        return Instruction(Task.IMAGE, text=masked.restore(picture["words"]), hfov_deg=hfov_deg)
    if wording.is_instance(masked.text) and (found := _read_instances(masked, hfov_deg)) is not None:
        return found
    for read_form in (_read_map, _read_sentences, _read_geometry):
        instruction = read_form(masked, hfov_deg)
        if instruction is not None:
            return instruction
    if wording.is_segmentation(masked.text):
        raise InstructionError(
            f"the prompt {text[:60]!r} asks for a segmentation without saying what to paint in which colour: "
            'add for example {"floor": "#80C000"}'
        )
    return Instruction(Task.IMAGE, text=text)


def _read_map(masked: Masked, hfov_deg: float | None) -> Instruction | None:
    try:
        found = find_map(masked)
    except InstructionError:
        if wording.is_segmentation(masked.text):
            raise
        return None  # braces in some other text
    if found is None or not found.entries:
        return None
    return _from_map(found, Masked(found.around, masked.quotations), hfov_deg)


def _from_map(found: FoundMap, around: Masked, hfov_deg: float | None) -> Instruction:
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
    task = wording.semantic_or_referring(found.around, (), is_map=True)
    return Instruction(task, tuple(targets), background, hfov_deg)


def _read_sentences(masked: Masked, hfov_deg: float | None) -> Instruction | None:
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
    task = wording.semantic_or_referring(masked.text, tuple(clause.subject for clause in named), is_map=False)
    targets = tuple(Target(clause.subject, clause.color) for clause in named)
    return Instruction(task, targets, _background(clauses), hfov_deg)


def _read_instances(masked: Masked, hfov_deg: float | None) -> Instruction | None:
    for found in (*_EACH.finditer(masked.text), *_OF_CLASS.finditer(masked.text)):
        if _THIS_IMAGE.match(found["name"]):
            continue
        target = Target(masked.restore(found["name"]))
        rest = Masked(f"{masked.text[: found.start()]} {masked.text[found.end() :]}", masked.quotations)
        return Instruction(Task.INSTANCE, (target,), _background(find_clauses(rest)), hfov_deg)
    return None


def _read_geometry(masked: Masked, hfov_deg: float | None) -> Instruction | None:
    task = wording.geometry_task(masked.text)
    if task is None:
        return None
    encoding = wording.depth_encoding(masked.text) if task is Task.DEPTH else "cube"
    return Instruction(task, hfov_deg=hfov_deg, depth_encoding=encoding)


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
