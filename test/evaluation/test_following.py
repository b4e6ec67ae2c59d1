"""Prompt following, judged on generators that follow, that ignore colours, and that see things that are not there."""

import numpy as np
import pytest

from vision_banana_ros.core import Canvas, Task
from vision_banana_ros.data import Example, Source
from vision_banana_ros.evaluation.following import prompt_following
from vision_banana_ros.generators.oracle import OracleGenerator
from vision_banana_ros.world.moving import MovingScene

FOOTAGE = MovingScene(count=2, width=160, height=96)
FRAMES = [Example(str(i), FOOTAGE.frame(i), FOOTAGE.truth(i), Source("made up")) for i in range(2)]


class Stubborn:
    """Paints stripes in the first colours that it is told, whatever they mean; or only the last target."""

    def __init__(self, *, last_only: bool) -> None:
        self.last_only = last_only

    def generate(self, frame, instructions):
        canvases = []
        for instruction in instructions:
            assert instruction.task is Task.SEMANTIC
            colors = [t.color for t in instruction.targets]
            rgb = np.zeros((*frame.hw, 3), np.uint8)
            if self.last_only:
                rgb[:] = colors[-1]
            else:
                rgb[:] = sorted(colors)[0]  # the same colour, whichever class it stands for
            canvases.append(Canvas(rgb, instruction))
        return canvases


def test_the_oracle_follows() -> None:
    result = prompt_following(FRAMES, OracleGenerator(FOOTAGE))
    assert result.frames == 2
    assert result.recolouring == 1
    assert result.renaming == 1
    assert result.absence == 0


def test_ignoring_what_colours_stand_for_is_seen() -> None:
    assert prompt_following(FRAMES, Stubborn(last_only=False)).recolouring == 0


def test_painting_what_is_not_there_is_seen() -> None:
    assert prompt_following(FRAMES, Stubborn(last_only=True)).absence == pytest.approx(1)
