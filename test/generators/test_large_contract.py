"""What every editor, remote model and mix promises, whatever it is inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vision_banana_ros.core import About, Frame, GeneratorError, Target, Task
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Generator, Instruction
from vision_banana_ros.tasks import DecodeSettings

pytestmark = pytest.mark.usefixtures("one_thread")

NAMES = (
    "klein-distilled", "pix2pix", "qwen-plus", "marigold-normals", "marigold-depth", "http", "gemini", "mix",
    "presence",
)  # fmt: skip
FLOOR = Instruction(Task.SEMANTIC, (Target("floor", (255, 0, 0)),), background=(0, 0, 0))
ASKED = (Instruction(Task.DEPTH), Instruction(Task.NORMALS), FLOOR)


def frame(width: int, height: int) -> Frame:
    return Frame(rgb=np.random.default_rng(width).integers(0, 255, (height, width, 3), np.uint8), stamp_ns=width)


@pytest.mark.parametrize("name", NAMES)
def test_the_contract(large_generator: Callable[[str], Any], name: str) -> None:
    if name == "gemini":
        pytest.importorskip("google.genai")
    generator = large_generator(name)
    assert isinstance(generator, Generator)
    assert isinstance(generator.about, About)
    assert generator.about.name != ""
    assert generator.about.licence != ""
    assert generator.tasks
    able = [instruction for instruction in ASKED if instruction.task in generator.tasks]
    if name == "pix2pix":
        able.remove(FLOOR)  # its tiny tokenizer spends its 77 tokens on letters
    for width, height in [(97, 61), (33, 70)]:  # odd, upright, small
        shown = frame(width, height)
        canvases = generator.generate(shown, [*able, able[0]])
        assert [canvas.instruction for canvas in canvases] == [*able, able[0]]
        assert len({canvas.rgb.shape for canvas in canvases}) == 1
        assert all(canvas.rgb.dtype == np.uint8 for canvas in canvases)
        # Sooner or later a canvas is stretched onto the frame: its shape must be the frame's. A student has its own.
        assert name == "mix" or abs(canvases[0].rgb.shape[1] / canvases[0].rgb.shape[0] / (width / height) - 1) < 0.25
    assert generator.generate(frame(97, 61), []) == []
    with pytest.raises(GeneratorError, match=r"cannot paint rays|cannot paint RAYS"):
        generator.generate(frame(97, 61), [Instruction(Task.RAYS)])
    # perceive() leaves out what it does not paint and publishes the rest.
    believing = DecodeSettings(believes_unmetric=True)  # an untuned editor's depth is no metres
    seen = perceive(frame(97, 61), generator, [*able, Instruction(Task.RAYS)], believing)
    assert seen.hw == (61, 97)
    assert [unanswered.instruction.task for unanswered in seen.unanswered] == [Task.RAYS]


@pytest.mark.parametrize("name", ["klein-distilled", "pix2pix", "marigold-normals"])
def test_an_interrupted_frame_leaves_it_whole(large_generator: Callable[[str], Any], name: str) -> None:
    generator: Any = large_generator(name)
    pipeline = getattr(generator, "_pipeline", None) or generator._estimator._pipeline
    network = pipeline.unet if hasattr(pipeline, "unet") else pipeline.transformer
    whole = network.forward

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    asked = [Instruction(Task.NORMALS)]
    before = generator.generate(frame(64, 64), asked)[0].rgb
    network.forward = interrupted
    with pytest.raises(KeyboardInterrupt):
        generator.generate(frame(64, 64), asked)
    network.forward = whole
    np.testing.assert_array_equal(generator.generate(frame(64, 64), asked)[0].rgb, before)
