"""Models by name: each name loads what it says, or tells which names there are."""

import math
from pathlib import Path

import numpy as np
import pytest

from vision_banana_ros.core import Frame, GeneratorError, Task
from vision_banana_ros.generators import OracleGenerator, load_generator, registry
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.world.moving import MovingScene


def test_the_oracle_of_the_moving_scene_paints_in_the_size_asked_for() -> None:
    frame = MovingScene().frame(0)
    generator = load_generator("oracle:moving@64x48")
    assert isinstance(generator, OracleGenerator)
    assert generator.generate(frame, [Instruction(Task.DEPTH)])[0].rgb.shape == (48, 64, 3)
    assert load_generator("oracle:moving").generate(frame, [Instruction(Task.DEPTH)])[0].rgb.shape == (480, 640, 3)


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        ("oracle:cinema", "no footage 'cinema' .* there are moving, clip"),
        ("oracle:moving@0x48", "WIDTHxHEIGHT"),
        ("student@0x64", "WIDTHxHEIGHT"),
        ("student@200x150", "multiples of 32 .* 'student@200x150'"),
        ("no/such/folder", "expected 'student', 'oracle:moving' or 'oracle:clip', or a folder"),
        ("", "no model ''"),
    ],
)
def test_other_names_are_refused_with_those_there_are(model: str, complaint: str) -> None:
    with pytest.raises(GeneratorError, match=complaint):
        load_generator(model)


def test_without_a_shipped_student_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(registry, "SHIPPED_STUDENT", tmp_path)
    with pytest.raises(GeneratorError, match=r"no trained student is shipped .* 'oracle:moving'"):
        load_generator("student")


def test_the_student_paints_in_the_size_asked_for() -> None:
    generator = load_generator("student@96x64", backend="onnxruntime")
    canvases = generator.generate(MovingScene().frame(0), [Instruction(Task.DEPTH), Instruction(Task.NORMALS)])
    assert [canvas.rgb.shape for canvas in canvases] == [(64, 96, 3)] * 2


@pytest.mark.parametrize("wh", [(640, 480), (1280, 720), (848, 480), (1242, 375), (480, 640), (720, 1280)])
def test_the_student_hardly_stretches_frames_of_usual_shapes(wh: tuple[int, int]) -> None:
    """Upright ones too: robots carry cameras on their side."""
    width, height = wh
    generator = load_generator("student", backend="onnxruntime")
    canvas = generator.generate(Frame(np.zeros((height, width, 3), np.uint8)), [Instruction(Task.DEPTH)])[0].rgb
    assert abs(math.log(canvas.shape[1] / canvas.shape[0]) - math.log(width / height)) < 0.23
