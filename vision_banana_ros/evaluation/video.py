"""Scores over time, on footage whose depth and camera's way are known: what flickers though nothing did.

With e = log(depth / truth) and q the place in the frame before that shows what p shows (by true depth and true poses;
left out where it was hidden, or is another object):
    flicker         mean |e(p) - e(q)|: what depth did that the world did not
    scale flicker   mean over frames of |median of e(p) - e(q)|: the part of it that the whole picture shares
    scale spread    standard deviation over frames of the median of e; drift: its last tenth against its first
    opw             mean |depth(p) - depth(q)| / truth(p), weighted by exp(-50 |rgb(p) - rgb(q)|^2), colours 0..1
                    (after Wang et al., "NVDS", 2023): the usual figure; true motion is in it
    normal flicker  mean angle between the normals of p and q, both turned into the world: degrees; places whose true
                    normals differ by more than 5 degrees (edges, turning things) are left out
    class flicker   share of pixels whose class changed though the true one did not
    lag             see step_lag(): in frames, at a step in true scale
Identity is in identity.py, single frames in depth_metrics.py and mask_metrics.py.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vision_banana_ros.core import (
    UNLABELLED,
    AnyArray,
    BoolArray,
    Camera,
    FloatArray,
    Frame,
    Perception,
    Task,
    Truth,
)
from vision_banana_ros.evaluation.depth_metrics import DepthRange, score_depth, valid_truth
from vision_banana_ros.evaluation.identity import Identities
from vision_banana_ros.evaluation.journeys import Journey, Matrix
from vision_banana_ros.evaluation.mask_metrics import Confusion
from vision_banana_ros.evaluation.normal_metrics import score_normals
from vision_banana_ros.evaluation.video_scores import VideoScores
from vision_banana_ros.geometry.steady import Steadier
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.tasks import DecodeSettings

_SAME_DEPTH = 0.03
_SAME_NORMAL_DEG = 5.0
_OPW_FALLOFF = 50.0
FRAME_BY_FRAME, STEADY = "frame by frame", "steady"


@dataclass(frozen=True, slots=True, eq=False)
class _Before:
    """What the judge keeps of the frame before."""

    rgb: AnyArray
    truth: Truth
    pose: tuple[Matrix, Matrix]
    error: AnyArray
    depth_m: FloatArray
    normals: FloatArray | None
    mask: AnyArray | None


@dataclass(slots=True)
class VideoJudge:
    """Add the frames of one sequence in order. `names` are the classes that were asked for, `counted` the one whose
    instances were."""

    name: str
    names: tuple[str, ...] = ()
    counted: str = ""
    limits: DepthRange = field(default_factory=DepthRange)
    _pairs: list[tuple[float, float, float]] = field(default_factory=list)
    _scales: list[float] = field(default_factory=list)
    _depth: list[tuple[float, float]] = field(default_factory=list)
    _normals: list[float] = field(default_factory=list)
    _turned: list[float] = field(default_factory=list)
    _changed: list[float] = field(default_factory=list)
    _seconds: list[tuple[float, float]] = field(default_factory=list)
    _confusion: Confusion | None = None
    _identities: Identities = field(default_factory=Identities)
    _before: _Before | None = None
    _frames: int = 0

    def add(
        self,
        frame: Frame,
        truth: Truth,
        pose: tuple[Matrix, Matrix],
        seen: Perception,
        seconds: float,
        normals_s: float = 0.0,
    ) -> None:
        """`normals_s` is the part of the `seconds` that went into normals."""
        self._frames += 1
        self._seconds.append((seconds, normals_s))
        before, self._before = self._before, None
        error, depth_m = np.full(frame.hw, np.nan), np.full(frame.hw, np.nan, np.float32)
        if seen.depth_m is not None and truth.depth_m is not None:
            depth_m = seen.depth_m
            error = self._log_error(depth_m, truth.depth_m)
            scores = score_depth(depth_m, truth.depth_m, self.limits)
            if scores is not None:
                self._depth.append((scores.delta1, scores.abs_rel))
                self._scales.append(float(np.nanmedian(error)))
        if seen.normals is not None and truth.normals is not None:
            found = score_normals(seen.normals, truth.normals)
            self._normals += [] if found is None else [found.mean_deg]
        mask = None if seen.mask is None else _by_name(seen, self.names)
        if mask is not None and truth.mask is not None:
            self._confusion = self._confusion or Confusion(len(self.names))
            self._confusion.add(mask, _true_mask(truth, self.names))
        if seen.instances is not None and truth.instances is not None and truth.mask is not None:
            of_class = np.array([label == self.counted for label in truth.labels] + [False] * (256 - len(truth.labels)))
            self._identities.add(seen.instances, np.where(of_class[truth.mask], truth.instances, 0))
        now = _Before(frame.rgb, truth, pose, error, depth_m, seen.normals, mask)
        if before is not None:
            self._compare(before, now)
        self._before = now

    def _log_error(self, depth_m: FloatArray, truth_m: FloatArray) -> AnyArray:
        valid = valid_truth(truth_m, self.limits) & np.isfinite(depth_m) & (depth_m > 0)
        error = np.full(truth_m.shape, np.nan)
        error[valid] = np.log(depth_m[valid]) - np.log(truth_m[valid])
        return error

    def _compare(self, before: _Before, now: _Before) -> None:
        pairs = corresponding(before.truth, before.pose, now.truth, now.pose)
        if pairs is None:
            return
        p, q = pairs
        change = now.error.reshape(-1)[p] - before.error.reshape(-1)[q]
        known = np.isfinite(change)
        if np.count_nonzero(known) >= 200:
            assert now.truth.depth_m is not None
            colors = (now.rgb.reshape(-1, 3)[p].astype(np.float32) - before.rgb.reshape(-1, 3)[q]) / 255
            weight = np.exp(-_OPW_FALLOFF * np.square(colors).sum(1))[known]
            step = np.abs(now.depth_m.reshape(-1)[p] - before.depth_m.reshape(-1)[q])[known]
            opw = (weight * step / now.truth.depth_m.reshape(-1)[p][known]).sum() / weight.sum()
            self._pairs.append((float(np.abs(change[known]).mean()), abs(float(np.median(change[known]))), float(opw)))
        turned = _turned(before, now, p, q)
        self._turned += [float(turned.mean())] if turned.size >= 200 else []
        if now.mask is not None and before.mask is not None and now.truth.mask is not None:
            assert before.truth.mask is not None
            same = now.truth.mask.reshape(-1)[p] == before.truth.mask.reshape(-1)[q]
            if same.any():
                self._changed.append(float((now.mask.reshape(-1)[p] != before.mask.reshape(-1)[q])[same].mean()))

    def scores(self) -> VideoScores:
        pairs = np.array(self._pairs).reshape(-1, 3)
        tenth = max(1, len(self._scales) // 10)
        return VideoScores(
            name=self.name,
            frames=self._frames,
            delta1=_mean([d for d, _ in self._depth]),
            abs_rel=_mean([a for _, a in self._depth]),
            flicker=_mean(pairs[:, 0]),
            scale_flicker=_mean(pairs[:, 1]),
            opw=_mean(pairs[:, 2]),
            scale_spread=float(np.std(self._scales)) if self._scales else math.nan,
            scale_drift=abs(_mean(self._scales[-tenth:]) - _mean(self._scales[:tenth])),
            normals_deg=_mean(self._normals),
            normals_flicker_deg=_mean(self._turned),
            mean_iou=math.nan if self._confusion is None else self._confusion.mean_iou(),
            class_flicker=_mean(self._changed),
            id_switches=self._identities.switches,
            id_matches=self._identities.matched,
            idf1=self._identities.idf1,
            hota=self._identities.hota,
            own_ms=1e3 * _mean([all_s for all_s, _ in self._seconds]),
            own_normals_ms=1e3 * _mean([normals_s for _, normals_s in self._seconds]),
        )


def corresponding(
    before: Truth, before_pose: tuple[Matrix, Matrix], now: Truth, now_pose: tuple[Matrix, Matrix]
) -> tuple[AnyArray, AnyArray] | None:
    """Flat indices (p, q) of pixels that show one place of one object, in `now` and in `before`."""
    if before.depth_m is None or now.depth_m is None:
        return None
    camera: Camera = now.camera
    z = now.depth_m
    p = np.flatnonzero(np.isfinite(z) & (z > 0))
    rows, columns = np.divmod(p, camera.width)
    depth = z.reshape(-1)[p].astype(np.float64)
    points = np.stack([(columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy, np.ones(len(p))]) * depth
    (turn, place), (old_turn, old_place) = now_pose, before_pose
    old = old_turn.T @ (turn @ points + (place - old_place)[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.rint(camera.fx * old[0] / old[2] + camera.cx)
        v = np.rint(camera.fy * old[1] / old[2] + camera.cy)
        inside = (old[2] > 0) & (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    p, expected = p[inside], old[2][inside]
    q = (v[inside] * camera.width + u[inside]).astype(np.int64)
    with np.errstate(invalid="ignore"):
        same: BoolArray = np.abs(np.log(before.depth_m.reshape(-1)[q] / expected)) < _SAME_DEPTH
    if now.mask is not None and before.mask is not None:
        same &= now.mask.reshape(-1)[p] == before.mask.reshape(-1)[q]
    if now.instances is not None and before.instances is not None:
        same &= now.instances.reshape(-1)[p] == before.instances.reshape(-1)[q]
    return p[same], q[same]


def _turned(before: _Before, now: _Before, p: AnyArray, q: AnyArray) -> AnyArray:
    """By how many degrees the normals of places whose true ones did not turn did so."""
    if before.normals is None or now.normals is None or before.truth.normals is None or now.truth.normals is None:
        return np.zeros(0)
    true = _angles(before, now, p, q, before.truth.normals, now.truth.normals)
    angles = _angles(before, now, p, q, before.normals, now.normals)
    with np.errstate(invalid="ignore"):
        return angles[(true < _SAME_NORMAL_DEG) & np.isfinite(angles)]


def _angles(before: _Before, now: _Before, p: AnyArray, q: AnyArray, old: FloatArray, new: FloatArray) -> AnyArray:
    """Between the normals of p and q, in the world's frame."""
    a = new.reshape(-1, 3)[p] @ now.pose[0].T
    b = old.reshape(-1, 3)[q] @ before.pose[0].T
    across, along = (np.linalg.norm(vectors, axis=1) for vectors in (a - b, a + b))
    return np.asarray(2 * np.degrees(np.arctan2(across, along)))


def evaluate_video(
    journey: Journey,
    generator: Generator,
    instructions: Sequence[Instruction],
    *,
    counted: str = "",
    limit: int | None = None,
    settings: DecodeSettings = DecodeSettings(),  # noqa: B008 - frozen
    steadier: Steadier | None = None,
    hide_camera: bool = False,
    watch: Callable[[int, Perception, Perception], None] = lambda *_: None,
) -> tuple[VideoScores, VideoScores]:
    """(frame by frame, steady) over one journey, from the same canvases."""
    names = next((tuple(t.text for t in i.targets) for i in instructions if i.task is Task.SEMANTIC), ())
    plain, steady = (VideoJudge(name, names, counted) for name in (FRAME_BY_FRAME, STEADY))
    steadier = steadier or Steadier()
    for index in range(min(len(journey), limit or len(journey))):
        frame = journey.frame(index)
        frame = replace(frame, camera=None) if hide_camera else frame
        truth, pose = journey.truth(index), journey.pose(index)
        seen = perceive(frame, generator, instructions, settings)
        plain.add(frame, truth, pose, seen, 0.0)
        # This thread's own time: what else runs on the machine is no part of the cost.
        start = time.thread_time()
        made = steadier.steady(frame, seen)
        seconds = time.thread_time() - start
        normals_s = 0.0 if steadier.last is None else steadier.last.normals_s
        steady.add(frame, truth, pose, made, seconds, normals_s)
        watch(index, seen, made)
    return plain.scores(), steady.scores()


def step_lag(values: Sequence[float], truth: Sequence[float]) -> float:
    """How many frames late `values` follow a step of `truth`: the area between them after it, in steps' heights."""
    seen, true = np.asarray(values, float), np.asarray(truth, float)
    at = int(np.argmax(np.abs(np.diff(true)))) + 1
    height = true[at] - true[at - 1]
    if height == 0:
        return 0.0
    offset = float(np.median(seen[:at] - true[:at]))
    return float(np.sum((true[at:] + offset - seen[at:]) / height))


def _by_name(seen: Perception, names: tuple[str, ...]) -> AnyArray:
    assert seen.mask is not None
    table = np.full(256, UNLABELLED, np.uint8)
    for class_id, label in enumerate(seen.labels):
        if label in names:
            table[class_id] = names.index(label)
    return table[seen.mask]


def _true_mask(truth: Truth, names: tuple[str, ...]) -> AnyArray:
    assert truth.mask is not None
    table = np.full(256, UNLABELLED, np.uint8)
    for class_id, label in enumerate(truth.labels):
        if label in names:
            table[class_id] = names.index(label)
    return table[truth.mask]


def _mean(values: Sequence[float] | AnyArray) -> float:
    return float(np.mean(values)) if len(values) else math.nan
