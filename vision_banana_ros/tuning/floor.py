"""How exact can a canvas be? True canvases through the autoencoder alone: no tuning can beat what is lost there.

Each canvas is decoded as it is and after the autoencoder; the difference of the two is the floor:

    depth       median and 95th percentile of |d' - d| / d, and the median in metres
    normals     mean and 95th percentile of the angle, degrees
    semantic    share of the pixels whose label is another, or none
    instance    share of the instances that are lost (none found that overlaps by half), and merged with another

Remedies are measured beside it: larger cells (a canvas at twice the size), other codes of depth (a colour map; metres
times five, so that what is near takes more of the walk), colours far apart, and a decoder that was tuned on canvases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from vision_banana_ros.codecs import Palette
from vision_banana_ros.core import AnyArray, DataError, Frame, Target, Task, Truth, UInt8Array
from vision_banana_ros.data import Example
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks import DecodeSettings, encode, room
from vision_banana_ros.tuning.autoencoders import Autoencoder, Through
from vision_banana_ros.tuning.wordings import draw_colors, targets

_SETTINGS = DecodeSettings(
    min_depth_confidence=0, min_normals_confidence=0, min_mask_confidence=0, filter_flying_pixels=False,
    with_confidence=False,
)  # fmt: skip
_NEARER = 5.0
_CLASSES = 8
_LEAST_INSTANCE = 0.002


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `remedy` "": as it is painted by default."""

    task: str
    remedy: str
    measure: str
    value: float
    unit: str
    frames: int

    def line(self) -> str:
        return f"{self.task:9} {self.remedy or '-':24} {self.measure:26} {self.value:9.3f} {self.unit}"


def measure_floor(examples: Sequence[Example], through: Through, *, size_wh: tuple[int, int]) -> list[Row]:
    """The table, without the tuned decoder."""
    width, height = size_wh
    if width % through.multiple or height % through.multiple:
        raise DataError(f"{through.name} takes sides in multiples of {through.multiple}, got {width}x{height}")
    if not examples:
        raise DataError("the floor is measured on frames with truth: give --world N or --data DIR")
    twice = _Doubled(through)
    rows: list[Row] = []
    depth = _canvases(examples, size_wh, _depth_of)
    for remedy, way, canvases, factor in (
        ("", through, depth, 1.0),
        ("cells twice as large", twice, depth, 1.0),
        ("metres times 5", through, [_nearer(c) for c in depth], _NEARER),
        *((f"{code} colours", through, [_recoded(c, code) for c in depth], 1.0) for code in ("plasma", "grey")),
    ):
        rows += _rows("depth", remedy, [_depth(c, way, size_wh, factor) for c in canvases], _DEPTH)
    for remedy, way in (("", through), ("cells twice as large", twice)):
        found = [_normals(c, way, size_wh) for c in _canvases(examples, size_wh, _normals_of)]
        rows += _rows("normals", remedy, found, _NORMALS)
    for remedy, way, far_apart in (
        ("", through, False),
        ("colours far apart", through, True),
        ("cells twice as large", twice, False),
    ):
        asked = _canvases(examples, size_wh, lambda e, far=far_apart: _classes(e, far))  # type: ignore[misc]
        rows += _rows("semantic", remedy, [_labels(c, way, size_wh) for c in asked], _SEMANTIC)
    for remedy, way in (("", through), ("cells twice as large", twice)):
        found = [_instances(c, way, size_wh) for c in _canvases(examples, size_wh, _things)]
        rows += _rows("instance", remedy, found, _INSTANCE)
    return rows


def tuned_decoder(
    through: Autoencoder, examples: Sequence[Example], *, size_wh: tuple[int, int], steps: int, rate: float = 1e-4,
    tell: Callable[[str], None] = print,
) -> Autoencoder:  # fmt: skip
    """The same with its decoder tuned on canvases of these frames; the encoder, and so the latents, stay what they are.
    It is tuned in place."""
    asks: tuple[Callable[[Example], Instruction | None], ...] = (
        _depth_of, _normals_of, lambda e: _classes(e, far_apart=False),
        _things,
    )  # fmt: skip
    canvases = [c.canvas for ask in asks for c in _canvases(examples, size_wh, ask)]
    if not canvases:
        raise DataError("no canvas can be painted of these frames: they have no truth")
    decoder = through.vae.decoder
    decoder.requires_grad_(True)
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=rate, weight_decay=0.0)
    latents = [through.encode(canvas) for canvas in canvases]
    dice = np.random.default_rng(0)
    for step in range(steps):
        k = int(dice.integers(len(canvases)))
        wanted = torch.from_numpy(canvases[k].copy()).permute(2, 0, 1)[None].to(latents[k]) / 127.5 - 1
        loss = (through.decode(latents[k]).float() - wanted.float()).abs().mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        if (step + 1) % 50 == 0:
            tell(f"decoder step {step + 1} of {steps}: off by {loss.item() * 127.5:.2f} levels")
    decoder.requires_grad_(False)
    through.name += ", decoder tuned"
    return through


def report(through: Through, rows: Sequence[Row], size_wh: tuple[int, int]) -> str:
    """For people."""
    head = f"{'task':9} {'remedy':24} {'lost by the autoencoder':26} {'':>9}"
    return "\n".join([f"{through.name} at {size_wh[0]}x{size_wh[1]}", head, *(row.line() for row in rows)])


@dataclass(frozen=True, slots=True, eq=False)
class _Painted:
    instruction: Instruction
    canvas: UInt8Array
    truth: Truth
    frame: Frame


class _Doubled:
    """Each pixel of a canvas painted as 2x2; of what comes back, the mean of each cell for maps of numbers would blend
    codes, so one pixel near the middle is taken."""

    def __init__(self, inner: Through) -> None:
        self._inner, self.name, self.multiple = inner, inner.name, inner.multiple

    def __call__(self, rgb: UInt8Array) -> UInt8Array:
        large = rgb.repeat(2, axis=0).repeat(2, axis=1)
        return np.ascontiguousarray(self._inner(large)[1::2, 1::2])


def _canvases(
    examples: Sequence[Example], wh: tuple[int, int], ask: Callable[[Example], Instruction | None]
) -> list[_Painted]:
    """Of the frames that can answer."""
    found = []
    for example in examples:
        instruction = ask(example)
        if instruction is None:
            continue
        canvas = encode(instruction, example.truth, wh=wh, image=example.frame.rgb)
        found.append(_Painted(instruction, canvas, example.truth, Frame(rgb=np.zeros((wh[1], wh[0], 3), np.uint8))))
    return found


def _decoded(painted: _Painted, rgb: UInt8Array, layer: str) -> AnyArray:
    value = room(painted.instruction.task).decode(painted.instruction, rgb, painted.frame, _SETTINGS).values[layer]
    return np.asarray(value)


_DEPTH = (("median of |d' - d| / d", "%"), ("95th percentile of it", "%"), ("median |d' - d|", "m"))
_NORMALS = (("mean angle", "deg"), ("95th percentile", "deg"))
_SEMANTIC = (("wrong labels", "%"),)
_INSTANCE = (("instances lost", "%"), ("instances merged", "%"))


def _depth(painted: _Painted, through: Through, _wh: tuple[int, int], factor: float) -> list[float] | None:
    true = _decoded(painted, painted.canvas, "depth_m") / factor
    got = _decoded(painted, through(painted.canvas), "depth_m") / factor
    known = np.isfinite(true) & (true > 0.05) & (true < 80)
    if not known.any():
        return None
    off = np.where(np.isfinite(got[known]), np.abs(got[known] - true[known]), true[known])
    share = 100 * off / true[known]
    return [float(np.median(share)), float(np.percentile(share, 95)), float(np.median(off))]


def _normals(painted: _Painted, through: Through, _wh: tuple[int, int]) -> list[float] | None:
    true, got = (_decoded(painted, rgb, "normals") for rgb in (painted.canvas, through(painted.canvas)))
    known = np.isfinite(true).all(-1)
    if not known.any():
        return None
    cosine = np.where(np.isfinite(got).all(-1), (np.nan_to_num(got) * np.nan_to_num(true)).sum(-1), -1.0)[known]
    angles = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    same = (got[known] == true[known]).all(-1)  # arccos of a float32 dot product of equal vectors is not quite 0
    angles[same] = 0
    return [float(angles.mean()), float(np.percentile(angles, 95))]


def _labels(painted: _Painted, through: Through, _wh: tuple[int, int]) -> list[float] | None:
    true, got = (_decoded(painted, rgb, "mask") for rgb in (painted.canvas, through(painted.canvas)))
    return [100 * float((true != got).mean())]


def _instances(painted: _Painted, through: Through, _wh: tuple[int, int]) -> list[float] | None:
    """Against what the exact canvas decodes to: what that merges already is no fault of the autoencoder."""
    true, got = (_decoded(painted, rgb, "instances") for rgb in (painted.canvas, through(painted.canvas)))
    ids, counts = np.unique(true[true > 0], return_counts=True)
    ids = ids[counts >= _LEAST_INSTANCE * true.size]
    if not len(ids):
        return None
    lost, takers = 0, []
    for i in ids.tolist():
        here = true == i
        found, shares = np.unique(got[here], return_counts=True)
        best = int(found[shares.argmax()])
        overlap = (here & (got == best)).sum() / (here | (got == best)).sum() if best else 0.0
        lost += overlap < 0.5
        takers.append(best if best and shares.max() > 0.5 * here.sum() else -i)
    merged = sum(takers.count(t) > 1 for t in takers)
    return [100 * lost / len(ids), 100 * merged / len(ids)]


def _depth_of(example: Example) -> Instruction | None:
    return None if example.truth.depth_m is None else Instruction(Task.DEPTH)


def _normals_of(example: Example) -> Instruction | None:
    return None if example.truth.normals is None else Instruction(Task.NORMALS)


def _classes(example: Example, far_apart: bool) -> Instruction | None:
    """The largest classes, in colours at random, or far from each other."""
    truth = example.truth
    if truth.mask is None:
        return None
    ids, counts = np.unique(truth.mask[truth.mask < len(truth.labels)], return_counts=True)
    names = [truth.labels[i] for i in ids[np.argsort(-counts)][:_CLASSES].tolist()]
    if not names:
        return None
    dice = np.random.default_rng(len(example.name))
    colors = list(Palette.distinct(len(names) + 1).targets) if far_apart else draw_colors(len(names) + 1, dice)
    return Instruction(Task.SEMANTIC, targets(names, colors[1:]), background=colors[0])


def _things(example: Example) -> Instruction | None:
    """The class with the most instances of some size."""
    truth = example.truth
    if truth.mask is None or truth.instances is None:
        return None
    counted: dict[int, int] = {}
    for instance in np.unique(truth.instances[truth.instances > 0]).tolist():
        here = truth.instances == instance
        if here.mean() >= _LEAST_INSTANCE:
            label = int(np.bincount(truth.mask[here]).argmax())
            counted[label] = counted.get(label, 0) + 1
    if not counted:
        return None
    best = max(sorted(counted), key=lambda label: counted[label])
    return Instruction(Task.INSTANCE, (Target(truth.labels[best]),), background=(0, 0, 0))


def _nearer(painted: _Painted) -> _Painted:
    """Painted as if everything were five times as far: more of the walk for what is near, less for what is far."""
    assert painted.truth.depth_m is not None
    truth = replace(painted.truth, depth_m=painted.truth.depth_m * np.float32(_NEARER))
    wh = (painted.canvas.shape[1], painted.canvas.shape[0])
    return replace(painted, canvas=encode(painted.instruction, truth, wh=wh, image=painted.frame.rgb))


def _recoded(painted: _Painted, code: str) -> _Painted:
    instruction = Instruction(Task.DEPTH, depth_encoding=code)
    wh = (painted.canvas.shape[1], painted.canvas.shape[0])
    canvas = encode(instruction, painted.truth, wh=wh, image=painted.frame.rgb)
    return replace(painted, instruction=instruction, canvas=canvas)


def _rows(
    task: str, remedy: str, found: Sequence[list[float] | None], measures: Sequence[tuple[str, str]]
) -> list[Row]:
    """Means over the frames."""
    values: Any = [row for row in found if row is not None]
    if not values:
        return []
    means = np.mean(np.array(values, np.float64), axis=0).tolist()
    return [
        Row(task, remedy, measure, value, unit, len(values))
        for (measure, unit), value in zip(measures, means, strict=True)
    ]
