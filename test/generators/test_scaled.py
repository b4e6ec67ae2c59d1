"""One factor from measured depth: for a metric model, alone and inside a mix; and who else is given measured depth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision_banana_ros.codecs import depth as depth_code
from vision_banana_ros.core import About, Canvas, Frame, GeneratorError, Target, Task
from vision_banana_ros.generators import OracleGenerator, load_generator
from vision_banana_ros.generators.scaled import ScaledGenerator
from vision_banana_ros.perceive import perceive
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.tasks import DecodeSettings
from vision_banana_ros.world.moving import MovingScene

SCENE = MovingScene(count=3, width=96, height=64)
DEPTH = Instruction(Task.DEPTH)
PLAIN = DecodeSettings(filter_flying_pixels=False)


class Half(OracleGenerator):
    """Sees everything at half its distance."""

    def __init__(self) -> None:
        super().__init__(SCENE)

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        return [
            Canvas(depth_code.rescaled(c.rgb, 0.5), c.instruction) if c.instruction.task is Task.DEPTH else c
            for c in super().generate(frame, instructions)
        ]


def known(index: int, count: int = 200, wrong: float = 0.0) -> np.ndarray:
    """Some of the truth's pixels; a share of them is anything."""
    rng = np.random.default_rng(index)
    truth = SCENE.truth(index).depth_m
    assert truth is not None
    sparse = np.full(truth.shape, np.nan, np.float32)
    places = rng.choice(np.flatnonzero(np.isfinite(truth)), count, replace=False)
    sparse.flat[places] = truth.flat[places]
    sparse.flat[places[: round(count * wrong)]] = rng.uniform(0.3, 9, round(count * wrong))
    return sparse


def off(generator: Any, index: int, stamp_ns: int = 0) -> float:
    """Median of painted over true depth."""
    frame = Frame(SCENE.frame(index).rgb, stamp_ns=stamp_ns)
    seen, truth = perceive(frame, generator, [DEPTH], PLAIN).depth_m, SCENE.truth(index).depth_m
    assert seen is not None
    assert truth is not None
    both = np.isfinite(seen) & np.isfinite(truth)
    return float(np.median(seen[both] / truth[both]))


def test_one_factor_makes_the_metres_right_although_some_points_are_wrong() -> None:
    generator = ScaledGenerator(Half())
    assert off(generator, 0) == pytest.approx(0.5, abs=0.01)
    assert generator.remarks["metres"] == "its own: no measured depth yet"
    generator.give_depth(known(0, wrong=0.4), 0)
    assert off(generator, 0) == pytest.approx(1.0, abs=0.015)
    assert generator.remarks["metres"].startswith("its own times 2.0")


def test_the_factor_is_held_over_frames_of_one_camera_and_not_over_scenes() -> None:
    generator = ScaledGenerator(Half())
    generator.give_depth(known(0), 1_000_000_000)
    assert off(generator, 0, 1_000_000_000) == pytest.approx(1.0, abs=0.015)
    assert off(generator, 1, 1_900_000_000) == pytest.approx(1.0, abs=0.015), "its points are too old by now"
    assert "none of this frame" in generator.remarks["metres"]
    assert off(generator, 2, 9_000_000_000) == pytest.approx(0.5, abs=0.01)


def test_other_canvases_and_other_colours_go_through() -> None:
    generator, plain = ScaledGenerator(Half()), OracleGenerator(SCENE)
    frame = SCENE.frame(0)
    generator.give_depth(known(0), frame.stamp_ns)
    floor = Instruction(Task.SEMANTIC, (Target("floor", (255, 0, 0)),), background=(0, 0, 0))
    np.testing.assert_array_equal(generator.generate(frame, [floor])[0].rgb, plain.generate(frame, [floor])[0].rgb)
    assert generator.tasks == plain.tasks
    viridis = Instruction(Task.DEPTH, depth_encoding="viridis")
    generator = ScaledGenerator(plain)
    truth = SCENE.truth(0).depth_m
    assert truth is not None
    generator.give_depth((known(0) * 2).astype(np.float32), frame.stamp_ns)
    seen = perceive(frame, generator, [viridis], PLAIN).depth_m
    assert seen is not None
    both = np.isfinite(seen) & np.isfinite(truth)
    assert np.median(seen[both] / truth[both]) == pytest.approx(2.0, rel=0.03)


def test_the_registry_scales_what_has_metres_and_refuses_the_rest(graphs: Path) -> None:
    student = load_generator("student", backend="onnxruntime", anchor="scale")
    assert isinstance(student, ScaledGenerator)
    assert student.report.backend.value == "onnxruntime"
    assert not isinstance(load_generator(f"onnx:{graphs / 'logits'}.yaml", anchor="scale"), ScaledGenerator)
    with pytest.raises(GeneratorError, match="anchor 'scale' is one factor for a model with metres"):
        load_generator(f"onnx:{graphs / 'inverse'}.yaml", anchor="scale")

    class Unmetric(Half):
        about = About(name="dreams", licence="MIT", metric=False)  # type: ignore[assignment]

    from vision_banana_ros.generators.options import GeneratorOptions
    from vision_banana_ros.generators.scaled import scaled

    with pytest.raises(GeneratorError, match="dreams has no metres to scale"):
        scaled(Unmetric(), GeneratorOptions(anchor="scale"))


def test_a_mix_gives_measured_depth_to_its_parts(tmp_path: Path, graphs: Path) -> None:
    """A relative part is fitted: 1 / z of the picture's red, known at some pixels."""
    path = tmp_path / "mix.yaml"
    path.write_text(
        f"parts: [{{model: 'onnx:{graphs / 'inverse'}.yaml', tasks: [depth], anchor: sparse, backend: onnxruntime}}, "
        f"{{model: 'onnx:{graphs / 'logits'}.yaml', tasks: [semantic], backend: onnxruntime}}]"
    )
    mixed: Any = load_generator(f"mix:{path}")
    red = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
    frame = Frame(np.stack([red, red // 2, red // 3], -1), stamp_ns=5)
    true = (1 + 9 * red.astype(np.float32) / 255).astype(np.float32)
    sparse = np.full(true.shape, np.nan, np.float32)
    sparse[::4, ::4] = true[::4, ::4]
    assert np.isnan(perceive(frame, mixed, [DEPTH], PLAIN).depth_m).all()
    mixed.give_depth(sparse, 5)
    seen = perceive(frame, mixed, [DEPTH], PLAIN).depth_m
    assert np.median(np.abs(seen / true - 1)) < 0.02
    assert mixed.remarks["metres"].startswith("sparse depth: scale")


def test_a_mix_scales_a_metric_part_and_is_not_scaled_twice(tmp_path: Path, graphs: Path) -> None:
    path = tmp_path / "mix.yaml"
    part = f"{{model: 'onnx:{graphs / 'plane'}.yaml', tasks: [depth], backend: onnxruntime"
    path.write_text(f"parts: [{part}, anchor: scale}}]")
    frame = Frame(np.zeros((48, 64, 3), np.uint8), stamp_ns=5)  # 4 m everywhere
    for mixed in (load_generator(f"mix:{path}"), load_generator(f"mix:{path}", anchor="scale")):
        assert not isinstance(mixed, ScaledGenerator)
        mixed.give_depth(np.full((48, 64), 6.0, np.float32), 5)  # type: ignore[attr-defined]
        np.testing.assert_allclose(perceive(frame, mixed, [DEPTH], PLAIN).depth_m, 6.0, rtol=0.005)
    path.write_text("parts: [{model: student, tasks: [depth], backend: onnxruntime}]")
    assert not hasattr(load_generator(f"mix:{path}"), "give_depth")
