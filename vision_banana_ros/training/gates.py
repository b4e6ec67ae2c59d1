"""What a run is judged by while it trains: frames that it never learns from, real ones first.

Beside the evaluator's scores it watches for the two silent failures of a depth canvas: that nothing far is ever painted
(far_hit falls to 0), and that bright regions are painted white, the end of the walk (too_far rises).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from vision_banana_ros.core import Perception
from vision_banana_ros.data import Example, open_dataset
from vision_banana_ros.data.readers.shards import ShardFolder
from vision_banana_ros.evaluation.baselines import PriorMaps
from vision_banana_ros.evaluation.evaluate import EvaluationSettings, evaluate
from vision_banana_ros.evaluation.pictures import side_by_side
from vision_banana_ros.evaluation.summary import Evaluation
from vision_banana_ros.prompts import Generator
from vision_banana_ros.tasks import vocabulary

FAR_M = 4.0
_MOST_RENDERS = 96
_PICTURES = 8


@dataclass(slots=True)
class DepthWatch:
    """Collects, frame by frame, how far range is treated."""

    far_pixels: int = 0
    far_hits: int = 0
    known_pixels: int = 0
    too_far_pixels: int = 0
    tiles: list[np.ndarray] = field(default_factory=list)

    def __call__(self, labelled: Example, seen: Perception) -> None:
        truth = labelled.truth.depth_m
        if truth is not None and seen.depth_m is not None:
            known = np.isfinite(truth)
            ratio = seen.depth_m[known] / truth[known]
            far = truth[known] > FAR_M
            self.far_pixels += int(far.sum())
            self.far_hits += int((far & (ratio > 0.8) & (ratio < 1.25)).sum())
            self.known_pixels += int(known.sum())
            self.too_far_pixels += int((ratio > 4).sum())
        if len(self.tiles) < _PICTURES:
            self.tiles.append(side_by_side(labelled, seen))

    @property
    def far_hit(self) -> float:
        """Share of pixels beyond 4 m whose depth is right within 25 %."""
        return self.far_hits / max(1, self.far_pixels)

    @property
    def too_far(self) -> float:
        """Share of pixels painted more than four times too far."""
        return self.too_far_pixels / max(1, self.known_pixels)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    name: str
    evaluation: Evaluation
    far_hit: float
    too_far: float

    @property
    def figure(self) -> float:
        """The mean of metric and scaled delta1: what the best weights of a run are chosen by."""
        model = self.evaluation.contenders[0] if self.evaluation.contenders else None
        if model is None or model.depth is None:
            return 0.0
        return (model.depth.delta1.value + model.depth.scaled_delta1.value) / 2

    def line(self) -> str:
        """One line for the log."""
        model = self.evaluation.contenders[0] if self.evaluation.contenders else None
        parts = [f"{self.name}:"]
        if model and model.depth:
            d = model.depth
            parts.append(
                f"d1 {d.delta1.value:.3f} ar {d.abs_rel.value:.3f} sd1 {d.scaled_delta1.value:.3f} "
                f"R2 {d.r2.value:+.2f} scale {d.median_scale:.2f} far {self.far_hit:.2f} toofar {self.too_far:.3f}"
            )
        if model and model.normals:
            parts.append(f"nrm {model.normals.mean_deg.value:.1f}/{model.normals.median_deg.value:.1f}")
        e = self.evaluation
        for name, value in (
            ("mIoU", e.mean_iou),
            ("pmF1", e.instance_pm_f1),
            ("cIoU", e.cumulative_iou),
            ("focal", e.focal_error),
        ):
            if value is not None:
                parts.append(f"{name} {value:.3f}")
        return " ".join(parts)


@dataclass(slots=True)
class Gates:
    """The folders of a run, read once."""

    frames: dict[str, list[Example]]
    settings: EvaluationSettings

    @classmethod
    def open(cls, folders: tuple[str, ...]) -> Gates:
        return cls(
            {Path(folder).name: list(_read(Path(folder))) for folder in folders},
            EvaluationSettings(countable=vocabulary.things(), priors=PriorMaps.load()),
        )

    def judge(self, generator: Generator, pictures: Path | None = None) -> list[GateResult]:
        """All folders; `pictures` gets one PNG of tiles per folder."""
        results = []
        for name, frames in self.frames.items():
            watch = DepthWatch()
            evaluation = evaluate(frames, generator, root=name, model="student", settings=self.settings, watch=watch)
            results.append(GateResult(name=name, evaluation=evaluation, far_hit=watch.far_hit, too_far=watch.too_far))
            if pictures is not None and watch.tiles:
                pictures.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(pictures / f"{name}.png"), _sheet(watch.tiles)[..., ::-1])
        return results


def _read(folder: Path) -> Iterator[Example]:
    """All recorded frames, the first of rendered ones."""
    dataset = open_dataset(folder)
    recorded = not isinstance(dataset, ShardFolder)
    yield from dataset if recorded else islice(dataset, _MOST_RENDERS)


def _sheet(tiles: list[np.ndarray]) -> np.ndarray:
    """Two columns; tiles of one folder have one size."""
    same = [tile for tile in tiles if tile.shape == tiles[0].shape]
    if len(same) % 2:
        same.append(np.zeros_like(same[0]))
    return np.concatenate([np.concatenate(same[i : i + 2], axis=1) for i in range(0, len(same), 2)])
