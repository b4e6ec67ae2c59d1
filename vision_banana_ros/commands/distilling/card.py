"""CARD.md beside a distilled model: what it learnt from, under which terms, and what it is worth beside its start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vision_banana_ros.commands.distilling.config import DistillConfig
from vision_banana_ros.data import Source
from vision_banana_ros.evaluation.paired import Comparison


def card(config: DistillConfig, judged: Mapping[str, Sequence[Comparison]], sources: Sequence[Source]) -> str:
    closed = any(source.non_commercial for source in sources)
    lines = [
        f"# {config.out.name}",
        "",
        f"Distilled from {', '.join(config.teachers)} over {len(config.recordings)} recordings, starting from "
        f"{config.start}; {config.replay.share:.0%} of the samples replayed what that knew, and "
        f"{config.first_share:.0%} of each weight is still its.",
        "",
        "**Not for commercial use**: one of its sources forbids it." if closed else "No source forbids commercial use.",
        "",
        "| source | licence |",
        "| --- | --- |",
        *(f"| {source.name} {source.revision} | {source.licence} |" for source in sources),
        "",
        "On frames that it never learnt from, before and after; gain with its 95 % interval (paired bootstrap):",
        "",
        "| set | metric | frames | before | after | gain | |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, rows in judged.items():
        kind = " (labels of its teachers)" if name == "unseen" else ""
        for row in rows:
            gain = f"{row.gain.value:+.3f} [{row.gain.low:+.3f}, {row.gain.high:+.3f}]"
            cells = (
                f"{name}{kind}",
                row.metric,
                row.frames,
                f"{row.before:.3f}",
                f"{row.after:.3f}",
                gain,
                row.verdict,
            )
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"
