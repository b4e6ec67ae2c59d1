"""The TensorRT adapter against the recorded bindings of 8.6, 10.3, 10.16 and 11.4; a stand-in computes for the GPU."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import record_tensorrt
from fake_tensorrt import ENGINE_MARK, VERSIONS, FakeCuda, FakeTensorRt, recorded
from seeded_model import WIDE, frame, golden_boxes, seeded_student, text_table

from vision_banana_ros.core import GeneratorError, Task
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.golden import load_golden
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.runtimes.runtime import RuntimeOptions, RuntimeUnfit
from vision_banana_ros.runtimes.selfcheck import check
from vision_banana_ros.runtimes.tensorrt import Engines
from vision_banana_ros.runtimes.tensorrt.bindings import Bindings
from vision_banana_ros.runtimes.tensorrt.build import Profile
from vision_banana_ros.runtimes.tensorrt.cache import EngineKey, pack, unpack
from vision_banana_ros.runtimes.tensorrt.progress import BuildProgress
from vision_banana_ros.runtimes.torch import TorchRuntime
from vision_banana_ros.student import paintbox


def engines(
    trt: FakeTensorRt, cache_dir: Path, *, said: list[str] | None = None, cuda: FakeCuda | None = None
) -> Engines:
    lines: list[str] = [] if said is None else said
    return Engines(Bindings(trt), cuda or FakeCuda(), RuntimeOptions(cache_dir=cache_dir, tell=lines.append))


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_builds_runs_and_passes_with_calls_that_it_has(
    model: ModelFolder, tmp_path: Path, version: str
) -> None:
    trt, said = FakeTensorRt(version), []
    runtime = engines(trt, tmp_path, said=said).open(model, Precision.FP16)
    result = check(runtime, load_golden(model), golden_boxes())
    assert result.passed, result.why()
    assert trt.builds == 1
    assert any("building engine" in line for line in said)
    assert {"Builder.build_serialized_network", "IExecutionContext.execute_async_v3"} <= trt.called


def test_precision_is_a_flag_before_strong_typing_and_in_the_file_since(model: ModelFolder, tmp_path: Path) -> None:
    old, new = FakeTensorRt("8.6"), FakeTensorRt("10.3")
    for trt in (old, new):
        engines(trt, tmp_path / trt.version).open(model, Precision.FP16)
    assert old.flags == ["FP16"]
    assert new.flags == []
    assert old.network_flags == 1 << old.NetworkDefinitionCreationFlag.EXPLICIT_BATCH
    assert new.network_flags == 1 << new.NetworkDefinitionCreationFlag.STRONGLY_TYPED


@pytest.mark.parametrize("name", ["tensorrt", "tensorrt_lean_bindings"])
def test_installed_bindings_have_the_recorded_signatures(name: str) -> None:
    """Where TensorRT is installed this holds the record against it; elsewhere, the record against what is called."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        for version in VERSIONS:
            missing = set(record_tensorrt.CALLED) - set(recorded()[version]["signatures"])
            assert all(called.split(".")[0] in ("IProgressMonitor",) or "progress" in called for called in missing)
        return
    found = record_tensorrt.signatures(module)
    nearest = next(v for v in reversed(VERSIONS) if v.split(".")[0] <= module.__version__.split(".")[0])
    for called, overloads in found.items():
        if overloads and "Builder.__init__" not in called and "OnnxParser" not in called:
            assert overloads == recorded()[nearest]["signatures"][called]


def test_frames_after_the_first_are_one_launch_of_a_graph(model: ModelFolder, tmp_path: Path) -> None:
    cuda = FakeCuda()
    runtime = engines(FakeTensorRt("10.3"), tmp_path, cuda=cuda).open(model, Precision.FP32)
    reference = TorchRuntime(seeded_student())
    for index in range(3):
        image = frame(30 * index)[None]
        painted = runtime.paint(image, golden_boxes())
        assert np.abs(painted.astype(int) - reference.paint(image, golden_boxes())).mean() < 0.1
        assert cuda.launches == index


def test_other_shapes_are_laid_out_anew_and_nothing_leaks(model: ModelFolder, tmp_path: Path) -> None:
    cuda = FakeCuda()
    runtime = engines(FakeTensorRt("11.4"), tmp_path, cuda=cuda).open(model, Precision.FP32)
    boxes = paintbox.pack([Instruction(Task.NORMALS)], text_table())
    for _ in range(2):
        assert runtime.paint(frame(0)[None], golden_boxes()).shape == (3, 3, 96, 128)
        assert runtime.paint(frame(0, WIDE)[None], boxes).shape == (1, 3, WIDE[1], WIDE[0])
        assert len(cuda.blocks) == 8
    runtime.close()
    assert not cuda.blocks


def test_without_a_cuda_graph_it_paints_all_the_same(model: ModelFolder, tmp_path: Path) -> None:
    said: list[str] = []
    cuda = FakeCuda(refuses_capture=True)
    runtime = engines(FakeTensorRt("10.3"), tmp_path, said=said, cuda=cuda).open(model, Precision.FP32)
    first = runtime.paint(frame(0)[None], golden_boxes()).copy()
    np.testing.assert_array_equal(runtime.paint(frame(0)[None], golden_boxes()), first)
    assert cuda.launches == 0
    assert any("no CUDA graph" in line for line in said)


@pytest.mark.parametrize(
    ("step", "message"), [("parse", "node 0 unsupported"), ("build", "no tactic found"), ("deserialise", "refuses")]
)
def test_what_tensorrt_refuses_is_told_and_not_run(model: ModelFolder, tmp_path: Path, step: str, message: str) -> None:
    with pytest.raises(RuntimeUnfit, match=message):
        engines(FakeTensorRt("10.3", refuses=step), tmp_path).open(model, Precision.FP32)


def test_a_failing_run_is_a_failed_check_and_too_many_prompts_an_error(model: ModelFolder, tmp_path: Path) -> None:
    trt = FakeTensorRt("10.3", refuses="run")
    runtime = engines(trt, tmp_path).open(model, Precision.FP32)
    assert "failed to run" in check(runtime, load_golden(model), golden_boxes()).why()
    many = paintbox.pack([Instruction(Task.NORMALS)] * 9, text_table())
    with pytest.raises(GeneratorError, match="fewer prompts"):
        runtime.paint(frame(0)[None], many)


def test_a_cached_engine_is_used_and_another_gpu_or_version_builds_its_own(model: ModelFolder, tmp_path: Path) -> None:
    trt = FakeTensorRt("10.3")
    for _ in range(2):
        engines(trt, tmp_path).open(model, Precision.FP32)
    assert trt.builds == 1
    engines(trt, tmp_path, cuda=FakeCuda(name="Other GPU")).open(model, Precision.FP32)
    assert trt.builds == 2
    newer = FakeTensorRt("10.16")
    engines(newer, tmp_path).open(model, Precision.FP32)
    assert newer.builds == 1
    assert len(list(tmp_path.glob("*.engine"))) == 3


@pytest.mark.parametrize("damage", ["truncated", "flipped", "foreign", "empty"])
def test_a_damaged_engine_file_is_rebuilt_not_trusted(model: ModelFolder, tmp_path: Path, damage: str) -> None:
    trt, said = FakeTensorRt("10.3"), []
    engines(trt, tmp_path).open(model, Precision.FP32)
    (path,) = tmp_path.glob("*.engine")
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-5] ^= 1
    broken = {"truncated": whole[:-1], "flipped": bytes(flipped), "foreign": ENGINE_MARK + whole, "empty": b""}
    path.write_bytes(broken[damage])
    engines(trt, tmp_path, said=said).open(model, Precision.FP32)
    assert trt.builds == 2
    assert any("building it anew" in line for line in said)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("timings", [b"damaged", b"of another GPU"])
def test_timings_that_do_not_fit_are_measured_anew(model: ModelFolder, tmp_path: Path, timings: bytes) -> None:
    made = engines(FakeTensorRt("10.3"), tmp_path)
    path = tmp_path / made.key(model, Precision.FP32).timings_name
    path.write_bytes(timings)
    made.open(model, Precision.FP32)
    assert path.read_bytes() == b"timings"


def test_an_engine_that_tensorrt_itself_refuses_is_rebuilt_once(model: ModelFolder, tmp_path: Path) -> None:
    trt = FakeTensorRt("10.3")
    made = engines(trt, tmp_path)
    key = made.key(model, Precision.FP32)
    tmp_path.joinpath(key.file_name).write_bytes(pack(key, b"built by something else"))
    made.open(model, Precision.FP32)
    assert trt.builds == 1


def key_of(graph: str = "g") -> EngineKey:
    return EngineKey(
        graph_sha256=graph, tensorrt="10.3", gpu="G", compute_capability="8.7", precision=Precision.FP16,
        profile=Profile.for_sizes([(256, 192), (256, 128)]),
    )  # fmt: skip


def test_an_engine_of_another_key_is_not_read() -> None:
    with pytest.raises(ValueError, match="made for another"):
        unpack(key_of("a"), pack(key_of("b"), b"engine"))
    assert unpack(key_of("a"), pack(key_of("a"), b"engine")) == b"engine"


def test_the_profile_spans_all_sizes_and_usually_means_the_first() -> None:
    shapes = Profile.for_sizes([(256, 192), (320, 128)]).shapes()
    assert shapes["image"] == ((1, 128, 256, 3), (1, 192, 256, 3), (1, 192, 320, 3))
    assert set(shapes) == {"image", *golden_boxes().arrays()}
    assert shapes["task"] == ((1, 7), (3, 7), (8, 7))
    assert Profile.for_sizes([(256, 192)], tasks=8).shapes()["task"][1] == (3, 8)


def test_a_size_that_is_asked_for_is_in_the_profile_beside_the_models_own(model: ModelFolder) -> None:
    options = RuntimeOptions(sizes_wh=((64, 32),))
    profile = Engines(Bindings(FakeTensorRt("10.3")), FakeCuda(), options).key(model, Precision.FP16).profile
    own = Profile.for_sizes(model.manifest.sizes_wh)
    assert (profile.widths[1], profile.heights[1]) == (64, 32)
    assert (profile.widths[2], profile.heights[2]) == (own.widths[2], own.heights[2])


def test_progress_tells_the_outer_phase_and_not_too_often() -> None:
    said: list[str] = []
    now = [0.0]
    progress = BuildProgress(said.append, clock=lambda: now[0])
    progress.start("Build", None, 10)
    progress.start("inner", "Build", 100)
    for step in range(10):
        now[0] += 0.5
        progress.step("Build", step)
        progress.step("inner", step)
    progress.finish("Build")
    assert said == [
        "building engine: Build",
        "building engine: Build, 40 %",
        "building engine: Build, 80 %",
        "building engine: Build done",
    ]
