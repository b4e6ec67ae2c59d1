"""The report of the experiment, made of what was judged and of nothing else; figures are SVG, written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError
from vision_banana_ros.tuning.kept import write_lines
from vision_banana_ros.tuning.own.training import OwnTraining

_MEASURES = (
    ("delta1", "depth: delta1", True),
    ("abs_rel", "depth: AbsRel", False),
    ("mean_deg", "normals: mean angle", False),
    ("iou", "segmentation: IoU", True),
)
_JUDGED = "steps-16"
_ONCE = "steps-0"
_RATIO = "ratio-"


def write_report(results: Mapping[str, Any], runs: Mapping[str, tuple[OwnTraining, bool]], path: Path) -> None:
    """`path` .md, and its figures beside it."""
    if "base" not in results or not any(name.startswith(_RATIO) for name in results):
        raise DataError("the base and at least one ratio must be judged before there is anything to report")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = path.with_name(f"{path.stem}-ratio.svg")
    figure.write_text(_figure(results), encoding="utf-8")
    lines = [
        "# The ratio of instructions, in small",
        "",
        f"A diffusion transformer of {results['base']['weights'] / 1e6:.1f} M weights on 64x64 pixels, trained on the "
        "procedural world alone; how each run is trained stands in `tuning/own/experiment.py`. Values are means over "
        "held-out scenes with their 95 % bootstrap interval; what is missing was not run.",
        "",
        f"![vision and retention over the ratio]({figure.name})",
        "",
        *_table(results, runs),
        "",
        *_verdicts(results),
        "",
        *_steps(results),
    ]
    write_lines(path, lines)


def retention(results: Mapping[str, Any], name: str) -> float:
    """By how much, of itself, the loss of the base's own work rose."""
    before = results["base"]["generation"]["generation"]["value"]
    return float(results[name]["generation"]["generation"]["value"] / before - 1)


def _table(results: Mapping[str, Any], runs: Mapping[str, tuple[OwnTraining, bool]]) -> list[str]:
    head = "| run | steps | ratio | " + " | ".join(words for _, words, _ in _MEASURES) + " | generation loss |"
    lines = [head, "| --- " * (4 + len(_MEASURES)) + "|"]
    for name in runs:
        if name not in results:
            continue
        training, _ = runs[name]
        seen = results[name].get(_JUDGED) or results[name].get(_ONCE) or {}
        cells = [_cell(seen.get(measure)) for measure, _, _ in _MEASURES]
        change = "" if name == "base" else f" ({retention(results, name):+.1%})"
        loss = _cell(results[name]["generation"]["generation"]) + change
        lines.append(f"| {name} | {training.steps} | {training.ratio:g} | {' | '.join(cells)} | {loss} |")
    return lines


#: (a run, the run beside it, how they differ)
_PAIRS = (
    ("ratio-0.1", "none-lessons", "Ratio .1 after pretraining, against as many lessons without"),
    ("ratio-0.1", "none-steps", "Ratio .1 after pretraining, against as many steps without, all of them instructions"),
    ("ratio-1", "none-steps", "As many lessons and steps, all of them instructions, after pretraining against without"),
    ("ratio-0.1", "alone-depth", "Three tasks together against depth alone, as many lessons of it"),
    ("ratio-0.1", "alone-normals", "Three tasks together against normals alone"),
    ("ratio-0.1", "alone-semantic", "Three tasks together against segmentation alone"),
)


def _verdicts(results: Mapping[str, Any]) -> list[str]:
    """What the issue asks, answered by intervals that do not meet."""
    lines = []
    for name, beside, words in _PAIRS:
        one, other = (results.get(run, {}).get(_JUDGED) for run in (name, beside))
        if one and other:
            said = [
                f"{measure} {_compared(one[key], other[key], more)}"
                for key, measure, more in _MEASURES
                if key in one and key in other
            ]
            lines.append(f"- {words} (`{name}`, `{beside}`): {'; '.join(said)}.")
    if "ratio-0.1" in results:
        changed = retention(results, "ratio-0.1")
        lines.append(f"- The generation loss of ratio .1 changed by {changed:+.2%} (asked: less than +5 %).")
    return lines


def _steps(results: Mapping[str, Any]) -> list[str]:
    found = results.get("ratio-0.1", {})
    rows = [(key.removeprefix("steps-"), found[key]) for key in found if key.startswith("steps-")]
    if results.get("once", {}).get(_ONCE):
        rows.append(("once (deterministic form)", results["once"][_ONCE]))
    if not rows:
        return []
    head = "| steps of the sampler | " + " | ".join(words for _, words, _ in _MEASURES) + " |"
    lines = ["## One step against many (ratio .1)", "", head, "| --- " * (1 + len(_MEASURES)) + "|"]
    for steps, seen in rows:
        lines.append(f"| {steps} | " + " | ".join(_cell(seen.get(measure)) for measure, _, _ in _MEASURES) + " |")
    return lines


def _compared(one: Mapping[str, float], other: Mapping[str, float], more_is_better: bool) -> str:
    better, worse = (one, other) if more_is_better else (other, one)
    if better["low"] > worse["high"]:
        return "better"
    if better["high"] < worse["low"]:
        return "worse"
    return "no difference shown"


def _cell(value: Mapping[str, float] | None) -> str:
    return "" if value is None else f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def _figure(results: Mapping[str, Any]) -> str:
    """Two plots side by side over the ratio: delta1 of depth, and the change of the generation loss."""
    ratios = sorted((float(n.removeprefix(_RATIO)), n) for n in results if n.startswith(_RATIO))
    seen = [(r, results[n][_JUDGED]["delta1"]["value"]) for r, n in ratios if "delta1" in results[n].get(_JUDGED, {})]
    kept = [(r, 100 * retention(results, n)) for r, n in ratios]
    plots = _plot(seen, "depth delta1", 0) + _plot(kept, "generation loss, change in %", 330)
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="660" height="240" font-family="sans-serif" font-size="12">'
    return f"{head}{plots}</svg>\n"


def _plot(points: Sequence[tuple[float, float]], title: str, left: int) -> str:
    if not points:
        return ""
    low, high = min(0.0, *(y for _, y in points)), max(y for _, y in points) or 1.0
    places = [60 + 220 * k / max(1, len(points) - 1) for k in range(len(points))]
    dots = [(left + x, 190 - 140 * (y - low) / (high - low or 1)) for x, (_, y) in zip(places, points, strict=True)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#06c"/>'
        f'<text x="{x:.1f}" y="{y - 10:.1f}" text-anchor="middle">{value:.3g}</text>'
        f'<text x="{x:.1f}" y="212" text-anchor="middle">{ratio:g}</text>'
        for (x, y), (ratio, value) in zip(dots, points, strict=True)
    )
    return (
        f'<text x="{left + 60}" y="20">{title}</text><polyline points="{line}" fill="none" stroke="#06c"/>{marks}'
        f'<text x="{left + 130}" y="232">ratio of instructions</text>'
    )
