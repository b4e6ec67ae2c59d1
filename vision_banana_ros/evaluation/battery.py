"""The gates: one fixed set of questions about a student, asked of two and compared frame by frame.

    rooms    dev_hololens, gate_stretch_office, gate_lingbot_rooms, gate_librealsense_corner
    upright  gate_stretch_office        near     gate_near_unseen       board    gate_board_whiteboard_cmti
    roads    gate_pjlab_roads           renders  a folder of held-out shards

Each frame is asked for depth twice, with its lens untold and told, for normals and for rays; renders also for
instances. A set's score is the mean over its frames, the battery's the mean over its sets, and the difference of two
models has an interval by bootstrap over the frames, the same frames for both. A model is better when its mean is, and
nothing of it is worse beyond noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import Task
from vision_banana_ros.data import Example
from vision_banana_ros.evaluation.baselines import ConstantDepth
from vision_banana_ros.evaluation.boundaries import boundary_f1
from vision_banana_ros.evaluation.depth_metrics import DepthRange, score_depth
from vision_banana_ros.evaluation.evaluate import focal_error
from vision_banana_ros.evaluation.mask_metrics import InstanceMatches
from vision_banana_ros.evaluation.normal_metrics import score_normals
from vision_banana_ros.evaluation.questions import SCORE_EVERYTHING, EvaluationSettings, instance_questions
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.tasks import vocabulary

FRAMES: dict[str, tuple[str, ...]] = {
    "rooms": ("dev_hololens", "gate_stretch_office", "gate_lingbot_rooms", "gate_librealsense_corner"),
    "upright": ("gate_stretch_office",),
    "near": ("gate_near_unseen",),
    "board": ("gate_board_whiteboard_cmti",),
    "roads": ("gate_pjlab_roads",),
}
RENDERS = "renders"
#: Figure -> whether more is better.
FIGURES: dict[str, bool] = {
    "delta1": True,
    "delta1 told": True,
    "AbsRel": False,
    "AbsRel told": False,
    "scaled delta1": True,
    "boundary F1": True,
    "normals": False,
    "focal error": False,
    "instances": True,
}
_RESAMPLES = 2000
Scores = dict[str, npt.NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One figure on one set: a model, what it is compared with, and the difference, positive where it is better."""

    frames: str
    figure: str
    count: int
    value: float
    rival: float
    gain: float
    low: float
    high: float
    constant: float | None = None  # what the best constant would get

    @property
    def is_worse(self) -> bool:
        return self.high < 0


def scores(frames: Iterable[Example], generator: Generator, limits: DepthRange | None = None) -> Scores:
    """Figures of each frame, NaN where it has none."""
    limits = limits or DepthRange()
    rows = [_frame_scores(labelled, generator, limits) for labelled in frames]
    return {figure: np.array([row.get(figure, np.nan) for row in rows]) for figure in FIGURES}


def constants(frames: Iterable[Example], limits: DepthRange | None = None) -> dict[str, float]:
    """What one depth for all pixels, the best of all for each figure, would get."""
    best = ConstantDepth(limits or DepthRange())
    for labelled in frames:
        if labelled.truth.depth_m is not None:
            best.add(labelled.truth.depth_m)
    found = best.scores()
    if not found:
        return {}
    delta1, abs_rel, scaled = (
        float(np.mean([getattr(s, name) for s in found])) for name in ("delta1", "abs_rel", "scaled_delta1")
    )
    return {
        "delta1": delta1,
        "delta1 told": delta1,
        "AbsRel": abs_rel,
        "AbsRel told": abs_rel,
        "scaled delta1": scaled,
    }


def compare(
    models: Mapping[str, Scores],
    rivals: Mapping[str, Scores],
    base: Mapping[str, Mapping[str, float]],
    *,
    seed: int = 0,
) -> list[Comparison]:
    """By set and figure, and last the mean of all sets for each figure, "all"."""
    rng = np.random.default_rng(seed)
    rows: list[Comparison] = []
    spreads: dict[str, list[npt.NDArray[np.float64]]] = {figure: [] for figure in FIGURES}
    for name, mine in models.items():
        for figure, more_is_better in FIGURES.items():
            a, b = mine[figure], rivals[name][figure]
            both = np.isfinite(a) & np.isfinite(b)
            if not both.any():
                continue
            a, b = a[both], b[both]
            gain = (a - b) * (1 if more_is_better else -1)
            spread = gain[rng.integers(0, len(gain), (_RESAMPLES, len(gain)))].mean(1)
            spreads[figure].append(spread)
            low, high = np.percentile(spread, (2.5, 97.5))
            rows.append(
                Comparison(
                    frames=name,
                    figure=figure,
                    count=len(gain),
                    value=float(a.mean()),
                    rival=float(b.mean()),
                    gain=float(gain.mean()),
                    low=float(low),
                    high=float(high),
                    constant=base.get(name, {}).get(figure),
                )
            )
    return rows + [_mean(figure, rows, spread) for figure, spread in spreads.items() if spread]


def report(rows: Iterable[Comparison], *, model: str, rival: str) -> str:
    """A table, and what it amounts to."""
    rows = list(rows)
    lines = [f"{'set':9}{'figure':15}{'frames':>7}{model[-14:]:>15}{rival[-14:]:>15}{'gain, 95 %':>26}{'constant':>10}"]
    for row in rows:
        span = f"{row.gain:+.3f} [{row.low:+.3f}, {row.high:+.3f}]"
        constant = f"{row.constant:.3f}" if row.constant is not None else ""
        mark = "  worse" if row.is_worse else ""
        lines.append(
            f"{row.frames:9}{row.figure:15}{row.count:7}{row.value:15.3f}{row.rival:15.3f}{span:>26}{constant:>10}{mark}"
        )
    return "\n".join([*lines, verdict(rows)])


def verdict(rows: Iterable[Comparison]) -> str:
    rows = list(rows)
    means = {row.figure: row for row in rows if row.frames == "all"}
    better = [figure for figure in ("delta1", "delta1 told", "scaled delta1") if means[figure].gain > 0]
    worse = [f"{row.frames} {row.figure}" for row in rows if row.is_worse and row.frames != "all"]
    if len(better) == 3 and not worse:
        return "ships: better on the mean, nothing worse beyond noise"
    held = f"better on the mean only in {', '.join(better) or 'nothing'}" if len(better) < 3 else "better on the mean"
    return f"does not ship: {held}; worse beyond noise: {', '.join(worse) or 'nothing'}"


def _mean(figure: str, rows: list[Comparison], spreads: list[npt.NDArray[np.float64]]) -> Comparison:
    its = [row for row in rows if row.figure == figure]
    low, high = np.percentile(np.mean(spreads, axis=0), (2.5, 97.5))
    return Comparison(
        frames="all",
        figure=figure,
        count=sum(row.count for row in its),
        value=float(np.mean([row.value for row in its])),
        rival=float(np.mean([row.rival for row in its])),
        gain=float(np.mean([row.gain for row in its])),
        low=float(low),
        high=float(high),
    )


def _frame_scores(labelled: Example, generator: Generator, limits: DepthRange) -> dict[str, float]:
    truth, frame = labelled.truth, replace(labelled.frame, camera=None)
    asked = [Instruction(Task.DEPTH)]
    if labelled.camera_known:
        asked += [Instruction(Task.DEPTH, hfov_deg=truth.camera.hfov_deg), Instruction(Task.RAYS)]
    if truth.normals is not None:
        asked.append(Instruction(Task.NORMALS))
    seen = perceive(frame, generator, asked, SCORE_EVERYTHING)
    found: dict[str, float] = {}
    for answer in seen.answers:
        told = " told" if answer.instruction.hfov_deg is not None else ""
        depth_m, normals = answer.layers.get("depth_m"), answer.layers.get("normals")
        if depth_m is not None and truth.depth_m is not None:
            score = score_depth(depth_m, truth.depth_m, limits)
            if score is not None:
                found |= {f"delta1{told}": score.delta1, f"AbsRel{told}": score.abs_rel}
                if not told:
                    found["scaled delta1"] = score.scaled_delta1
                    sharpness = boundary_f1(depth_m, truth.depth_m)
                    found |= {} if sharpness is None else {"boundary F1": sharpness}
        if normals is not None and truth.normals is not None:
            angles = score_normals(normals, truth.normals)
            found |= {} if angles is None else {"normals": angles.mean_deg}
    if labelled.camera_known and seen.camera_recovered and seen.camera is not None:
        found["focal error"] = focal_error(seen.camera, truth.camera)
    matches = InstanceMatches()
    for instruction, true_instances in instance_questions(truth, EvaluationSettings(countable=vocabulary.things())):
        instances = perceive(frame, generator, [instruction], SCORE_EVERYTHING).instances
        if instances is not None:
            matches.add(instances, true_instances)
    if matches.tp.any() or matches.fn.any():
        found["instances"] = matches.pm_f1()
    return found
