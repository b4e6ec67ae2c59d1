"""The report of the experiment, made of what was judged and of nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError
from vision_banana_ros.tuning.kept import write_lines

#: What the issue asks: unseen kinds, tuned against fresh.
_WANTED = 2.0


def write_report(results: Mapping[str, Any], path: Path) -> None:
    if not results:
        raise DataError("nothing is judged yet: train at least one model before it is reported")
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        "# Instances in colours of their own: kinds never seen",
        "",
        "Learnt by the colouring loss on the world's indoor furniture and cars, judged on the world's other things; "
        "pmF1 of what the node's decoder finds, without classes, with its 95 % bootstrap interval over scenes. `fresh` "
        "is the same network without its generative pretraining, by the same lessons in the same order.",
        "",
        "| run | pixels | lessons | steps | unseen kinds | learnt kinds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in results.items():
        cells = " | ".join(_cell(row.get(kind)) for kind in ("unseen", "learnt"))
        lines.append(f"| {name} | {row['side']} | {row['lessons']} | {row['steps']} | {cells} |")
    lines += ["", *_verdicts(results)]
    write_lines(path, lines)


def _verdicts(results: Mapping[str, Any]) -> list[str]:
    """Of each model that was judged from both starts."""
    lines = []
    for name in results:
        model = name.removesuffix("-tuned")
        fresh = results.get(f"{model}-fresh", {}).get("unseen")
        tuned = results[name].get("unseen")
        if model == name or not tuned or not fresh:
            continue
        if fresh["value"] <= 0:
            times = "the fresh one finds nothing" if tuned["value"] > 0 else "neither finds anything"
        else:
            ratio = tuned["value"] / fresh["value"]
            times = (
                f"{ratio:.2f} times (asked: at least {_WANTED:g}): {'reached' if ratio >= _WANTED else 'not reached'}"
            )
        apart = "intervals apart" if tuned["low"] > fresh["high"] or fresh["low"] > tuned["high"] else "intervals meet"
        lines.append(f"- {model}: unseen kinds with pretraining against without: {times}; {apart}.")
    return lines


def _cell(value: Mapping[str, float] | None) -> str:
    if value is None:
        return "none were shown"
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}] ({value['things']} things)"
