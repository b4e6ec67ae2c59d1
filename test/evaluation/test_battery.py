"""Boundaries are found where they are; the battery compares frame by frame and says what is worse beyond noise."""

import numpy as np
import pytest

from vision_banana_ros.core import Canvas, Frame, Task
from vision_banana_ros.data import Example, Source
from vision_banana_ros.evaluation import battery
from vision_banana_ros.evaluation.boundaries import boundary_f1
from vision_banana_ros.tasks import encode
from vision_banana_ros.world.moving import MovingScene


def step(column: int, near: float = 2.0, far: float = 3.0) -> np.ndarray:
    depth = np.full((120, 160), near, np.float32)
    depth[:, column:] = far
    return depth


def test_boundaries_at_their_place_count_whatever_the_scale() -> None:
    assert boundary_f1(step(80), step(80)) == 1
    assert boundary_f1(5 * step(81), step(80)) == 1  # within a pixel
    assert boundary_f1(step(90), step(80)) == 0
    half = step(80)
    half[60:] = 2  # half of it, and one of 80 pixels that is not there: P = 60 / 140, R = 1 / 2
    assert boundary_f1(half, step(80)) == pytest.approx(0.465, abs=0.01)


def test_soft_slopes_and_unknown_truth_are_no_boundaries() -> None:
    ramp = np.broadcast_to(np.linspace(2, 3, 160, dtype=np.float32), (120, 160)).copy()
    assert boundary_f1(ramp, step(80)) == 0
    assert boundary_f1(step(80), ramp) is None
    unknown = step(80)
    unknown[:, 78:82] = np.nan
    assert boundary_f1(step(80), unknown) is None


class Painter:
    """The truth, as seen by somebody who takes everything for `factor` times as far unless the lens is told."""

    def __init__(self, scene: MovingScene, factor: float) -> None:
        self.scene, self.factor, self.index = scene, factor, 0

    def generate(self, frame, instructions):
        truth = next(t for f, t in self.frames if f.rgb is frame.rgb or np.array_equal(f.rgb, frame.rgb))
        canvases = []
        for ask in instructions:
            factor = 1.0 if ask.hfov_deg is not None or ask.task is not Task.DEPTH else self.factor
            import dataclasses

            seen = dataclasses.replace(truth, depth_m=truth.depth_m * np.float32(factor))
            wh = frame.hw[::-1]
            canvases.append(Canvas(encode(ask, seen, wh=wh, image=frame.rgb), ask))
        return canvases


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    scene = MovingScene()
    made = []
    for index in (0, 20, 40):
        frame, truth = scene.frame(index), scene.truth(index)
        small = Frame(frame.rgb, camera=truth.camera)
        made.append(Example(f"{index}", small, truth, Source("moving scene")))
    return made


def judged(examples: list[Example], factor: float) -> battery.Scores:
    painter = Painter(MovingScene(), factor)
    painter.frames = [(example.frame, example.truth) for example in examples]
    return battery.scores(examples, painter)


def test_told_and_untold_are_judged_apart_and_a_worse_model_does_not_ship(examples) -> None:
    right, far = judged(examples, 1.0), judged(examples, 1.5)
    assert right["delta1"].min() > 0.98
    assert far["delta1"].max() < 0.1
    assert far["delta1 told"].min() > 0.98
    assert far["scaled delta1"].min() > 0.98
    base = {"rooms": battery.constants(examples)}
    rows = battery.compare({"rooms": far}, {"rooms": right}, base)
    by_figure = {(row.frames, row.figure): row for row in rows}
    assert by_figure["rooms", "delta1"].is_worse
    assert not by_figure["rooms", "delta1 told"].is_worse
    assert by_figure["all", "delta1"].gain == pytest.approx(by_figure["rooms", "delta1"].gain)
    assert 0 < by_figure["rooms", "delta1"].constant < 0.98
    assert battery.verdict(rows).startswith("does not ship")
    assert "rooms delta1" in battery.verdict(rows)
    other = battery.compare({"rooms": right}, {"rooms": far}, base)
    assert {row.figure: row for row in other if row.frames == "all"}["delta1"].gain > 0.9
    assert "worse" not in battery.report(other, model="a", rival="b").split("\n")[1]
