"""What a generator is asked about a frame with truth, and who is asked: only what there is a truth of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from zlib import crc32

import numpy as np

from vision_banana_ros.codecs.palette import Palette
from vision_banana_ros.core import UNLABELLED, FloatArray, Perception, Target, Task, Truth
from vision_banana_ros.data import Example
from vision_banana_ros.evaluation.baselines import PriorMaps
from vision_banana_ros.evaluation.depth_metrics import DepthRange
from vision_banana_ros.perceive import PerceiveSettings, perceive
from vision_banana_ros.prompts import Generator, Instruction

BACKGROUND = (0, 0, 0)
MIN_INSTANCE_PIXELS = 40
#: What is asked for where instances have no classes.
ANY_THING = "object"
#: Nothing is thrown away for low confidence or for lying between two surfaces. But a colour out of the depth code's
#: reach (confidence 0), such as the grey of unknown depth, says nothing: it is missing, and no metres are read from it.
SCORE_EVERYTHING = PerceiveSettings(
    min_depth_confidence=1,
    min_normals_confidence=0,
    min_mask_confidence=0,
    filter_flying_pixels=False,
    with_confidence=False,
    believes_unmetric=True,  # what is no metres is judged all the same, after scaling
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """What is asked per frame; the two limits keep sets with many classes and expressions affordable.

    known_points: so many pixels of each frame's own true depth are given to a generator that takes measured depth.
    """

    limits: DepthRange = field(default_factory=DepthRange)
    tell_hfov: bool = False
    known_points: int = 0
    instance_classes_per_frame: int = 3
    expressions_per_frame: int = 3
    countable: frozenset[str] | None = None  # classes that have instances; None: all
    priors: PriorMaps | None = None


def see(
    example: Example, generator: Generator, instructions: list[Instruction], *, known_points: int = 0
) -> Perception:
    """What the generator makes of the picture alone, and of some measured depth: the camera is hidden from it."""
    give = getattr(generator, "give_depth", None)
    if known_points and give is not None:
        give(known_depth(example, known_points), example.frame.stamp_ns)
    return perceive(replace(example.frame, camera=None), generator, instructions, SCORE_EVERYTHING)


def known_depth(example: Example, count: int) -> FloatArray:
    """The truth at `count` pixels, the same ones every time, NaN elsewhere: what a sensor would measure."""
    sparse = np.full(example.frame.hw, np.nan, np.float32)
    truth = example.truth.depth_m
    if truth is not None:
        places = np.flatnonzero(np.isfinite(truth) & (truth > 0))
        rng = np.random.default_rng(crc32(example.name.encode()))
        places = rng.choice(places, min(count, places.size), replace=False)
        sparse.flat[places] = truth.flat[places]
    return sparse


def paintable(instructions: Iterable[Instruction], generator: Generator) -> list[Instruction]:
    """Those that this generator can paint: a specialist is judged by what it does."""
    tasks = getattr(generator, "tasks", None)
    return [i for i in instructions if tasks is None or i.task in tasks]


def runtime_of(generator: Generator) -> str:
    """What ran the network and in which precision, for every report: scores differ between them."""
    report = getattr(generator, "report", None)
    return f"{report.backend.value} {report.precision.value}" if report else "no choice of runtimes"


def dense_instructions(example: Example, settings: EvaluationSettings) -> list[Instruction]:
    """One pass each for what this frame has a truth of."""
    truth = example.truth
    hfov = truth.camera.hfov_deg if settings.tell_hfov and example.camera_known else None
    instructions = []
    if truth.depth_m is not None:
        instructions.append(Instruction(Task.DEPTH, hfov_deg=hfov))
    if truth.normals is not None:
        instructions.append(Instruction(Task.NORMALS))
    if instructions and example.camera_known:
        instructions.append(Instruction(Task.RAYS))
    if truth.mask is not None:
        instructions.append(semantic_instruction(truth.labels))
    return instructions


def semantic_instruction(labels: tuple[str, ...]) -> Instruction:
    """All classes of a set in one prompt, in colours that are easy to tell apart; no background: each pixel is one."""
    colors = Palette.distinct(len(labels)).targets
    return Instruction(Task.SEMANTIC, tuple(Target(t, c) for t, c in zip(labels, colors, strict=True)))


def instance_questions(truth: Truth, settings: EvaluationSettings) -> Iterator[tuple[Instruction, np.ndarray]]:
    """(instruction, true instances of its class): the countable classes that cover most of the frame."""
    if truth.instances is None:
        return
    if truth.mask is None:
        instances = _large(truth.instances)
        if instances.any() and settings.instance_classes_per_frame:
            yield Instruction(Task.INSTANCE, (Target(ANY_THING),), background=BACKGROUND), instances
        return
    ids, areas = np.unique(truth.mask[(truth.instances > 0) & (truth.mask != UNLABELLED)], return_counts=True)
    asked = 0
    for class_id in ids[np.argsort(-areas)].tolist():
        name = truth.labels[class_id]
        if settings.countable is not None and name not in settings.countable:
            continue
        instances = _large(np.where(truth.mask == class_id, truth.instances, 0))
        if asked < settings.instance_classes_per_frame and instances.any():
            asked += 1
            yield Instruction(Task.INSTANCE, (Target(name),), background=BACKGROUND), instances


def referring_questions(truth: Truth, settings: EvaluationSettings) -> Iterator[tuple[Instruction, np.ndarray]]:
    """(instruction, true region) of the frame's first expressions."""
    if truth.instances is None:
        return
    for referring in truth.referring[: settings.expressions_per_frame]:
        target = Target(referring.text, (255, 255, 255))
        yield (
            Instruction(Task.REFERRING, (target,), background=BACKGROUND),
            np.isin(truth.instances, referring.instance_ids),
        )


def _large(instances: np.ndarray) -> np.ndarray:
    """Without regions of a few pixels: they are no fair question, and painting them is no fault either."""
    ids, pixels = np.unique(instances[instances > 0], return_counts=True)
    return np.where(np.isin(instances, ids[pixels >= MIN_INSTANCE_PIXELS]), instances, 0)
