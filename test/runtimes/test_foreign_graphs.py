"""Graphs of anybody's by TensorRT (a stand-in computes for the GPU) and by TensorRT-RTX (with a stand-in plug-in)."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from fake_tensorrt import FakeCuda, FakeTensorRt
from onnx import TensorProto, helper, numpy_helper

from vision_banana_ros.core import GeneratorError, MissingExtraError
from vision_banana_ros.generators import load_generator
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes import onnx as ort_rooms
from vision_banana_ros.runtimes import tensorrt as rooms
from vision_banana_ros.runtimes.graphs import OpenedGraph, open_graph
from vision_banana_ros.runtimes.runtime import RuntimeOptions, RuntimeUnfit
from vision_banana_ros.runtimes.session import Feed, Session
from vision_banana_ros.runtimes.tensorrt.bindings import Bindings

HW = (24, 32)


def write(path: Path, factor: float, *, beside: bool = False) -> Path:
    """double = image * factor, one plane a channel; the factor in the graph or in a file beside it."""
    weight = numpy_helper.from_array(np.full((3, 1, 1), factor, np.float32), "factor")
    graph = helper.make_graph(
        [helper.make_node("Mul", ["image", "factor"], ["double"])], "double",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info("double", TensorProto.FLOAT, [1, 3, "h", "w"])], [weight],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if beside:
        onnx.save(model, path, save_as_external_data=True, location=f"{path.name}_data", size_threshold=0)
    else:
        onnx.save(model, path)
    return path


def pattern(hw: tuple[int, int] = HW) -> Feed:
    return {"image": np.random.default_rng(0).random((1, 3, *hw), np.float32)}


@pytest.fixture
def trt(monkeypatch: pytest.MonkeyPatch) -> FakeTensorRt:
    """TensorRT 10.3 on a GPU that is none."""
    fake = FakeTensorRt("10.3")
    monkeypatch.setattr(rooms, "engines_here", lambda options: rooms.Engines(Bindings(fake), FakeCuda(), options))
    return fake


def opened(path: Path, cache: Path, said: list[str] | None = None) -> OpenedGraph:
    lines: list[str] = [] if said is None else said
    options = RuntimeOptions(cache_dir=cache, tell=lines.append)
    return open_graph(path, "tensorrt", options, lambda _session: pattern())


def test_a_foreign_graph_is_built_checked_and_kept(trt: FakeTensorRt, tmp_path: Path) -> None:
    said: list[str] = []
    path = write(tmp_path / "a.onnx", 2.0)
    first = opened(path, tmp_path / "cache", said)
    assert (first.report.backend.value, first.report.attempts[0].detail) == ("tensorrt", "agrees with the reference")
    np.testing.assert_allclose(first.session.run(pattern())["double"], 2 * pattern()["image"], rtol=1e-6)
    assert any("building engine" in line for line in said)
    opened(path, tmp_path / "cache")
    assert trt.builds == 1
    write(path, 3.0)
    np.testing.assert_allclose(
        opened(path, tmp_path / "cache").session.run(pattern())["double"], 3 * pattern()["image"], rtol=1e-6
    )
    assert trt.builds == 2


def test_weights_beside_the_graph_are_found_and_belong_to_the_engine(trt: FakeTensorRt, tmp_path: Path) -> None:
    """The graph's own bytes are the same for both weights."""
    path = write(tmp_path / "b.onnx", 2.0, beside=True)
    before = path.read_bytes()
    opened(path, tmp_path / "cache")
    (tmp_path / "b.onnx_data").unlink()
    assert write(path, 5.0, beside=True).read_bytes() == before
    answer = opened(path, tmp_path / "cache").session.run(pattern())
    np.testing.assert_allclose(answer["double"], 5 * pattern()["image"], rtol=1e-6)
    assert trt.builds == 2


def test_an_engine_says_the_one_size_that_it_takes(trt: FakeTensorRt, tmp_path: Path) -> None:
    session: Session = opened(write(tmp_path / "c.onnx", 2.0), tmp_path / "cache").session
    assert session.inputs[0].shape == (1, 3, *HW)
    real, shapes = trt, session.inputs[0].shape
    assert real.builds == 1
    session._first.set_input_shape = lambda _name, _shape: False  # type: ignore[attr-defined]
    with pytest.raises(GeneratorError, match=rf"of shape \(1, 3, 8, 8\): it takes \({', '.join(map(str, shapes))}\)"):
        session.run(pattern((8, 8)))


def test_a_card_of_free_size_keeps_to_the_engines_size(trt: FakeTensorRt, tmp_path: Path) -> None:
    """Frames of any shape are brought to it: an engine was built for one."""
    write(tmp_path / "plane.onnx", 4.0)
    (tmp_path / "plane.yaml").write_text(
        "onnx:\n  file: plane.onnx\n  licence: {code: MIT, weights: MIT}\n"
        "  input: {name: image, layout: NCHW, scale: 1, size: {longest: 64}, multiple: 8}\n"
        "  outputs:\n    normals: {name: double}\n  check: none\n"
    )
    generator: Any = load_generator(f"onnx:{tmp_path / 'plane'}.yaml", backend="tensorrt", cache_dir=tmp_path / "cache")
    assert generator.report.backend.value == "tensorrt"
    assert generator._graphs.net_hw((480, 640), 0, generator._graphs.opened(0).session) == (48, 64)
    assert generator._graphs.net_hw((100, 640), 0, generator._graphs.opened(0).session) == (48, 64)
    assert trt.builds == 1


def test_without_a_gpu_the_next_runtime_takes_over(tmp_path: Path) -> None:
    found = open_graph(
        write(tmp_path / "d.onnx", 2.0), "auto", RuntimeOptions(cache_dir=tmp_path), lambda _session: pattern()
    )
    assert not found.report.backend.on_gpu
    by_name = {attempt.backend.value: attempt.detail for attempt in found.report.attempts}
    assert "tensorrt" in by_name


# TensorRT-RTX: what each thing that is missing says


class Plugin(ModuleType):
    def __init__(self) -> None:
        super().__init__(ort_rooms._RTX_MODULE)
        self.__spec__ = SimpleNamespace()  # type: ignore[assignment]

    @staticmethod
    def get_ep_name() -> str:
        return "NvTensorRTRTXExecutionProvider"

    @staticmethod
    def get_library_path() -> str:
        return "/lib/plugin.so"


def rtx(monkeypatch: pytest.MonkeyPatch, **ort: Any) -> Any:
    """An ONNX Runtime with these members only, and the plug-in installed."""
    monkeypatch.setitem(sys.modules, ort_rooms._RTX_MODULE, Plugin())
    monkeypatch.setattr(ort_rooms, "find_spec", lambda _name: object())
    return SimpleNamespace(__version__="1.23.0", **ort)


def test_without_its_package_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ort_rooms, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'vision_banana_ros\[tensorrt-rtx\]'"):
        ort_rooms.open_rtx_graph(
            write(tmp_path / "a.onnx", 1.0), Precision.FP32, RuntimeOptions(), lambda _session: pattern()
        )


def refuse(message: str) -> Any:
    def refusing(*_arguments: Any) -> Any:
        raise RuntimeError(message)

    return refusing


@pytest.mark.parametrize(
    ("ort", "said"),
    [
        ({}, r"ONNX Runtime 1.23.0 takes no plug-ins: TensorRT-RTX needs 1.24 or newer"),
        (
            {
                "get_ep_devices": list,
                "register_execution_provider_library": refuse("libcuda.so.1: cannot open shared object file\nmore"),
            },
            r"cannot start: libcuda.so.1: cannot open shared object file; it needs NVIDIA's driver \(libcuda\)$",
        ),
        (
            {"get_ep_devices": list, "register_execution_provider_library": lambda *_: None},
            r"finds no GPU that it runs on .*not A100, H100 or Jetson Orin, which TensorRT itself serves\)$",
        ),
    ],
)
def test_what_rtx_lacks_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, ort: dict[str, Any], said: str) -> None:
    with pytest.raises(RuntimeUnfit, match=said):
        ort_rooms._add_rtx(rtx(monkeypatch, **ort), None, RuntimeOptions())


def test_with_a_gpu_its_devices_and_a_cache_go_into_the_session(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    device, other = SimpleNamespace(ep_name=Plugin.get_ep_name()), SimpleNamespace(ep_name="CPUExecutionProvider")
    registered: list[Any] = []
    given: list[Any] = []
    said: list[str] = []
    ort = rtx(
        monkeypatch,
        get_ep_devices=lambda: [other, device] if registered else [other],
        register_execution_provider_library=lambda *words: registered.append(words),
    )
    settings = SimpleNamespace(add_provider_for_devices=lambda *words: given.append(words))
    for _ in range(2):  # a second model registers nothing again
        ort_rooms._add_rtx(ort, settings, RuntimeOptions(cache_dir=tmp_path, tell=said.append))
    assert registered == [(Plugin.get_ep_name(), "/lib/plugin.so")]
    assert given == [([device], {"nv_runtime_cache_path": str(tmp_path / "tensorrt-rtx")})] * 2
    assert (tmp_path / "tensorrt-rtx").is_dir()
    assert "compiles the model for this GPU" in said[0]
