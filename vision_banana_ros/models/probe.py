"""Does a model tell the truth in our terms? Asked on scenes whose truth is exact, a few frames each.

    depth      scale = median(true / painted), and the line 1 / true = a / painted + b: metres, feet, or no unit at all;
               its order against the truth's: near and far swapped; against the mirrored truth's: left and right swapped
    normals    all 48 ways to swap and flip three axes: which of them fits best, and by how much better than none
    classes    share of pixels that get their true class
    colours    share of pixels whose colour is a valid code
    alignment  by how many pixels the edges of the painted map lie beside the true ones
    speed      milliseconds a frame; memory that loading and running took

A scene is no photograph: how good a model is on a robot, only the robot's pictures say. Which way its numbers are to be
read shows on any scene that it can make out.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations, product

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.codecs import Palette
from vision_banana_ros.core import UNLABELLED, FloatArray, Footage, Frame, Target, Task, Truth
from vision_banana_ros.geometry.anchor import DepthKind, fit
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.tasks import DecodeSettings

_Floats = npt.NDArray[np.float64]

OK, WRONG, UNSURE = "ok", "WRONG", "unsure"
#: Half a metre taken for one, or two: beyond that it is another unit, not a poor guess.
_UNIT_FACTOR = 2.0
_SEEN = 0.2  # correlation from which on a model is taken to see the scene at all
_CLEAR_ANGLE_DEG = 10.0
_SURE = 64
_SURE_SHARE = 0.5
_REACH_PX = 6
_ALL = DecodeSettings(min_depth_confidence=_SURE, min_normals_confidence=_SURE, filter_flying_pixels=False)
_NEAREST_M, _FARTHEST_M = 0.2, 60.0
_SPARSE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One question and its answer; `values` are the numbers behind the words."""

    question: str
    verdict: str
    words: str
    values: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Heard:
    """What was collected over the frames, thinned out."""

    depth: list[tuple[_Floats, _Floats]] = field(default_factory=list)
    order: list[float] = field(default_factory=list)
    mirrored: list[float] = field(default_factory=list)
    normals: list[tuple[_Floats, _Floats]] = field(default_factory=list)
    right_class: list[float] = field(default_factory=list)
    sure: dict[str, list[float]] = field(default_factory=dict)
    offsets: list[tuple[float, float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    same: list[bool] = field(default_factory=list)


def probe(
    generator: Generator,
    scenes: Sequence[tuple[Footage, Sequence[int]]],
    *,
    tell: Callable[[str], None],
    memory_before_mib: float | None = None,
) -> tuple[Finding, ...]:
    """Every question that this generator's tasks raise, over frames of footage that knows its truth."""
    heard = _Heard()
    for footage, indices in scenes:
        for index in indices:
            tell(f"frame {index}")
            _look(generator, footage.frame(index), footage.truth(index), heard)
    findings = [*_of_depth(heard), *_of_normals(heard), *_of_classes(heard), *_of_colours(heard), *_of_offsets(heard)]
    findings.append(_of_repeats(generator, heard))
    findings.append(_of_speed(heard))
    findings.append(_of_memory(memory_before_mib))
    return tuple(findings)


def memory_mib() -> float:
    """The most that this process has held so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**10 if sys.platform != "darwin" else most / 2**20


def _look(generator: Generator, frame: Frame, truth: Truth, heard: _Heard) -> None:
    frame = replace(frame, camera=truth.camera)
    if hasattr(generator, "give_depth") and truth.depth_m is not None:
        generator.give_depth(_sparse(truth.depth_m), frame.stamp_ns)
    asked = _questions(generator, truth)
    start = time.perf_counter()
    perception = perceive(frame, generator, asked, _ALL)
    heard.seconds.append(time.perf_counter() - start)
    for name in ("depth", "normals", "mask"):
        confidence = perception.layer(f"{name}_confidence")
        if confidence is not None:
            heard.sure.setdefault(name, []).append(float((confidence >= _SURE).mean()))
    if truth.depth_m is not None and perception.depth_m is not None:
        _hear_depth(perception.depth_m, truth.depth_m, heard)
    if truth.normals is not None and perception.normals is not None:
        known = np.isfinite(truth.normals).all(-1) & np.isfinite(perception.normals).all(-1)
        heard.normals.append((_thin(perception.normals[known]), _thin(truth.normals[known])))
    if truth.mask is not None and perception.mask is not None:
        _hear_classes(perception.mask, truth, asked, heard)
    if not heard.same:  # once is enough, and a large model is slow
        first = [canvas.rgb for canvas in perception.canvases]
        again = generator.generate(frame, [i for i in asked if i.task in generator.tasks])
        heard.same.append(all(np.array_equal(a, b.rgb) for a, b in zip(first, again, strict=True)))


def _questions(generator: Generator, truth: Truth) -> list[Instruction]:
    asked = []
    if Task.DEPTH in generator.tasks and truth.depth_m is not None:
        asked.append(Instruction(Task.DEPTH, hfov_deg=float(round(truth.camera.hfov_deg))))
    if Task.NORMALS in generator.tasks and truth.normals is not None:
        asked.append(Instruction(Task.NORMALS))
    if Task.SEMANTIC in generator.tasks and truth.mask is not None:
        ids = [i for i in np.unique(truth.mask).tolist() if i != UNLABELLED]
        names = [truth.labels[i] for i in ids][:12]
        colors = Palette.distinct(len(names), avoid=((0, 0, 0),)).targets
        targets = tuple(Target(name, color) for name, color in zip(names, colors, strict=True))
        asked.append(Instruction(Task.SEMANTIC, targets, background=(0, 0, 0)))
    return asked


def _hear_depth(painted: FloatArray, true: FloatArray, heard: _Heard) -> None:
    with np.errstate(invalid="ignore"):
        known = np.isfinite(true) & (true > _NEAREST_M) & (true < _FARTHEST_M)
        both = known & np.isfinite(painted) & (painted > 0)
    if np.count_nonzero(both) < 100:
        return
    heard.depth.append((_thin(painted[both]), _thin(true[both])))
    heard.order.append(_rank_correlation(_thin(painted[both]), _thin(true[both])))
    flipped = painted[:, ::-1]
    with np.errstate(invalid="ignore"):
        both = known & np.isfinite(flipped) & (flipped > 0)
    heard.mirrored.append(_rank_correlation(_thin(flipped[both]), _thin(true[both])))
    heard.offsets.append(_offset(painted, true))


def _hear_classes(mask: npt.NDArray[np.uint8], truth: Truth, asked: Sequence[Instruction], heard: _Heard) -> None:
    words = next(tuple(t.text for t in i.targets) for i in asked if i.task is Task.SEMANTIC)
    table = np.zeros(256, np.uint8)
    for number, word in enumerate(words, 1):
        table[truth.labels.index(word)] = number
    assert truth.mask is not None
    wanted = table[truth.mask]
    known = (truth.mask != UNLABELLED) & (wanted > 0)
    if known.any():
        heard.right_class.append(float((mask[known] == wanted[known]).mean()))


def _of_depth(heard: _Heard) -> list[Finding]:
    if not heard.depth:
        return []
    painted = np.concatenate([p for p, _ in heard.depth])
    true = np.concatenate([t for _, t in heard.depth])
    order, mirrored = float(np.median(heard.order)), float(np.median(heard.mirrored))
    ratio = true / painted
    scale = float(np.median(ratio))
    low, high = (float(v) for v in np.quantile(ratio, (0.25, 0.75)))
    line = fit((1 / painted).astype(np.float32)[None], true.astype(np.float32)[None], DepthKind.INVERSE_AFFINE)
    values = {"scale": scale, "low": low, "high": high, "order": order, "mirrored": mirrored}
    if line is not None:
        values |= {"line_scale": line.scale, "line_shift": line.shift, "line_spread": line.spread}
    unit_ok = 1 / _UNIT_FACTOR < scale < _UNIT_FACTOR
    words = f"true depth is {scale:.3g} times the painted one (middle half {low:.3g} to {high:.3g})"
    if line is not None:
        words += f"; 1/true = {line.scale:.3g}/painted {line.shift:+.3g}, spread {100 * line.spread:.0f} %"
    metres = Finding(
        question="metres?",
        verdict=UNSURE if abs(order) < _SEEN else OK if unit_ok else WRONG,
        words=words + ("" if unit_ok else ": another unit, or relative depth that was painted as metres"),
        values=values,
    )
    far = Finding(
        question="near and far?",
        verdict=OK if order > _SEEN else WRONG if order < -_SEEN else UNSURE,
        words=f"rank correlation with the truth {order:+.2f}" + (": near is painted far" if order < -_SEEN else ""),
    )
    swapped = mirrored > order + 0.1 and mirrored > _SEEN
    side = Finding(
        question="left and right?",
        verdict=WRONG if swapped else OK if order > mirrored + 0.05 else UNSURE,
        words=f"as painted {order:+.2f}, mirrored {mirrored:+.2f}" + (": the picture is mirrored" if swapped else ""),
    )
    return [metres, far, side]


def _of_normals(heard: _Heard) -> list[Finding]:
    if not heard.normals:
        return []
    painted = np.concatenate([p for p, _ in heard.normals])
    true = np.concatenate([t for _, t in heard.normals])
    angles: dict[str, float] = {}
    for order in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            cosine = np.clip((painted[:, order] * np.array(signs) * true).sum(-1), -1, 1)
            name = " ".join(f"{'+' if s > 0 else '-'}{'xyz'[axis]}" for axis, s in zip(order, signs, strict=True))
            angles[name] = float(np.degrees(np.arccos(cosine)).mean())
    own = angles["+x +y +z"]
    best = min(angles, key=lambda name: angles[name])
    clear = own - angles[best] > _CLEAR_ANGLE_DEG
    words = f"mean angle {own:.1f} degrees as painted"
    if best != "+x +y +z":
        words += f", {angles[best]:.1f} with the axes {best}"
        words += ": its normals are to be turned that way" if clear else ", which is no clear difference"
    verdict = WRONG if clear else OK if own < 60 else UNSURE
    return [
        Finding(question="normals?", verdict=verdict, words=words, values={"own_deg": own, "best_deg": angles[best]})
    ]


def _of_classes(heard: _Heard) -> list[Finding]:
    if not heard.right_class:
        return []
    share = float(np.mean(heard.right_class))
    return [
        Finding(
            question="classes?",
            verdict=OK if share > 0.3 else UNSURE,
            words=f"{100 * share:.0f} % of the pixels get their class",
            values={"right": share},
        )
    ]


def _of_colours(heard: _Heard) -> list[Finding]:
    findings = []
    for name, shares in heard.sure.items():
        share = float(np.mean(shares))
        findings.append(
            Finding(
                question=f"colours of {name}?",
                verdict=OK if share > _SURE_SHARE else WRONG,
                words=f"{100 * share:.0f} % of the pixels have a colour that is a valid code",
                values={"sure": share},
            )
        )
    return findings


def _of_offsets(heard: _Heard) -> list[Finding]:
    if not heard.offsets:
        return []
    dx, dy = (float(np.median([o[axis] for o in heard.offsets])) for axis in (0, 1))
    off = max(abs(dx), abs(dy))
    return [
        Finding(
            question="aligned?",
            verdict=OK if off <= 1.5 else WRONG if off < _REACH_PX else UNSURE,
            words=f"edges lie {dx:+.0f}, {dy:+.0f} pixels from the true ones (right, down)",
            values={"dx": dx, "dy": dy},
        )
    ]


def _of_repeats(generator: Generator, heard: _Heard) -> Finding:
    same = all(heard.same)
    verdict = OK if same or not generator.about.deterministic else WRONG
    words = "the same picture gives the same canvas" if same else "the same picture gives another canvas each time"
    return Finding(question="repeatable?", verdict=verdict, words=words)


def _of_speed(heard: _Heard) -> Finding:
    times = sorted(1e3 * s for s in heard.seconds)
    middle, first = times[len(times) // 2], 1e3 * heard.seconds[0]
    return Finding(
        question="speed?",
        verdict=OK,
        words=f"{middle:.0f} ms a frame for all it paints (first {first:.0f} ms), decoding included",
        values={"median_ms": middle, "first_ms": first},
    )


def _of_memory(before_mib: float | None) -> Finding:
    now = memory_mib()
    words = f"at most {now:.0f} MiB"
    if before_mib is not None:
        words += f", {now - before_mib:.0f} more than before it was loaded"
    values = {"most_mib": now}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        values["gpu_mib"] = torch.cuda.max_memory_allocated() / 2**20
        words += f"; {values['gpu_mib']:.0f} MiB on the GPU"
    return Finding(question="memory?", verdict=OK, words=words, values=values)


def _offset(painted: FloatArray, true: FloatArray) -> tuple[float, float]:
    """(right, down) that the painted edges must be moved by, negated: where the two maps' edges overlap most."""
    ours, theirs = _edges(painted), _edges(true)
    best, at = -np.inf, (0, 0)
    inner = np.s_[_REACH_PX:-_REACH_PX, _REACH_PX:-_REACH_PX]
    for dy in range(-_REACH_PX, _REACH_PX + 1):
        for dx in range(-_REACH_PX, _REACH_PX + 1):
            moved = np.roll(ours, (-dy, -dx), (0, 1))
            score = float((moved[inner] * theirs[inner]).sum()) - 1e-6 * (abs(dx) + abs(dy))
            if score > best:
                best, at = score, (dx, dy)
    return float(at[0]), float(at[1])


def _edges(depth_m: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(np.clip(np.nan_to_num(depth_m, nan=_FARTHEST_M, posinf=_FARTHEST_M), 0.05, _FARTHEST_M))
    log = log.astype(np.float32)
    steps = np.hypot(cv2.Sobel(log, cv2.CV_32F, 1, 0), cv2.Sobel(log, cv2.CV_32F, 0, 1))
    return np.asarray(np.minimum(steps, 1.0), np.float32)


def _sparse(depth_m: FloatArray) -> FloatArray:
    """What a sensor of few beams would know of the scene."""
    sparse = np.full(depth_m.shape, np.nan, np.float32)
    step = max(1, round((1 / _SPARSE) ** 0.5))
    sparse[::step, ::step] = np.where(np.isfinite(depth_m), depth_m, np.nan)[::step, ::step]
    return sparse


def _thin(values: npt.NDArray[np.float32]) -> _Floats:
    return values[:: max(1, len(values) // 4000)].astype(np.float64)


def _rank_correlation(a: _Floats, b: _Floats) -> float:
    if len(a) < 3:
        return 0.0
    ranks = [np.argsort(np.argsort(v, kind="stable"), kind="stable").astype(np.float64) for v in (a, b)]
    spreads = [float(r.std()) for r in ranks]
    if min(float(a.std()), float(b.std()), *spreads) <= 1e-9:
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
