"""What a report tells of a model: notes on every frame, pictures of a few, and scores where the truth is known."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.codecs import Palette
from vision_banana_ros.codecs import normals as normals_code
from vision_banana_ros.core import Frame, Perception, Task, Truth, UInt8Array
from vision_banana_ros.evaluation.depth_metrics import DepthRange, score_depth
from vision_banana_ros.evaluation.normal_metrics import score_normals
from vision_banana_ros.viewing.panel import paint_depth

#: Depth in equal steps of its logarithm, 0.1 m to 100 m; confidence in sixteenths.
DEPTH_EDGES: npt.NDArray[np.float64] = np.geomspace(0.1, 100.0, 31)
CONFIDENCE_EDGES: npt.NDArray[np.float64] = np.linspace(0, 256, 17)
_WORST = 6
_PICTURE_WIDTH = 480
_QUALITY = 80


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """One frame to look at: each layer as the bytes of a WebP."""

    name: str
    doubt: float
    layers: dict[str, bytes]
    caption: str = ""


@dataclass(slots=True)
class Notes:
    """Of one model over one set of frames; `add` them in order, `samples` are the numbers of those to show."""

    model: str
    samples: frozenset[int] = frozenset()
    limits: DepthRange = field(default_factory=DepthRange)
    frames: int = 0
    names: list[str] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    doubts: list[float] = field(default_factory=list)
    scores: dict[str, list[float]] = field(default_factory=dict)
    depth_counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(DEPTH_EDGES) - 1, np.int64))
    confidence_counts: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    class_pixels: dict[str, int] = field(default_factory=dict)
    pixels: int = 0
    invalid: int = 0
    shown: list[Pictures] = field(default_factory=list)
    log_depths: list[float] = field(default_factory=list)
    _worst: list[tuple[float, int, Pictures]] = field(default_factory=list)

    def add(self, name: str, frame: Frame, seen: Perception, milliseconds: float, truth: Truth | None = None) -> None:
        number, self.frames = self.frames, self.frames + 1
        self.names.append(name)
        self.milliseconds.append(milliseconds)
        doubt = doubt_of(seen)
        self.doubts.append(doubt)
        self._count(seen)
        told = "" if truth is None else self._score(seen, truth)
        rare = len(self._worst) < _WORST or doubt > self._worst[0][0]
        if number not in self.samples and not rare:
            return
        pictures = Pictures(name, doubt, draw(frame, seen), told)
        if number in self.samples:
            self.shown.append(pictures)
        if rare:
            keep = heapq.heappushpop if len(self._worst) == _WORST else heapq.heappush
            keep(self._worst, (doubt, -number, pictures))

    @property
    def worst(self) -> list[Pictures]:
        """By the model's own doubt, the most doubtful first."""
        return [pictures for _, _, pictures in sorted(self._worst, key=lambda entry: (-entry[0], -entry[1]))]

    def _count(self, seen: Perception) -> None:
        self.pixels += seen.hw[0] * seen.hw[1]
        if seen.depth_m is not None:
            finite = seen.depth_m[np.isfinite(seen.depth_m)]
            self.depth_counts += np.histogram(np.clip(finite, 0.1, 99.99), DEPTH_EDGES)[0]
            self.invalid += int(np.count_nonzero(np.isnan(seen.depth_m)))
            self.log_depths.append(float(np.median(np.log(finite))) if finite.size else float("nan"))
        for layer in ("depth_confidence", "normals_confidence", "mask_confidence"):
            values = seen.layer(layer)
            if values is not None:
                counts = np.histogram(values, CONFIDENCE_EDGES)[0]
                name = layer.removesuffix("_confidence")
                self.confidence_counts[name] = self.confidence_counts.get(name, 0) + counts
        if seen.mask is not None:
            shares = np.bincount(seen.mask.reshape(-1), minlength=256)
            for class_id, pixels in enumerate(shares.tolist()):
                if pixels:
                    label = seen.labels[class_id] if class_id < len(seen.labels) else "unlabelled"
                    self.class_pixels[label] = self.class_pixels.get(label, 0) + pixels

    def _score(self, seen: Perception, truth: Truth) -> str:
        words = []
        if seen.depth_m is not None and truth.depth_m is not None:
            scores = score_depth(seen.depth_m, truth.depth_m, self.limits)
            if scores is not None:
                self._note("delta1", scores.delta1)
                self._note("AbsRel", scores.abs_rel)
                self._note("RMSE m", scores.rmse_m)
                self._note("scaled delta1", scores.scaled_delta1)
                words.append(f"delta1 {scores.delta1:.2f}, AbsRel {scores.abs_rel:.2f}, scale {scores.scale:.2f}")
        if seen.normals is not None and truth.normals is not None:
            angles = score_normals(seen.normals, truth.normals)
            if angles is not None:
                self._note("normals mean deg", angles.mean_deg)
        if seen.mask is not None and truth.mask is not None:
            agreement = _label_agreement(seen, truth)
            if agreement is not None:
                self._note("label accuracy", agreement)
                words.append(f"labels {agreement:.0%}")
        return "; ".join(words)

    def _note(self, name: str, value: float) -> None:
        self.scores.setdefault(name, [float("nan")] * (self.frames - 1))
        self.scores[name] += [float("nan")] * (self.frames - 1 - len(self.scores[name])) + [value]


def doubt_of(seen: Perception) -> float:
    """0 to 1: one minus the mean confidence of what was decoded; NaN depth counts as no confidence."""
    values = []
    for layer in ("depth_confidence", "normals_confidence", "mask_confidence", "instances_confidence"):
        confidence = seen.layer(layer)
        if confidence is not None:
            values.append(float(confidence.mean()) / 255)
    return 1 - float(np.mean(values)) if values else 0.0


def draw(frame: Frame, seen: Perception) -> dict[str, bytes]:
    """The layers that there are, in the order in which a reader wants them."""
    layers: dict[str, Any] = {"picture": frame.rgb}
    if seen.depth_m is not None:
        layers["depth"] = paint_depth(seen.depth_m)[0]
    if seen.normals is not None:
        layers["normals"] = normals_code.encode(seen.normals, invalid=(0, 0, 0))
    asked = next((a.instruction for a in seen.answers if a.instruction.task is Task.SEMANTIC), None)
    if seen.mask is not None and asked is not None:
        colors = Palette.from_instruction(asked).encode(seen.mask)
        layers["classes"] = cv2.addWeighted(frame.rgb, 0.35, colors, 0.65, 0)
    if seen.depth_confidence is not None:
        layers["doubt"] = cv2.applyColorMap(255 - seen.depth_confidence, cv2.COLORMAP_INFERNO)[..., ::-1]
    return {name: _webp(image) for name, image in layers.items()}


def _webp(rgb: UInt8Array) -> bytes:
    height, width = rgb.shape[:2]
    if width > _PICTURE_WIDTH:
        wh = (_PICTURE_WIDTH, max(1, round(height * _PICTURE_WIDTH / width)))
        rgb = np.asarray(cv2.resize(rgb, wh, interpolation=cv2.INTER_AREA), np.uint8)
    ok, data = cv2.imencode(".webp", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
    assert ok
    return bytes(data.tobytes())


def _label_agreement(seen: Perception, truth: Truth) -> float | None:
    """Share of the pixels whose true class was asked for that got it."""
    assert seen.mask is not None
    assert truth.mask is not None
    table = np.full(256, 255, np.uint8)
    for class_id, label in enumerate(truth.labels):
        if label in seen.labels:
            table[class_id] = seen.labels.index(label)
    true = table[truth.mask]
    known = (true != 255) & (truth.mask != 255)
    return float((seen.mask[known] == true[known]).mean()) if np.count_nonzero(known) >= 50 else None
