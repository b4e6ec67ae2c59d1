"""Shapes that keep coming get a model of fixed sizes, once, and only if it paints the same."""

from typing import Any

import numpy as np
import pytest
from seeded_model import WIDE, frame, golden_boxes

from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.openvino import FRAMES_BEFORE_FIXING, OpenVinoRuntime, open_runtime
from vision_banana_ros.runtimes.runtime import RuntimeOptions, RuntimeUnfit


def painted_often(runtime: OpenVinoRuntime, size_wh: tuple[int, int] = (128, 96)) -> None:
    for _ in range(FRAMES_BEFORE_FIXING):
        runtime.paint(frame(0, size_wh)[None], golden_boxes())
    runtime.settle()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def runtime(model: ModelFolder, said: list[str]) -> OpenVinoRuntime:
    return open_runtime(model, Precision.FP32, RuntimeOptions(threads=1, tell=said.append))


def test_a_few_frames_compile_nothing(runtime: OpenVinoRuntime) -> None:
    for _ in range(FRAMES_BEFORE_FIXING - 1):
        runtime.paint(frame(0)[None], golden_boxes())
    runtime.settle()
    assert not runtime._fixed


def test_many_frames_are_painted_the_same_by_a_model_of_their_size(runtime: OpenVinoRuntime, said: list[str]) -> None:
    before = runtime.paint(frame(60)[None], golden_boxes()).copy()
    painted_often(runtime)
    painted_often(runtime, WIDE)
    assert len(runtime._fixed) == 2
    after = runtime.paint(frame(60)[None], golden_boxes())
    assert np.abs(after.astype(int) - before).mean() < 0.1
    assert said == []


class Black:
    """A request that paints black."""

    def infer(self, feed: dict[str, Any], share_inputs: bool) -> dict[str, Any]:
        assert share_inputs
        _, height, width, _ = feed["image"].shape
        return {"canvas": np.zeros((len(feed["task"]), 3, height, width), np.uint8)}


def test_a_model_of_fixed_sizes_that_disagrees_is_never_used(
    runtime: OpenVinoRuntime, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "_compile", lambda _shapes: Black())
    painted_often(runtime)
    painted_often(runtime)
    assert not runtime._fixed
    assert len(said) == 1
    assert "levels off" in said[0]
    assert runtime.paint(frame(0)[None], golden_boxes()).any()


def test_sizes_that_cannot_be_compiled_are_told_and_lived_with(
    runtime: OpenVinoRuntime, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_shapes: object) -> None:
        raise RuntimeUnfit("no memory")

    monkeypatch.setattr(runtime, "_compile", refuse)
    painted_often(runtime)
    assert "no memory" in said[0]
    assert runtime.paint(frame(0)[None], golden_boxes()).any()
