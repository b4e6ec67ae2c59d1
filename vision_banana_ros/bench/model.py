"""What painting costs: per runtime, precision, size and number of prompts; beside Depth-Anything-V2-Small.

Each runtime runs in a process of its own, on two threads, and is timed only after its self-check. Without a trained
model the network is measured with seeded weights: time does not depend on them. Ratios are of calls in turns, in one
process, on the same runtime and precision (model_duel.py). Rows come as they are measured.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from vision_banana_ros.bench.model_duel import RUNTIMES, Duel
from vision_banana_ros.bench.model_probe import PROMPTS, Latency, Probe
from vision_banana_ros.bench.model_subjects import BUDGET_WH, THREADS, Size, Way, ask, model_at_hand, read_size, ways
from vision_banana_ros.bench.rows import Row
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Role

_YARDSTICK = "Depth-Anything-V2-Small"
_YARDSTICK_SIDES = (252, 518)
_TIMES_FASTER = 4.0
_MOST_CHECK_MS = 500


def measure(
    model: Path | None = None, backend: Sequence[str] = (), size: Sequence[str] = (), yardstick: bool = True
) -> Iterator[Row]:
    """`backend`: as in the node's parameter, `size`: WIDTHxHEIGHT; all of them when none is named."""
    with tempfile.TemporaryDirectory() as scratch:
        root = model or model_at_hand(Path(scratch))
        folder = ModelFolder.open(root)
        asked = ways(folder, backend)
        sizes = [read_size(text) for text in size] or list(dict.fromkeys((BUDGET_WH, *folder.manifest.sizes_wh)))
        about = f"{folder.manifest.name}, code {folder.manifest.package_version}: {folder.manifest.training.summary}"
        yield _row("the model", len(folder.read(Role.GRAPH)) / 1e6, "MB", against=about)
        able = yield from _student_rows(root, asked, sizes)
        graphs: dict[int, Path] = {}
        if yardstick:
            graphs = yield from _yardstick_graphs(Path(scratch))
        yield from _work_rows(folder, sizes, graphs)
        for side, graph in graphs.items():
            yield from _yardstick_rows(root, able, sizes[0], graph, side)
        if yardstick:
            yield from _decode_rows(sizes[0])


def _student_rows(root: Path, asked: Sequence[Way], sizes: Sequence[Size]) -> Generator[Row, None, list[Way]]:
    """Returns the ways that ran and passed their self-check."""
    able: list[Way] = []
    for way in asked:
        for size in sizes:
            name = f"{way[0].value} {way[1].value}"
            raw = ask("model_probe", root, way, size)
            if "unfit" in raw:
                yield _row(name, None, "", against=f"not measured: {raw['unfit']}")
                break
            found = Probe(**{**raw, "latencies": tuple(Latency(**latency) for latency in raw["latencies"])})
            if found.fault:
                yield _row(name, None, "", against=f"not measured, it failed the self-check: {found.fault}")
                break
            yield from _probe_rows(f"{name} {size[0]}x{size[1]}", found)
            able += [way] if way not in able else []
    return able


def _probe_rows(name: str, probe: Probe) -> Iterator[Row]:
    for latency in probe.latencies:
        yield _row(f"{name}, K = {latency.prompts}, median", latency.median_ms, "ms")
        yield _row(f"{name}, K = {latency.prompts}, p95", latency.p95_ms, "ms")
        if latency.free_ms is not None:
            yield _row(f"{name}, K = {latency.prompts}, sizes still free", latency.free_ms, "ms")
    yield _row(f"{name}, load", probe.load_s * 1e3, "ms")
    yield _row(f"{name}, first frame, K = 3", probe.first_frame_ms, "ms")
    yield _row(f"{name}, self-check", probe.check_s * 1e3, "ms", bar=f"< {_MOST_CHECK_MS}")
    yield _row(f"{name}, peak memory of the host", probe.peak_memory_mb, "MB")
    one, six = (next(latency.best_ms for latency in probe.latencies if latency.prompts == k) for k in (1, 6))
    # with an encoder per prompt six would cost six times as much as one
    yield _row(f"{name}, six prompts / one, best", six / one, "x", bar="< 6")


def _work_rows(folder: ModelFolder, sizes: Sequence[Size], graphs: dict[int, Path]) -> Iterator[Row]:
    """That the encoder runs once, counted instead of timed."""
    if importlib.util.find_spec("onnx") is None:
        yield _row("work of the graph", None, "", against="not measured: the package onnx is not installed")
        return
    import numpy as np

    from vision_banana_ros.bench.model_work import multiply_adds, shared, student_work

    three = 0
    for size in sizes:
        counts = {prompts: student_work(folder, size, prompts) for prompts in PROMPTS}
        for prompts, work in counts.items():
            note = f"encoder and context {2e-9 * shared(work):.3f} of it"
            yield _row(f"work at {size[0]}x{size[1]}, K = {prompts}", 2e-9 * sum(work.values()), "GFLOP", against=note)
        ratio = shared(counts[6]) / shared(counts[1])
        yield _row(f"work at {size[0]}x{size[1]}, encoder's at K = 6 / K = 1", ratio, "x", bar="= 1")
        three = three or sum(counts[3].values())
    for side, graph in graphs.items():
        pixels = np.zeros((1, 3, side, side), np.float32)
        other = sum(multiply_adds(graph.read_bytes(), {"pixels": pixels}).values())
        against = f"work of the student at {sizes[0][0]}x{sizes[0][1]}, K = 3"
        name = f"work of {_YARDSTICK} {side}x{side}"
        yield _row(name, 2e-9 * other, "GFLOP", against=against, ratio=other / three)


def _yardstick_graphs(scratch: Path) -> Generator[Row, None, dict[int, Path]]:
    """Returns the file of each side."""
    graphs: dict[int, Path] = {}
    try:
        from vision_banana_ros.bench.depth_anything import write_graph

        for side in _YARDSTICK_SIDES:
            write_graph(scratch / f"yardstick_{side}.onnx", side)
            graphs[side] = scratch / f"yardstick_{side}.onnx"
    except ImportError as error:  # transformers is no dependency of this package, and has many of its own
        yield _row(_YARDSTICK, None, "", against=f"not measured: {_first_line(error)} (extras bench and train)")
    return graphs


def _yardstick_rows(root: Path, able: Sequence[Way], size: Size, graph: Path, side: int) -> Iterator[Row]:
    for way in able:
        name = f"{way[0].value} {way[1].value} {size[0]}x{size[1]}, K = 3, in turns"
        if way[1] not in RUNTIMES.get(way[0], ()):
            yield _row(name, None, "", against=f"{_YARDSTICK} {side}x{side}: not run on this runtime")
            continue
        found = Duel(**ask("model_duel", root, way, size, str(graph), str(side)))
        against = f"{_YARDSTICK} {side}x{side} ({found.other_ms:.0f} ms, {found.turns} turns)"
        bar = f">= {_TIMES_FASTER:g} x" if side == _YARDSTICK_SIDES[0] and size == BUDGET_WH else ""
        yield _row(name, found.student_ms, "ms", against=against, ratio=found.ratio, bar=bar)


def _decode_rows(size: Size) -> Iterator[Row]:
    if importlib.util.find_spec("torch") is not None:
        from vision_banana_ros.bench.model_decode import rows

        yield from rows(size, THREADS)


def _row(
    name: str, value: float | None, unit: str, *, against: str = "", ratio: float | None = None, bar: str = ""
) -> Row:
    return Row(area="model", name=name, value=value, unit=unit, against=against, ratio=ratio, bar=bar)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
