"""An evaluation as a table that fits a terminal: the model first, then what it must beat."""

from __future__ import annotations

from vision_banana_ros.evaluation.summary import Evaluation

_DEPTH = (
    f"{'':22} {'delta1':>22} {'AbsRel':>8} {'RMSE m':>7} {'scaled d1':>22} {'scaled AR':>9} {'R2':>6} {'scale':>6} "
    f"{'cover':>6}"
)
_CLASSES = f"{'':22} {'pixel accuracy':>22} {'mIoU':>22} {'pixels':>12}"
_NORMALS = f"{'':22} {'mean deg':>22} {'median':>7} {'<11.25':>7} {'<22.5':>7} {'<30':>7}"


def report(evaluation: Evaluation) -> str:
    """Lines of text; intervals are 95 % bootstrap over frames."""
    lines = [f"{evaluation.root}: {evaluation.frames} frames"]
    if evaluation.skipped:
        lines[0] += f" ({evaluation.skipped} without truth left out)"
    lines.append(f"{evaluation.model} by {evaluation.runtime}; frames: {', '.join(evaluation.sources)}")
    depth = [c for c in evaluation.contenders if c.depth]
    if depth:
        lines.append(_DEPTH)
    for contender in depth:
        d = contender.depth
        assert d is not None
        lines.append(
            f"{contender.name[:22]:22} {d.delta1!s:>22} {d.abs_rel.value:8.3f} {d.rmse_m.value:7.2f} "
            f"{d.scaled_delta1!s:>22} {d.scaled_abs_rel.value:9.3f} {d.r2.value:6.2f} {d.median_scale:6.2f} "
            f"{d.coverage:6.3f}"
        )
    normals = [c for c in evaluation.contenders if c.normals]
    if normals:
        lines.append(_NORMALS)
    for contender in normals:
        n = contender.normals
        assert n is not None
        lines.append(
            f"{contender.name[:22]:22} {_degrees(n.mean_deg.value, n.mean_deg.low, n.mean_deg.high):>22} "
            f"{n.median_deg.value:7.1f} {n.within_11.value:7.3f} {n.within_22.value:7.3f} {n.within_30.value:7.3f}"
        )
    classes = [c for c in evaluation.contenders if c.classes]
    if classes:
        lines.append(_CLASSES)
    for contender in classes:
        c = contender.classes
        assert c is not None
        lines.append(f"{contender.name[:22]:22} {c.pixel_accuracy!s:>22} {c.mean_iou!s:>22} {c.pixels:12d}")
    singles = (
        ("cIoU", evaluation.cumulative_iou),
        ("gIoU", evaluation.mean_region_iou),
        ("instance pmF1", evaluation.instance_pm_f1),
        *evaluation.others.items(),
        ("median focal error", evaluation.focal_error),
    )
    lines += [f"{name:22} {value:.3f}" for name, value in singles if value is not None]
    return "\n".join(lines)


def beats_baselines(evaluation: Evaluation) -> list[str]:
    """The scores in which the model, the first contender, is no better than a baseline; empty is best."""
    if not evaluation.contenders:
        return []
    model, *baselines = evaluation.contenders
    lost = []
    for other in baselines:
        if model.depth and other.depth:
            m, o = model.depth, other.depth
            higher = {"delta1": (m.delta1, o.delta1), "scaled delta1": (m.scaled_delta1, o.scaled_delta1)}
            lower = {"AbsRel": (m.abs_rel, o.abs_rel), "scaled AbsRel": (m.scaled_abs_rel, o.scaled_abs_rel)}
            lost += [f"{name} of {other.name}" for name, (mine, theirs) in higher.items() if mine.value <= theirs.value]
            lost += [f"{name} of {other.name}" for name, (mine, theirs) in lower.items() if mine.value >= theirs.value]
        if model.normals and other.normals and model.normals.mean_deg.value >= other.normals.mean_deg.value:
            lost.append(f"mean angle of {other.name}")
        if model.classes and other.classes:
            if model.classes.pixel_accuracy.value <= other.classes.pixel_accuracy.value:
                lost.append(f"pixel accuracy of {other.name}")
            if model.classes.mean_iou.value <= other.classes.mean_iou.value:
                lost.append(f"mIoU of {other.name}")
    return lost


def _degrees(value: float, low: float, high: float) -> str:
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"
