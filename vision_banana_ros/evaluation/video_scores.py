"""What video.py finds, and the table of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoScores:
    """One way of seeing one sequence; NaN for what was not asked or is not known."""

    name: str
    frames: int
    delta1: float
    abs_rel: float
    flicker: float
    scale_flicker: float
    scale_spread: float
    scale_drift: float
    opw: float
    normals_deg: float
    normals_flicker_deg: float
    mean_iou: float
    class_flicker: float
    id_switches: int
    id_matches: int
    idf1: float
    hota: float
    own_ms: float
    own_normals_ms: float


def video_report(name: str, scores: Sequence[VideoScores]) -> str:
    """A table that fits a wide terminal; shares in percent, normals in degrees, then the time of one thread: of all,
    and what of it normals took."""
    head = (
        f"{name:16} {'delta1':>7} {'AbsRel':>7} {'flicker':>8} {'of scale':>8} {'spread':>7} {'drift':>6} {'opw':>6} "
        f"{'normals':>8} {'flicker':>8} {'mIoU':>6} {'class fl.':>9} {'switches':>8} {'matches':>8} {'IDF1':>6} "
        f"{'HOTA':>6} {'CPU ms':>6} {'normals':>7}"
    )
    return "\n".join([head, *map(_row, scores)])


def _row(s: VideoScores) -> str:
    return (
        f"{s.name:16} {s.delta1:7.3f} {s.abs_rel:7.3f} {100 * s.flicker:7.2f}% {100 * s.scale_flicker:7.2f}% "
        f"{100 * s.scale_spread:6.2f}% {100 * s.scale_drift:5.1f}% {100 * s.opw:5.1f}% {s.normals_deg:8.2f} "
        f"{s.normals_flicker_deg:8.2f} {s.mean_iou:6.3f} {100 * s.class_flicker:8.2f}% {s.id_switches:8d} "
        f"{s.id_matches:8d} {s.idf1:6.3f} {s.hota:6.3f} {s.own_ms:6.1f} {s.own_normals_ms:7.1f}"
    )
