"""Two models on the same frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from vision_banana_ros.core import About, Canvas, Frame, Task
from vision_banana_ros.data import Example, Source
from vision_banana_ros.evaluation.paired import Comparison, compare
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks import encode
from vision_banana_ros.world.moving import MovingScene

SCENE = MovingScene(12, 96, 64)


@dataclass(frozen=True)
class Knowing:
    """Paints the truth, with depth a factor off in frames where `wrong` holds, and all classes wall."""

    factor: float = 1.0
    every: int = 1
    one_class: bool = False
    about = About(name="knowing", licence="Apache-2.0")
    tasks = frozenset({Task.DEPTH, Task.NORMALS, Task.SEMANTIC})

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        assert frame.camera is None
        index = next(i for i in range(len(SCENE)) if np.array_equal(SCENE.frame(i).rgb, frame.rgb))
        truth = SCENE.truth(index)
        if index % self.every == 0 and truth.depth_m is not None:
            truth = replace(truth, depth_m=truth.depth_m * np.float32(self.factor))
        if self.one_class and truth.mask is not None:
            truth = replace(truth, mask=np.ones_like(truth.mask))
        return [Canvas(encode(i, truth, wh=(96, 64), image=frame.rgb), i) for i in instructions]


def examples() -> list[Example]:
    source = Source("moving", "Apache-2.0")
    return [Example(str(i), SCENE.frame(i), SCENE.truth(i), source) for i in range(len(SCENE))]


def rows(before: Knowing, after: Knowing) -> dict[str, Comparison]:
    return {row.metric: row for row in compare(examples(), before, after)}


def test_a_model_is_no_better_than_itself() -> None:
    for row in rows(Knowing(1.5), Knowing(1.5)).values():
        assert (row.gain.value, row.gain.low, row.gain.high) == (0, 0, 0)
        assert row.verdict == "no difference shown"


def test_what_is_better_is_positive_whatever_the_metric() -> None:
    found = rows(Knowing(1.5, one_class=True), Knowing())
    assert found["delta1"].before < 0.05
    assert found["delta1"].after > 0.99
    assert found["delta1"].gain.value == pytest.approx(found["delta1"].after - found["delta1"].before)
    assert found["abs_rel"].gain.value == pytest.approx(0.5, abs=0.03)
    assert found["delta1"].verdict == found["abs_rel"].verdict == found["mean_iou"].verdict == "better"
    assert found["mean_iou"].after > 0.9
    assert found["scaled_delta1"].verdict == "no difference shown"  # a factor alone is forgiven there
    assert found["mean_deg"].gain.value == 0


def test_a_gain_in_few_frames_has_a_wide_interval() -> None:
    few = rows(Knowing(1.5, every=6), Knowing())["delta1"]
    assert few.gain.value == pytest.approx(1 / 6, abs=0.02)
    assert few.gain.low == pytest.approx(0, abs=0.01)
    assert few.gain.high > 0.3
    worse = rows(Knowing(), Knowing(1.5))["delta1"]
    assert worse.verdict == "worse"
